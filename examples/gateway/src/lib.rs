//! The gateway of `examples/gateway.rs`: a stack between axum and hyper's client. Copy what you need.

mod args;
mod demo;

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tower::ServiceBuilder;
use tower_ai::http::{GatewayLayer, ReplayBody, TargetLayer};
use tower_ai::retry::RetryPolicy;
use tower_ai::{BoxError, Stack, Tuning};

pub use crate::args::{Args, Settings, USAGE};
pub use crate::demo::Demo;

/// The largest request that is taken: 32 MiB, which is room for pictures and sound.
const MAX_REQUEST: usize = 32 * 1024 * 1024;

/// Passes every path and method on to the first of `targets` that answers.
///
/// # Errors
///
/// Fails without a target, with two of one name, and for settings that cannot be.
pub fn router(targets: Vec<TargetLayer>, settings: &Settings) -> Result<Router, BoxError> {
    let mut tuning = Tuning::new();
    tuning.first_content = settings.first_content_timeout;
    tuning.stall = settings.stall_timeout;
    // A plain answer's head comes when all of it is written.
    tuning.attempt_timeout = settings.request_timeout;
    let retries = settings.retries;
    RetryPolicy::new().max_retries(retries)?;
    let stack = Stack::builder()
        .targets(targets)
        .tuning(tuning)
        .deadline(settings.request_timeout)
        .retry(|policy| policy.clone().max_retries(retries).unwrap_or(policy))
        .commit(settings.commit)
        .continue_streams(settings.continues)
        .build(client())?;
    let gateway = ServiceBuilder::new()
        .layer(GatewayLayer::new().with_served(true))
        .service(stack);
    Ok(Router::new()
        .fallback_service(gateway)
        .layer(from_fn(whole)))
}

/// Waits for the whole request: only so can it be sent again, elsewhere, with another model.
async fn whole(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    match to_bytes(body, MAX_REQUEST).await {
        Ok(body) => next.run(Request::from_parts(head, body.into())).await,
        Err(_) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
    }
}

/// A pooled client for http and https, which follows no redirect.
fn client() -> Client<HttpsConnector<HttpConnector>, ReplayBody<Body>> {
    let mut http = HttpConnector::new();
    http.set_nodelay(true);
    http.enforce_http(false);
    http.set_connect_timeout(Some(Duration::from_secs(5)));
    let https = HttpsConnectorBuilder::new()
        .with_webpki_roots()
        .https_or_http()
        .enable_http1()
        .wrap_connector(http);
    Client::builder(TokioExecutor::new()).build(https)
}
