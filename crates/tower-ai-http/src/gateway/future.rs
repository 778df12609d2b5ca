//! The future of [`Gateway`](super::Gateway).

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use http::header::CONTENT_LENGTH;
use http_body::Body;
use pin_project_lite::pin_project;
use tower_ai_core::BoxError;

use super::api::Api;
use super::body::GatewayBody;
use super::events::Framing;
use super::{headers, told};

pin_project! {
    /// The answer to a caller.
    pub struct ResponseFuture<F> {
        #[pin]
        state: State<F>,
        api: Api,
        says_served: bool,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        // Waiting for the answer of the service below.
        Called { #[pin] future: F },
        // The service below did not become ready.
        Unready { error: Option<BoxError> },
    }
}

impl<F> ResponseFuture<F> {
    pub(super) const fn called(future: F, api: Api, says_served: bool) -> Self {
        Self {
            state: State::Called { future },
            api,
            says_served,
        }
    }

    pub(super) const fn unready(error: BoxError, api: Api, says_served: bool) -> Self {
        Self {
            state: State::Unready { error: Some(error) },
            api,
            says_served,
        }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: Into<BoxError>,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    type Output = Result<Response<GatewayBody<R>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = match this.state.project() {
            StateProj::Called { future } => ready!(future.poll(cx)).map_err(Into::into),
            StateProj::Unready { error } => Err(error.take().expect("polled after it was ready")),
        };
        Poll::Ready(Ok(match result {
            Ok(response) => passed(response, *this.api, *this.says_served),
            Err(error) => told::response(&*error, *this.api, *this.says_served),
        }))
    }
}

/// A provider's answer, as the caller may have it.
fn passed<R>(mut response: Response<R>, api: Api, says_served: bool) -> Response<GatewayBody<R>> {
    headers::remove_connection(response.headers_mut());
    if says_served {
        headers::say_served(&mut response);
    }
    let framing = Framing::of(response.status(), response.headers());
    if framing.is_some() {
        // An error event may follow what was counted.
        response.headers_mut().remove(CONTENT_LENGTH);
        if says_served {
            headers::announce_spliced(response.headers_mut());
        }
    }
    response.map(|body| GatewayBody::passed(body, framing, api))
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("api", &self.api)
            .finish_non_exhaustive()
    }
}
