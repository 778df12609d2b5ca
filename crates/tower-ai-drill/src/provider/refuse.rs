//! Answers that are errors.

use std::time::Duration;

use http::HeaderMap;

use super::Shared;
use super::serve::{Done, Job};
use crate::dialect::{Ask, Refusal};
use crate::http1::{Conn, Gone, Unread, head};
use crate::{Dialect, End, Fault};

/// The prefix of a model's name that asks for a fault by name.
const FAULT_MODEL: &str = "fault:";

/// The fault that no script is needed for: by what the request is.
pub(super) fn inborn(shared: &Shared, headers: &HeaderMap, ask: &Ask) -> Option<Fault> {
    if let Some(key) = &shared.key
        && self::key(shared.dialect, headers) != Some(key)
    {
        return Some(Fault::Unauthorized);
    }
    if let Some(name) = ask.model.strip_prefix(FAULT_MODEL) {
        return Some(name.parse().unwrap_or(Fault::NoModel));
    }
    if shared.window.is_some_and(|window| ask.words > window) {
        return Some(Fault::ContextLength);
    }
    (ask.prefill.is_some() && !shared.prefill).then_some(Fault::Prefill)
}

/// The key of a request, where the dialect has it.
pub(super) fn key(dialect: Dialect, headers: &HeaderMap) -> Option<&str> {
    let put = dialect.wire().put("", "", false);
    let value = headers.get(put.key_header)?.to_str().ok()?;
    value.strip_prefix(put.key_prefix)
}

/// The refusal that a fault is, if it is one.
pub(super) fn refusal(job: &Job<'_>, fault: Fault) -> Option<Refusal> {
    Some(match fault {
        Fault::ContextLength => Refusal::ContextLength {
            words: job.ask.words,
            // A scripted one has no window to speak of: just too small.
            window: job.shared.window.unwrap_or(job.ask.words.saturating_sub(1)),
        },
        Fault::NoModel => Refusal::Model,
        Fault::Overload => Refusal::Overload,
        Fault::Policy => Refusal::Policy,
        Fault::Prefill => Refusal::Prefill,
        Fault::Quota => Refusal::Quota,
        Fault::RateLimit { wait } => Refusal::RateLimit {
            wait: wait.map(|wait| job.shared.scale.to_wall(wait)),
        },
        Fault::Status(status) => Refusal::Server(status),
        Fault::Unauthorized => Refusal::Unauthorized,
        _ => return None,
    })
}

/// Answers with a refusal.
pub(super) async fn refuse(
    conn: &mut Conn,
    shared: &Shared,
    refusal: &Refusal,
) -> Result<Done, Gone> {
    let (status, body) = shared.dialect.wire().refusal(refusal);
    let (kind, body) = match refusal {
        Refusal::Server(502 | 504 | 520..=526) => (
            "text/html",
            format!("<html><h1>{status} something went wrong</h1></html>"),
        ),
        _ => ("application/json", body.to_string()),
    };
    let mut headers = vec![
        ("content-type", kind.to_owned()),
        ("content-length", body.len().to_string()),
    ];
    if let Refusal::RateLimit { wait: Some(wait) } = refusal {
        limit_headers(shared.dialect, *wait, &mut headers);
    }
    let mut answer = head(status, &headers);
    answer.extend_from_slice(body.as_bytes());
    conn.write(&answer).await?;
    Ok(Done::Whole(End::Broken))
}

/// How long to stay away, in a dialect's headers. A wait that is no whole number of seconds, as
/// compressed time makes them, is written with a fraction, and to OpenAI's clients in
/// milliseconds as well; Gemini has it in the body.
fn limit_headers(dialect: Dialect, wait: Duration, headers: &mut Vec<(&str, String)>) {
    let seconds = wait.as_secs_f64().to_string();
    match dialect {
        Dialect::Anthropic => headers.push(("retry-after", seconds)),
        Dialect::Gemini => {}
        Dialect::OpenAi => {
            headers.push(("retry-after", seconds));
            headers.push(("retry-after-ms", wait.as_millis().to_string()));
        }
    }
}

/// Answers what could not be read as a request, where someone may still listen.
pub(super) async fn unread(conn: &mut Conn, unread: Unread) {
    let status = match unread {
        Unread::Gone => return,
        Unread::Malformed => 400,
        Unread::TooLarge => 413,
    };
    let headers = [
        ("content-length", "0".to_owned()),
        ("connection", "close".to_owned()),
    ];
    // The connection is closed next, whether or not this arrives.
    let _ = conn.write(&head(status, &headers)).await;
}
