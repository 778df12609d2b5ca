//! An error in the place of an answer.

use std::error::Error;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response};
use tower_ai_core::Outcome;
use tower_ai_core::error::{AllFailed, Shed, cause_ref, outcome_of};
use tower_ai_stream::Broken;

use super::api::{Api, Kind};
use super::body::GatewayBody;
use super::headers;
use crate::NotSent;

type Cause<'a> = &'a (dyn Error + 'static);

/// The answer where there is none.
pub(super) fn response<R>(
    error: Cause<'_>,
    api: Api,
    says_served: bool,
) -> Response<GatewayBody<R>> {
    let kind = match outcome_of(error) {
        Outcome::Invalid => Kind::Invalid,
        _ => Kind::Unavailable,
    };
    let body = api
        .body(kind, &message(error, kind, says_served))
        .to_string();
    let mut response = Response::new(GatewayBody::told(Bytes::from(body)));
    *response.status_mut() = kind.status();
    let told = response.headers_mut();
    told.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if kind == Kind::Unavailable {
        told.insert(RETRY_AFTER, seconds(error).into());
    }
    if let Some(all) = cause_ref::<AllFailed>(error).filter(|_| says_served) {
        headers::say_tried(told, all.tried());
    }
    response
}

/// When to try again: in whole seconds, and never at once.
fn seconds(error: Cause<'_>) -> u64 {
    let all = cause_ref::<AllFailed>(error).and_then(AllFailed::wait);
    let wait = all.or_else(|| cause_ref::<Shed>(error)?.wait());
    wait.map_or(1, |wait| {
        let rest = u64::from(wait.subsec_nanos() > 0);
        wait.as_secs().saturating_add(rest).max(1)
    })
}

fn message(error: Cause<'_>, kind: Kind, says_served: bool) -> String {
    if kind == Kind::Invalid {
        let rule = cause_ref::<NotSent>(error).map(ToString::to_string);
        return rule.unwrap_or_else(|| "the call is not valid".to_owned());
    }
    match cause_ref::<AllFailed>(error) {
        Some(all) if says_served => all.to_string(),
        Some(all) => AllFailed::new(Vec::new(), all.wait(), None).to_string(),
        None => AllFailed::new(Vec::new(), None, None).to_string(),
    }
}

/// What broke an answer off. Categories only.
pub(super) fn broken(error: Cause<'_>) -> String {
    let known = cause_ref::<Broken>(error).map(ToString::to_string);
    known.unwrap_or_else(|| "the answer broke off".to_owned())
}
