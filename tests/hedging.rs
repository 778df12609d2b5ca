//! Hedges and classes of the whole stack, over real sockets.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;
use tower_ai::error::{Reason, Shed, cause_ref};
use tower_ai::failover::Hedge;
use tower_ai::http::{ReplayBody, ReplayLayer, TargetLayer};
use tower_ai::{BoxError, Budget, Mode, Outcome, Priority, Served, Stack, StackBuilder, Target};
use tower_ai_drill::{End, Fault, Pace, Provider, Script};

type Body = BoxBody<Bytes, Infallible>;
type Ours = Stack<Client<HttpConnector, ReplayBody<Body>>>;

const MS: Duration = Duration::from_millis(1);

async fn provider(name: &str, script: Script) -> Provider {
    let pace = Pace::new(2 * MS, Duration::ZERO, 3..=3).expect("a valid pace");
    let builder = Provider::builder(name).pace(pace).script(script);
    builder.start().await.expect("a free port")
}

fn target(provider: &Provider, capacity: Option<u32>) -> TargetLayer {
    let endpoint = provider.endpoint();
    let mut target = Target::builder(&endpoint.name).endpoint(&endpoint.url);
    if let Some(capacity) = capacity {
        target = target.capacity(capacity);
    }
    TargetLayer::new(target.build().expect("valid")).expect("valid")
}

fn stack(change: impl FnOnce(StackBuilder) -> StackBuilder) -> Ours {
    let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let builder = change(Stack::builder().seed(1));
    builder.build(client).expect("a valid stack")
}

fn request(stream: bool) -> http::Request<Body> {
    let body = format!(r#"{{"model": "m", "stream": {stream}, "messages": []}}"#);
    http::Request::post("/v1/chat/completions")
        .header("content-type", "application/json")
        .body(Full::from(body).boxed())
        .expect("a valid request")
}

/// Who answered, after how many attempts, and what the others said.
async fn ask(
    stack: &Ours,
    request: http::Request<Body>,
) -> Result<(String, u32, Vec<Outcome>), BoxError> {
    let response = stack.clone().oneshot(request).await?;
    let served = response.extensions().get::<Served>().cloned();
    response.into_body().collect().await?;
    let served = served.ok_or("nobody said who served")?;
    let target = served.target().map_or("", Target::name).to_owned();
    let tried = served.tried().iter().map(|tried| tried.outcome).collect();
    Ok((target, served.attempts(), tried))
}

/// The loser's connection is closed, and its target is not blamed.
#[tokio::test]
async fn a_silent_target_is_hedged_and_its_attempt_cancelled() {
    for (fault, stream) in [
        (Fault::StallBeforeHead, false),
        (Fault::StallBeforeHead, true),
        (Fault::Pings, true),
    ] {
        let silent = provider("silent", Script::always(fault)).await;
        let well = provider("well", Script::well()).await;
        let budget = Budget::new(0.0, 2).expect("valid");
        let stack = stack(|stack| {
            stack
                .targets([target(&silent, None), target(&well, None)])
                .budget(budget.clone())
                .hedge(Hedge::after(100 * MS).expect("some time"))
        });
        let call = timeout(Duration::from_secs(5), ask(&stack, request(stream)));
        let (by, attempts, tried) = call.await.expect("in time").expect("an answer");
        assert_eq!((by.as_str(), attempts), ("well", 2), "{fault}");
        assert_eq!(tried, [Outcome::Cancelled]);
        assert!((budget.balance() - 1.0).abs() < 1e-9);
        let left = |entry: &tower_ai_drill::Entry| matches!(entry.end, Some((_, End::ClientLeft)));
        for _ in 0..200 {
            if silent.log().entries().iter().all(left) {
                break;
            }
            sleep(5 * MS).await;
        }
        assert!(silent.log().entries().iter().all(left), "{fault}");
        let handle = stack.handle();
        let breaker = handle.breaker("silent").expect("its breaker");
        assert_eq!(breaker.mode(), Mode::Closed, "{fault}");
        let pending = handle
            .breakers()
            .map(|(target, _)| target.health().pending());
        assert_eq!(pending.collect::<Vec<_>>(), [0, 0]);
    }
}

/// A body that comes in parts.
struct Parts(VecDeque<&'static str>);

impl http_body::Body for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let part = self.0.pop_front().map(Bytes::from);
        Poll::Ready(part.map(|part| Ok(Frame::data(part))))
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_sent_twice_is_not_hedged() {
    let slow = provider("slow", Script::always(Fault::Late { by: 600 * MS })).await;
    let well = provider("well", Script::well()).await;
    let stack = stack(|stack| {
        stack
            .targets([target(&slow, None), target(&well, None)])
            .replay(ReplayLayer::with_limit(16).expect("valid"))
            .hedge(Hedge::after(100 * MS).expect("some time"))
    });
    let request =
        request(false).map(|_| Parts([r#"{"model": "m", "#, r#""messages": []}"#].into()).boxed());
    let (by, attempts, _) = ask(&stack, request).await.expect("an answer");
    assert_eq!((by.as_str(), attempts), ("slow", 1));
    assert_eq!(well.log().len(), 0);
}

/// A call counts until the end of its answer, by the breaker's book.
#[tokio::test]
async fn a_small_backup_keeps_its_places_for_those_who_matter() {
    let down = provider(
        "down",
        Script::always(Fault::RateLimit {
            wait: Some(50_000 * MS),
        }),
    )
    .await;
    let small = provider("small", Script::always(Fault::Late { by: 1500 * MS })).await;
    let stack = stack(|stack| stack.targets([target(&down, None), target(&small, Some(4))]));
    let of = |class: Priority| {
        let mut request = request(true);
        request.extensions_mut().insert(class);
        let stack = stack.clone();
        tokio::spawn(async move { ask(&stack, request).await })
    };
    let mut running = Vec::new();
    for class in [Priority::High, Priority::Low] {
        running.push(of(class));
        sleep(100 * MS).await;
    }
    let error = of(Priority::Low)
        .await
        .expect("no panic")
        .expect_err("full for it");
    let shed = cause_ref::<Shed>(&*error).expect("it was not sent");
    assert_eq!(shed.reason(), Reason::Busy);
    assert!(shed.wait().is_some_and(|wait| wait > Duration::ZERO));
    running.extend([Priority::Normal, Priority::High].map(of));
    for call in running {
        let (by, ..) = call.await.expect("no panic").expect("an answer");
        assert_eq!(by, "small");
    }
    assert_eq!(small.log().len(), 4);
}
