//! Streams that break after they began.

use std::time::Duration;

use super::evidence::Evidence;
use super::part::{Checks, Part};
use crate::{Commit, Cut, Fault, Grade, Invalid, Pace, Provider, Script, Traffic};

const FALLBACK: usize = 1;
/// Tokens of an answer, and those that are sent before it breaks.
const TOKENS: u32 = 60;
const SENT: u32 = 40;

fn pace() -> Result<Pace, Invalid> {
    Pace::new(
        Duration::from_millis(100),
        Duration::from_millis(20),
        TOKENS..=TOKENS,
    )
}

/// A streamed call to a target that breaks so, once, with a well target beside it.
fn part(
    name: &'static str,
    fault: Fault,
    commit: Commit,
    judge: fn(&Evidence, &mut Checks),
) -> Result<Part, Invalid> {
    let part = Part::new(name, judge)?
        .primary(Script::first(1, fault))
        .fallback();
    part.pace(&pace()?).commit(commit).streamed()
}

/// Part of an answer may be out: an error is as honest as a whole answer.
fn honest(_: &Evidence, _: &mut Checks) {}

/// Nothing is out before it is whole, or the rest of it may come from elsewhere: another target can answer.
fn whole(evidence: &Evidence, checks: &mut Checks) {
    checks.answered(evidence);
    checks.note("few_attempts", evidence.all_attempts() <= 3);
}

pub(super) fn s08() -> Result<Vec<Part>, Invalid> {
    let cut = |how| Fault::CutAfter { tokens: SENT, how };
    Ok(vec![
        part("first_content", cut(Cut::Fin), Commit::FirstContent, honest)?,
        part(
            "first_content_clean",
            cut(Cut::Clean),
            Commit::FirstContent,
            honest,
        )?,
        part("complete", cut(Cut::Fin), Commit::Complete, whole)?,
        part("complete_clean", cut(Cut::Clean), Commit::Complete, whole)?,
        part("continue", cut(Cut::Fin), Commit::Continue, whole)?,
        part("continue_clean", cut(Cut::Clean), Commit::Continue, whole)?,
    ])
}

pub(super) fn s09() -> Result<Vec<Part>, Invalid> {
    fn well_again(evidence: &Evidence, checks: &mut Checks) {
        let second = evidence.records.get(1);
        let answered = second.is_some_and(|record| record.grade == Grade::Answered);
        checks.note("well_afterwards", answered);
    }
    fn both(evidence: &Evidence, checks: &mut Checks) {
        checks.answered(evidence);
        well_again(evidence, checks);
    }
    // Two calls, the second when the first is long over.
    let traffic = Traffic::new(1.0 / 40.0, Duration::from_secs(80))?;
    let fault = Fault::StallAfter { tokens: SENT };
    let part = |name, commit, judge: fn(&Evidence, &mut Checks)| {
        let part = part(name, fault, commit, judge)?.traffic(traffic.clone());
        part.fastest(10.0).streamed()
    };
    Ok(vec![
        part("first_content", Commit::FirstContent, well_again)?,
        part("complete", Commit::Complete, both)?,
        part("continue", Commit::Continue, both)?,
    ])
}

pub(super) fn s10() -> Result<Vec<Part>, Invalid> {
    let fault = Fault::Garble { tokens: SENT };
    Ok(vec![
        part("first_content", fault, Commit::FirstContent, honest)?,
        part("complete", fault, Commit::Complete, whole)?,
        part("continue", fault, Commit::Continue, whole)?,
    ])
}

pub(super) fn s11() -> Result<Vec<Part>, Invalid> {
    fn judge(evidence: &Evidence, checks: &mut Checks) {
        checks.answered(evidence);
        let first = evidence.first();
        let at_once = |record| evidence.waited(record) < Duration::from_secs(4);
        checks.note("at_once", first.is_some_and(at_once));
        checks.note(
            "usage",
            first.is_some_and(|record| record.reply.usage.is_some()),
        );
        checks.note("one_attempt", evidence.all_attempts() == 1);
    }
    let part = Part::new("", judge)?
        .primary(Script::first(1, Fault::NoDone))
        .fallback();
    Ok(vec![part.pace(&pace()?).streamed()?])
}

pub(super) fn s14() -> Result<Vec<Part>, Invalid> {
    fn judge(evidence: &Evidence, checks: &mut Checks) {
        let first = evidence.first();
        let error = first.and_then(|record| record.reply.error.as_deref());
        let original = error.is_none_or(|error| !error.contains("prefill"));
        checks.note("not_the_prefill_error", original);
        checks.note("fallback_tried_little", evidence.most(FALLBACK) <= 2);
    }
    let fault = Fault::CutAfter {
        tokens: SENT,
        how: Cut::Clean,
    };
    let part = Part::new("", judge)?
        .target(Provider::builder(super::part::PRIMARY).script(Script::first(1, fault)))
        .target(Provider::builder(super::part::FALLBACK).without_prefill());
    Ok(vec![
        part.pace(&pace()?)
            .by_default(Commit::Continue)
            .streamed()?,
    ])
}
