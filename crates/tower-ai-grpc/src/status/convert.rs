//! The status that an error stands for.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tonic::metadata::MetadataValue;
use tonic::{Code, Status, TimeoutExpired};
use tower_ai_core::error::{AllFailed, Elapsed, Failed, Shed, cause_ref};
use tower_ai_core::{BoxError, Outcome};

use crate::error::{NotReplayable, Truncated, is_guess};

/// The name of [`PUSHBACK`](crate::answer::PUSHBACK), as metadata wants it.
const PUSHBACK_KEY: &str = "grpc-retry-pushback-ms";

/// Returns the status that an error stands for. See the [module docs](crate::status) for the table.
///
/// The error itself is the status's source, so [`cause_ref`] finds in it what it found before.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tonic::Code;
/// use tower_ai_core::error::{Shed, cause_ref};
/// use tower_ai_grpc::error_status;
///
/// let status = error_status(Shed::open(Some(Duration::from_secs(3))));
/// assert_eq!(status.code(), Code::Unavailable);
/// assert_eq!(status.metadata().get("grpc-retry-pushback-ms").unwrap(), "3000");
/// assert!(cause_ref::<Shed>(&status).is_some());
/// ```
#[must_use]
pub fn error_status(error: impl Into<BoxError>) -> Status {
    let error = error.into();
    let told = told(&*error);
    match (told, error.downcast::<Status>()) {
        (None, Ok(status)) => *status,
        (None, Err(error)) => Status::from_error(error),
        (Some(mut status), error) => {
            let source = error.map_or_else(Arc::from, |status| Arc::from(BoxError::from(*status)));
            status.set_source(source);
            status
        }
    }
}

/// What we know better than tonic, or `None`.
fn told(error: &(dyn Error + 'static)) -> Option<Status> {
    if let Some(all) = cause_ref::<AllFailed>(error) {
        return Some(with_wait(
            Status::new(all_failed(all), all.to_string()),
            all.wait(),
        ));
    }
    match cause_ref::<Status>(error) {
        Some(status) if is_guess(status) => {}
        Some(_) if error.is::<Status>() => return None,
        Some(status) => return Some(copy(status)),
        None => {}
    }
    if let Some(elapsed) = cause_ref::<Elapsed>(error) {
        return Some(Status::deadline_exceeded(elapsed.to_string()));
    }
    if cause_ref::<TimeoutExpired>(error).is_some() {
        return Some(Status::deadline_exceeded("the time for the call is over"));
    }
    if let Some(shed) = cause_ref::<Shed>(error) {
        return Some(with_wait(
            Status::unavailable(shed.to_string()),
            shed.wait(),
        ));
    }
    if let Some(truncated) = cause_ref::<Truncated>(error) {
        return Some(Status::unknown(truncated.to_string()));
    }
    if let Some(broken) = cause_ref::<h2::Error>(error) {
        return Some(Status::new(
            by_reason(broken),
            "the connection broke, or the server reset the call",
        ));
    }
    if let Some(failed) = cause_ref::<Failed>(error) {
        let status = Status::new(by_outcome(failed.outcome()), failed.to_string());
        return Some(with_wait(status, failed.outcome().wait()));
    }
    match cause_ref::<Status>(error)?.code() {
        Code::Cancelled => Some(Status::unavailable(
            "the connection closed before the answer",
        )),
        _ => None,
    }
}

/// A status without its source, which cannot be copied.
fn copy(status: &Status) -> Status {
    Status::with_details_and_metadata(
        status.code(),
        status.message(),
        status.details().to_vec().into(),
        status.metadata().clone(),
    )
}

/// Tells clients further up how long to stay away, as a server would.
fn with_wait(mut status: Status, wait: Option<Duration>) -> Status {
    let millis = wait.map(|wait| i32::try_from(wait.as_millis().max(1)).unwrap_or(i32::MAX));
    if let Some(millis) = millis {
        status
            .metadata_mut()
            .insert(PUSHBACK_KEY, MetadataValue::from(millis));
    }
    status
}

/// No target answered: what the last one said that was asked, or that the time was over.
fn all_failed(all: &AllFailed) -> Code {
    let last = all.source();
    let is_late = last.is_some_and(|last| cause_ref::<Elapsed>(last).is_some());
    let is_once = last.is_some_and(|last| cause_ref::<NotReplayable>(last).is_some());
    match all.outcome() {
        Outcome::Shed { .. } if is_late => Code::DeadlineExceeded,
        // A failure of a request that could not be sent again counts as one that is not worth it.
        Outcome::TimedOut if is_once => Code::Unavailable,
        outcome => by_outcome(outcome),
    }
}

const fn by_outcome(outcome: Outcome) -> Code {
    match outcome {
        Outcome::TimedOut => Code::DeadlineExceeded,
        Outcome::RateLimited { .. } | Outcome::Exhausted { .. } => Code::ResourceExhausted,
        Outcome::Unauthorized => Code::Unauthenticated,
        Outcome::Missing => Code::NotFound,
        Outcome::Conflict => Code::Aborted,
        Outcome::TooLong | Outcome::Invalid => Code::InvalidArgument,
        Outcome::Refused => Code::PermissionDenied,
        Outcome::Cancelled => Code::Cancelled,
        _ => Code::Unavailable,
    }
}

/// The table of gRPC's HTTP/2 mapping; a connection that is lost or leaves is unavailable.
fn by_reason(error: &h2::Error) -> Code {
    if error.is_io() || error.is_go_away() {
        return Code::Unavailable;
    }
    match error.reason() {
        Some(h2::Reason::REFUSED_STREAM) => Code::Unavailable,
        Some(h2::Reason::CANCEL) => Code::Cancelled,
        Some(h2::Reason::ENHANCE_YOUR_CALM) => Code::ResourceExhausted,
        Some(h2::Reason::INADEQUATE_SECURITY) => Code::PermissionDenied,
        _ => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use tower_ai_core::{Target, Tried};

    use super::*;

    fn code(error: impl Into<BoxError>) -> Code {
        error_status(error).code()
    }

    fn tried(outcome: Outcome, source: Option<BoxError>) -> AllFailed {
        let tried = Tried::new(Target::new("one").unwrap(), outcome, Duration::ZERO);
        AllFailed::new(vec![tried], Some(Duration::from_secs(2)), source)
    }

    #[test]
    fn a_status_passes_unchanged_bare_or_wrapped() {
        let mut status = Status::new(Code::DataLoss, "lost");
        status
            .metadata_mut()
            .insert("x", MetadataValue::from_static("y"));
        let wrapped = error_status(Failed::new(Outcome::Fault, status));
        assert_eq!(
            (wrapped.code(), wrapped.message()),
            (Code::DataLoss, "lost")
        );
        assert_eq!(wrapped.metadata().get("x").unwrap(), "y");
        assert_eq!(code(Status::new(Code::DataLoss, "lost")), Code::DataLoss);
    }

    #[test]
    fn silence_is_a_deadline_and_never_cancelled() {
        assert_eq!(
            code(Elapsed::new("x", Duration::ZERO)),
            Code::DeadlineExceeded
        );
        assert_eq!(code(TimeoutExpired(())), Code::DeadlineExceeded);
        let mut guess = Status::cancelled("Timeout expired");
        guess.set_source(Arc::new(TimeoutExpired(())));
        assert_eq!(code(guess), Code::DeadlineExceeded);
    }

    #[test]
    fn a_connection_that_closed_is_unavailable_and_never_cancelled() {
        let mut guess = Status::cancelled("operation was canceled");
        guess.set_source(Arc::new(std::io::Error::other("closed")));
        assert_eq!(code(guess), Code::Unavailable);
        assert_eq!(code(Status::cancelled("by the server")), Code::Cancelled);
    }

    #[test]
    fn what_no_target_answered_says_when_to_come_back() {
        let status = error_status(tried(Outcome::Fault, None));
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(status.metadata().get(PUSHBACK_KEY).unwrap(), "2000");
        assert!(
            status.message().contains("one fault"),
            "{}",
            status.message()
        );
        assert_eq!(code(tried(Outcome::TimedOut, None)), Code::DeadlineExceeded);
        let late = Failed::new(
            Outcome::Shed { wait: None },
            Elapsed::new("x", Duration::ZERO),
        );
        let shed = Outcome::Shed { wait: None };
        assert_eq!(code(tried(shed, Some(late.into()))), Code::DeadlineExceeded);
    }

    #[test]
    fn reasons_of_http2_follow_the_table() {
        assert_eq!(
            code(h2::Error::from(h2::Reason::REFUSED_STREAM)),
            Code::Unavailable
        );
        assert_eq!(
            code(h2::Error::from(h2::Reason::PROTOCOL_ERROR)),
            Code::Internal
        );
        assert_eq!(code(Truncated::new()), Code::Unknown);
    }

    #[test]
    fn an_error_of_a_strange_layer_stays_unknown() {
        assert_eq!(code("strange"), Code::Unknown);
    }
}
