//! What retries cost over loopback, in CPU time: ours over hyper's client, and those of reqwest within its own.
//!
//! ```text
//! cargo bench -p tower-ai-peers --bench http
//! ```

#[path = "../../harness/mod.rs"]
mod harness;
#[path = "../../cases/loopback.rs"]
#[allow(dead_code, reason = "only a part of it is compared")]
mod loopback;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;

use http::StatusCode;
use reqwest::Client;
use tower::Layer;
use tower_ai_core::HttpCarry;
use tower_ai_http::HttpClassify;
use tower_ai_retry::{RetryLayer, RetryPolicy};

use harness::Suite;

const REQWEST: &str = "reqwest 0.13.5";

fn main() -> ExitCode {
    let mut suite = Suite::with_sockets("http");
    let address = loopback::serve(suite.runtime());
    suite.baseline("bare, direct");
    loopback::push(
        &mut suite,
        "bare, direct",
        loopback::direct(address),
        address,
    );
    let policy = RetryPolicy::new().classify(HttpClassify).carry(HttpCarry);
    let retry = RetryLayer::new(policy).layer(loopback::direct(address));
    loopback::push(&mut suite, "retry", retry, address);

    suite.baseline("bare, reqwest");
    let bare = Client::builder().retry(reqwest::retry::never());
    push(&mut suite, "bare, reqwest", None, bare, address);
    // As its docs show it: a host, a few retries, 5xx.
    let retry = reqwest::retry::for_host("127.0.0.1")
        .max_retries_per_request(2)
        .classify_fn(|call| match call.status() {
            Some(StatusCode::SERVICE_UNAVAILABLE) => call.retryable(),
            _ => call.success(),
        });
    let retrying = Client::builder().retry(retry);
    push(&mut suite, "retry", Some(REQWEST), retrying, address);
    suite.run()
}

fn push(
    suite: &mut Suite,
    work: &str,
    peer: Option<&'static str>,
    client: reqwest::ClientBuilder,
    address: SocketAddr,
) {
    let runtime = Rc::clone(suite.shared_runtime());
    let client = client.build().expect("a client");
    let url = format!("http://{address}/v1/chat/completions");
    suite.push(work, "ready", peer, move |calls| {
        runtime.block_on(async {
            for _ in 0..=calls {
                let request = client
                    .post(&url)
                    .header("content-type", "application/json")
                    .body(loopback::QUESTION);
                let Ok(response) = request.send().await else {
                    panic!("the server answers");
                };
                let body = response.bytes().await.expect("the answer is whole");
                assert_eq!(body, loopback::ANSWER);
            }
        });
    });
}
