//! Headers of an answer: what the caller does not get, and what is added.

use std::fmt::Write;

use http::header::{
    ALT_SVC, CONNECTION, PROXY_AUTHENTICATE, SET_COOKIE, STRICT_TRANSPORT_SECURITY, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use tower_ai_core::{Served, Target, Tried};

use crate::target::hygiene::named_by_connection;

/// Headers of the provider's connection, and what it wants of browsers at its own host.
const OF_THE_PROVIDER: [HeaderName; 11] = [
    ALT_SVC,
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    HeaderName::from_static("proxy-connection"),
    SET_COOKIE,
    STRICT_TRANSPORT_SECURITY,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// The target that answered.
const TARGET: HeaderName = HeaderName::from_static("x-tower-ai-target");
/// The attempts that were sent, over all targets.
const ATTEMPTS: HeaderName = HeaderName::from_static("x-tower-ai-attempts");
/// The milliseconds that were spent waiting between attempts.
const WAITED: HeaderName = HeaderName::from_static("x-tower-ai-waited-ms");
/// What an answer was put together of, in a trailer: it is known at the end of a stream only.
const SPLICED: HeaderValue = HeaderValue::from_static("x-tower-ai-spliced");
/// The targets that failed before, each with its outcome.
const TRIED: HeaderName = HeaderName::from_static("x-tower-ai-tried");

pub(super) fn remove_connection(headers: &mut HeaderMap) {
    for name in named_by_connection(headers) {
        headers.remove(name);
    }
    for name in &OF_THE_PROVIDER {
        headers.remove(name);
    }
}

/// Says who served the answer, if that is known.
pub(super) fn say_served<R>(response: &mut Response<R>) {
    let Some(served) = response.extensions().get::<Served>() else {
        return;
    };
    let target = served.target().and_then(|target| name(target.name()));
    let (attempts, waited) = (served.attempts(), served.waited().as_millis());
    let tried = list(served.tried());
    let headers = response.headers_mut();
    if let Some(target) = target {
        headers.insert(TARGET, target);
    }
    headers.insert(ATTEMPTS, attempts.into());
    if let Ok(waited @ 1..) = u64::try_from(waited) {
        headers.insert(WAITED, waited.into());
    }
    if let Some(tried) = tried {
        headers.insert(TRIED, tried);
    }
}

/// Announces what a stream may say of itself at its end. Without, servers send no trailer.
pub(super) fn announce_spliced(headers: &mut HeaderMap) {
    headers.insert(TRAILER, SPLICED);
}

/// Says what was tried for nothing.
pub(super) fn say_tried(headers: &mut HeaderMap, tried: &[Tried]) {
    if let Some(tried) = list(tried) {
        headers.insert(TRIED, tried);
    }
}

fn list(tried: &[Tried]) -> Option<HeaderValue> {
    let mut text = String::new();
    for (index, tried) in tried.iter().enumerate() {
        let lead = if index == 0 { "" } else { ", " };
        let (name, outcome) = (Target::name(&tried.target), tried.outcome.name());
        let _ = write!(text, "{lead}{name}={outcome}");
    }
    (!text.is_empty()).then(|| name(&text)).flatten()
}

/// A name that no header may hold is not told.
fn name(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(text).ok()
}
