//! What a gateway adds to a call: ours beside others, in front of the same fake provider, with the same load.
//!
//! Run by `benches/gateway.sh`, which builds and installs what it needs:
//!
//! ```console
//! load NAME=COMMAND…      each COMMAND starts a gateway; {url} in it is the provider, {port} where to listen
//! ```
//!
//! Calls go one after another, round about: to the provider directly, and through each gateway, so that a slow moment
//! hits all alike. CPU time is that of a gateway's process and its children, by `/proc`.

use std::error::Error;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};
use tower_ai_drill::{Pace, Provider};

type BoxError = Box<dyn Error + Send + Sync>;

/// Plain calls that are measured, and those before them.
const CALLS: usize = 2000;
const WARM_UP: usize = 200;
/// The same for streams, which take their time.
const STREAMS: usize = 200;
/// How long a gateway may take to start; some need half a minute.
const START: Duration = Duration::from_secs(240);

const QUESTION: &str = r#"{"model":"m","messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"Hello"}]}"#;
const STREAMED: &str = r#"{"model":"m","stream":true,"messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"Hello"}]}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let plain = provider(Pace::new(Duration::ZERO, Duration::ZERO, 20..=20)?).await?;
    let (first, gap) = (Duration::from_millis(20), Duration::from_millis(5));
    let streamed = provider(Pace::new(first, gap, 20..=20)?).await?;

    let mut places = vec![Place::direct(&plain, &streamed)];
    for given in std::env::args().skip(1) {
        let (name, command) = given.split_once('=').ok_or("load NAME=COMMAND…")?;
        places.push(Place::start(name, command, &plain, &streamed).await?);
    }
    for round in 0..WARM_UP + CALLS {
        for place in &mut places {
            if round == WARM_UP {
                place.cpu_before = place.cpu();
            }
            let took = place.call().await?;
            if round >= WARM_UP {
                place.calls.push(took);
            }
        }
    }
    for place in &mut places {
        place.cpu_after = place.cpu();
    }
    for _ in 0..STREAMS {
        for place in &mut places {
            let took = place.stream().await?;
            place.streams.push(took);
        }
    }
    print(&mut places);
    Ok(())
}

/// Starts a fake provider on a thread of its own.
async fn provider(pace: Pace) -> Result<String, BoxError> {
    let (started, url) = oneshot::channel();
    thread::spawn(move || -> Result<(), BoxError> {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build()?;
        runtime.block_on(async {
            let provider = Provider::builder("provider")
                .pace(pace)
                .log_limit(0)
                .start()
                .await?;
            let _ = started.send(provider.url().to_owned());
            std::future::pending().await
        })
    });
    Ok(url.await?)
}

/// A way to the provider.
struct Place {
    name: String,
    client: Client<HttpConnector, Full<Bytes>>,
    /// Where plain calls go, and streamed ones.
    urls: [String; 2],
    processes: Vec<Process>,
    cpu_before: Duration,
    cpu_after: Duration,
    calls: Vec<Duration>,
    streams: Vec<Stream>,
}

/// How a stream went.
struct Stream {
    first: Duration,
    /// From the first word to the last.
    rest: Duration,
}

impl Place {
    fn new(name: &str, urls: [String; 2], processes: Vec<Process>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            name: name.to_owned(),
            client: Client::builder(TokioExecutor::new()).build(connector),
            urls,
            processes,
            cpu_before: Duration::ZERO,
            cpu_after: Duration::ZERO,
            calls: Vec::new(),
            streams: Vec::new(),
        }
    }

    fn direct(plain: &str, streamed: &str) -> Self {
        Self::new(
            "direct",
            [plain.to_owned(), streamed.to_owned()],
            Vec::new(),
        )
    }

    /// Starts a gateway in front of each provider, and waits until both answer.
    async fn start(
        name: &str,
        command: &str,
        plain: &str,
        streamed: &str,
    ) -> Result<Self, BoxError> {
        let (mut urls, mut processes) = (Vec::new(), Vec::new());
        for provider in [plain, streamed] {
            let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
            let command = command
                .replace("{url}", provider)
                .replace("{port}", &port.to_string());
            processes.push(Process::start(&command)?);
            urls.push(format!("http://127.0.0.1:{port}"));
        }
        let [plain, streamed] = <[String; 2]>::try_from(urls).map_err(|_| "two gateways")?;
        let mut place = Self::new(name, [plain, streamed], processes);
        let start = Instant::now();
        for at in 0..place.urls.len() {
            while let Err(error) = place.send(&place.urls[at], QUESTION).await {
                let has_ended = place.processes[at].0.try_wait()?.is_some();
                if has_ended || Instant::now() - start > START {
                    return Err(format!("{name} does not answer: {error}").into());
                }
                sleep(Duration::from_millis(200)).await;
            }
        }
        Ok(place)
    }

    async fn send(
        &self,
        url: &str,
        question: &'static str,
    ) -> Result<hyper::body::Incoming, BoxError> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{url}/v1/chat/completions"))
            .header("content-type", "application/json")
            .header("authorization", "Bearer sk-1234")
            .body(Full::from(question))?;
        let answer = self.client.request(request).await?;
        match answer.status().as_u16() {
            200 => Ok(answer.into_body()),
            status => {
                let body = answer.into_body().collect().await?.to_bytes();
                Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into())
            }
        }
    }

    async fn call(&self) -> Result<Duration, BoxError> {
        let start = Instant::now();
        let body = self
            .send(&self.urls[0], QUESTION)
            .await?
            .collect()
            .await?
            .to_bytes();
        let took = Instant::now() - start;
        let is_whole = String::from_utf8_lossy(&body).contains("20/20");
        is_whole
            .then_some(took)
            .ok_or_else(|| format!("{}: half an answer", self.name).into())
    }

    async fn stream(&self) -> Result<Stream, BoxError> {
        let start = Instant::now();
        let mut body = self.send(&self.urls[1], STREAMED).await?;
        let (mut text, mut first, mut last) = (String::new(), None, None);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else {
                continue;
            };
            text.push_str(&String::from_utf8_lossy(&data));
            let now = Instant::now();
            if first.is_none() && text.contains("1/20") {
                first = Some(now);
            }
            if last.is_none() && text.contains("20/20") {
                last = Some(now);
            }
        }
        let (Some(first), Some(last)) = (first, last) else {
            return Err(format!("{}: half a stream", self.name).into());
        };
        Ok(Stream {
            first: first - start,
            rest: last - first,
        })
    }

    /// The CPU time that the gateway of plain calls has used.
    fn cpu(&self) -> Duration {
        self.processes
            .first()
            .map_or(Duration::ZERO, |process| cpu(process.0.id()))
    }
}

/// A process that ends with its owner.
struct Process(Child);

impl Process {
    fn start(command: &str) -> Result<Self, BoxError> {
        let mut words = command.split_whitespace();
        let child = Command::new(words.next().ok_or("a command")?)
            .args(words)
            .stdout(Stdio::null())
            .spawn();
        Ok(Self(child.map_err(|error| format!("{command}: {error}"))?))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The CPU time of a process and its children, as Linux counts it: in steps of 10 ms.
fn cpu(id: u32) -> Duration {
    let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) else {
        return Duration::ZERO;
    };
    // Fields 14 and 15; the second is a name in brackets.
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok());
    let own = Duration::from_millis(10 * ticks.sum::<u64>());
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
    let children = children.unwrap_or_default();
    let children = children.split_whitespace().filter_map(|id| id.parse().ok());
    own + children.map(cpu).sum::<Duration>()
}

/// The most memory that a process has held, in MiB.
fn memory(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().trim_end_matches(" kB").trim().parse().ok()?;
    Some(kib / 1024)
}

fn print(places: &mut [Place]) {
    println!(
        "{CALLS} plain calls one after another, {STREAMS} streams of 20 words every 5 ms; times in ms"
    );
    println!(
        "| | p50 | p99 | added p50 | added p99 | CPU per call | first word, added | rest, added | MiB |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    let mut direct = None;
    for place in places {
        place.calls.sort();
        let at = |share: usize| ms(place.calls[place.calls.len() * share / 100]);
        let mut first: Vec<_> = place.streams.iter().map(|it| it.first).collect();
        let mut rest: Vec<_> = place.streams.iter().map(|it| it.rest).collect();
        first.sort();
        rest.sort();
        let figures = [
            at(50),
            at(99),
            ms(first[first.len() / 2]),
            ms(rest[rest.len() / 2]),
        ];
        let [p50, p99, first, rest] = figures;
        let base = *direct.get_or_insert(figures);
        if place.processes.is_empty() {
            println!(
                "| {} | {p50:.3} | {p99:.3} | | | | {first:.2} in all | {rest:.2} in all | |",
                place.name
            );
            continue;
        }
        let cpu = ms(place.cpu_after.saturating_sub(place.cpu_before)) / CALLS as f64;
        let memory = place
            .processes
            .first()
            .and_then(|process| memory(process.0.id()));
        println!(
            "| {} | {p50:.3} | {p99:.3} | {:+.3} | {:+.3} | {cpu:.3} | {:+.2} | {:+.2} | {} |",
            place.name,
            p50 - base[0],
            p99 - base[1],
            first - base[2],
            rest - base[3],
            memory.unwrap_or_default(),
        );
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
