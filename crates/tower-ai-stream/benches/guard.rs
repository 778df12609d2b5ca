//! What the guard adds to an answer: time and allocations a call, time an event, delay of a paced stream.
//!
//! Run with `cargo bench -p tower-ai-stream --bench guard`.

use std::convert::Infallible;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use allocation_counter::measure;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, Sleep, sleep};
use tower::{Layer, Service, service_fn};
use tower_ai_core::BoxError;
use tower_ai_stream::StreamGuardLayer;

const ROUNDS: usize = 9;
const EVENT: &[u8] = b"data: {\"id\":\"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG\",\"object\":\"chat.completion.chunk\",\
\"created\":1741570283,\"model\":\"gpt-4o-2024-08-06\",\"service_tier\":\"default\",\"system_fingerprint\":\
\"fp_fc9f1d7035\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"},\"logprobs\":null,\
\"finish_reason\":null}],\"usage\":null}\n\n";
const DONE: &[u8] = b"data: [DONE]\n\n";

fn main() {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    println!(
        "{:<26} {:>10} {:>10}",
        "an answer of ready events", "bare", "guarded"
    );
    let (short, long) = (1, 10_001);
    let time = |guarded, events| best(|| call(&runtime, guarded, events, None));
    let [bare, guarded] = [false, true].map(|guarded| {
        let rest = time(guarded, long).saturating_sub(time(guarded, short));
        rest.as_secs_f64() * 1e9 / 10_000.0
    });
    println!("{:<26} {bare:>10.0} {guarded:>10.0}", "ns an event");
    let [bare, guarded] = [false, true].map(|guarded| time(guarded, short).as_nanos());
    println!("{:<26} {bare:>10} {guarded:>10}", "ns a call of one event");
    for events in [short, 1000] {
        let [bare, guarded] = [false, true]
            .map(|guarded| measure(|| _ = call(&runtime, guarded, events, None)).count_total);
        let name = format!("allocations, {events} events");
        println!("{name:<26} {bare:>10} {guarded:>10}");
    }
    println!("a paced stream, an event every 2 ms");
    let gap = Some(Duration::from_millis(2));
    let [bare, guarded] =
        [false, true].map(|guarded| best(|| delay(&runtime, guarded, gap)).as_nanos());
    println!("{:<26} {bare:>10} {guarded:>10}", "ns from ready to read");
}

fn best(mut run: impl FnMut() -> Duration) -> Duration {
    (0..ROUNDS).map(|_| run()).min().unwrap_or_default()
}

/// The time of a whole call.
fn call(runtime: &Runtime, guarded: bool, events: u32, gap: Option<Duration>) -> Duration {
    let start = Instant::now();
    runtime.block_on(read(guarded, events, gap, |_| {}));
    Instant::now() - start
}

/// The median time from when an event is there to when it is read.
fn delay(runtime: &Runtime, guarded: bool, gap: Option<Duration>) -> Duration {
    let mut delays = Vec::new();
    runtime.block_on(read(guarded, 100, gap, |delay| delays.push(delay)));
    delays.sort_unstable();
    delays.get(delays.len() / 2).copied().unwrap_or_default()
}

async fn read(guarded: bool, events: u32, gap: Option<Duration>, seen: impl FnMut(Duration)) {
    let provider = service_fn(move |_: Request<()>| async move {
        let response = Response::builder().header("content-type", "text/event-stream");
        let made = Instant::now();
        Ok::<_, BoxError>(response.body(Events {
            left: events,
            gap,
            sleep: None,
            made,
        })?)
    });
    let request = Request::new(());
    if guarded {
        let mut guard = StreamGuardLayer::new().layer(provider);
        let answer = guard.call(request).await.expect("an answer");
        drain(answer.into_body(), seen).await;
    } else {
        let mut provider = provider;
        let answer = provider.call(request).await.expect("an answer");
        drain(answer.into_body(), seen).await;
    }
}

async fn drain<B: Body<Data = Bytes>>(body: B, mut seen: impl FnMut(Duration)) {
    let mut body = std::pin::pin!(body);
    while let Some(Ok(frame)) = body.frame().await {
        black_box(frame);
        seen(MADE.with(|made| Instant::now() - made.get().unwrap_or_else(Instant::now)));
    }
}

thread_local! {
    /// When the last event was there.
    static MADE: std::cell::Cell<Option<Instant>> = const { std::cell::Cell::new(None) };
}

/// So many events, at once or with a gap between.
struct Events {
    left: u32,
    gap: Option<Duration>,
    sleep: Option<Pin<Box<Sleep>>>,
    made: Instant,
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(gap) = self.gap {
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(gap)));
            ready!(sleep.as_mut().poll(cx));
            self.sleep = None;
            self.made = Instant::now();
            MADE.set(Some(self.made));
        }
        let left = self.left;
        self.left = left.saturating_sub(1);
        Poll::Ready(match left {
            0 => None,
            1 => Some(Ok(Frame::data(Bytes::from_static(DONE)))),
            _ => Some(Ok(Frame::data(Bytes::from_static(EVENT)))),
        })
    }
}
