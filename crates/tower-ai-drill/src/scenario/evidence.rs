//! What providers saw and callers got, and questions to it.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use tokio::time::Instant;

use crate::{Entry, Grade, Record, Scale};

/// How many attempts at one target a call may make within [`BURST_OVER`].
const BURST: usize = 4;
const BURST_OVER: Duration = Duration::from_secs(3);
/// How many attempts a call may make in all.
const ATTEMPTS: usize = 6;

/// The logs of all targets, in their order, and the records of all calls.
#[derive(Debug)]
pub(super) struct Evidence {
    scale: Scale,
    epoch: Instant,
    pub(super) records: Vec<Record>,
    logs: Vec<Vec<Entry>>,
}

impl Evidence {
    pub(super) fn new(
        scale: Scale,
        epoch: Instant,
        mut records: Vec<Record>,
        logs: Vec<Vec<Entry>>,
    ) -> Self {
        records.sort_by_key(|record| record.asked);
        Self {
            scale,
            epoch,
            records,
            logs,
        }
    }

    /// The only call, or the first.
    pub(super) fn first(&self) -> Option<&Record> {
        self.records.first()
    }

    /// The share of calls that were answered.
    pub(super) fn answered(&self) -> f64 {
        share(
            self.records
                .iter()
                .filter(|record| record.grade == Grade::Answered)
                .count(),
            self.records.len(),
        )
    }

    /// The share of the calls made within `window` that were answered.
    pub(super) fn answered_within(&self, window: &Range<Duration>) -> f64 {
        let calls = || {
            self.records
                .iter()
                .filter(|record| window.contains(&self.time(record.asked)))
        };
        share(
            calls()
                .filter(|record| record.grade == Grade::Answered)
                .count(),
            calls().count(),
        )
    }

    pub(super) fn is_broken(&self) -> bool {
        self.records
            .iter()
            .any(|record| record.grade == Grade::Broken)
    }

    pub(super) fn is_late(&self) -> bool {
        self.records
            .iter()
            .any(|record| record.grade == Grade::Late)
    }

    /// Whether some call made more attempts than any call should.
    pub(super) fn is_storm(&self) -> bool {
        let most = |logs: &[&[Entry]]| most_per_call(logs).into_values().max().unwrap_or(0);
        let all: Vec<&[Entry]> = self.logs.iter().map(Vec::as_slice).collect();
        most(&all) > ATTEMPTS || (0..self.logs.len()).any(|target| self.burst(target) > BURST)
    }

    /// The most attempts at a target by one call within three seconds.
    fn burst(&self, target: usize) -> usize {
        let over = self.scale.to_wall(BURST_OVER);
        let by_call = by_call(self.log(target));
        let bursts = by_call.values().flat_map(|times| {
            times.iter().map(|from| {
                times
                    .iter()
                    .filter(|at| *at >= from && **at < *from + over)
                    .count()
            })
        });
        bursts.max().unwrap_or(0)
    }

    /// The attempts at a target.
    pub(super) fn attempts(&self, target: usize) -> usize {
        self.log(target).len()
    }

    /// The attempts at all targets.
    pub(super) fn all_attempts(&self) -> usize {
        self.logs.iter().map(Vec::len).sum()
    }

    /// The most attempts at a target by one call.
    pub(super) fn most(&self, target: usize) -> usize {
        most_per_call(&[self.log(target)])
            .into_values()
            .max()
            .unwrap_or(0)
    }

    /// The shortest time between two attempts at a target.
    pub(super) fn gap(&self, target: usize) -> Option<Duration> {
        let pairs = self.log(target).windows(2);
        let gaps = pairs.map(|pair| self.scale.to_outage(pair[1].at - pair[0].at));
        gaps.min()
    }

    /// The calls that a target gave its whole answer to.
    pub(super) fn served_by(&self, target: usize) -> usize {
        self.log(target)
            .iter()
            .filter(|entry| entry.is_answered())
            .count()
    }

    /// The attempts at a target within `window`.
    pub(super) fn attempts_within(&self, target: usize, window: &Range<Duration>) -> usize {
        let within = |entry: &&Entry| window.contains(&self.time(entry.at));
        self.log(target).iter().filter(within).count()
    }

    /// The attempts at a target within `window`, per call.
    pub(super) fn share_within(&self, target: usize, window: &Range<Duration>) -> f64 {
        share(
            self.attempts_within(target, window),
            self.calls_within(window),
        )
    }

    pub(super) fn calls_within(&self, window: &Range<Duration>) -> usize {
        let within = |record: &&Record| window.contains(&self.time(record.asked));
        self.records.iter().filter(within).count()
    }

    /// The share of the calls made within `window` that tried more than one of `targets`.
    pub(super) fn tried_several(&self, targets: &[usize], window: &Range<Duration>) -> f64 {
        let calls = || {
            self.records
                .iter()
                .filter(|record| window.contains(&self.time(record.asked)))
        };
        let tried = |record: &Record| {
            let tried = |target: &&usize| {
                let mut log = self.log(**target).iter();
                log.any(|entry| entry.call.as_deref() == Some(&record.call.id))
            };
            targets.iter().filter(tried).count()
        };
        share(
            calls().filter(|record| tried(record) > 1).count(),
            calls().count(),
        )
    }

    /// When, from `from` on, a target first gave a whole answer to a new attempt.
    pub(super) fn back(&self, target: usize, from: Duration) -> Option<Duration> {
        let mut entries = self.log(target).iter().filter(|entry| entry.is_answered());
        let back = entries.find(|entry| self.time(entry.at) >= from)?;
        Some(self.time(back.at) - from)
    }

    /// How long the caller of a call waited, in outage time.
    pub(super) fn waited(&self, record: &Record) -> Duration {
        self.scale.to_outage(record.waited)
    }

    fn time(&self, at: Instant) -> Duration {
        self.scale
            .to_outage(at.saturating_duration_since(self.epoch))
    }

    fn log(&self, target: usize) -> &[Entry] {
        self.logs.get(target).map_or(&[], Vec::as_slice)
    }
}

/// The times of the attempts of each call; attempts without an id are one call's.
fn by_call(log: &[Entry]) -> HashMap<&str, Vec<Instant>> {
    let mut calls: HashMap<&str, Vec<Instant>> = HashMap::new();
    for entry in log {
        calls
            .entry(entry.call.as_deref().unwrap_or_default())
            .or_default()
            .push(entry.at);
    }
    calls
}

fn most_per_call<'a>(logs: &[&'a [Entry]]) -> HashMap<&'a str, usize> {
    let mut most = HashMap::new();
    for log in logs {
        for (call, times) in by_call(log) {
            *most.entry(call).or_insert(0) += times.len();
        }
    }
    most
}

/// A share of counts; of nothing, all.
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        1.0
    } else {
        part as f64 / whole as f64
    }
}
