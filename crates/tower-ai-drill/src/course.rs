//! How a run went over time.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::score::{Run, quantile};
use crate::{Contender, Drill, Grade, Noise, Score};

/// The least length of a step, and the most steps there are.
const STEP_LEAST: f64 = 1.0;
const STEPS: f64 = 144.0;
/// The outage time between two looks at a contender's states.
const LOOK: Duration = Duration::from_millis(500);
/// The changes of state that are kept.
const STATES_MAX: usize = 10_000;

/// What there is to say of a run through an outage.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Account {
    /// The run in a few figures.
    pub score: Score,
    /// The run over time.
    pub course: Course,
    /// How late the machine was meanwhile.
    pub noise: Noise,
}

/// How a run went over time, which is outage time. It has at most 144 steps of equal length.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Course {
    /// The length of a step in seconds.
    pub step_s: f64,
    /// The names of the targets, the preferred one first.
    pub targets: Vec<String>,
    /// The steps, from the start of the outage to its end.
    pub steps: Vec<Step>,
    /// In which states the contender held its targets, as far as it says; in the order of their time.
    pub states: Vec<Spell>,
}

/// The calls that were made within a step, whenever they ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// All of them.
    pub calls: usize,
    /// Those that got a whole, right answer.
    pub answered: usize,
    /// Those that got an error.
    pub failed: usize,
    /// Those that got nothing within the deadline.
    pub late: usize,
    /// Those that got a broken answer as if it were a good one.
    pub broken: usize,
    /// The attempts that arrived at each target within the step.
    pub attempts: Vec<usize>,
    /// The median wait of those that were answered; `None` if none was.
    pub p50_ms: Option<f64>,
    /// The wait that one answered call in a hundred exceeded.
    pub p99_ms: Option<f64>,
}

/// A time that a target spent in one state.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Spell {
    /// The target's place among the targets.
    pub target: usize,
    /// The state's name.
    pub state: &'static str,
    /// Its start in seconds.
    pub from_s: f64,
    /// Its end in seconds.
    pub to_s: f64,
}

impl Run<'_> {
    pub(crate) fn course(&self, states: Vec<Spell>) -> Course {
        let length = self.outage.length().as_secs_f64();
        let step_s = (length / STEPS).max(STEP_LEAST);
        let targets: Vec<String> = self.outage.targets().map(str::to_owned).collect();
        let count = (length / step_s).ceil() as usize;
        let empty = Step {
            attempts: vec![0; targets.len()],
            ..Step::default()
        };
        let mut steps = vec![empty; count];
        let mut waits = vec![Vec::new(); count];
        let index = |at: Instant| (self.time(at).as_secs_f64() / step_s) as usize;
        for record in self.records {
            let Some(step) = steps.get_mut(index(record.asked)) else {
                continue;
            };
            step.calls += 1;
            match record.grade {
                Grade::Answered => {
                    step.answered += 1;
                    let waited = self.scale.to_outage(record.waited);
                    waits[index(record.asked)].push(waited.as_secs_f64() * 1e3);
                }
                Grade::Failed => step.failed += 1,
                Grade::Late => step.late += 1,
                Grade::Broken => step.broken += 1,
            }
        }
        for entry in self.entries {
            let target = targets.iter().position(|name| **name == *entry.provider);
            let step = steps.get_mut(index(entry.at));
            if let (Some(step), Some(target)) = (step, target) {
                step.attempts[target] += 1;
            }
        }
        for (step, waits) in steps.iter_mut().zip(&mut waits) {
            waits.sort_by(f64::total_cmp);
            let at = |q| (!waits.is_empty()).then(|| quantile(waits, q));
            (step.p50_ms, step.p99_ms) = (at(0.5), at(0.99));
        }
        Course {
            step_s,
            targets,
            steps,
            states,
        }
    }
}

/// Looks at a contender's states now and then.
#[derive(Debug)]
pub(crate) struct Watch(JoinHandle<Vec<Spell>>);

impl Watch {
    pub(crate) fn start(drill: &Drill, contender: Arc<dyn Contender>, epoch: Instant) -> Self {
        Self(tokio::spawn(watch(drill.clone(), contender, epoch)))
    }

    /// The spells; to be called once the outage is over.
    pub(crate) async fn end(mut self) -> Vec<Spell> {
        (&mut self.0).await.unwrap_or_default()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn watch(drill: Drill, contender: Arc<dyn Contender>, epoch: Instant) -> Vec<Spell> {
    let targets: Vec<&str> = drill.outage().targets().collect();
    let end = drill.outage().length().as_secs_f64();
    let mut running: Vec<Option<Spell>> = vec![None; targets.len()];
    let mut spells = Vec::new();
    let mut next = epoch;
    loop {
        sleep_until(next).await;
        next = (next + drill.time_scale().to_wall(LOOK)).max(Instant::now());
        let now = drill.time(epoch, Instant::now()).as_secs_f64().min(end);
        for (target, (name, spell)) in targets.iter().zip(&mut running).enumerate() {
            let state = contender.state(name);
            if let Some(spell) = spell {
                spell.to_s = now;
            }
            if spell.as_ref().map(|spell| spell.state) != state {
                spells.extend(spell.take());
                *spell = state.map(|state| Spell {
                    target,
                    state,
                    from_s: now,
                    to_s: now,
                });
            }
        }
        if now >= end || spells.len() >= STATES_MAX {
            spells.extend(running.into_iter().flatten());
            return spells;
        }
    }
}
