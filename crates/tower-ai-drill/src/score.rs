//! What an outage did to the users of a client stack.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::{Entry, Grade, Outage, Record, Scale};

/// The time over which a target's share of the calls is taken.
const SHARE_OVER: Duration = Duration::from_secs(5);
/// The part of its share at which a healed target is back.
const BACK: f64 = 0.9;
/// The kinds of errors that are kept, and the letters of each.
const TOLD: usize = 8;
const GIST: usize = 160;

/// How a contender came through an outage.
///
/// Times are outage time: what they would have been had the outage not been compressed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Score {
    /// The calls that were made.
    pub calls: usize,
    /// The calls whose caller got a whole, unbroken, right answer within the deadline.
    pub answered: usize,
    /// The same as a share of the calls.
    pub answered_share: f64,
    /// Broken or wrong answers that were given as good ones.
    pub broken: usize,
    /// Calls whose caller gave up.
    pub late: usize,
    /// Attempts that the targets saw, per call.
    pub attempts: f64,
    /// The median wait for the whole answer, over the calls that were answered.
    pub p50_ms: f64,
    /// The wait for the whole answer that one answered call in a hundred exceeded.
    pub p99_ms: f64,
    /// Attempts that any target saw while it was sick, per call that was made while the first
    /// target was sick. A bare client sends all calls of that time to the first target, and has 1;
    /// a client that repeats attempts there may have more.
    pub to_sick: f64,
    /// The share of calls made while the first target was sick that reached a sick target at all.
    pub to_sick_calls: f64,
    /// Answers that cost no attempt, since no target saw a call of this id: a cache gave them, or another caller's
    /// attempt did.
    pub saved: usize,
    /// Those of them that were asked for while the first target was sick.
    pub saved_sick: usize,
    /// How long it took a healed first target to get 90 % of its share back: of each healing, from
    /// the target's healing to the start of the first five seconds in which it got, per call, nine
    /// tenths of the attempts that it got before anything broke. The longest of all healings;
    /// `None` if the share did not come back, or was nothing to begin with.
    pub back_after_s: Option<f64>,
    /// What callers of unanswered calls were told, numbers left out, and how many of them: the most
    /// frequent first, at most eight.
    pub told: Vec<(String, usize)>,
}

/// What a score is taken from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'a> {
    pub(crate) outage: &'a Outage,
    pub(crate) scale: Scale,
    pub(crate) epoch: Instant,
    pub(crate) records: &'a [Record],
    /// The entries of all targets.
    pub(crate) entries: &'a [Entry],
}

impl Run<'_> {
    pub(crate) fn score(&self) -> Score {
        let calls = self.records.len();
        let graded = |grade| {
            self.records
                .iter()
                .filter(|record| record.grade == grade)
                .count()
        };
        let answered = graded(Grade::Answered);
        let waits = self.waits();
        let (to_sick, to_sick_calls) = self.at_sick();
        let (saved, saved_sick) = self.saved();
        Score {
            calls,
            answered,
            answered_share: ratio(answered, calls),
            broken: graded(Grade::Broken),
            late: graded(Grade::Late),
            attempts: ratio(self.entries.len(), calls),
            p50_ms: quantile(&waits, 0.5),
            p99_ms: quantile(&waits, 0.99),
            to_sick,
            to_sick_calls,
            saved,
            saved_sick,
            back_after_s: self.back_after(),
            told: self.told(),
        }
    }

    fn told(&self) -> Vec<(String, usize)> {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for record in self.records {
            if record.grade != Grade::Answered {
                *counts.entry(gist(record)).or_default() += 1;
            }
        }
        let mut told: Vec<_> = counts.into_iter().collect();
        told.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        told.truncate(TOLD);
        told
    }

    /// The waits of answered calls in milliseconds of outage time, sorted.
    fn waits(&self) -> Vec<f64> {
        let answered = self
            .records
            .iter()
            .filter(|record| record.grade == Grade::Answered);
        let wait = |record: &Record| self.scale.to_outage(record.waited).as_secs_f64() * 1e3;
        let mut waits: Vec<f64> = answered.map(wait).collect();
        waits.sort_by(f64::total_cmp);
        waits
    }

    /// Attempts at sick targets, and calls that made one, per call while the first was sick.
    fn at_sick(&self) -> (f64, f64) {
        let Some(first) = self.outage.targets().next() else {
            return (0.0, 0.0);
        };
        let exposed = self.calls_within(&self.outage.sick(first));
        let (mut attempts, mut calls) = (0, HashSet::new());
        for target in self.outage.targets() {
            let sick = self.outage.sick(target);
            let entries = self
                .entries
                .iter()
                .filter(|entry| &*entry.provider == target);
            for entry in entries.filter(|entry| self.is_within(entry.at, &sick)) {
                attempts += 1;
                calls.insert(entry.call.as_deref());
            }
        }
        (ratio(attempts, exposed), ratio(calls.len(), exposed))
    }

    /// Answers without an attempt, in all and while the first target was sick.
    fn saved(&self) -> (usize, usize) {
        let seen: HashSet<_> = self
            .entries
            .iter()
            .filter_map(|e| e.call.as_deref())
            .collect();
        let saved =
            |record: &&Record| record.grade == Grade::Answered && !seen.contains(&*record.call.id);
        let first = self.outage.targets().next();
        let sick = first.map_or_else(Vec::new, |first| self.outage.sick(first));
        let saved = self.records.iter().filter(saved);
        saved.fold((0, 0), |(all, within), record| {
            (
                all + 1,
                within + usize::from(self.is_within(record.asked, &sick)),
            )
        })
    }

    fn back_after(&self) -> Option<f64> {
        let first = self.outage.targets().next()?;
        let sick = self.outage.sick(first);
        let before = Duration::ZERO..sick.first()?.start;
        let usual = self.share(first, &before);
        if usual == 0.0 {
            return None;
        }
        let healed = self.outage.healed(first).into_iter();
        let back = healed.map(|window| {
            let steps = (0..).map(|step| window.start + Duration::from_millis(500) * step);
            let mut starts = steps.take_while(|start| *start + SHARE_OVER <= window.end);
            starts
                .find(|start| self.share(first, &(*start..*start + SHARE_OVER)) >= BACK * usual)
                .map(|start| (start - window.start).as_secs_f64())
        });
        // One healing without a return is no return.
        back.collect::<Option<Vec<f64>>>()?
            .into_iter()
            .reduce(f64::max)
    }

    /// The attempts that a target got within `window`, per call.
    fn share(&self, target: &str, window: &Range<Duration>) -> f64 {
        let window = std::slice::from_ref(window);
        let entries = self
            .entries
            .iter()
            .filter(|entry| &*entry.provider == target);
        let attempts = entries
            .filter(|entry| self.is_within(entry.at, window))
            .count();
        ratio(attempts, self.calls_within(window))
    }

    fn calls_within(&self, windows: &[Range<Duration>]) -> usize {
        let within = |record: &&Record| self.is_within(record.asked, windows);
        self.records.iter().filter(within).count()
    }

    fn is_within(&self, at: Instant, windows: &[Range<Duration>]) -> bool {
        let time = self.time(at);
        windows.iter().any(|window| window.contains(&time))
    }

    pub(crate) fn time(&self, at: Instant) -> Duration {
        let wall = at.saturating_duration_since(self.epoch);
        self.scale.to_outage(wall)
    }
}

/// What a caller was told, without the numbers, which differ from call to call.
fn gist(record: &Record) -> String {
    let Some(error) = &record.reply.error else {
        return match record.grade {
            Grade::Late => "nothing within the deadline".to_owned(),
            _ => "a broken answer, given as a good one".to_owned(),
        };
    };
    let mut gist = String::new();
    for letter in error.chars().take(GIST) {
        let letter = if letter.is_ascii_digit() { '#' } else { letter };
        if letter != '#' || !gist.ends_with('#') {
            gist.push(letter);
        }
    }
    gist
}

/// A ratio of counts; nothing of nothing is nothing.
fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

/// The value that the share `q` of sorted values does not exceed; 0 of none.
pub(crate) fn quantile(sorted: &[f64], q: f64) -> f64 {
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Call, End, Fault, Provider, Reply, Rule, Script};

    const SECOND: Duration = Duration::from_secs(1);
    const SCALE: f64 = 10.0;

    /// Well for 20 s, `a` down for 20 s, well for 60 s.
    fn outage() -> Outage {
        let down = Rule::new(Fault::Reset).during(20 * SECOND..40 * SECOND);
        Outage::new()
            .phase("well", 20 * SECOND)
            .phase("down", 20 * SECOND)
            .phase("well", 60 * SECOND)
            .target(Provider::builder("a").script(Script::well().rule(down.unwrap())))
            .target(Provider::builder("b"))
    }

    /// One call every 100 ms; each makes the attempts that `targets` says for its time.
    fn score(targets: impl Fn(f64) -> Vec<&'static str>) -> Score {
        let (epoch, scale) = (Instant::now(), Scale::new(SCALE).unwrap());
        let (mut records, mut entries) = (Vec::new(), Vec::new());
        for index in 0..1000_u32 {
            let asked = epoch + scale.to_wall(SECOND * index / 10);
            let targets = targets(f64::from(index) / 10.0);
            let grade = if targets.is_empty() {
                Grade::Failed
            } else {
                Grade::Answered
            };
            let call = Call::new(index.to_string(), "", SECOND);
            let waited = SECOND / 100 * (index % 100 + 1);
            for target in targets {
                entries.push(entry(target, &call.id, asked));
            }
            records.push(Record {
                call,
                asked,
                waited,
                grade,
                reply: Reply::default(),
            });
        }
        let outage = &outage();
        Run {
            outage,
            scale,
            epoch,
            records: &records,
            entries: &entries,
        }
        .score()
    }

    fn entry(target: &str, call: &str, at: Instant) -> Entry {
        Entry {
            at,
            provider: Arc::from(target),
            call: Some(Arc::from(call)),
            attempt: 1,
            model: Arc::from(""),
            stream: false,
            fault: None,
            end: Some((at, End::Answered)),
        }
    }

    #[test]
    fn a_bare_client_sends_all_to_the_sick_and_is_back_at_once() {
        let score = score(|_| vec!["a"]);
        assert_eq!((score.calls, score.attempts), (1000, 1.0));
        assert_eq!((score.to_sick, score.to_sick_calls), (1.0, 1.0));
        assert_eq!(score.back_after_s, Some(0.0));
    }

    #[test]
    fn repeated_attempts_count_each() {
        let score = score(|_| vec!["a", "a", "a"]);
        assert_eq!(
            (score.attempts, score.to_sick, score.to_sick_calls),
            (3.0, 3.0, 1.0)
        );
    }

    #[test]
    fn a_return_is_dated_from_the_healing() {
        let score = score(|time| {
            vec![if (20.0..52.0).contains(&time) {
                "b"
            } else {
                "a"
            }]
        });
        assert_eq!(score.to_sick, 0.0);
        // At 51.5 s the next five seconds hold nine tenths.
        assert_eq!(score.back_after_s, Some(11.5));
    }

    #[test]
    fn who_never_returns_has_no_time() {
        assert_eq!(
            score(|time| vec![if time < 20.0 { "a" } else { "b" }]).back_after_s,
            None
        );
        assert_eq!(score(|_| vec!["b"]).back_after_s, None);
    }

    #[test]
    fn waits_are_those_of_answered_calls_in_outage_time() {
        let score = score(|time| if time < 50.0 { vec![] } else { vec!["a"] });
        assert_eq!((score.answered, score.answered_share), (500, 0.5));
        assert_eq!((score.p50_ms, score.p99_ms), (5_000.0, 9_900.0));
    }
}
