//! Tower's own retry, with what this crate gives it, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tower::retry::{Policy, RetryLayer};
use tower::{ServiceBuilder, ServiceExt};
use tower_ai_core::{Again, BoxError, Classify, Target};
use tower_ai_http::{HttpClassify, ReplayBody, ReplayLayer, TargetLayer, try_clone_request};

use support::{Got, Script, Step, serve};

/// Twice at most, where the one table allows it.
#[derive(Clone)]
struct Twice(u32);

impl<B, R> Policy<Request<ReplayBody<B>>, Response<R>, BoxError> for Twice {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut Request<ReplayBody<B>>,
        result: &mut Result<Response<R>, BoxError>,
    ) -> Option<Ready<()>> {
        let outcome = HttpClassify.classify(result.as_ref());
        self.0 += 1;
        (self.0 < 2 && outcome.advice().again == Again::Yes).then(|| ready(()))
    }

    fn clone_request(
        &mut self,
        request: &Request<ReplayBody<B>>,
    ) -> Option<Request<ReplayBody<B>>> {
        try_clone_request(request)
    }
}

/// Answers once with this, and then well.
async fn sent(first: u16, body: &'static str) -> (StatusCode, Vec<Got>) {
    let calls = Arc::new(AtomicU32::new(0));
    let (url, got) = serve(move |_: &Got| {
        let status = match calls.fetch_add(1, Ordering::Relaxed) {
            0 => first,
            _ => 200,
        };
        let body = Full::from(body).map_err(Into::into).boxed_unsync();
        Response::builder().status(status).body(body).unwrap()
    })
    .await;
    let target = Target::builder("t").endpoint(url).build().unwrap();
    let service = ServiceBuilder::new()
        .layer(ReplayLayer::new())
        .layer(RetryLayer::new(Twice(0)))
        .layer(TargetLayer::new(target).unwrap())
        .service(Client::builder(TokioExecutor::new()).build_http());

    let steps = [
        Step::Data(Bytes::from("{\"a\":")),
        Step::Later,
        Step::Data(Bytes::from("1}")),
    ];
    let body: UnsyncBoxBody<Bytes, BoxError> = Script::new(steps).boxed_unsync();
    let response = service
        .oneshot(Request::post("/v1/x").body(body).unwrap())
        .await
        .unwrap();
    let got = got.lock().unwrap().clone();
    (response.status(), got)
}

#[tokio::test]
async fn a_streamed_request_is_sent_again_whole() {
    let (status, got) = sent(500, "").await;
    assert_eq!(status, StatusCode::OK);
    let bodies: Vec<_> = got.into_iter().map(|got| got.body).collect();
    assert_eq!(bodies, ["{\"a\":1}"; 2]);
}

#[tokio::test]
async fn what_no_retry_helps_is_not_sent_again() {
    let spent = r#"{"error":{"code":"insufficient_quota"}}"#;
    for (status, body) in [(429, spent), (400, ""), (401, "")] {
        let (answered, got) = sent(status, body).await;
        assert_eq!(answered.as_u16(), status);
        assert_eq!(got.len(), 1);
    }
}
