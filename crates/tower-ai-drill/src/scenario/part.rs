//! A scenario's part: targets, calls, and a judge.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::evidence::Evidence;
use super::{BoxError, Conditions};
use crate::provider::Builder;
use crate::{Commit, Factory, Finding, Invalid, Pace, Provider, Scale, Script, Setup};
use crate::{Tally, Traffic, Verdict};

/// The name of the target that is preferred.
pub(super) const PRIMARY: &str = "primary";
/// The name of the target that is next.
pub(super) const FALLBACK: &str = "fallback";
/// How long a caller waits, in outage time.
const DEADLINE: Duration = Duration::from_secs(30);
/// The share of answered calls from which on the callers count as answered.
const ANSWERED: f64 = 0.99;

/// Looks at the evidence and notes its checks.
pub(super) type Judge = fn(&Evidence, &mut Checks);

/// One run of a scenario.
#[derive(Debug)]
pub(super) struct Part {
    name: &'static str,
    targets: Vec<Builder>,
    traffic: Traffic,
    /// The mode that it is run in where none is asked for.
    commit: Commit,
    /// Whether it is judged in that mode alone.
    only: bool,
    /// The largest scale at which its times are still long enough.
    fastest: f64,
    judge: Judge,
}

impl Part {
    /// A part of one plain call, at a scale of at most 4.
    pub(super) fn new(name: &'static str, judge: Judge) -> Result<Self, Invalid> {
        Ok(Self {
            name,
            targets: Vec::new(),
            traffic: Traffic::new(1.0, Duration::from_secs(1))?,
            commit: Commit::FirstContent,
            only: false,
            fastest: 4.0,
            judge,
        })
    }

    pub(super) fn target(mut self, target: Builder) -> Self {
        self.targets.push(target);
        self
    }

    /// Adds the preferred target.
    pub(super) fn primary(self, script: Script) -> Self {
        self.target(Provider::builder(PRIMARY).script(script))
    }

    /// Adds a well target.
    pub(super) fn fallback(self) -> Self {
        self.target(Provider::builder(FALLBACK))
    }

    pub(super) fn traffic(mut self, traffic: Traffic) -> Self {
        self.traffic = traffic;
        self
    }

    /// Has all calls streamed.
    pub(super) fn streamed(mut self) -> Result<Self, Invalid> {
        self.traffic = self.traffic.streamed(1.0)?;
        Ok(self)
    }

    pub(super) fn pace(mut self, pace: &Pace) -> Self {
        let paced = |target: Builder| target.pace(pace.clone());
        self.targets = self.targets.into_iter().map(paced).collect();
        self
    }

    /// Is for this mode alone; without, a part is for all of them.
    pub(super) fn commit(mut self, commit: Commit) -> Self {
        self.commit = commit;
        self.only = true;
        self
    }

    /// Is run in this mode where none is asked for.
    pub(super) fn by_default(mut self, commit: Commit) -> Self {
        self.commit = commit;
        self
    }

    /// Whether it is to be run under these conditions.
    pub(super) fn is_for(&self, conditions: &Conditions) -> bool {
        let asked = conditions.commit;
        !self.only || asked.is_none_or(|asked| asked == self.commit)
    }

    pub(super) fn fastest(mut self, scale: f64) -> Self {
        self.fastest = scale;
        self
    }

    /// Sends a contender through, and judges it.
    pub(super) async fn run(
        self,
        factory: &Factory,
        conditions: Conditions,
    ) -> Result<Finding, BoxError> {
        let scale = Scale::new(conditions.scale.factor().min(self.fastest))?;
        // All targets are to stand before time starts.
        let epoch = Instant::now() + Duration::from_millis(50);
        let mut targets = Vec::with_capacity(self.targets.len());
        for target in self.targets {
            // Keys count: one that is shown to another's target is refused there.
            let key = format!("key-{}", target.name());
            let target = target.dialect(conditions.dialect).seed(conditions.seed);
            let target = target.key(key);
            targets.push(target.scale(scale).epoch(epoch).start().await?);
        }
        let mut setup = Setup::new(targets.iter().map(|target| target.endpoint()).collect());
        setup.scale = scale;
        setup.seed = conditions.seed;
        setup.deadline = scale.to_wall(DEADLINE);
        setup.commit = conditions.commit.unwrap_or(self.commit);
        let contender = factory(&setup)?;
        let tally = Tally::new();
        let traffic = self.traffic.seed(conditions.seed).deadline(DEADLINE);
        traffic.run(&*contender, scale, epoch, &tally).await;
        noted(&targets).await;
        let logs = targets
            .iter()
            .map(|target| target.log().entries())
            .collect();
        let evidence = Evidence::new(scale, epoch, tally.records(), logs);
        let mut finding = judge(self.name, self.judge, &evidence);
        finding.alone = targets.len() < 2;
        Ok(finding)
    }
}

/// Waits until every attempt has ended at its provider, for a fifth of a second at most: a caller has its answer before
/// the provider has noted that it gave one.
async fn noted(targets: &[Provider]) {
    for _ in 0..40 {
        let mut entries = targets.iter().flat_map(|target| target.log().entries());
        if entries.all(|entry| entry.end.is_some()) {
            return;
        }
        sleep(Duration::from_millis(5)).await;
    }
}

/// Named observations, each as it should be or not.
#[derive(Debug)]
pub(super) struct Checks {
    part: &'static str,
    found: BTreeMap<String, bool>,
}

impl Checks {
    /// Notes one.
    pub(super) fn note(&mut self, name: &str, holds: bool) {
        let name = match self.part {
            "" => name.to_owned(),
            part => format!("{part}.{name}"),
        };
        self.found.insert(name, holds);
    }

    /// Notes that callers were answered.
    pub(super) fn answered(&mut self, evidence: &Evidence) {
        self.note("answered", evidence.answered() >= ANSWERED);
    }
}

fn judge(part: &'static str, judge: Judge, evidence: &Evidence) -> Finding {
    let mut checks = Checks {
        part,
        found: BTreeMap::new(),
    };
    judge(evidence, &mut checks);
    let unbroken = !evidence.is_broken();
    let (calm, in_time) = (!evidence.is_storm(), !evidence.is_late());
    checks.note("nothing_broken", unbroken);
    checks.note("no_storm", calm);
    checks.note("in_time", in_time);
    let verdict = if checks.found.values().all(|holds| *holds) {
        Verdict::Pass
    } else if unbroken && calm && evidence.answered() >= ANSWERED {
        Verdict::Partial
    } else if unbroken && calm && in_time {
        Verdict::Safe
    } else {
        Verdict::Fail
    };
    Finding {
        verdict,
        answered: evidence.answered(),
        alone: false,
        checks: checks.found,
    }
}
