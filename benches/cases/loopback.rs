//! Calls over loopback: hyper's client alone, and under the whole stack. The server runs on the same thread, so
//! that its cost is in both and the difference is the stack's.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::time::Instant;
use tower::{Service, ServiceExt};
use tower_ai::http::{ReplayBody, TargetLayer};
use tower_ai::{Stack, Target};

use crate::harness::{Report, Suite};

/// What a small chat completion looks like.
pub(crate) const ANSWER: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello, how can I help you today?"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":9,"total_tokens":18}}"#;
pub(crate) const QUESTION: &str = r#"{"model":"m","messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"Hello"}]}"#;

/// CPU time per call: client, stack and server together.
pub(crate) fn add(suite: &mut Suite) {
    let address = serve(suite.runtime());
    suite.baseline("bare, direct");
    let direct = direct(address);
    push(suite, "bare, direct", direct, address);
    let stack = stack(address);
    push(suite, "stack, 2 targets", stack, address);
}

/// Adds how long calls take, by the clock on the wall: the middle one and the slowest but one in a hundred.
pub(crate) fn latencies(suite: &Suite, report: &mut Report, calls: usize) {
    let address = serve(suite.runtime());
    let (mut direct, mut stack) = (direct(address), stack(address));
    let (mut alone, mut under) = (Vec::new(), Vec::new());
    suite.runtime().block_on(async {
        for _ in 0..calls {
            alone.push(timed(call(&mut direct, address)).await);
            under.push(timed(call(&mut stack, address)).await);
        }
    });
    for (name, took) in [
        ("bare, direct", &mut alone),
        ("stack, 2 targets", &mut under),
    ] {
        took.sort();
        report.add_wall(&format!("{name}, p50 on the wall"), took[calls / 2]);
        report.add_wall(&format!("{name}, p99 on the wall"), took[calls * 99 / 100]);
    }
}

async fn timed(call: impl Future<Output = ()>) -> Duration {
    let start = Instant::now();
    call.await;
    Instant::now() - start
}

pub(crate) fn push<S>(suite: &mut Suite, work: &str, mut service: S, address: SocketAddr)
where
    S: Answers + 'static,
{
    let runtime = Rc::clone(suite.shared_runtime());
    suite.push(work, "ready", None, move |calls| {
        runtime.block_on(async {
            for _ in 0..=calls {
                call(&mut service, address).await;
            }
        });
    });
}

/// One call to the end of its answer.
async fn call<S: Answers>(service: &mut S, address: SocketAddr) {
    let request = Request::post(format!("http://{address}/v1/chat/completions"))
        .header("content-type", "application/json")
        .body(Full::from(QUESTION))
        .expect("a request");
    assert_eq!(service.answer(request).await, ANSWER);
}

/// A service whose answer is read to its end.
pub(crate) trait Answers {
    async fn answer(&mut self, request: Request<Full<Bytes>>) -> Bytes;
}

impl<S, B> Answers for S
where
    S: Service<Request<Full<Bytes>>, Response = http::Response<B>>,
    B: http_body::Body<Data = Bytes>,
{
    async fn answer(&mut self, request: Request<Full<Bytes>>) -> Bytes {
        let Ok(ready) = self.ready().await else {
            panic!("the client is ready");
        };
        let Ok(response) = ready.call(request).await else {
            panic!("the server answers");
        };
        let Ok(body) = response.into_body().collect().await else {
            panic!("the answer is whole");
        };
        body.to_bytes()
    }
}

pub(crate) fn direct(_: SocketAddr) -> Client<HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).build_http()
}

type Replayed = Client<HttpConnector, ReplayBody<Full<Bytes>>>;

fn stack(address: SocketAddr) -> Stack<Replayed> {
    let target = |name: &str| {
        let target = Target::builder(name).endpoint(format!("http://{address}/v1"));
        TargetLayer::new(target.build().expect("a URL")).expect("an endpoint")
    };
    let client = Client::builder(TokioExecutor::new()).build_http();
    let builder = Stack::builder().targets([target("first"), target("second")]);
    builder.build(client).expect("two targets")
}

/// Answers every request with [`ANSWER`], on the same thread: to wake another one costs more than a call.
pub(crate) fn serve(runtime: &Runtime) -> SocketAddr {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
    let listener = listener.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    runtime.spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(answer_all(connection));
        }
    });
    address
}

async fn answer_all(mut connection: TcpStream) -> io::Result<()> {
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{ANSWER}",
        ANSWER.len()
    );
    connection.set_nodelay(true)?;
    let (mut buffer, mut filled) = ([0; 8192], 0);
    loop {
        let read = connection.read(&mut buffer[filled..]).await?;
        filled += read;
        if read == 0 {
            return Ok(());
        }
        if buffer[..filled].ends_with(QUESTION.as_bytes()) {
            connection.write_all(answer.as_bytes()).await?;
            filled = 0;
        }
    }
}
