//! Keeping answers over HTTP.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, WARNING};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Body;
use tokio::time::Instant;
use tower_ai_core::error::outcome_of;
use tower_ai_core::{
    BoxError, CacheNote, CacheUse, Drained, HttpCarry, Keep, Kept, Outcome, Recorder, Report,
    Served,
};

use super::body::{AnswerBody, Tape};
use super::end::Format;
use super::text::text;

/// Keeps whole, good answers over HTTP: JSON and event streams with status 200.
///
/// See the [module docs](crate::http).
/// # Default
///
/// Kept answers are given as fast as they are read, with headers that say so.
#[derive(Clone, Copy, Debug)]
pub struct HttpKeep {
    at_pace: bool,
    headers: bool,
}

impl HttpKeep {
    /// Keeps answers of the known dialects.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            at_pace: false,
            headers: true,
        }
    }

    /// Gives kept answers at the pace at which they came, from the head of the answer on: for readers that show words
    /// as they arrive. It says less by its timing, too. Defaults to as fast as they are read.
    #[must_use]
    pub const fn at_pace(mut self) -> Self {
        self.at_pace = true;
        self
    }

    /// Writes no `Age`, `Cache-Status` and `Warning` into kept answers. Defaults to writing them.
    #[must_use]
    pub const fn without_headers(mut self) -> Self {
        self.headers = false;
        self
    }
}

impl Default for HttpKeep {
    fn default() -> Self {
        Self::new()
    }
}

/// An answer as it is kept: its type and its bytes, in the pieces in which they came.
#[derive(Clone)]
pub struct StoredAnswer {
    content_type: HeaderValue,
    chunks: Arc<Vec<(Duration, Bytes)>>,
    bytes: usize,
}

impl StoredAnswer {
    /// An answer with this content type and nothing in it yet.
    #[must_use]
    pub fn new(content_type: HeaderValue) -> Self {
        Self {
            content_type,
            chunks: Arc::default(),
            bytes: 0,
        }
    }

    /// Adds a piece that came so long after the head; returns the bytes it has then.
    pub fn push_at(&mut self, data: &Bytes, at: Duration) -> usize {
        // A copy: the piece may be a small part of a large buffer.
        let piece = (at, Bytes::copy_from_slice(data));
        Arc::make_mut(&mut self.chunks).push(piece);
        self.bytes += data.len() + size_of::<(Duration, Bytes)>();
        self.bytes
    }

    /// Its type.
    #[must_use]
    pub const fn content_type(&self) -> &HeaderValue {
        &self.content_type
    }

    /// Its pieces.
    pub fn chunks(&self) -> impl Iterator<Item = Bytes> + '_ {
        self.chunks.iter().map(|(_, data)| data.clone())
    }

    /// Its pieces, each with how long after the head it came.
    pub fn timed(&self) -> impl Iterator<Item = (Duration, Bytes)> + '_ {
        self.chunks.iter().cloned()
    }

    /// The words of the answer, of its first choice: what a judge compares. `None` if there are none, as in a tool call.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use std::time::Duration;
    /// use tower_ai_cache::http::StoredAnswer;
    ///
    /// let mut answer = StoredAnswer::new(http::HeaderValue::from_static("text/event-stream"));
    /// for piece in ["A pass", "port."] {
    ///     let event = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{piece}\"}}}}]}}\n\n");
    ///     answer.push_at(&Bytes::from(event), Duration::ZERO);
    /// }
    /// assert_eq!(answer.text().as_deref(), Some("A passport."));
    /// ```
    #[must_use]
    pub fn text(&self) -> Option<String> {
        text(format(self.content_type.to_str().ok()?)?, &self.to_bytes())
    }

    /// All of it.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut all = BytesMut::with_capacity(self.bytes);
        self.chunks
            .iter()
            .for_each(|(_, data)| all.extend_from_slice(data));
        all.freeze()
    }
}

impl Kept for HttpKeep {
    type Stored = StoredAnswer;

    fn weigh(&self, stored: &StoredAnswer) -> usize {
        stored.bytes
    }
}

impl<B: Body + Send + 'static> Keep<Response<B>> for HttpKeep {
    type Response = Response<AnswerBody<B>>;

    /// What a layer below has read off the answer, else what the status says.
    fn outcome(&self, result: Result<&Response<B>, &BoxError>) -> Outcome {
        match result {
            Ok(response) => {
                let read = response.extensions().get::<Outcome>().copied();
                read.unwrap_or_else(|| of_status(response.status()))
            }
            Err(error) => outcome_of(&**error),
        }
    }

    fn live(
        &self,
        response: Response<B>,
        recorder: Option<Recorder<StoredAnswer>>,
    ) -> Self::Response {
        let (parts, body) = response.into_parts();
        let served = parts.extensions.get::<Served>();
        let tape = recorder.and_then(|recorder| match kind(parts.status, &parts.headers) {
            Ok((format, content_type)) => Some(Tape {
                recorder,
                format,
                answer: StoredAnswer::new(content_type),
                began: Instant::now(),
                served: served.cloned(),
            }),
            Err(why) => {
                recorder.refuse(why);
                None
            }
        });
        Response::from_parts(parts, AnswerBody::live(body, tape))
    }

    fn replay(&self, stored: &StoredAnswer) -> Self::Response {
        let mut response = Response::new(AnswerBody::kept(stored, self.at_pace));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, stored.content_type.clone());
        response
    }

    fn drain(&self, response: Self::Response) -> Drained {
        let mut body = Box::pin(response.into_body());
        Box::pin(async move { poll_fn(|cx| poll_end(body.as_mut(), cx)).await })
    }

    fn note(&self, response: &mut Self::Response, note: CacheNote) {
        if self.headers && note.entry.is_some() {
            mark(response.headers_mut(), &note);
        }
        HttpCarry.report(response, |served| served.set_cache(note));
    }
}

/// How an answer is written, if it is one that can be kept.
fn kind(status: StatusCode, headers: &HeaderMap) -> Result<(Format, HeaderValue), &'static str> {
    if status != StatusCode::OK {
        return Err("not 200");
    }
    if headers.contains_key(CONTENT_ENCODING) {
        return Err("encoded");
    }
    let said = |word: &str| {
        let mut values = headers.get_all(CACHE_CONTROL).iter();
        values.any(|value| value.to_str().is_ok_and(|value| value.contains(word)))
    };
    if said("no-store") {
        return Err("no-store");
    }
    let content_type = headers.get(CONTENT_TYPE).ok_or("no content type")?;
    let text = content_type.to_str().unwrap_or_default();
    let format = format(text).ok_or("another content type")?;
    Ok((format, content_type.clone()))
}

fn format(content_type: &str) -> Option<Format> {
    match content_type.split(';').next().map(str::trim) {
        Some("application/json") => Some(Format::Json),
        Some("text/event-stream") => Some(Format::Events),
        Some(
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/x-jsonlines",
        ) => Some(Format::Lines),
        _ => None,
    }
}

/// Reads a body to its end or its error.
fn poll_end<B: Body>(mut body: Pin<&mut B>, cx: &mut Context<'_>) -> Poll<()> {
    while let Some(Ok(_)) = ready!(body.as_mut().poll_frame(cx)) {}
    Poll::Ready(())
}

/// Says in headers that an answer was kept: its age (RFC 9111), how it was found (`Cache-Status`, RFC 9211), and whether it
/// stands in for a failure (`Warning` 111, which RFC 9111 retired and nothing has replaced).
fn mark(headers: &mut HeaderMap, note: &CacheNote) {
    headers.insert(AGE, HeaderValue::from(note.age.as_secs()));
    let status = match note.how {
        CacheUse::Semantic { score } => {
            HeaderValue::try_from(format!("tower-ai; hit; detail=\"semantic {score:.3}\"")).ok()
        }
        CacheUse::Joined => Some(HeaderValue::from_static("tower-ai; hit; collapsed")),
        _ => Some(HeaderValue::from_static("tower-ai; hit")),
    };
    if let Some(status) = status {
        headers.insert(CACHE_STATUS, status);
    }
    if note.stale {
        headers.insert(
            WARNING,
            HeaderValue::from_static("111 - \"revalidation failed\""),
        );
    }
}

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// What a status says by itself.
fn of_status(status: StatusCode) -> Outcome {
    match status.as_u16() {
        200..400 => Outcome::Success,
        401 | 403 => Outcome::Unauthorized,
        404 => Outcome::Missing,
        408 | 504 => Outcome::TimedOut,
        409 => Outcome::Conflict,
        413 => Outcome::TooLong,
        429 => Outcome::RateLimited { wait: None },
        503 | 529 => Outcome::Overloaded { wait: None },
        400..500 => Outcome::Invalid,
        _ => Outcome::Fault,
    }
}

impl fmt::Debug for StoredAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredAnswer")
            .field("content_type", &self.content_type)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}
