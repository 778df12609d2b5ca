//! Reading an outcome off the head of an answer.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response, StatusCode};
use tower_ai_core::{Classify, Outcome};

use crate::answer::Answer;
use crate::backend::Backend;
use crate::error::any_outcome;

/// Reads what an answer means, wherever its status stands.
///
/// As a [`Classify`] it reads the *head*: the status of an answer that is trailers-only, the HTTP status of
/// one that is not gRPC, or the [`Outcome`] that a layer below left in the extensions. A head that says
/// nothing yet counts as [`Outcome::Success`]: put [`GrpcGuardLayer`](crate::GrpcGuardLayer) below, and
/// whatever fails before the first message shows in the head.
///
/// # Examples
///
/// ```
/// use tonic::{Code, Status};
/// use tower_ai_core::{BoxError, Classify, Outcome};
/// use tower_ai_grpc::{GrpcClassify, Tei};
///
/// let refused = Status::new(Code::FailedPrecondition, "").into_http::<()>();
/// let refused: Result<_, &BoxError> = Ok(&refused);
/// assert_eq!(GrpcClassify::new().classify(refused), Outcome::Invalid);
/// assert_eq!(GrpcClassify::backend(Tei).classify(refused), Outcome::Fault);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct GrpcClassify<O = ()> {
    backend: O,
}

impl GrpcClassify {
    /// Reads by the table alone.
    #[must_use]
    pub const fn new() -> Self {
        Self { backend: () }
    }
}

impl Default for GrpcClassify {
    fn default() -> Self {
        Self::new()
    }
}

impl<O> GrpcClassify<O> {
    /// Asks this first, and then the table.
    pub const fn backend(backend: O) -> Self {
        Self { backend }
    }
}

impl<O: Backend> GrpcClassify<O> {
    /// What an answer means whose status is known.
    pub fn read(&self, answer: &Answer<'_>) -> Outcome {
        match self.backend.outcome(answer) {
            Some(means) => answer.with_wish(means),
            None => answer.outcome(),
        }
    }

    /// What the head says, or `None` if the trailers will.
    pub(crate) fn head<B>(&self, head: &Response<B>) -> Option<Outcome> {
        if let Some(outcome) = head.extensions().get() {
            return Some(*outcome);
        }
        let (status, headers) = (head.status(), head.headers());
        let answer = Answer::new(status, headers);
        let is_final = answer.code().is_some() || status != StatusCode::OK || !is_grpc(headers);
        is_final.then(|| self.read(&answer))
    }
}

/// Whether the answer is gRPC, or at least does not say that it is something else.
fn is_grpc(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    content_type.as_bytes().starts_with(b"application/grpc")
}

impl<O, B, E> Classify<Response<B>, E> for GrpcClassify<O>
where
    O: Backend,
    E: 'static,
{
    fn classify(&self, result: Result<&Response<B>, &E>) -> Outcome {
        match result {
            Ok(response) => self.head(response).unwrap_or(Outcome::Success),
            Err(error) => any_outcome(error).unwrap_or(Outcome::Fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use tower_ai_core::BoxError;
    use tower_ai_core::error::Shed;

    use super::*;

    fn head(status: u16, headers: &[(&str, &str)]) -> Response<()> {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(()).unwrap()
    }

    #[test]
    fn a_head_without_a_status_leaves_it_to_the_trailers() {
        let classify = GrpcClassify::new();
        assert_eq!(classify.head(&head(200, &[])), None);
        assert_eq!(
            classify.head(&head(200, &[("content-type", "application/grpc+proto")])),
            None
        );
    }

    #[test]
    fn a_head_that_is_not_grpc_is_final() {
        let classify = GrpcClassify::new();
        let page = head(200, &[("content-type", "text/html")]);
        assert_eq!(classify.head(&page), Some(Outcome::Fault));
        assert_eq!(
            classify.head(&head(503, &[])),
            Some(Outcome::Overloaded { wait: None })
        );
        let over = head(200, &[("grpc-status", "0")]);
        assert_eq!(classify.head(&over), Some(Outcome::Success));
    }

    #[test]
    fn what_a_layer_below_has_read_stands() {
        let mut response = head(200, &[("grpc-status", "0")]);
        response
            .extensions_mut()
            .insert(Outcome::Warming { wait: None });
        let result: Result<_, &BoxError> = Ok(&response);
        assert_eq!(
            GrpcClassify::new().classify(result),
            Outcome::Warming { wait: None }
        );
    }

    #[test]
    fn an_error_tells_its_own_outcome() {
        let shed: BoxError = Box::new(Shed::open(None));
        let result: Result<&Response<()>, _> = Err(&shed);
        assert_eq!(
            GrpcClassify::new().classify(result),
            Outcome::Shed { wait: None }
        );
    }
}
