//! What calls have said of a target: charts of what is wrong, baselines of what is normal.

use crate::baseline::{Latency, Rate, Share};
use crate::chart::{Chart, Stretch, threshold};
use crate::ring::{Lane, Ring};
use crate::rules::Rules;
use crate::time::{Nanos, fade, seconds};

/// The chance that a failure has shown by the survival age.
const SHOWN: f64 = 0.75;

/// What a target's share of bad calls must be for it to count as down, and what it may be while it is only sick.
const HARD: f64 = 0.8;
const SICK: f64 = 0.3;

/// By how much calls that are judged together count as one: 0 not at all, 1 as one.
const TOGETHER: f64 = 0.6;

/// How much more slowly latency is learnt from calls that are under suspicion: a brownout must not look normal
/// soon, and a change for good must not keep the circuit open for ever.
pub(crate) const SUSPECT: f64 = 0.125;

/// What raised an alarm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alarm {
    pub(crate) by_slowness: bool,
    /// The share of bad calls, and among how many.
    pub(crate) share: f64,
    pub(crate) among: f64,
    /// How many more calls are as good as good ones by now: those under way, by what they have lived through.
    pub(crate) alive: f64,
    /// When the first of the bad calls had started.
    pub(crate) since: Nanos,
}

/// The charts and baselines of one target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence {
    /// Most calls fail.
    high: Chart,
    /// Some calls fail.
    low: Chart,
    /// Calls are slow.
    slow: Chart,
    /// All but all calls fail.
    hard: Chart,
    errors: Share,
    slowness: Share,
    calls: Rate,
    accepted: Rate,
    /// Of each lane.
    latency: [Latency; 2],
    /// When the first latency of each lane was seen.
    latency_from: [Option<Nanos>; 2],
}

impl Evidence {
    pub(crate) const fn new(rules: &Rules) -> Self {
        Self {
            high: Chart::looking_for(0.6),
            low: Chart::looking_for(0.2),
            slow: Chart::looking_for(0.6),
            hard: Chart::looking_for(HARD),
            errors: Share::new(),
            slowness: Share::new(),
            calls: Rate::over(rules.baseline_decay),
            accepted: Rate::over(rules.pass_every * 2),
            latency: [Latency::learning_over(rules.baseline_decay); 2],
            latency_from: [None; 2],
        }
    }

    /// The usual share of errors.
    pub(crate) fn p0(&self) -> f64 {
        self.errors.p0()
    }

    /// The level at which a chart alarms.
    ///
    /// By the bound each call is a chance of a false alarm. Calls of one survival age are judged together, so that
    /// there are fewer chances where calls are many.
    pub(crate) fn threshold(&self, rules: &Rules) -> f64 {
        let together = 1.0 + self.calls.per_second() * seconds(rules.survival_age);
        threshold(
            self.calls.per_second() / together.powf(TOGETHER) * rules.day_seconds,
            rules.false_trips,
        )
    }

    /// Calls per second.
    pub(crate) fn rate(&self) -> f64 {
        self.calls.per_second()
    }

    /// Calls per second that were not rejected by the target, once that is known.
    pub(crate) fn accepted(&self) -> Option<f64> {
        self.accepted.settled()
    }

    /// The levels of the charts: most fail, some fail, slow, all but all fail.
    pub(crate) fn levels(&self) -> [f64; 4] {
        [&self.high, &self.low, &self.slow, &self.hard].map(Chart::level)
    }

    /// Whether the charts say that the target is down, and not only sick.
    ///
    /// That is asked only of a target that is sick, so that an error costs little and the level is that of one in
    /// so many minutes of sickness.
    pub(crate) fn is_hard(&self, ring: &Ring, at: &Present, rules: &Rules) -> bool {
        const MINUTES: f64 = 10.0;
        let calls = self.calls.per_second() * rules.day_seconds * MINUTES / 1440.0;
        let h = calls.max(1.0).ln().clamp(4.0, 18.0);
        self.hard.level() >= h && self.confirmed(&self.hard, SICK, ring, at, rules) >= h
    }

    /// Lets old evidence fade.
    pub(crate) fn fade(&mut self, elapsed: Nanos, rules: &Rules) {
        let keep = fade(elapsed, rules.evidence_decay);
        for chart in [
            &mut self.high,
            &mut self.low,
            &mut self.slow,
            &mut self.hard,
        ] {
            chart.fade(keep);
        }
    }

    /// Forgets what speaks against the target, but not what is normal for it.
    pub(crate) fn acquit(&mut self) {
        for chart in [
            &mut self.high,
            &mut self.low,
            &mut self.slow,
            &mut self.hard,
        ] {
            chart.clear();
        }
    }

    /// The same, but for what says whether it is down: as far as that is confirmed. Those who are under way now
    /// will have no say any more, and the bad ones have had theirs.
    pub(crate) fn acquit_sick(&mut self, ring: &Ring, at: &Present, rules: &Rules) {
        let mut hard = self.hard;
        hard.lower(self.confirmed(&hard, SICK, ring, at, rules));
        self.acquit();
        self.hard = hard;
    }

    /// Counts a call, started then, as failed.
    pub(crate) fn failed(&mut self, started: Nanos, rules: &Rules) {
        let p0 = self.errors.p0();
        if !self.is_suspect(rules) {
            self.errors.learn(1, 0);
        }
        self.high.bad(p0, 1, started);
        self.low.bad(p0, 1, started);
        self.hard.bad(SICK, 1, started);
    }

    /// Counts calls, started from `from` to `before`, that have lived to the survival age.
    ///
    /// A failure shows sooner than a success: calls from before the first failure come to age after it.
    pub(crate) fn survived(&mut self, count: u32, from: Nanos, before: Nanos, rules: &Rules) {
        if count == 0 {
            return;
        }
        self.survived_while_slow(count, from, before);
        let stretch = self.stretch(from, before);
        self.hard.good_since(SICK, count, stretch);
        if !self.is_suspect(rules) {
            self.errors.learn(0, count);
        }
    }

    /// Counts a failure while slow calls are let through for want of another target.
    pub(crate) fn failed_while_slow(&mut self, started: Nanos) {
        let p0 = self.errors.p0();
        self.high.bad(p0, 1, started);
        self.low.bad(p0, 1, started);
    }

    /// The same, for calls that have lived to the survival age.
    pub(crate) fn survived_while_slow(&mut self, count: u32, from: Nanos, before: Nanos) {
        let p0 = self.errors.p0();
        let stretch = self.stretch(from, before);
        for chart in [&mut self.high, &mut self.low] {
            chart.good_since(p0, count, stretch);
        }
    }

    fn stretch(&self, from: Nanos, before: Nanos) -> Stretch {
        Stretch {
            from,
            before,
            usual: self.rate(),
        }
    }

    /// Counts calls that turned out bad or good while the target sheds: only whether it is down is asked then.
    pub(crate) fn while_shedding(&mut self, bad: u32, good: u32, started: Nanos) {
        self.hard.mixed(SICK, bad, good, started);
    }

    /// Counts calls that have lived to the survival age while the target sheds, as far as failures have shown by then.
    pub(crate) fn survived_while_shedding(&mut self, count: u32) {
        self.hard.lived(SICK, count, SHOWN);
    }

    /// Takes back what a call was credited for when it survived, since it failed later.
    pub(crate) fn failed_late(&mut self, started: Nanos) {
        if started > self.hard.since() {
            self.hard.lived(SICK, 1, -SHOWN);
        }
    }

    /// Counts calls that have come to the age at which a call is slow.
    pub(crate) fn aged(&mut self, slow: u32, timely: u32, started: Nanos, rules: &Rules) {
        let p0 = self.slowness.p0();
        self.slow.mixed(p0, slow, timely, started);
        if self.slow.level() <= self.threshold(rules) / 2.0 {
            self.slowness.learn(slow, timely);
        }
    }

    /// Counts a stretch of time in which so many calls started, and so many were accepted.
    pub(crate) fn passed(&mut self, elapsed: Nanos, started: Option<u32>, accepted: u32) {
        if let Some(started) = started {
            self.calls.learn(started, elapsed);
        }
        self.accepted.learn(accepted, elapsed);
    }

    /// Learns from a first content; `usual`: the circuit is closed.
    pub(crate) fn took(&mut self, now: Nanos, lane: Lane, took: Nanos, usual: bool, rules: &Rules) {
        self.latency_from[lane.index()].get_or_insert(now);
        let suspect = !usual || self.slow.level() > self.threshold(rules) / 2.0;
        let speed = if suspect { SUSPECT } else { 1.0 };
        self.latency[lane.index()].learn(now, took, speed);
    }

    /// The age from which a call without content is slow: by the baseline once it is known, else the ceiling.
    pub(crate) fn slow_after(&self, now: Nanos, lane: Lane, rules: &Rules) -> Nanos {
        let latency = &self.latency[lane.index()];
        let armed = self.latency_from[lane.index()]
            .is_some_and(|from| now.saturating_sub(from) >= rules.slow_arming);
        if armed && latency.is_known() {
            let learnt = latency.slow_after();
            learnt.clamp(rules.slow_floor, rules.slow_ceiling)
        } else {
            rules.slow_ceiling
        }
    }

    /// The usual time to first content.
    pub(crate) fn usual(&self, lane: Lane) -> Option<Nanos> {
        self.latency[lane.index()].usual()
    }

    /// Whether errors may be more than usual: then what is usual is not learnt.
    fn is_suspect(&self, rules: &Rules) -> bool {
        self.low.level() > self.threshold(rules) / 2.0
    }

    /// The chart that alarms, if one does. `unswept` is the first bucket that has had no credit for survival.
    pub(crate) fn alarm(&self, ring: &Ring, at: &Present, rules: &Rules) -> Option<Alarm> {
        let h = self.threshold(rules);
        let by_failure = [&self.high, &self.low, &self.hard]
            .into_iter()
            .find(|chart| {
                let p0 = if chart.looks_for() < HARD {
                    self.errors.p0()
                } else {
                    SICK
                };
                chart.level() >= h && self.confirmed(chart, p0, ring, at, rules) >= h
            });
        let alarm = |chart: &Chart, by_slowness| {
            let (share, among) = chart.share();
            Alarm {
                by_slowness,
                share,
                among,
                alive: alive(chart, ring, at, rules),
                since: chart.since(),
            }
        };
        match by_failure {
            Some(chart) => Some(alarm(chart, false)),
            None => (self.slow.level() >= h).then(|| alarm(&self.slow, true)),
        }
    }

    /// The level of a chart, once every call has had its say that started since the evidence began.
    ///
    /// A chart counts in the order in which calls speak, and in a burst the bad ones may all speak last (timeouts) or
    /// first (refusals). Before an alarm the calls of the ring are counted in the order in which they started: the
    /// young ones by what they have lived through, the others if their content came. Those that started after the last
    /// bad one are no evidence: theirs may be still to come. The lesser level stands.
    fn confirmed(&self, chart: &Chart, p0: f64, ring: &Ring, at: &Present, rules: &Rules) -> f64 {
        let last = ring.bucket(at.now);
        let first = ring
            .bucket(chart.since())
            .max(last.saturating_sub(ring.len()));
        let (mut young, mut old) = (0.0, 0.0);
        for bucket in first..=last {
            let counts = ring.read(bucket, at.generation);
            let (from, before) = (ring.begin(bucket), ring.begin(bucket + 1));
            let stretch = self.stretch(from, before);
            let counted = |count| chart.since_bad(count, stretch);
            if bucket < at.unswept {
                if bucket <= ring.bucket(chart.until()) {
                    old += chart.exposed(p0, counted(counts.timely), 1.0);
                }
            } else if counts.alive() > 0 {
                let lived = shown(bucket, ring, at, rules);
                young += chart.exposed(p0, counted(counts.alive()), lived);
            }
        }
        chart.level().min(chart.bad_level(p0) + old) + young
    }
}

/// Where the machine stands: what is under way in its ring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Present {
    pub(crate) now: Nanos,
    pub(crate) generation: u32,
    /// The first bucket whose calls have had no credit for survival yet.
    pub(crate) unswept: u64,
}

/// The chance that a failure of a call of this bucket has shown by now.
fn shown(bucket: u64, ring: &Ring, at: &Present, rules: &Rules) -> f64 {
    let middle = ring.begin(bucket) / 2 + ring.begin(bucket + 1) / 2;
    let age = at.now.saturating_sub(middle) as f64;
    (age / rules.survival_age.max(1) as f64).min(1.0).powi(2) * SHOWN
}

/// The calls under way since the evidence began, each by the chance that its failure would have shown.
fn alive(chart: &Chart, ring: &Ring, at: &Present, rules: &Rules) -> f64 {
    let last = ring.bucket(at.now);
    let first = ring.bucket(chart.since()).max(at.unswept);
    let parts = (first..=last).map(|bucket| {
        let alive = ring.read(bucket, at.generation).alive();
        f64::from(alive) * shown(bucket, ring, at, rules)
    });
    parts.sum()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::rules::Settings;

    const SECOND: Nanos = 1_000_000_000;

    fn fresh() -> (Evidence, Rules) {
        let rules = Rules::of(&Settings::adaptive());
        (Evidence::new(&rules), rules)
    }

    #[test]
    fn what_is_suspect_does_not_become_usual() {
        let (mut evidence, rules) = fresh();
        for _ in 0..1000 {
            evidence.failed(0, &rules);
            evidence.aged(1, 0, 0, &rules);
        }
        assert!(evidence.p0() < 0.06, "{}", evidence.p0());
        let slow = evidence.slowness.p0();
        assert!(slow < 0.06, "{slow}");
    }

    #[test]
    fn latency_is_learnt_slowly_from_what_is_suspect() {
        let (mut evidence, rules) = fresh();
        let lane = Lane::Plain;
        for i in 0..300 {
            evidence.took(i * SECOND, lane, SECOND / 2, true, &rules);
        }
        for i in 300..360 {
            evidence.took(i * SECOND, lane, 5 * SECOND, false, &rules);
        }
        let usual = evidence.usual(lane).unwrap();
        assert!(usual < SECOND * 6 / 10, "{usual}");
    }

    #[test]
    fn what_was_long_ago_counts_no_more() {
        let (mut evidence, rules) = fresh();
        evidence.failed(0, &rules);
        evidence.aged(1, 0, 0, &rules);
        evidence.fade(3 * rules.evidence_decay, &rules);
        let levels = evidence.levels();
        assert!(levels.iter().all(|level| *level < 0.5), "{levels:?}");
    }

    #[test]
    fn who_is_under_way_speaks_for_a_target_that_begins_to_shed() {
        let (mut evidence, rules) = fresh();
        let ring = Ring::covering(rules.slow_ceiling);
        let (now, started) = (10 * SECOND, 10 * SECOND - rules.survival_age);
        let bucket = ring.bucket(started);
        for call in 0..100 {
            ring.start(bucket, Lane::Plain, 0);
            if call % 10 == 0 {
                ring.out(bucket, Lane::Plain, 0);
                evidence.failed(started, &rules);
            }
        }
        let [.., before] = evidence.levels();
        let at = Present {
            now,
            generation: 0,
            unswept: bucket,
        };
        evidence.acquit_sick(&ring, &at, &rules);
        let [.., after] = evidence.levels();
        assert!(after < before / 2.0, "{after} of {before}");
    }

    #[test]
    fn calls_of_before_the_first_failure_excuse_nothing() {
        let (mut evidence, rules) = fresh();
        evidence.failed(10 * SECOND, &rules);
        let before = evidence.levels();
        evidence.survived(20, 8 * SECOND, 9 * SECOND, &rules);
        assert_eq!(evidence.levels(), before);
        evidence.survived(1, 10 * SECOND, 11 * SECOND, &rules);
        assert!(evidence.levels()[0] < before[0]);
    }
}
