//! The errors of this crate, and what the errors of gRPC services mean.

use std::error::Error;
use std::fmt;

use tonic::{Code, Status, TimeoutExpired};
use tower_ai_core::error::{AllFailed, Elapsed, Failed, Shed, cause_ref, outcome_of};
use tower_ai_core::{BoxError, Outcome};

use crate::table::by_code;

/// The answer ended without a gRPC status, or in the middle of a message.
///
/// Whoever stood between sent an end, and no server did: the answer is cut. Found by
/// [`cause_ref`] in the error of a body, and in the status that a client's user gets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Truncated(());

impl Truncated {
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for Truncated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer was cut: it ended without a gRPC status")
    }
}

impl Error for Truncated {}

/// The request was not sent again: it is a stream, and its beginning is gone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotReplayable(());

impl NotReplayable {
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for NotReplayable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not sent again: the request is a stream whose beginning is gone")
    }
}

impl Error for NotReplayable {}

/// A setting that cannot be: which rule it broke.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidGrpc {
    /// A limit of zero bytes.
    Limit,
    /// A timeout of zero.
    Timeout,
    /// An origin without scheme or host.
    Origin,
}

impl fmt::Display for InvalidGrpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Limit => "a limit of bytes must be at least one",
            Self::Timeout => "a timeout must be above zero",
            Self::Origin => "an origin must have a scheme and a host",
        })
    }
}

impl Error for InvalidGrpc {}

/// Returns the outcome that an error of a gRPC service stands for.
///
/// Knows the errors of tower-ai, tonic's [`Status`] and [`TimeoutExpired`], and the reasons of HTTP/2. A
/// `CANCELLED` that tonic made of a broken connection is a fault: nobody cancelled.
///
/// # Examples
///
/// ```
/// use tonic::{Status, TimeoutExpired};
/// use tower_ai_core::{BoxError, Outcome};
/// use tower_ai_grpc::error_outcome;
///
/// assert_eq!(error_outcome(&Status::aborted("again")), Outcome::Conflict);
/// let late: BoxError = Box::new(TimeoutExpired(()));
/// assert_eq!(error_outcome(&*late), Outcome::TimedOut);
/// ```
#[must_use]
pub fn error_outcome(error: &(dyn Error + 'static)) -> Outcome {
    if is_ours(error) {
        return outcome_of(error);
    }
    if cause_ref::<TimeoutExpired>(error).is_some() {
        return Outcome::TimedOut;
    }
    if let Some(h2) = cause_ref::<h2::Error>(error) {
        return match h2.reason() {
            Some(h2::Reason::ENHANCE_YOUR_CALM) => Outcome::Overloaded { wait: None },
            _ => Outcome::Fault,
        };
    }
    match cause_ref::<Status>(error) {
        Some(status) if !is_guess(status) => by_code(status.code()),
        _ => outcome_of(error),
    }
}

/// The same for an error of any type, where it is one that we know.
pub(crate) fn any_outcome(error: &dyn std::any::Any) -> Option<Outcome> {
    if let Some(boxed) = error.downcast_ref::<BoxError>() {
        return Some(error_outcome(&**boxed));
    }
    error
        .downcast_ref::<Status>()
        .map(|status| error_outcome(status))
}

/// Whether an error of tower-ai stands in the chain: it has been read already.
fn is_ours(error: &(dyn Error + 'static)) -> bool {
    cause_ref::<Failed>(error).is_some()
        || cause_ref::<Shed>(error).is_some()
        || cause_ref::<Elapsed>(error).is_some()
        || cause_ref::<AllFailed>(error).is_some()
}

/// Whether tonic made the status of an error of the transport, without a word of the server.
pub(crate) fn is_guess(status: &Status) -> bool {
    matches!(status.code(), Code::Cancelled | Code::Unknown) && status.source().is_some()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn from(code: Code, source: impl Error + Send + Sync + 'static) -> Status {
        let mut status = Status::new(code, "");
        status.set_source(Arc::new(source));
        status
    }

    #[test]
    fn a_cancelled_connection_is_a_fault_and_a_cancelled_call_is_not() {
        let guess = from(Code::Cancelled, std::io::Error::other("gone"));
        assert_eq!(error_outcome(&guess), Outcome::Fault);
        assert_eq!(error_outcome(&Status::cancelled("")), Outcome::Cancelled);
    }

    #[test]
    fn a_timeout_is_found_under_what_tonic_calls_cancelled() {
        let late = from(Code::Cancelled, TimeoutExpired(()));
        assert_eq!(error_outcome(&late), Outcome::TimedOut);
    }

    #[test]
    fn a_server_that_asks_for_calm_is_overloaded() {
        let calm = h2::Error::from(h2::Reason::ENHANCE_YOUR_CALM);
        assert_eq!(
            error_outcome(&from(Code::Unknown, calm)),
            Outcome::Overloaded { wait: None }
        );
        let reset = h2::Error::from(h2::Reason::REFUSED_STREAM);
        assert_eq!(error_outcome(&from(Code::Unknown, reset)), Outcome::Fault);
    }

    #[test]
    fn our_own_errors_keep_their_outcome() {
        let shed = Shed::open(None);
        assert_eq!(
            error_outcome(&from(Code::Unknown, shed)),
            Outcome::Shed { wait: None }
        );
        assert_eq!(error_outcome(&Truncated::new()), Outcome::Fault);
    }
}
