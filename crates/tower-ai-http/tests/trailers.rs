//! The seam of `Follow` is wide enough for gRPC, where a good head says nothing and the outcome stands in the
//! trailers: a follower of twenty lines proves it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tower_ai_core::{BoxError, Follow, Outcome, Settle};

use support::{Log, Script, Step};

struct FollowTrailers;

impl Follow<Response<Script>, BoxError> for FollowTrailers {
    type Response<H: Settle> = Response<Trailed<H>>;

    fn follow<H: Settle>(
        &self,
        result: Result<Response<Script>, BoxError>,
        handle: H,
    ) -> Result<Self::Response<H>, BoxError> {
        let mut handle = Some(handle);
        let head = result
            .as_ref()
            .map(|response| response.headers().get("grpc-status").is_some());
        if !matches!(head, Ok(false))
            && let Some(handle) = handle.take()
        {
            let headers = result.as_ref().ok().map(Response::headers);
            handle.settle(headers.map_or(Outcome::Fault, outcome_in));
        }
        result.map(|response| response.map(|inner| Trailed { inner, handle }))
    }
}

struct Trailed<H> {
    inner: Script,
    handle: Option<H>,
}

impl<H: Settle + Unpin> Body for Trailed<H> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        let outcome = match &frame {
            Some(Ok(frame)) if frame.is_data() => None,
            Some(Ok(frame)) => frame.trailers_ref().map(outcome_in),
            // The end without trailers is a truncated answer, and no success.
            Some(Err(_)) | None => Some(Outcome::Fault),
        };
        if let Some(outcome) = outcome
            && let Some(handle) = self.handle.take()
        {
            handle.settle(outcome);
        }
        Poll::Ready(frame)
    }
}

fn outcome_in(headers: &HeaderMap) -> Outcome {
    match headers.get("grpc-status").map(|status| status.as_bytes()) {
        Some(b"0") => Outcome::Success,
        Some(b"8") => Outcome::RateLimited { wait: None },
        _ => Outcome::Fault,
    }
}

fn status(code: &str) -> HeaderMap {
    let mut map = HeaderMap::new();
    map.insert("grpc-status", code.parse().unwrap());
    map
}

async fn settled(response: Response<Script>) -> Vec<String> {
    let log = Log::default();
    let response = FollowTrailers.follow(Ok(response), log.handle()).unwrap();
    let _ = response.into_body().collect().await;
    log.entries()
}

fn message() -> Step {
    Step::Data(Bytes::from_static(b"\0\0\0\0\x01m"))
}

#[tokio::test]
async fn the_trailers_tell_the_outcome() {
    let reply = |code| Response::new(Script::new([message(), Step::Trailers(status(code))]));
    assert_eq!(settled(reply("0")).await, ["success"]);
    assert_eq!(settled(reply("8")).await, ["rate_limited"]);
}

#[tokio::test]
async fn so_does_a_head_with_trailers_only() {
    let mut reply = Response::new(Script::default());
    *reply.headers_mut() = status("8");
    assert_eq!(settled(reply).await, ["rate_limited"]);
}

#[tokio::test]
async fn an_end_without_trailers_is_a_fault() {
    assert_eq!(
        settled(Response::new(Script::new([message()]))).await,
        ["fault"]
    );
}

#[tokio::test]
async fn a_reader_that_leaves_cancels() {
    let log = Log::default();
    let reply = Response::new(Script::new([message(), Step::Trailers(status("0"))]));
    let mut body = FollowTrailers
        .follow(Ok(reply), log.handle())
        .unwrap()
        .into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    assert_eq!(log.entries(), ["cancelled"]);
}
