//! Calls over minutes.

use std::ops::Range;
use std::time::Duration;

use super::evidence::Evidence;
use super::part::{Checks, FALLBACK, PRIMARY, Part};
use crate::{Capacity, Domain, Fault, Invalid, Pace, Provider, Rule, Script, Traffic};

fn s(from: u64, to: u64) -> Range<Duration> {
    Duration::from_secs(from)..Duration::from_secs(to)
}

/// A flow of half streamed calls.
fn flow(calls_per_s: f64, seconds: u64) -> Result<Traffic, Invalid> {
    Traffic::new(calls_per_s, Duration::from_secs(seconds))?.streamed(0.5)
}

/// Breaks a part of the time.
fn during(fault: Fault, from: u64, to: u64) -> Result<Script, Invalid> {
    Ok(Script::well().rule(Rule::new(fault).during(s(from, to))?))
}

fn part(judge: fn(&Evidence, &mut Checks), traffic: Traffic) -> Result<Part, Invalid> {
    Ok(Part::new("", judge)?.traffic(traffic).fastest(20.0))
}

/// Down from 20 s to 80 s.
pub(super) fn s15() -> Result<Vec<Part>, Invalid> {
    fn judge(evidence: &Evidence, checks: &mut Checks) {
        checks.answered(evidence);
        checks.note("few_probes", evidence.attempts_within(0, &s(20, 80)) <= 8);
        let back = evidence.back(0, Duration::from_secs(80));
        checks.note(
            "back_in_30_s",
            back.is_some_and(|back| back <= Duration::from_secs(30)),
        );
        checks.note("stays_back", evidence.share_within(0, &s(112, 140)) >= 0.9);
    }
    let down = during(Fault::Overload, 20, 80)?;
    Ok(vec![
        part(judge, flow(0.25, 140)?)?.primary(down).fallback(),
    ])
}

/// Keys refused from 60 s to 120 s.
pub(super) fn o1() -> Result<Vec<Part>, Invalid> {
    fn judge(evidence: &Evidence, checks: &mut Checks) {
        checks.answered(evidence);
        checks.note(
            "no_login_loop",
            evidence.share_within(0, &s(60, 120)) <= 0.2,
        );
        checks.note("recovers", evidence.share_within(0, &s(155, 180)) >= 0.8);
    }
    let storm = during(Fault::Unauthorized, 60, 120)?;
    Ok(vec![
        part(judge, flow(5.0, 180)?)?.primary(storm).fallback(),
    ])
}

/// Sick from 30 s on.
pub(super) fn o3() -> Result<Vec<Part>, Invalid> {
    fn judge(evidence: &Evidence, checks: &mut Checks) {
        checks.answered(evidence);
        checks.note(
            "little_but_probes",
            evidence.share_within(0, &s(60, 150)) <= 0.1,
        );
        let calls = evidence.records.len() as f64;
        checks.note(
            "few_attempts",
            evidence.all_attempts() as f64 <= 1.2 * calls + 10.0,
        );
    }
    let rule = Rule::new(Fault::Status(500))
        .share(0.94)?
        .during(s(30, 150))?;
    let part = part(judge, flow(5.0, 150)?)?.primary(Script::well().rule(rule));
    Ok(vec![part.fallback()])
}

/// One target that can do 20 calls a second; 5 a second come, and 50 from 30 s to 60 s.
pub(super) fn o4() -> Result<Vec<Part>, Invalid> {
    fn judge(evidence: &Evidence, checks: &mut Checks) {
        let calls = evidence.calls_within(&s(30, 60)) as f64;
        let attempts = evidence.attempts_within(0, &s(30, 60)) as f64;
        checks.note("no_retry_storm", attempts <= 1.3 * calls);
        // 20 of 50 is what it can do.
        checks.note("keeps_working", evidence.answered_within(&s(35, 60)) >= 0.2);
        checks.note("recovers", evidence.answered_within(&s(75, 105)) >= 0.95);
    }
    let second = Duration::from_secs(1);
    let target = Provider::builder(PRIMARY)
        .pace(Pace::new(second, Duration::ZERO, 1..=1)?)
        .capacity(Capacity::new(20, 20)?.wasteful());
    let traffic = flow(5.0, 105)?.surge(s(30, 60), 10.0)?;
    Ok(vec![part(judge, traffic)?.target(target).fastest(10.0)])
}

/// Two targets on one cloud, down from 30 s to 90 s, and a third that is not.
pub(super) fn o5() -> Result<Vec<Part>, Invalid> {
    fn judge(evidence: &Evidence, checks: &mut Checks) {
        checks.answered(evidence);
        let settled = s(45, 90);
        checks.note(
            "recognised",
            evidence.tried_several(&[0, 1], &settled) <= 0.05,
        );
        let cloud = evidence.share_within(0, &settled) + evidence.share_within(1, &settled);
        checks.note("at_once", cloud <= 0.15);
    }
    let cloud = Domain::new(during(Fault::Overload, 30, 90)?);
    let target = |name| Provider::builder(name).domain("cloud", &cloud);
    Ok(vec![
        part(judge, flow(5.0, 120)?)?
            .target(target(PRIMARY))
            .target(target("neighbour"))
            .fallback(),
    ])
}

/// Errors from 60 % to 5 % from 60 s to 660 s.
pub(super) fn o6() -> Result<Vec<Part>, Invalid> {
    fn judge(evidence: &Evidence, checks: &mut Checks) {
        checks.answered(evidence);
        let minutes: Vec<f64> = (1..12)
            .map(|minute| evidence.share_within(0, &s(60 * minute, 60 * minute + 60)))
            .collect();
        let turns = minutes
            .windows(2)
            .filter(|pair| pair[1] + 0.4 < pair[0])
            .count();
        checks.note("no_flapping", turns <= 1);
        checks.note("returns", evidence.share_within(0, &s(690, 720)) >= 0.8);
    }
    let down = Rule::new(Fault::Status(500)).during(s(30, 60))?;
    let ramp = Rule::ramp(Fault::Status(500), 0.6, 0.05, s(60, 660))?;
    let script = Script::well().rule(down).rule(ramp);
    Ok(vec![
        part(judge, flow(4.0, 720)?)?.primary(script).fallback(),
    ])
}

/// Three regions of one provider, down from 30 s to 90 s.
pub(super) fn o7() -> Result<Vec<Part>, Invalid> {
    fn judge(evidence: &Evidence, checks: &mut Checks) {
        checks.answered(evidence);
        let settled = s(45, 90);
        checks.note(
            "not_one_by_one",
            evidence.tried_several(&[0, 1, 2], &settled) <= 0.05,
        );
    }
    let provider = Domain::new(during(Fault::Status(500), 30, 90)?);
    let region = |name| Provider::builder(name).domain(PRIMARY, &provider);
    Ok(vec![
        part(judge, flow(5.0, 120)?)?
            .target(region("primary-eu"))
            .target(region("primary-us"))
            .target(region("primary-asia"))
            .target(Provider::builder(FALLBACK)),
    ])
}

/// Ten times slower from 180 s to 270 s, when what is usual can be known.
pub(super) fn o8() -> Result<Vec<Part>, Invalid> {
    fn judge(evidence: &Evidence, checks: &mut Checks) {
        checks.answered(evidence);
        checks.note("moves", evidence.share_within(0, &s(220, 270)) <= 0.3);
        checks.note("returns", evidence.share_within(0, &s(310, 340)) >= 0.8);
    }
    let (first, gap) = (Duration::from_millis(400), Duration::from_millis(100));
    let slow = during(Fault::Slow { factor: 10.0 }, 180, 270)?;
    let part = part(judge, flow(5.0, 340)?)?.primary(slow).fallback();
    Ok(vec![part.pace(&Pace::new(first, gap, 10..=10)?)])
}
