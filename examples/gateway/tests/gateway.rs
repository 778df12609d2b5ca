//! The gateway over fake providers, through real sockets.

use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower_ai_drill::{Cut, Dialect, End, Fault, Pace, Provider, Script, is_whole};
use tower_ai_gateway_example::{Args, router};

const CHAT: &str = "/v1/chat/completions";

type Caller = Client<HttpConnector, Full<Bytes>>;
type Answer = Response<hyper::body::Incoming>;

/// A gateway that runs.
struct Running {
    url: String,
    caller: Caller,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Running {
    async fn start(flags: &str, targets: impl IntoIterator<Item = String>) -> Self {
        let flags = flags.split_whitespace().map(str::to_owned);
        let targets = targets
            .into_iter()
            .flat_map(|url| ["--target".to_owned(), url]);
        let env = |name: &str| (name == "KEY").then(|| "sk-own".to_owned());
        let args = Args::parse(targets.chain(flags), env)
            .expect("valid")
            .expect("no help");
        let router = router(args.targets, &args.settings).expect("valid");
        let (url, listener) = listen().await;
        let (stop, stopped) = oneshot::channel();
        let serving = axum::serve(listener, router).with_graceful_shutdown(async {
            let _ = stopped.await;
        });
        Self {
            url,
            caller: Client::builder(TokioExecutor::new()).build_http(),
            stop,
            serving: tokio::spawn(serving.into_future()),
        }
    }

    async fn over(flags: &str, providers: &[&Provider]) -> Self {
        let url = |provider: &&Provider| format!("{},model={}", provider.url(), provider.name());
        Self::start(flags, providers.iter().map(url)).await
    }

    async fn ask(&self, path: &str, body: &Value) -> Answer {
        let request = Request::post(format!("{}{path}", self.url))
            .header("content-type", "application/json")
            .header("authorization", "Bearer sk-callers")
            .header("te", "trailers")
            .body(Full::from(body.to_string()))
            .expect("a request");
        self.caller
            .request(request)
            .await
            .expect("the gateway answers")
    }
}

async fn listen() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it is bound");
    (format!("http://{address}"), listener)
}

async fn provider(name: &str, script: Script) -> Provider {
    let builder = Provider::builder(name).script(script);
    builder.start().await.expect("a provider on loopback")
}

fn chat(stream: bool) -> Value {
    serde_json::json!({
        "model": "any", "stream": stream, "messages": [{"role": "user", "content": "hello"}],
    })
}

async fn json(answer: Answer) -> Value {
    let body = answer.into_body().collect().await.expect("a whole body");
    serde_json::from_slice(&body.to_bytes()).expect("JSON")
}

/// What is read of a stream, and whether its connection ended it well.
async fn read(answer: Answer) -> (String, bool) {
    let (mut body, mut text) = (answer.into_body(), String::new());
    while let Some(frame) = body.frame().await {
        match frame.map(http_body::Frame::into_data) {
            Ok(Ok(data)) => text.push_str(std::str::from_utf8(&data).expect("UTF-8")),
            Ok(Err(_)) => {}
            Err(_) => return (text, false),
        }
    }
    (text, true)
}

/// The words of a stream of chat completions.
fn words(stream: &str) -> String {
    let data = stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    let events = data.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    let word = |event: Value| {
        event["choices"][0]["delta"]["content"]
            .as_str()
            .map(str::to_owned)
    };
    events.filter_map(word).collect()
}

#[tokio::test]
async fn the_next_target_answers_and_headers_say_so() {
    let main = provider("main", Script::always(Fault::Overload)).await;
    let spare = provider("spare", Script::well()).await;
    let gateway = Running::over("", &[&main, &spare]).await;
    for stream in [false, true] {
        let answer = gateway.ask(CHAT, &chat(stream)).await;
        assert_eq!(answer.status(), 200);
        let host = |provider: &Provider| provider.url().replace("http://", "");
        let headers = answer.headers().clone();
        assert_eq!(headers["x-tower-ai-target"], host(&spare).as_str());
        assert_eq!(headers["x-tower-ai-attempts"], "2");
        let tried = format!("{}=overloaded", host(&main));
        assert_eq!(headers["x-tower-ai-tried"], tried.as_str());
        if stream {
            let (text, is_good) = read(answer).await;
            assert!(is_good && text.ends_with("data: [DONE]\n\n"), "{text}");
            assert!(is_whole("hello", &words(&text)), "{text}");
        } else {
            let body = json(answer).await;
            assert_eq!(body["model"], "spare-1");
            let text = body["choices"][0]["message"]["content"].as_str();
            assert!(is_whole("hello", text.expect("a text")));
        }
    }
}

#[tokio::test]
async fn a_providers_own_error_passes_unchanged() {
    let main = provider("main", Script::always(Fault::Overload)).await;
    let spare = provider("spare", Script::always(Fault::Reset)).await;
    let gateway = Running::over("--retries 0", &[&main, &spare]).await;
    let answer = gateway.ask(CHAT, &chat(false)).await;
    assert_eq!(answer.status(), 503);
    assert_eq!(json(answer).await["error"]["code"], "server_is_overloaded");
}

#[tokio::test]
async fn where_nobody_answers_a_503_says_when_to_try_again() {
    let (nobody, listener) = listen().await;
    drop(listener);
    let gateway = Running::start("--retries 0", [nobody]).await;
    for (path, code) in [(CHAT, "/error/code"), ("/v1/messages", "/error/type")] {
        let answer = gateway.ask(path, &chat(true)).await;
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["content-type"], "application/json");
        let after = answer.headers()["retry-after"].to_str().expect("text");
        assert!(after.parse::<u64>().expect("seconds") >= 1);
        let body = json(answer).await;
        assert!(body.pointer(code).is_some_and(Value::is_string), "{body}");
    }
}

#[tokio::test]
async fn a_cut_stream_ends_with_an_error_event_and_no_end_mark() {
    for how in [Cut::Fin, Cut::Rst, Cut::Clean] {
        let main = provider("main", Script::always(Fault::CutAfter { tokens: 4, how })).await;
        let gateway = Running::over("", &[&main]).await;
        let (text, is_good) = read(gateway.ask(CHAT, &chat(true)).await).await;
        let last = text.trim_end().lines().last().expect("a line");
        let last: Value = serde_json::from_str(&last["data: ".len()..]).expect("JSON");
        assert_eq!(last["error"]["code"], "answer_broke_off", "{how:?} {text}");
        assert!(!text.contains("[DONE]") && !is_good, "{how:?}");
        assert_eq!(
            words(&text).split(' ').count(),
            2 + 4,
            "the words before it: {text}"
        );
    }
}

#[tokio::test]
async fn anthropics_callers_are_told_in_its_own_way() {
    let how = Cut::Clean;
    let main = Provider::builder("main")
        .dialect(Dialect::Anthropic)
        .script(Script::always(Fault::CutAfter { tokens: 4, how }));
    let main = main.start().await.expect("a provider on loopback");
    let gateway = Running::over("", &[&main]).await;
    let (text, is_good) = read(gateway.ask("/v1/messages", &chat(true)).await).await;
    let (_, event) = text
        .rsplit_once("event: error\ndata: ")
        .expect("an error event");
    let event: Value = serde_json::from_str(event.trim_end()).expect("JSON");
    assert_eq!(event["type"], "error");
    assert_eq!(event["error"]["type"], "api_error");
    assert!(!text.contains("message_stop") && !is_good);
}

#[tokio::test]
async fn in_complete_mode_a_cut_stream_is_replaced() {
    let fault = Fault::CutAfter {
        tokens: 4,
        how: Cut::Clean,
    };
    let main = provider("main", Script::always(fault)).await;
    let spare = provider("spare", Script::well()).await;
    let gateway = Running::over("--mode complete", &[&main, &spare]).await;
    let (text, is_good) = read(gateway.ask(CHAT, &chat(true)).await).await;
    assert!(is_good && is_whole("hello", &words(&text)), "{text}");
}

#[tokio::test]
async fn in_continue_mode_another_target_goes_on_with_a_cut_stream() {
    let fault = Fault::CutAfter {
        tokens: 4,
        how: Cut::Clean,
    };
    let main = provider("main", Script::always(fault)).await;
    let spare = provider("spare", Script::well()).await;
    let gateway = Running::over("--mode continue", &[&main, &spare]).await;
    let answer = gateway.ask(CHAT, &chat(true)).await.into_body();
    let answer = answer.collect().await.expect("a whole answer");
    let trailers = answer.trailers().cloned().expect("a trailer");
    let spliced = trailers["x-tower-ai-spliced"].to_str().expect("text");
    let host = |provider: &Provider| provider.url().replace("http://", "");
    let splice = format!("{}>{};", host(&main), host(&spare));
    assert!(spliced.starts_with(&splice), "{spliced}");
    let text = String::from_utf8(answer.to_bytes().into()).expect("UTF-8");
    assert!(is_whole("hello", &words(&text)), "{text}");
}

#[tokio::test]
async fn a_caller_who_leaves_takes_the_attempt_along() {
    let pace = Pace::new(Duration::from_millis(1), Duration::from_secs(5), 9..=9).expect("valid");
    let slow = Provider::builder("slow")
        .pace(pace)
        .start()
        .await
        .expect("a provider");
    let silent = provider("silent", Script::always(Fault::StallBeforeHead)).await;

    // In the middle of a stream, and before there is a head.
    let gateway = Running::over("", &[&slow]).await;
    let answer = gateway.ask(CHAT, &chat(true)).await;
    drop(answer);
    left(&slow).await;
    let gateway = Running::over("", &[&silent]).await;
    let (question, patience) = (chat(false), Duration::from_millis(200));
    let answer = tokio::time::timeout(patience, gateway.ask(CHAT, &question)).await;
    assert!(answer.is_err(), "it never answers");
    left(&silent).await;
    assert_eq!(
        silent.log().len(),
        1,
        "nobody asks for what nobody waits for"
    );
}

/// Waits until the provider has seen its caller leave.
async fn left(provider: &Provider) {
    let has_left = || {
        provider
            .log()
            .entries()
            .iter()
            .any(|it| matches!(it.end, Some((_, End::ClientLeft))))
    };
    for _ in 0..100 {
        if has_left() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{:?}", provider.log().entries());
}

#[tokio::test]
async fn a_gateway_that_stops_lets_streams_end_and_takes_no_more() {
    let pace = Pace::new(Duration::from_millis(1), Duration::from_millis(50), 9..=9);
    let main = Provider::builder("main").pace(pace.expect("valid"));
    let main = main.start().await.expect("a provider on loopback");
    let gateway = Running::over("", &[&main]).await;
    let answer = gateway.ask(CHAT, &chat(true)).await;
    gateway.stop.send(()).expect("it runs");
    let (text, is_good) = read(answer).await;
    assert!(is_good && is_whole("hello", &words(&text)), "{text}");
    let stopped = tokio::time::timeout(Duration::from_secs(5), gateway.serving).await;
    stopped
        .expect("it stops")
        .expect("no panic")
        .expect("no error");
    let caller: Caller = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::get(&gateway.url)
        .body(Full::default())
        .expect("a request");
    assert!(caller.request(request).await.is_err());
}

/// A provider's list of models, and what it was asked with.
async fn models() -> String {
    let list = |headers: HeaderMap| async move {
        let key = headers
            .get("authorization")
            .and_then(|key| key.to_str().ok());
        let body = serde_json::json!({"object": "list", "data": [], "asked_with": key});
        (
            [
                ("content-type", "application/json"),
                ("connection", "keep-alive"),
            ],
            body.to_string(),
        )
    };
    let (url, listener) = listen().await;
    let router = Router::new().route("/v1/models", get(list));
    tokio::spawn(axum::serve(listener, router).into_future());
    url
}

async fn get_models(gateway: &Running, method: &str) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(format!("{}/v1/models", gateway.url))
        .header("authorization", "Bearer sk-callers")
        .body(Full::default());
    let answer = gateway.caller.request(request.expect("a request")).await;
    answer.expect("the gateway answers")
}

#[tokio::test]
async fn other_paths_and_methods_pass() {
    let url = models().await;
    // A model of its own is no reason to refuse what names none.
    let gateway = Running::start("", [format!("{url},model=m")]).await;
    let answer = get_models(&gateway, "GET").await;
    assert!(!answer.headers().contains_key("connection"));
    assert_eq!(json(answer).await["object"], "list");

    let answer = get_models(&gateway, "HEAD").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["x-tower-ai-attempts"], "1");
    let (text, is_good) = read(answer).await;
    assert!(text.is_empty() && is_good);
}

#[tokio::test]
async fn a_callers_key_goes_only_where_there_is_no_other() {
    let url = models().await;
    let own = Running::start("", [format!("{url},key-env=KEY")]).await;
    assert_eq!(
        json(get_models(&own, "GET").await).await["asked_with"],
        "Bearer sk-own"
    );
    let callers = Running::start("", [url]).await;
    let asked_with = &json(get_models(&callers, "GET").await).await["asked_with"];
    assert_eq!(asked_with, "Bearer sk-callers");
}

#[tokio::test]
async fn wrong_calls_are_told_so() {
    let main = provider("main", Script::well()).await;
    let gateway = Running::over("", &[&main]).await;
    let request = Request::post(format!("{}{CHAT}", gateway.url))
        .header("content-type", "application/json")
        .body(Full::from("{\"model\":"));
    let answer = gateway.caller.request(request.expect("a request")).await;
    let answer = answer.expect("the gateway answers");
    assert_eq!(answer.status(), 400);
    assert_eq!(json(answer).await["error"]["type"], "invalid_request_error");
    assert!(main.log().is_empty(), "no target was asked");
}
