//! Errors that the layers share, and how to find them.
//!
//! A layer that adds an error of its own has [`BoxError`] as its `Error`; what it adds are the small
//! concrete types of this module, found by [`cause_ref`], which walks [`Error::source`]. Nobody has to
//! match on nested generic error enums.
//!
//! # Examples
//!
//! ```
//! use std::time::Duration;
//! use tower_ai_core::error::{BoxError, Shed, cause_ref, outcome_of};
//! use tower_ai_core::Outcome;
//!
//! let error: BoxError = Box::new(Shed::open(Some(Duration::from_secs(3))));
//! let shed = cause_ref::<Shed>(&*error).expect("the breaker said no");
//! assert_eq!(shed.wait(), Some(Duration::from_secs(3)));
//! assert_eq!(shed.to_string(), "not sent: the circuit is open, try again in 3s");
//! assert_eq!(outcome_of(&*error), Outcome::Shed { wait: Some(Duration::from_secs(3)) });
//! ```

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use crate::Outcome;
use crate::served::Tried;

/// The error type of every layer that adds errors of its own.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Finds an error of type `T` in the chain of sources that begins with `error`.
#[must_use]
pub fn cause_ref<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// Returns the outcome that an error stands for: what the first error in its chain that we know says.
///
/// Known are the errors of this module and [`io::ErrorKind::TimedOut`]; anything else is a
/// [`Outcome::Fault`], because a service that returns an error did not answer.
#[must_use]
pub fn outcome_of(error: &(dyn Error + 'static)) -> Outcome {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(outcome) = known(error) {
            return outcome;
        }
        next = error.source();
    }
    Outcome::Fault
}

fn known(error: &(dyn Error + 'static)) -> Option<Outcome> {
    if let Some(failed) = error.downcast_ref::<Failed>() {
        return Some(failed.outcome);
    }
    if let Some(shed) = error.downcast_ref::<Shed>() {
        return Some(Outcome::Shed { wait: shed.wait });
    }
    if error.is::<Elapsed>() {
        return Some(Outcome::TimedOut);
    }
    if let Some(all) = error.downcast_ref::<AllFailed>() {
        return Some(all.outcome());
    }
    match error.downcast_ref::<io::Error>()?.kind() {
        io::ErrorKind::TimedOut => Some(Outcome::TimedOut),
        _ => None,
    }
}

/// The same for an error that is not boxed.
pub(crate) fn outcome_of_known(error: &dyn Any) -> Option<Outcome> {
    fn as_error<T: Error + 'static>(error: &dyn Any) -> Option<&(dyn Error + 'static)> {
        error.downcast_ref::<T>().map(|error| error as _)
    }
    as_error::<Failed>(error)
        .or_else(|| as_error::<Shed>(error))
        .or_else(|| as_error::<Elapsed>(error))
        .or_else(|| as_error::<AllFailed>(error))
        .or_else(|| as_error::<io::Error>(error))
        .map(outcome_of)
}

/// Why a call was not sent.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// The circuit is open, by its own verdict or by hand.
    Open,
    /// The circuit lets a part of the calls through, and not this one.
    Shedding,
    /// The target comes back, and has as many calls in flight as it may have.
    Ramping,
    /// The target rate-limited us; the time it asked for is not over.
    RateLimited,
    /// The key is shut: refused, or its money or quota is used up.
    KeyShut,
    /// The target's service was not ready in time.
    NotReady,
    /// The target takes no more calls of this class at a time.
    Busy,
}

impl Reason {
    const fn text(self) -> &'static str {
        match self {
            Self::Open => "the circuit is open",
            Self::Shedding => "the circuit sheds a part of the load",
            Self::Ramping => "the target is coming back and takes no more yet",
            Self::RateLimited => "the target rate-limited us",
            Self::KeyShut => "the key is shut",
            Self::NotReady => "the service was not ready in time",
            Self::Busy => "the target takes no more calls of this class at a time",
        }
    }
}

/// The call was not sent, to spare a target that could not have answered it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shed {
    reason: Reason,
    wait: Option<Duration>,
}

impl Shed {
    /// Makes the error for a reason, with the time until another try makes sense, if it is known.
    #[must_use]
    pub const fn new(reason: Reason, wait: Option<Duration>) -> Self {
        Self { reason, wait }
    }

    /// Makes the error of an open circuit.
    #[must_use]
    pub const fn open(wait: Option<Duration>) -> Self {
        Self::new(Reason::Open, wait)
    }

    /// Why the call was not sent.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// How long until another try makes sense, if that is known.
    #[must_use]
    pub const fn wait(&self) -> Option<Duration> {
        self.wait
    }
}

impl fmt::Display for Shed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not sent: {}", self.reason.text())?;
        TryAgain(self.wait).fmt(f)
    }
}

impl Error for Shed {}

/// The target was silent for longer than it may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Elapsed {
    waited_for: &'static str,
    limit: Duration,
}

impl Elapsed {
    /// Makes the error: what did not come (`"the head of the answer"`), within which limit.
    #[must_use]
    pub const fn new(waited_for: &'static str, limit: Duration) -> Self {
        Self { waited_for, limit }
    }

    /// The limit that was exceeded.
    #[must_use]
    pub const fn limit(&self) -> Duration {
        self.limit
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} did not come within {:?}",
            self.waited_for, self.limit
        )
    }
}

impl Error for Elapsed {}

/// An error of any service, with the outcome that it stands for.
///
/// For services whose errors mean more than [`Outcome::Fault`] and that are not read by a
/// [`Classify`](crate::Classify) of their own.
#[derive(Debug)]
pub struct Failed {
    outcome: Outcome,
    source: BoxError,
}

impl Failed {
    /// Attaches an outcome to an error.
    pub fn new(outcome: Outcome, source: impl Into<BoxError>) -> Self {
        Self {
            outcome,
            source: source.into(),
        }
    }

    /// What the error means.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the attempt failed: {}", self.outcome.name())
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

/// No target answered: which were tried, what each of them said, and when to try again.
///
/// Holds categories only, never a provider's text. The error of the last attempt is its
/// [`source`](Error::source).
#[derive(Debug)]
pub struct AllFailed {
    tried: Vec<Tried>,
    wait: Option<Duration>,
    source: Option<BoxError>,
}

impl AllFailed {
    /// Makes the error of what was tried, the soonest time to try again and the last error.
    #[must_use]
    pub const fn new(tried: Vec<Tried>, wait: Option<Duration>, source: Option<BoxError>) -> Self {
        Self {
            tried,
            wait,
            source,
        }
    }

    /// What was tried, in order. A target that was not sent to stands here as [`Outcome::Shed`].
    #[must_use]
    pub fn tried(&self) -> &[Tried] {
        &self.tried
    }

    /// The soonest time at which one of the targets may take calls again, if one is known.
    #[must_use]
    pub const fn wait(&self) -> Option<Duration> {
        self.wait
    }

    /// The outcome for layers above: that of the last attempt that was sent, or else `Shed`.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.tried
            .iter()
            .rev()
            .map(|tried| tried.outcome)
            .find(Outcome::was_sent)
            .unwrap_or(Outcome::Shed { wait: None })
            .with_wait(self.wait)
    }
}

impl fmt::Display for AllFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no target answered")?;
        for (i, tried) in self.tried.iter().enumerate() {
            let lead = if i == 0 { ": " } else { ", " };
            write!(f, "{lead}{} {}", tried.target.name(), tried.outcome.name())?;
        }
        TryAgain(self.wait).fmt(f)
    }
}

impl Error for AllFailed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|error| &**error as _)
    }
}

/// The tail of a message that names a wait, rounded up to what a person reads.
struct TryAgain(Option<Duration>);

impl fmt::Display for TryAgain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(wait) if wait < Duration::from_secs(1) => {
                write!(f, ", try again in {}ms", wait.as_millis().max(1))
            }
            Some(wait) => write!(f, ", try again in {}s", wait.as_secs_f64().ceil()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Target;

    fn tried(name: &str, outcome: Outcome) -> Tried {
        Tried::new(Target::new(name).unwrap(), outcome, Duration::ZERO)
    }

    #[test]
    fn a_cause_is_found_under_other_errors() {
        let inner = Elapsed::new("the head of the answer", Duration::from_secs(5));
        let outer = Failed::new(Outcome::TimedOut, inner);
        let found = cause_ref::<Elapsed>(&outer).unwrap();
        assert_eq!(found.limit(), Duration::from_secs(5));
        assert!(cause_ref::<Shed>(&outer).is_none());
    }

    #[test]
    fn the_outermost_error_that_we_know_decides() {
        let error = Failed::new(Outcome::Refused, Shed::open(None));
        assert_eq!(outcome_of(&error), Outcome::Refused);
        let error = io::Error::other(Shed::open(None));
        assert_eq!(
            outcome_of(&error),
            Outcome::Fault,
            "io::Error::other hides its inner source"
        );
    }

    #[test]
    fn all_failed_names_each_target_and_the_wait() {
        let error = AllFailed::new(
            vec![
                tried("openai", Outcome::Fault),
                tried("claude", Outcome::Shed { wait: None }),
            ],
            Some(Duration::from_millis(2500)),
            None,
        );
        assert_eq!(
            error.to_string(),
            "no target answered: openai fault, claude shed, try again in 3s"
        );
        assert_eq!(outcome_of(&error), Outcome::Fault);
    }

    #[test]
    fn all_failed_without_a_single_attempt_counts_as_shed() {
        let wait = Some(Duration::from_secs(1));
        let error = AllFailed::new(vec![tried("a", Outcome::Shed { wait: None })], wait, None);
        assert_eq!(outcome_of(&error), Outcome::Shed { wait });
    }
}
