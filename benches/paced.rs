//! What the stream guard adds to a paced stream over loopback: the time from when a content is written to when it is
//! read, for the first of a stream and for those after it.
//!
//! ```text
//! cargo bench --bench paced
//! ```
//!
//! Bare body, guard, and guard with continuation take turns, stream by stream, on one thread with their server. Times
//! are the machine's; what counts is one column against another.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;
use tokio::time::{Instant, interval};
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_ai::BoxError;
use tower_ai::http::{ContinueLayer, ReplayLayer};
use tower_ai::stream::StreamGuardLayer;

/// Contents of a stream, and the time between two of them.
const CONTENTS: usize = 50;
const GAP: Duration = Duration::from_millis(2);

const ROLE: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\
    \"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n";
const CONTENT: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\
    \"delta\":{\"content\":\" word\"},\"finish_reason\":null}]}\n\n";
const DONE: &str = "data: [DONE]\n\n";
const QUESTION: &str = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;

/// When each content of the stream that runs was written.
type Sent = Rc<RefCell<Vec<Instant>>>;

/// The delays of one way: of first contents, and of all others.
#[derive(Default)]
struct Delays {
    first: Vec<Duration>,
    later: Vec<Duration>,
}

fn main() -> Result<(), BoxError> {
    let has = |name: &str| std::env::args().any(|arg| arg == name);
    // cargo adds `--bench`, but not when it runs benches as tests.
    let streams = match has("--bench") && !has("--quick") {
        true => 40,
        false => 2,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let ways = LocalSet::new().block_on(&runtime, measure(streams))?;
    println!(
        "{streams} streams of {CONTENTS} contents, one every {GAP:?}, over loopback: from written to read, in µs\n\n\
         {:<16}{:>8}{:>8}{:>18}",
        "", "bare", "guard", "guard, continue"
    );
    for (name, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)] {
        row(
            &format!("first, {name}"),
            ways.each_ref().map(|way| &way.first),
            share,
        );
        row(
            &format!("later, {name}"),
            ways.each_ref().map(|way| &way.later),
            share,
        );
    }
    Ok(())
}

fn row(name: &str, delays: [&Vec<Duration>; 3], share: f64) {
    let [bare, guard, both] = delays.map(|delays| {
        let mut delays = delays.clone();
        delays.sort_unstable();
        let at = (delays.len() as f64 * share) as usize;
        let delay = delays.get(at).or(delays.last());
        delay.map_or(0.0, |delay| delay.as_secs_f64() * 1e6)
    });
    println!("{name:<16}{bare:>8.0}{guard:>8.0}{both:>18.0}");
}

async fn measure(streams: usize) -> Result<[Delays; 3], BoxError> {
    let sent = Sent::default();
    let address = serve(sent.clone()).await?;
    let client = || Client::builder(TokioExecutor::new()).build_http();
    let bare = ServiceBuilder::new()
        .layer(ReplayLayer::new())
        .service(client());
    let guard = ServiceBuilder::new()
        .layer(ReplayLayer::new())
        .layer(StreamGuardLayer::new())
        .service(client());
    let both = ServiceBuilder::new()
        .layer(ReplayLayer::new())
        .layer(ContinueLayer::new())
        .layer(StreamGuardLayer::new())
        .service(client());
    let mut ways = <[Delays; 3]>::default();
    // One more, which opens the connections.
    for _ in 0..=streams {
        read(bare.clone(), address, &sent, &mut ways[0]).await?;
        read(guard.clone(), address, &sent, &mut ways[1]).await?;
        read(both.clone(), address, &sent, &mut ways[2]).await?;
    }
    for way in &mut ways {
        way.first.remove(0);
        way.later.drain(..CONTENTS - 1);
    }
    Ok(ways)
}

/// Reads a stream, and notes how late its contents were.
async fn read<S, B>(
    service: S,
    address: SocketAddr,
    sent: &Sent,
    delays: &mut Delays,
) -> Result<(), BoxError>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error: Into<BoxError>>,
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    sent.borrow_mut().clear();
    let request = Request::post(format!("http://{address}/v1/chat/completions"))
        .header("content-type", "application/json")
        .body(Full::from(QUESTION))?;
    let response = service.oneshot(request).await.map_err(Into::into)?;
    let mut body = std::pin::pin!(response.into_body());
    let mut seen = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(Into::into)?.into_data() else {
            continue;
        };
        let now = Instant::now();
        // An event is written at once, and read so.
        let contents = data.windows(7).filter(|word| word == b"\" word\"").count();
        for at in &sent.borrow()[seen..seen + contents] {
            let list = if seen == 0 {
                &mut delays.first
            } else {
                &mut delays.later
            };
            list.push(now - *at);
            seen += 1;
        }
    }
    if seen == CONTENTS {
        return Ok(());
    }
    Err(format!("{seen} of {CONTENTS} contents came").into())
}

/// Serves paced streams on a socket of its own.
async fn serve(sent: Sent) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::task::spawn_local(connection(stream, sent.clone()));
        }
    });
    Ok(address)
}

/// Answers one request after another, until the client leaves.
async fn connection(mut stream: TcpStream, sent: Sent) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = Vec::new();
    loop {
        request.clear();
        while !request.ends_with(QUESTION.as_bytes()) {
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&chunk(ROLE)).await?;
        let mut clock = interval(GAP);
        for _ in 0..CONTENTS {
            clock.tick().await;
            sent.borrow_mut().push(Instant::now());
            stream.write_all(&chunk(CONTENT)).await?;
        }
        let end = [chunk(DONE), b"0\r\n\r\n".to_vec()].concat();
        stream.write_all(&end).await?;
    }
}

fn chunk(data: &str) -> Vec<u8> {
    format!("{:x}\r\n{data}\r\n", data.len()).into_bytes()
}
