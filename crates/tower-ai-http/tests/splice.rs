//! What going on with a broken stream promises, one test a promise, on a paused clock.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_test::task;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_ai_core::error::{cause_ref, outcome_of};
use tower_ai_core::{Attempt, BoxError, Joint, Outcome, Served, Splice, Target};
use tower_ai_http::{ContinueLayer, Prefill, ReplayBody, ReplayLayer, TargetLayer};
use tower_ai_stream::{Broken, Ending, Lapse, Malformed, StreamGuardLayer};

use support::{Script, Step};

const SEC: Duration = Duration::from_secs(1);

/// What the provider does with one request.
#[derive(Clone, Debug)]
enum Act {
    Stream(Vec<Step>),
    Status(u16),
    Fail,
    /// Never answers.
    Silence,
}

/// The body of a request and what it carried.
type Asked = (Value, Option<Attempt>);

/// A provider that takes its acts one by one, and what it was sent.
#[derive(Clone, Debug, Default)]
struct Provider {
    acts: Arc<Mutex<VecDeque<Act>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    alive: Arc<()>,
}

impl Provider {
    fn new(acts: impl IntoIterator<Item = Act>) -> Self {
        Self {
            acts: Arc::new(Mutex::new(acts.into_iter().collect())),
            ..Self::default()
        }
    }

    fn asked(&self) -> Vec<Value> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|(body, _)| body.clone()).collect()
    }

    fn service(
        &self,
    ) -> impl Service<
        Request<ReplayBody<Full<Bytes>>>,
        Response = Response<Living>,
        Error = BoxError,
        Future: Send,
    > + Clone
    + Send
    + Sync
    + 'static {
        let provider = self.clone();
        service_fn(move |request: Request<ReplayBody<Full<Bytes>>>| {
            let (provider, alive) = (provider.clone(), provider.alive.clone());
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await?.to_bytes();
                let body = serde_json::from_slice(&body).unwrap_or_default();
                let attempt = head.extensions.get::<Attempt>().copied();
                provider.asked.lock().unwrap().push((body, attempt));
                let act = provider.acts.lock().unwrap().pop_front();
                let builder = Response::builder();
                let (status, steps) = match act.unwrap_or(Act::Status(404)) {
                    Act::Stream(steps) => (200, steps),
                    Act::Status(status) => {
                        let error = json!({"error": {"type": "invalid_request_error"}});
                        (status, vec![Step::Data(error.to_string().into())])
                    }
                    Act::Fail => return Err("no connection".into()),
                    Act::Silence => std::future::pending().await,
                };
                let kind = if status == 200 {
                    "text/event-stream"
                } else {
                    "application/json"
                };
                let name = provider.asked.lock().unwrap().len();
                let mut served = Served::default();
                served.set_target(Target::new(format!("t{name}"))?);
                served.add_attempts(1);
                let body = Living {
                    script: Script::new(steps),
                    _alive: alive,
                };
                let builder = builder.status(status).header("content-type", kind);
                Ok(builder.extension(served).body(body)?)
            }
        })
    }
}

/// A body that counts itself while it lives.
struct Living {
    script: Script,
    _alive: Arc<()>,
}

impl Body for Living {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, BoxError>>> {
        std::pin::Pin::new(&mut self.script).poll_frame(cx)
    }
}

fn stream(steps: impl IntoIterator<Item = Step>) -> Act {
    Act::Stream(steps.into_iter().collect())
}

fn data(event: &Value) -> Step {
    Step::Data(format!("data: {event}\n\n").into())
}

fn words(words: &str) -> Step {
    data(&json!({"id": "x", "choices": [{"index": 0, "delta": {"content": words}}]}))
}

fn done() -> Step {
    Step::Data("data: [DONE]\n\n".into())
}

/// Says so much and breaks off.
fn cut(said: &[&str]) -> Act {
    stream(said.iter().map(|said| words(said)))
}

fn whole(said: &[&str]) -> Act {
    stream(said.iter().map(|said| words(said)).chain([done()]))
}

fn ask(body: &Value) -> Request<Full<Bytes>> {
    let body = Full::from(body.to_string());
    Request::post("/v1/chat/completions").body(body).unwrap()
}

fn hello() -> Value {
    json!({"stream": true, "messages": [{"role": "user", "content": "hello"}]})
}

/// The layers around a provider, from the replayable body down to the target.
fn stack(
    provider: &Provider,
    layer: ContinueLayer,
    prefill: Option<Prefill>,
) -> impl Service<
    Request<Full<Bytes>>,
    Response = Response<impl Body<Data = Bytes, Error = BoxError> + Send + Sync + 'static>,
    Error = BoxError,
    Future: Send,
> + Clone {
    let target = Target::builder("t")
        .endpoint("http://h/v1")
        .build()
        .unwrap();
    let target = TargetLayer::new(target).unwrap().with_prefill(prefill);
    let guarded = StreamGuardLayer::new().layer(target.layer(provider.service()));
    ReplayLayer::new().layer(layer.layer(guarded))
}

/// What a caller has at the end.
struct Got {
    text: String,
    raw: String,
    error: Option<BoxError>,
    served: Served,
    trailer: Option<String>,
}

impl Got {
    fn ending(&self) -> Option<Ending> {
        let error = self.error.as_deref()?;
        Some(cause_ref::<Broken>(error)?.ending())
    }

    fn splices(&self) -> Vec<(Joint, usize)> {
        let pair = |splice: &Splice| (splice.joint, splice.after);
        self.served.splices().iter().map(pair).collect()
    }
}

async fn read<B: Body<Data = Bytes, Error = BoxError>>(response: Response<B>) -> Got {
    let served = response.extensions().get::<Served>().cloned().unwrap();
    let mut body = std::pin::pin!(response.into_body());
    let (mut raw, mut error, mut trailer) = (String::new(), None, None);
    while let Some(frame) = body.frame().await {
        match frame.map(http_body::Frame::into_data) {
            Ok(Ok(data)) => raw += std::str::from_utf8(&data).unwrap(),
            Ok(Err(frame)) => {
                let map = frame.into_trailers().unwrap();
                let value = map.get("x-tower-ai-spliced");
                trailer = value.map(|value| value.to_str().unwrap().to_owned());
            }
            Err(failed) => error = Some(failed),
        }
    }
    let events = raw.lines().filter_map(|line| line.strip_prefix("data: "));
    let text = events.filter_map(|event| serde_json::from_str::<Value>(event).ok());
    let text = text.map(|event| {
        let words = event["choices"][0]["delta"]["content"].as_str();
        words.unwrap_or_default().to_owned()
    });
    Got {
        text: text.collect(),
        raw,
        error,
        served,
        trailer,
    }
}

async fn call(provider: &Provider, layer: ContinueLayer, prefill: Option<Prefill>) -> Got {
    call_with(provider, layer, prefill, ask(&hello())).await
}

async fn call_with(
    provider: &Provider,
    layer: ContinueLayer,
    prefill: Option<Prefill>,
    request: Request<Full<Bytes>>,
) -> Got {
    read(
        stack(provider, layer, prefill)
            .oneshot(request)
            .await
            .unwrap(),
    )
    .await
}

#[tokio::test(start_paused = true)]
async fn a_target_that_takes_a_beginning_goes_on_with_it() {
    let provider = Provider::new([cut(&["So it", " is"]), whole(&[", my", " friend"])]);
    let got = call(&provider, ContinueLayer::new(), Some(Prefill::Message)).await;
    assert_eq!(got.text, "So it is, my friend");
    assert!(got.error.is_none() && got.raw.ends_with("data: [DONE]\n\n"));
    let second = &provider.asked()[1];
    let last = json!({"role": "assistant", "content": "So it is"});
    assert_eq!(second["messages"][1], last);
    assert_eq!(got.splices(), [(Joint::Prefill, 8)]);
    assert_eq!(got.trailer.as_deref(), Some("t1>t2;prefill"));
    assert_eq!(got.served.attempts(), 2);
    assert_eq!(got.served.splices()[0].why, Outcome::Fault);
}

#[tokio::test(start_paused = true)]
async fn any_other_target_begins_anew_and_must_say_the_same() {
    let provider = Provider::new([
        cut(&["So it", " is"]),
        whole(&["So ", "it is, my", " friend"]),
    ]);
    let got = call(&provider, ContinueLayer::new(), None).await;
    assert_eq!(got.text, "So it is, my friend");
    assert!(got.error.is_none());
    assert_eq!(provider.asked()[1], hello(), "the same request again");
    assert_eq!(got.splices(), [(Joint::Restart, 8)]);
    assert_eq!(got.trailer.as_deref(), Some("t1>t2;restart"));
}

#[tokio::test(start_paused = true)]
async fn what_broke_is_avoided_and_the_deadline_is_a_new_one() {
    let provider = Provider::new([cut(&["a"]), whole(&["ab"])]);
    let mut request = ask(&hello());
    let over = tower_ai_core::Deadline::after(Instant::now(), SEC);
    let attempt = Attempt::begin(Instant::now()).with_deadline(over);
    request.extensions_mut().insert(attempt);
    let layer = ContinueLayer::new().within(7 * SEC).unwrap();
    let got = call_with(&provider, layer, None, request).await;
    let (_, second) = provider.asked.lock().unwrap()[1];
    let second = second.unwrap();
    assert!(second.avoids(got.served.target().unwrap()));
    assert!(second.deposited() && second.streamed());
    assert_eq!(second.number(), 1);
    let left = second.deadline().unwrap().remaining(Instant::now());
    assert_eq!(left, 7 * SEC);
}

#[tokio::test(start_paused = true)]
async fn a_refused_prefill_is_followed_by_a_restart_and_reaches_nobody() {
    let acts = [
        cut(&["So it is"]),
        Act::Status(400),
        whole(&["So it is, my friend"]),
    ];
    let provider = Provider::new(acts);
    let got = call(&provider, ContinueLayer::new(), Some(Prefill::Message)).await;
    assert_eq!(got.text, "So it is, my friend");
    assert_eq!(provider.asked()[2], hello());
    assert_eq!(got.splices(), [(Joint::Restart, 8)]);
    assert_eq!(got.served.attempts(), 3, "each is counted");

    let provider = Provider::new([cut(&["So it is"]), Act::Status(400), whole(&["But no"])]);
    let got = call(&provider, ContinueLayer::new(), Some(Prefill::Message)).await;
    assert_eq!(
        (got.text.as_str(), got.ending()),
        ("So it is", Some(Ending::Truncated))
    );
    assert_eq!((provider.asked().len(), got.splices().len()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_prefill_that_is_gone_on_with_elsewhere_is_followed_by_a_restart() {
    // Claude is sent no white space at the end, and goes on without it.
    let start = json!({"type": "message_start", "message": {"id": "m", "content": []}});
    let block = json!({"type": "content_block_start", "index": 0,
        "content_block": {"type": "text", "text": ""}});
    let say = |words: &str| {
        data(&json!({"type": "content_block_delta", "index": 0,
            "delta": {"type": "text_delta", "text": words}}))
    };
    let end = data(&json!({"type": "message_stop"}));
    let first = stream([data(&start), data(&block), say("So \n")]);
    let other = stream([data(&start), data(&block), say("it is"), end.clone()]);
    let same = stream([data(&start), data(&block), say("So \nit is"), end]);
    let provider = Provider::new([first, other, same]);
    let request = ask(&hello());
    let (mut head, body) = request.into_parts();
    head.uri = "/v1/messages".parse().unwrap();
    let request = Request::from_parts(head, body);
    let layer = ContinueLayer::new();
    let got = call_with(&provider, layer, Some(Prefill::Message), request).await;
    assert_eq!(provider.asked()[1]["messages"][1]["content"], "So");
    assert!(got.error.is_none() && got.raw.contains("\"text\":\"it is\""));
    assert_eq!(got.raw.matches("message_start\"").count(), 1);
    assert_eq!(got.splices(), [(Joint::Restart, 4)]);
}

#[tokio::test(start_paused = true)]
async fn another_answer_is_dropped_and_the_failure_reaches_the_caller() {
    let provider = Provider::new([cut(&["So it", " is"]), whole(&["So it was"])]);
    let got = call(&provider, ContinueLayer::new(), None).await;
    assert_eq!(got.text, "So it is");
    assert_eq!(got.ending(), Some(Ending::Truncated));
    assert_eq!((got.splices().len(), got.trailer), (0, None));
    assert_eq!(got.served.attempts(), 2, "it was an attempt all the same");
    assert_eq!(
        Arc::strong_count(&provider.alive),
        1,
        "nothing is left of it"
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_within_the_stream_reaches_the_caller_as_it_came() {
    let error = json!({"error": {"code": "server_error", "message": "m"}});
    let broken = || stream([words("So"), data(&error)]);
    for other in [
        Act::Status(503),
        Act::Status(400),
        Act::Fail,
        whole(&["No"]),
        cut(&["S"]),
    ] {
        let provider = Provider::new([broken(), other.clone()]);
        let got = call(&provider, ContinueLayer::new(), None).await;
        assert!(
            got.raw.ends_with(&format!("data: {error}\n\n")),
            "{other:?}"
        );
        assert_eq!(got.ending(), Some(Ending::Reported(Outcome::Fault)));
    }
    let provider = Provider::new([broken(), whole(&["So it is"])]);
    let got = call(&provider, ContinueLayer::new(), None).await;
    assert_eq!(got.text, "So it is");
    assert!(!got.raw.contains("server_error"), "it was made good");
}

#[tokio::test(start_paused = true)]
async fn a_reset_and_a_stall_are_made_good_as_a_cut_is() {
    for (step, why) in [
        (Step::Fail("reset"), Outcome::Fault),
        (Step::Stall, Outcome::TimedOut),
        (Step::Data("data: {\"cho\n\n".into()), Outcome::Fault),
    ] {
        let provider = Provider::new([stream([words("a"), step]), whole(&["ab"])]);
        let got = call(&provider, ContinueLayer::new(), None).await;
        assert_eq!((got.text.as_str(), got.error.is_none()), ("ab", true));
        assert_eq!(got.served.splices()[0].why, why);
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_other_target_would_do_better_is_not_tried() {
    let filtered = json!({"error": {"code": "content_filter"}});
    let provider = Provider::new([stream([words("a"), data(&filtered)]), whole(&["ab"])]);
    let got = call(&provider, ContinueLayer::new(), None).await;
    assert_eq!(outcome_of(&*got.error.unwrap()), Outcome::Refused);
    assert_eq!(provider.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn only_requests_for_one_text_are_gone_on_with() {
    let with = |name: &str, value: Value| {
        let mut body = hello();
        body[name] = value;
        body
    };
    let tried = async |body: &Value| {
        let provider = Provider::new([cut(&["a"]), whole(&["ab"])]);
        let got = call_with(&provider, ContinueLayer::new(), None, ask(body)).await;
        assert_eq!(got.error.is_none(), provider.asked().len() == 2);
        provider.asked().len() == 2
    };
    for body in [
        with("n", json!(1)),
        with("tools", json!([])),
        with("response_format", json!({"type": "text"})),
        with("temperature", json!(0)),
    ] {
        assert!(tried(&body).await, "{body}");
    }
    for body in [
        with("n", json!(2)),
        with("tools", json!([{"type": "function"}])),
        with("functions", json!([{"name": "f"}])),
        with("response_format", json!({"type": "json_object"})),
        with("reasoning_effort", json!("high")),
        with("guided_json", json!({"type": "object"})),
        with("modalities", json!(["text", "audio"])),
    ] {
        assert!(!tried(&body).await, "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_gone_cannot_be_repeated() {
    let provider = Provider::new([cut(&["a"]), whole(&["ab"])]);
    let target = Target::builder("t")
        .endpoint("http://h/v1")
        .build()
        .unwrap();
    let service = service_fn({
        let inner = provider.service();
        move |request: Request<ReplayBody<Script>>| {
            let inner = inner.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await?.to_bytes();
                inner
                    .oneshot(Request::from_parts(head, ReplayBody::from(body)))
                    .await
            }
        }
    });
    let target = TargetLayer::new(target).unwrap();
    let guarded = StreamGuardLayer::new().layer(target.layer(service));
    let stack = |limit| {
        let replay = ReplayLayer::with_limit(limit).unwrap();
        replay.layer(ContinueLayer::new().layer(guarded.clone()))
    };
    let request = |pieces: usize| {
        let body = hello().to_string();
        let pieces = body.as_bytes().chunks(body.len().div_ceil(pieces));
        let steps = pieces.map(|piece| Step::Data(Bytes::copy_from_slice(piece)));
        let request = Request::post("/v1/chat/completions");
        request
            .body(Script::new(steps.collect::<Vec<_>>()))
            .unwrap()
    };
    let got = read(stack(10).oneshot(request(9)).await.unwrap()).await;
    assert_eq!(
        (got.ending(), provider.asked().len()),
        (Some(Ending::Truncated), 1)
    );

    *provider.acts.lock().unwrap() = [cut(&["a"]), whole(&["ab"])].into();
    let got = read(stack(1000).oneshot(request(9)).await.unwrap()).await;
    assert_eq!((got.text.as_str(), got.error.is_none()), ("ab", true));
}

#[tokio::test(start_paused = true)]
async fn a_reader_waits_no_longer_than_it_is_told_to() {
    let layer = ContinueLayer::new().within(5 * SEC).unwrap();
    let crawl = |said: &[&str]| {
        let steps = said.iter().flat_map(|said| [words(said), Step::Stall]);
        stream(steps.collect::<Vec<_>>())
    };
    for other in [Act::Silence, crawl(&["S"]), stream([Step::Stall])] {
        let provider = Provider::new([cut(&["So"]), other]);
        let start = Instant::now();
        let got = call(&provider, layer, None).await;
        assert_eq!(Instant::now() - start, 5 * SEC);
        assert_eq!(
            (got.text.as_str(), got.ending()),
            ("So", Some(Ending::Truncated))
        );
        assert_eq!(Arc::strong_count(&provider.alive), 1);
    }
    let provider = Provider::new([cut(&["So"]), stream([words("So it"), Step::Stall])]);
    let start = Instant::now();
    let got = call(&provider, layer, None).await;
    assert_eq!(got.ending(), Some(Ending::TimedOut(Lapse::Stall)));
    assert_eq!(
        Instant::now() - start,
        10 * SEC,
        "once it goes on, its own clocks count"
    );
    assert_eq!(got.text, "So it");
}

#[tokio::test(start_paused = true)]
async fn what_goes_on_may_be_gone_on_with() {
    let acts = || [cut(&["a"]), cut(&["ab", "c"]), whole(&["abc", "d"])];
    let provider = Provider::new(acts());
    let got = call(&provider, ContinueLayer::new(), None).await;
    assert_eq!((got.text.as_str(), got.error.is_none()), ("abcd", true));
    assert_eq!(got.splices(), [(Joint::Restart, 1), (Joint::Restart, 3)]);
    assert_eq!(got.trailer.as_deref(), Some("t1>t2;restart, t2>t3;restart"));

    let provider = Provider::new(acts());
    let once = ContinueLayer::new().attempts(1).unwrap();
    let got = call(&provider, once, None).await;
    assert_eq!(
        (got.text.as_str(), got.ending()),
        ("abc", Some(Ending::Truncated))
    );
}

#[tokio::test(start_paused = true)]
async fn a_target_that_breaks_before_it_goes_on_is_followed_by_another() {
    let acts = [cut(&["abc"]), cut(&["ab"]), whole(&["abc", "d"])];
    let provider = Provider::new(acts);
    let got = call(&provider, ContinueLayer::new(), None).await;
    assert_eq!((got.text.as_str(), got.error.is_none()), ("abcd", true));
    assert_eq!(got.trailer.as_deref(), Some("t1>t3;restart"));
}

#[tokio::test(start_paused = true)]
async fn what_is_left_out_of_either_part_is_counted() {
    let garbled = || Step::Data("data: {\"cho\n\n".into());
    let first = stream([words("a"), garbled()]);
    let second = stream([garbled(), words("ab"), garbled(), done()]);
    let provider = Provider::new([first, second]);
    let target = Target::builder("t")
        .endpoint("http://h/v1")
        .build()
        .unwrap();
    let target = TargetLayer::new(target).unwrap().layer(provider.service());
    let guard = StreamGuardLayer::new().malformed(Malformed::Skip);
    let stack = ReplayLayer::new().layer(ContinueLayer::new().layer(guard.layer(target)));
    let got = read(stack.oneshot(ask(&hello())).await.unwrap()).await;
    assert_eq!((got.text.as_str(), got.error.is_none()), ("ab", true));
    assert_eq!(got.served.skipped(), 3);
}

#[tokio::test(start_paused = true)]
async fn switched_off_it_changes_nothing() {
    let provider = Provider::new([cut(&["a"]), whole(&["ab"])]);
    let got = call(&provider, ContinueLayer::new().enabled(false), None).await;
    assert_eq!(
        (got.text.as_str(), got.ending()),
        ("a", Some(Ending::Truncated))
    );
    assert_eq!(provider.asked().len(), 1);
    let provider = Provider::new([cut(&["a"]), whole(&["ab"])]);
    let got = call(&provider, ContinueLayer::new().restarts(false), None).await;
    assert_eq!(
        got.text, "a",
        "and there are no restarts where none are wanted"
    );
}

/// Cut after any byte, an answer is whole all the same, or its end is a typed error; and never a broken one.
#[tokio::test(start_paused = true)]
async fn wherever_a_stream_is_cut_nothing_broken_is_taken_for_good() {
    let event = |delta: Value, finish: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        format!("data: {}\n\n", json!({"id": "x", "choices": [choice]}))
    };
    let events = [
        event(json!({"role": "assistant", "content": ""}), Value::Null),
        event(json!({"content": "caf\u{e9} \"x\""}), Value::Null),
        event(json!({"content": " or not"}), Value::Null),
        event(json!({}), json!("stop")),
        "data: [DONE]\n\n".to_owned(),
    ];
    let text = events.concat();
    let first_words = events[..2].concat().len();
    let over = events[..4].concat().len();
    for at in 0..text.len() {
        let part = Bytes::copy_from_slice(&text.as_bytes()[..at]);
        let provider = Provider::new([
            stream([Step::Data(part)]),
            stream([Step::Data(text.clone().into())]),
        ]);
        let service = stack(&provider, ContinueLayer::new(), None);
        let Ok(response) = service.oneshot(ask(&hello())).await else {
            assert!(at < first_words, "words were out ({at})");
            continue;
        };
        let got = read(response).await;
        match &got.error {
            None => {
                assert_eq!(got.text, "caf\u{e9} \"x\" or not", "cut at {at}");
                assert!(got.raw.contains("\"stop\""), "cut at {at}: {}", got.raw);
                assert_eq!(got.raw.matches("assistant").count(), 1, "cut at {at}");
            }
            Some(_) => {
                assert!(at >= over, "it could have been gone on with ({at})");
                assert!(matches!(
                    got.ending(),
                    Some(Ending::Truncated | Ending::Reset)
                ));
            }
        }
    }
}

/// Dropped after any number of polls, it leaves nothing behind and asks nobody again.
#[tokio::test(start_paused = true)]
async fn a_caller_may_leave_at_any_moment() {
    let slow = |said: &[&str]| {
        let steps = said.iter().flat_map(|said| [Step::Later, words(said)]);
        steps.collect::<Vec<_>>()
    };
    let mut polls = 0;
    loop {
        polls += 1;
        let acts = [
            stream(slow(&["a", "b"])),
            Act::Status(400),
            stream([slow(&["ab", "c"]), vec![Step::Later, done()]].concat()),
        ];
        let provider = Provider::new(acts);
        let service = stack(&provider, ContinueLayer::new(), Some(Prefill::Message));
        let mut whole = task::spawn(async move {
            let response = service.oneshot(ask(&hello())).await?;
            response.into_body().collect().await
        });
        let is_over = (0..polls).any(|_| whole.poll().is_ready());
        let asked = provider.asked().len();
        drop(whole);
        tokio::time::sleep(60 * SEC).await;
        assert_eq!(provider.asked().len(), asked);
        assert_eq!(Arc::strong_count(&provider.alive), 1, "after {polls} polls");
        if is_over {
            assert_eq!(asked, 3);
            break;
        }
    }
    assert!(polls > 5, "it stopped at {polls} places");
}
