//! The rules that go through the simulation: the real breaker, and those of others, written anew.
//!
//! The others keep to what their sources do with their default settings, in one thread and virtual time; each
//! module names its source. "Late" results are the point: most of them count what a call says that began in
//! another state of the circuit.

mod envoy;
mod finagle;
mod gobreaker;
mod linkerd;
mod none;
mod ours;
mod polly;
mod resilience4j;
mod throttle;
mod window;

use tower_ai_breaker::Permit;
use tower_ai_core::Outcome;

/// The name of the real breaker.
pub(crate) const OURS: &str = "tower-ai";

/// The name of the contender without any rule.
pub(crate) const NONE: &str = "none";

/// What an admitted call carries until it settles.
#[derive(Debug, Default)]
pub(crate) struct Pass {
    /// The state of the circuit that admitted it, where a rule tells them apart.
    generation: u64,
    permit: Option<Permit>,
}

impl Pass {
    const fn of(generation: u64) -> Self {
        Self {
            generation,
            permit: None,
        }
    }
}

/// Decides for one target. Times are seconds since the start.
pub(crate) trait Rule {
    /// Decides on a call that comes now. `others`: whether another target is left that takes calls.
    fn admit(&mut self, now: f64, others: bool) -> Option<Pass>;

    /// The first content of an admitted call.
    fn first_content(&mut self, _pass: &mut Pass, _now: f64) {}

    /// The end of an admitted call.
    fn settle(&mut self, pass: Pass, outcome: Outcome, now: f64);

    /// Whether the router counts it among the targets that are left.
    fn is_closed(&mut self, now: f64) -> bool {
        self.rejecting(now) == 0.0
    }

    /// How probable it is that a call which came now were rejected.
    fn rejecting(&mut self, now: f64) -> f64;
}

/// Makes a rule, with a seed for its random choices.
pub(crate) type Make = fn(u64) -> Box<dyn Rule>;

/// All contenders, in the order of the tables.
pub(crate) fn all() -> Vec<(&'static str, Make)> {
    vec![
        (OURS, |seed| Box::new(ours::Ours::new(seed))),
        ("gobreaker", |_| Box::new(gobreaker::Gobreaker::new())),
        ("resilience4j", |_| {
            Box::new(resilience4j::Resilience4j::new())
        }),
        ("polly", |_| Box::new(polly::Polly::new())),
        ("linkerd-unified", |seed| {
            Box::new(linkerd::Linkerd::unified(seed))
        }),
        ("linkerd-consecutive", |seed| {
            Box::new(linkerd::Linkerd::consecutive(seed))
        }),
        ("finagle", |seed| Box::new(finagle::Finagle::new(seed))),
        ("sre-k2", |seed| Box::new(throttle::Throttle::sre(seed))),
        ("envoy-admission", |seed| {
            Box::new(throttle::Throttle::envoy(seed))
        }),
        ("envoy-5xx", |_| Box::new(envoy::Envoy::new())),
        (NONE, |_| Box::new(none::None)),
    ]
}

/// Whether an outcome is a failure, for rules that count rate limits as such.
fn is_failure_or_limit(outcome: Outcome) -> bool {
    !outcome.is_success()
}

/// Whether an outcome is a failure, for rules to which a 429 is an answer like any other.
fn is_failure(outcome: Outcome) -> bool {
    !outcome.is_success() && !matches!(outcome, Outcome::RateLimited { .. })
}

/// 1 if rejected, 0 if not.
fn certainly(rejected: bool) -> f64 {
    f64::from(u8::from(rejected))
}
