//! What a provider does to its callers, and when.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use crate::draw::draw;
use crate::{Fault, Rule};

/// A list of rules; the first one that strikes decides, and an attempt that none strikes is
/// answered well.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_ai_drill::{Fault, Rule, Script};
///
/// let minute = Duration::from_secs(60);
/// let script = Script::well()
///     .rule(Rule::new(Fault::Unauthorized).during(minute..2 * minute)?)
///     .rule(Rule::ramp(Fault::Status(500), 0.6, 0.05, 2 * minute..12 * minute)?);
/// assert_eq!(script.share_at(minute), 1.0);
/// assert_eq!(script.share_at(2 * minute), 0.6);
/// # Ok::<(), tower_ai_drill::Invalid>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Script {
    rules: Vec<Rule>,
}

impl Script {
    /// Breaks nothing.
    pub const fn well() -> Self {
        Self { rules: Vec::new() }
    }

    /// Breaks every attempt in this way.
    pub fn always(fault: Fault) -> Self {
        Self::well().rule(Rule::new(fault))
    }

    /// Breaks the first `count` attempts in this way.
    pub fn first(count: u32, fault: Fault) -> Self {
        Self::well().rule(Rule::new(fault).first(count))
    }

    /// Adds a rule behind those that are there.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Adds the rules of another script behind its own.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.rules.extend(other.rules);
        self
    }

    /// The share of attempts that some rule strikes at a time, by the rules for all attempts.
    pub fn share_at(&self, time: Duration) -> f64 {
        let rules = self.rules.iter().filter(|rule| rule.is_for_all());
        1.0 - rules.fold(1.0, |well, rule| well * (1.0 - rule.share_at(time)))
    }

    /// Whether there is a time at which the listener is to be closed.
    fn ever_closes(&self) -> bool {
        let closes = |rule: &Rule| rule.fault == Fault::Refuse && rule.is_total();
        self.rules.iter().any(closes)
    }

    /// Whether the listener is to be closed at a time.
    pub(crate) fn is_closed_at(&self, time: Duration) -> bool {
        self.rules.iter().any(|rule| {
            rule.fault == Fault::Refuse && rule.is_total() && rule.share_at(time) == 1.0
        })
    }
}

/// What chance and the rules look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cast<'a> {
    pub(crate) seed: u64,
    pub(crate) provider: &'a str,
    pub(crate) call: &'a str,
    pub(crate) attempt: u32,
    pub(crate) model: &'a str,
    pub(crate) stream: bool,
    pub(crate) key: Option<&'a str>,
}

/// A script that runs, with the counts of its rules.
#[derive(Debug)]
pub(crate) struct Running {
    script: Script,
    counts: Vec<AtomicU32>,
}

impl Running {
    fn new(script: Script) -> Self {
        let counts = script.rules.iter().map(|_| AtomicU32::new(0)).collect();
        Self { script, counts }
    }

    /// The first fault that strikes at a time.
    pub(crate) fn fault(&self, time: Duration, cast: &Cast<'_>) -> Option<Fault> {
        let rules = self.script.rules.iter().zip(&self.counts).enumerate();
        rules
            .filter(|(_, (rule, _))| rule.is_for(cast.model, cast.stream, cast.key))
            .filter(|(index, (rule, _))| strikes(rule.share_at(time), *index, cast))
            .find(|(_, (rule, count))| rule.first.is_none_or(|first| take(count, first)))
            .map(|(_, (rule, _))| rule.fault)
    }

    pub(crate) fn ever_closes(&self) -> bool {
        self.script.ever_closes()
    }

    pub(crate) fn is_closed_at(&self, time: Duration) -> bool {
        self.script.is_closed_at(time)
    }

    pub(crate) fn share_at(&self, time: Duration) -> f64 {
        self.script.share_at(time)
    }
}

fn strikes(share: f64, rule: usize, cast: &Cast<'_>) -> bool {
    if share <= 0.0 || share >= 1.0 {
        return share >= 1.0;
    }
    let names: [&[u8]; 4] = [
        cast.provider.as_bytes(),
        cast.call.as_bytes(),
        &cast.attempt.to_le_bytes(),
        &rule.to_le_bytes(),
    ];
    draw(cast.seed, &names) < share
}

/// Takes one of `first` strikes, if any is left.
fn take(count: &AtomicU32, first: u32) -> bool {
    count
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
            (n < first).then_some(n + 1)
        })
        .is_ok()
}

/// A script that several providers follow: what fails them all at once, as a cloud does.
///
/// # Clone
///
/// Clones share the script.
///
/// # Examples
///
/// ```
/// use tower_ai_drill::{Domain, Fault, Script};
///
/// let cloud = Domain::new(Script::well());
/// cloud.set_script(Script::always(Fault::Status(503)));
/// ```
#[derive(Clone, Debug)]
pub struct Domain(watch::Sender<Arc<Running>>);

impl Domain {
    /// Creates a domain that follows `script`, in the time of each provider in it.
    pub fn new(script: Script) -> Self {
        Self(watch::Sender::new(Arc::new(Running::new(script))))
    }

    /// Replaces the script; counts start anew.
    pub fn set_script(&self, script: Script) {
        self.0.send_replace(Arc::new(Running::new(script)));
    }

    pub(crate) fn running(&self) -> Arc<Running> {
        Arc::clone(&self.0.borrow())
    }

    /// Tells of scripts that replace the present one.
    pub(crate) fn changes(&self) -> watch::Receiver<Arc<Running>> {
        self.0.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAST: Cast<'static> = Cast {
        key: None,
        seed: 1,
        provider: "alpha",
        call: "1",
        attempt: 1,
        model: "m",
        stream: false,
    };

    #[test]
    fn the_first_rule_that_strikes_decides() {
        let script = Script::first(1, Fault::Reset).rule(Rule::new(Fault::NoModel).model("n"));
        let running = Running::new(script);
        assert_eq!(running.fault(Duration::ZERO, &CAST), Some(Fault::Reset));
        assert_eq!(running.fault(Duration::ZERO, &CAST), None);
        let other = Cast { model: "n", ..CAST };
        assert_eq!(running.fault(Duration::ZERO, &other), Some(Fault::NoModel));
    }

    #[test]
    fn chance_keeps_to_its_share_and_to_its_seed() {
        let rule = Rule::new(Fault::Reset).share(0.94).unwrap();
        let running = Running::new(Script::well().rule(rule));
        let struck = |seed| -> Vec<bool> {
            (0..2_000)
                .map(|call| {
                    let call = call.to_string();
                    let cast = Cast {
                        seed,
                        call: &call,
                        ..CAST
                    };
                    running.fault(Duration::ZERO, &cast).is_some()
                })
                .collect()
        };
        let count = struck(1).iter().filter(|struck| **struck).count();
        assert!((1_850..1_910).contains(&count), "{count}");
        assert_eq!(struck(1), struck(1));
        assert_ne!(struck(1), struck(2));
    }

    #[test]
    fn only_a_total_refusal_closes_the_listener() {
        assert!(Script::always(Fault::Refuse).is_closed_at(Duration::ZERO));
        assert!(!Script::first(1, Fault::Refuse).is_closed_at(Duration::ZERO));
        assert!(!Script::always(Fault::Reset).is_closed_at(Duration::ZERO));
    }
}
