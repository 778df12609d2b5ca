//! Faults one at a time, and the verdict on how a contender took them.

mod evidence;
mod flows;
mod part;
mod refusals;
mod single;
mod streams;

use std::collections::BTreeMap;
use std::error::Error;

use serde::Serialize;
use tokio::task::JoinSet;

use self::part::Part;
use crate::{Commit, Dialect, Factory, Invalid, Scale};

/// One fault and what a client stack should do about it.
///
/// A scenario is judged by the providers' logs and by what the callers got, and by nothing that a
/// contender says of itself. Some have several parts, as with and without another target; the
/// checks of a part are named `part.check`.
///
/// # Examples
///
/// ```
/// use tower_ai_drill::Scenario;
///
/// let reset = Scenario::named("S05").unwrap();
/// assert!(reset.about().contains("reset"));
/// assert_eq!(Scenario::all().len(), 24);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    id: &'static str,
    about: &'static str,
    parts: fn() -> Result<Vec<Part>, Invalid>,
}

const ALL: [Scenario; 24] = [
    Scenario {
        id: "S01",
        about: "429 with a wait of 2 s, once",
        parts: single::s01,
    },
    Scenario {
        id: "S02",
        about: "429 for ever, without a wait",
        parts: single::s02,
    },
    Scenario {
        id: "S03",
        about: "500 once",
        parts: single::s03,
    },
    Scenario {
        id: "S04",
        about: "503 for ever",
        parts: single::s04,
    },
    Scenario {
        id: "S05",
        about: "reset before the head, once",
        parts: single::s05,
    },
    Scenario {
        id: "S06",
        about: "accepts and never answers",
        parts: single::s06,
    },
    Scenario {
        id: "S07",
        about: "head at once, first token after 20 s",
        parts: single::s07,
    },
    Scenario {
        id: "S08",
        about: "cut after 40 of 60 tokens",
        parts: streams::s08,
    },
    Scenario {
        id: "S09",
        about: "stalls after 40 of 60 tokens",
        parts: streams::s09,
    },
    Scenario {
        id: "S10",
        about: "one malformed event",
        parts: streams::s10,
    },
    Scenario {
        id: "S11",
        about: "whole stream without [DONE]",
        parts: streams::s11,
    },
    Scenario {
        id: "S12",
        about: "prompt too long for a target",
        parts: refusals::s12,
    },
    Scenario {
        id: "S13",
        about: "prompt against the content policy",
        parts: refusals::s13,
    },
    Scenario {
        id: "S14",
        about: "cut, and no target takes a prefill",
        parts: streams::s14,
    },
    Scenario {
        id: "S15",
        about: "down 60 s, then well; a call every 4 s",
        parts: flows::s15,
    },
    Scenario {
        id: "S16",
        about: "503, and another target answers",
        parts: refusals::s16,
    },
    Scenario {
        id: "O1",
        about: "sign-in storm",
        parts: flows::o1,
    },
    Scenario {
        id: "O2",
        about: "role and pings for ever",
        parts: single::o2,
    },
    Scenario {
        id: "O3",
        about: "500s at 94 %",
        parts: flows::o3,
    },
    Scenario {
        id: "O4",
        about: "ten times the calls on a fixed capacity",
        parts: flows::o4,
    },
    Scenario {
        id: "O5",
        about: "two providers and their cloud down",
        parts: flows::o5,
    },
    Scenario {
        id: "O6",
        about: "partial recovery, 60 % to 5 % errors",
        parts: flows::o6,
    },
    Scenario {
        id: "O7",
        about: "all regions of one provider down",
        parts: flows::o7,
    },
    Scenario {
        id: "O8",
        about: "brownout, ten times slower",
        parts: flows::o8,
    },
];

impl Scenario {
    /// All scenarios.
    pub const fn all() -> &'static [Self] {
        &ALL
    }

    /// The scenario of this id, as `S05` or `O3`.
    pub fn named(id: &str) -> Option<Self> {
        ALL.into_iter().find(|scenario| scenario.id == id)
    }

    /// Its id.
    pub const fn id(&self) -> &'static str {
        self.id
    }

    /// What breaks in it.
    pub const fn about(&self) -> &'static str {
        self.about
    }

    /// Sends a contender, built anew for each part, through it.
    ///
    /// # Errors
    ///
    /// What the factory says, or the system if it gives no port.
    pub async fn run(
        &self,
        factory: &Factory,
        conditions: Conditions,
    ) -> Result<Finding, BoxError> {
        let mut runs = JoinSet::new();
        for part in (self.parts)()? {
            if !part.is_for(&conditions) {
                continue;
            }
            let factory = factory.clone();
            runs.spawn(async move { part.run(&factory, conditions).await });
        }
        let mut finding = Finding::nothing();
        while let Some(run) = runs.join_next().await {
            finding.add(run??);
        }
        Ok(finding)
    }
}

type BoxError = Box<dyn Error + Send + Sync>;

/// What is the same for all parts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Conditions {
    /// The time scale; scenarios whose times are short run slower than that.
    pub scale: Scale,
    /// The seed of calls and faults.
    pub seed: u64,
    /// The dialect that all targets speak.
    pub dialect: Dialect,
    /// The mode that all parts are run in; `None`: each in those that it is about.
    pub commit: Option<Commit>,
}

impl Conditions {
    /// Creates conditions in OpenAI's dialect with seed 0.
    pub fn new(scale: Scale) -> Self {
        Self {
            scale,
            ..Self::default()
        }
    }

    /// Sets the seed.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the dialect.
    #[must_use]
    pub const fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Runs all parts in this mode, and leaves out those that are about another.
    #[must_use]
    pub const fn commit(mut self, commit: Commit) -> Self {
        self.commit = Some(commit);
        self
    }
}

/// How a contender took a scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The verdict.
    pub verdict: Verdict,
    /// The share of calls that were answered, of the worst part; parts with a single target count only
    /// where there are no others.
    pub answered: f64,
    /// Whether there was but a single target.
    pub alone: bool,
    /// What was looked at, and whether it was as it should be.
    pub checks: BTreeMap<String, bool>,
}

impl Finding {
    /// What was found before anything was looked at.
    pub(crate) const fn nothing() -> Self {
        Self {
            verdict: Verdict::Pass,
            answered: 1.0,
            alone: true,
            checks: BTreeMap::new(),
        }
    }

    fn add(&mut self, part: Self) {
        self.verdict = self.verdict.max(part.verdict);
        if self.alone && !part.alone {
            self.answered = part.answered;
        } else if self.alone == part.alone {
            self.answered = self.answered.min(part.answered);
        }
        self.alone &= part.alone;
        self.checks.extend(part.checks);
    }
}

/// A scenario that was run: under which conditions, and what was found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Case {
    /// What broke.
    pub scenario: Scenario,
    /// What was the same for all its parts.
    pub conditions: Conditions,
    /// How the contender took it.
    pub finding: Finding,
}

impl Case {
    /// Creates a case.
    pub const fn new(scenario: Scenario, conditions: Conditions, finding: Finding) -> Self {
        Self {
            scenario,
            conditions,
            finding,
        }
    }

    /// The name of the mode that it was run in; `each` if its parts were run in their own.
    pub fn mode(&self) -> &'static str {
        self.conditions.commit.map_or("each", Commit::name)
    }
}

/// The verdict on a scenario, the best first. A scenario's is the worst of its parts'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(
    clippy::exhaustive_enums,
    reason = "reports and their readers agree on these four"
)]
pub enum Verdict {
    /// Everything was as it should be.
    Pass,
    /// The callers were answered, though the conduct was not ideal.
    Partial,
    /// Some callers got an error, but in time, and nothing broken, and there was no storm.
    Safe,
    /// A broken answer given as a good one, a storm of attempts, or callers left waiting.
    Fail,
}

impl Verdict {
    /// Its name, as `pass`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Partial => "partial",
            Self::Safe => "safe",
            Self::Fail => "fail",
        }
    }
}
