//! A client without any resilience, over hyper.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tower_ai_drill::{
    Call, Dialect, End, Endpoint, Factory, Grade, Log, Pace, Provider, Reply, contender_fn,
    provider,
};

pub type Http = Client<HttpConnector, Full<Bytes>>;

pub fn http() -> Http {
    Client::builder(TokioExecutor::new()).build_http()
}

/// One attempt, as it comes.
pub async fn attempt(http: &Http, endpoint: &Endpoint, call: &Call) -> Reply {
    let request = call.request(endpoint).unwrap().map(Full::new);
    match http.request(request).await {
        Ok(response) => Reply::read(endpoint.dialect, call.stream, response).await,
        Err(error) => Reply::failed(&error),
    }
}

/// A provider whose answers take some ten milliseconds.
pub fn quick(name: &str) -> provider::Builder {
    let pace = Pace::new(Duration::from_millis(4), Duration::from_millis(1), 6..=6);
    Provider::builder(name).pace(pace.unwrap())
}

pub fn call(id: &str) -> Call {
    Call::new(id, "how are you", Duration::from_secs(5))
}

/// Asks for a fault by the model's name.
pub async fn ask(provider: &Provider, fault: &str, stream: bool) -> Reply {
    let mut endpoint = provider.endpoint();
    endpoint.model = format!("fault:{fault}");
    let mut call = call("1");
    call.stream = stream;
    attempt(&http(), &endpoint, &call).await
}

/// A stack that tries target after target, each so many times, and waits in between.
pub fn tries(times: usize, targets: usize, patience: Duration, pause: Duration) -> Factory {
    Arc::new(move |setup| {
        let http = http();
        let scale = setup.scale;
        let endpoints: Vec<_> = setup.endpoints.iter().take(targets).cloned().collect();
        Ok(Arc::new(contender_fn(move |call: Call| {
            let (http, endpoints) = (http.clone(), endpoints.clone());
            async move {
                let mut last = Reply::default();
                for endpoint in endpoints {
                    for _ in 0..times {
                        let attempt = attempt(&http, &endpoint, &call);
                        let patience = scale.to_wall(patience);
                        last = match tokio::time::timeout(patience, attempt).await {
                            Ok(reply) => reply,
                            Err(elapsed) => Reply::failed(&elapsed),
                        };
                        if last.error.is_none() && last.defect.is_none() {
                            return last;
                        }
                        tokio::time::sleep(scale.to_wall(pause)).await;
                    }
                }
                last
            }
        })))
    })
}

pub const DIALECTS: [Dialect; 3] = [Dialect::Anthropic, Dialect::Gemini, Dialect::OpenAi];
/// Long for a provider, short for a test.
pub const MOMENT: Duration = Duration::from_millis(150);

/// What a reply to [`call`] is worth.
pub fn grade(reply: &Reply) -> Grade {
    reply.grade(&call("1"), Duration::ZERO)
}

/// Waits for the last entry of a log to end.
pub async fn end(log: &Log) -> Option<End> {
    for _ in 0..200 {
        if let Some((_, end)) = log.entries().last().and_then(|entry| entry.end) {
            return Some(end);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    None
}
