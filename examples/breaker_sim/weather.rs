//! What providers do with calls.

use tower_ai_core::{Chance, Outcome};

/// A call is of use if its whole answer is there within so many seconds.
pub(crate) const PATIENCE: f64 = 30.0;

/// The client gives up after so many seconds.
const TIMEOUT: f64 = 60.0;

/// How fast and how well a provider usually answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mix {
    /// Median and sigma of the (log-normal) time to first content.
    pub(crate) first: (f64, f64),
    /// The same of the time from there to the end.
    pub(crate) rest: (f64, f64),
    /// The usual share of errors.
    pub(crate) errors: f64,
    /// Of a hard outage: the share that fails quickly, the median time that takes, and the silence of the others.
    pub(crate) down: (f64, f64, f64),
}

impl Mix {
    /// A chat model that streams.
    pub(crate) const CHAT: Self = Self {
        first: (0.6, 0.6),
        rest: (3.5, 0.9),
        errors: 0.01,
        down: (0.7, 0.3, 30.0),
    };

    /// A model that thinks before it speaks.
    pub(crate) const REASONING: Self = Self {
        first: (4.0, 0.7),
        rest: (8.0, 0.7),
        errors: 0.03,
        down: (0.5, 1.0, 60.0),
    };
}

/// What a sick target does with a call that starts now.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Weather {
    /// As usual.
    Usual,
    /// A share of errors: half of them quick, half at the time of first content.
    Errors(f64),
    /// All calls fail: most quickly, the others by silence.
    Down,
    /// So many times as slow, and a share that never answers.
    Slow(f64, f64),
    /// Takes so many times the mean demand; rate-limits the others.
    Limited(f64),
    /// Has come up with cold caches: see [`Capacity`].
    Cold,
    /// This share of calls has prompts that are too long for it now; they fail where their first content would
    /// have come, three times as late as that of others.
    LongPrompts(f64),
}

/// What becomes of a call, in seconds after its start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) outcome: Outcome,
    pub(crate) content: Option<f64>,
    pub(crate) end: f64,
}

impl Plan {
    const fn fails(outcome: Outcome, end: f64) -> Self {
        Self {
            outcome,
            content: None,
            end,
        }
    }

    /// Whether the whole answer comes in time for one who has waited for `waited` seconds already.
    pub(crate) fn is_good(&self, waited: f64) -> bool {
        self.outcome.is_success() && waited + self.end <= PATIENCE
    }
}

/// A token bucket, and how warm it is.
///
/// Cold caches: it begins with a fifth of the mean demand and warms up to one and a half of it within a minute,
/// but only while fewer than half of the calls of the last seconds were too many for it.
#[derive(Debug)]
struct Capacity {
    tokens: f64,
    at: f64,
    warmth: f64,
    too_many: f64,
    all: f64,
}

impl Capacity {
    const WARM_UP: f64 = 60.0;
    const MEMORY: f64 = 10.0;

    const fn new() -> Self {
        Self {
            tokens: 1.0,
            at: 0.0,
            warmth: 0.0,
            too_many: 0.0,
            all: 0.0,
        }
    }

    fn refill(&mut self, now: f64, rate: f64) -> f64 {
        let elapsed = now - std::mem::replace(&mut self.at, now);
        self.tokens = (self.tokens + elapsed * rate).min(rate.max(1.0));
        elapsed
    }

    fn take(&mut self) -> bool {
        let taken = self.tokens >= 1.0;
        if taken {
            self.tokens -= 1.0;
        }
        taken
    }

    fn take_cold(&mut self, now: f64, demand: f64) -> bool {
        let elapsed = self.refill(now, demand * (0.2 + 1.3 * self.warmth));
        if self.too_many <= 0.5 * self.all {
            self.warmth = (self.warmth + elapsed / Self::WARM_UP).min(1.0);
        }
        let kept = (-elapsed / Self::MEMORY).exp();
        let taken = self.take();
        self.all = self.all * kept + 1.0;
        self.too_many = self.too_many * kept + f64::from(u8::from(!taken));
        taken
    }
}

/// One provider, with its own chance.
#[derive(Debug)]
pub(crate) struct Provider {
    mix: Mix,
    demand: f64,
    chance: Chance,
    capacity: Capacity,
}

impl Provider {
    pub(crate) const fn new(mix: Mix, demand: f64, seed: u64) -> Self {
        Self {
            mix,
            demand,
            chance: Chance::seeded(seed),
            capacity: Capacity::new(),
        }
    }

    /// Cold from `now` on.
    pub(crate) fn cool(&mut self, now: f64) {
        self.capacity = Capacity::new();
        self.capacity.at = now;
    }

    fn log_normal(&self, (median, sigma): (f64, f64)) -> f64 {
        median * (sigma * normals(&self.chance).0).exp()
    }

    /// What would become of a call if it were sent. Draws the same numbers whether it is or not.
    pub(crate) fn plan(&self, weather: Weather) -> Plan {
        let (u, v) = normals(&self.chance);
        let first = self.mix.first.0 * (self.mix.first.1 * u).exp();
        let rest = self.mix.rest.0 * (self.mix.rest.1 * v).exp();
        let draw = self.chance.unit();
        match weather {
            Weather::Usual | Weather::Limited(_) | Weather::Cold => {
                self.errors(self.mix.errors, draw, first, rest)
            }
            Weather::Errors(share) => self.errors(share, draw, first, rest),
            Weather::Down if draw < self.mix.down.0 => {
                Plan::fails(Outcome::Fault, self.log_normal((self.mix.down.1, 0.8)))
            }
            Weather::Down => Plan::fails(Outcome::TimedOut, self.mix.down.2),
            Weather::Slow(_, silent) if draw < silent => Plan::fails(Outcome::TimedOut, TIMEOUT),
            Weather::Slow(factor, _) => answer(first * factor, rest * factor, TIMEOUT),
            Weather::LongPrompts(share) if draw < share => {
                Plan::fails(Outcome::Fault, (3.0 * first).min(TIMEOUT))
            }
            Weather::LongPrompts(share) => {
                let draw = (draw - share) / (1.0 - share);
                self.errors(self.mix.errors, draw, first, rest)
            }
        }
    }

    fn errors(&self, share: f64, draw: f64, first: f64, rest: f64) -> Plan {
        if draw < share / 2.0 {
            Plan::fails(Outcome::Fault, self.log_normal((0.3, 0.8)))
        } else if draw < share {
            Plan::fails(Outcome::Fault, first)
        } else {
            answer(first, rest, f64::INFINITY)
        }
    }

    /// What becomes of a call that is sent now, where the provider takes only so many.
    pub(crate) fn take(&mut self, weather: Weather, plan: Plan, now: f64) -> Plan {
        match weather {
            Weather::Limited(share) => {
                self.capacity.refill(now, share * self.demand);
                if self.capacity.take() {
                    return plan;
                }
                Plan::fails(Outcome::RateLimited { wait: None }, 0.2)
            }
            Weather::Cold => {
                if self.capacity.take_cold(now, self.demand) {
                    return plan;
                }
                Plan::fails(Outcome::Overloaded { wait: None }, 0.3)
            }
            _ => plan,
        }
    }
}

/// An answer whose reader gives up after `patience`; a healthy stream is read to its end, at most for a minute.
fn answer(first: f64, rest: f64, patience: f64) -> Plan {
    let end = first + rest;
    if end <= patience {
        return Plan {
            outcome: Outcome::Success,
            content: Some(first),
            end: end.min(TIMEOUT).max(first),
        };
    }
    Plan {
        outcome: Outcome::TimedOut,
        content: (first < patience).then_some(first),
        end: patience,
    }
}

/// Two independent standard normal numbers (Box and Muller 1958).
fn normals(chance: &Chance) -> (f64, f64) {
    let (u, v) = (1.0 - chance.unit(), chance.unit());
    let radius = (-2.0 * u.ln()).sqrt();
    let (sine, cosine) = (std::f64::consts::TAU * v).sin_cos();
    (radius * cosine, radius * sine)
}
