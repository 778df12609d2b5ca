//! Keeping answers over HTTP.

use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Body;
use tower_ai_core::error::outcome_of;
use tower_ai_core::{BoxError, CacheNote, HttpCarry, Keep, Kept, Outcome, Recorder, Report};

use super::body::{AnswerBody, Tape};
use super::end::Format;

/// Keeps whole, good answers over HTTP: JSON and event streams with status 200.
///
/// See the [module docs](crate::http).
#[derive(Clone, Copy, Debug, Default)]
pub struct HttpKeep(());

impl HttpKeep {
    /// Keeps answers of the known dialects.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

/// An answer as it is kept: its type and its bytes, in the pieces in which they came.
#[derive(Clone)]
pub struct StoredAnswer {
    content_type: HeaderValue,
    chunks: Arc<Vec<Bytes>>,
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

    /// Adds a piece; returns the bytes it has then.
    pub fn push(&mut self, data: &Bytes) -> usize {
        // A copy: the piece may be a small part of a large buffer.
        Arc::make_mut(&mut self.chunks).push(Bytes::copy_from_slice(data));
        self.bytes += data.len() + size_of::<Bytes>();
        self.bytes
    }

    /// Its type.
    #[must_use]
    pub const fn content_type(&self) -> &HeaderValue {
        &self.content_type
    }

    /// Its pieces.
    pub fn chunks(&self) -> impl Iterator<Item = Bytes> + '_ {
        self.chunks.iter().cloned()
    }

    /// All of it.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut all = BytesMut::with_capacity(self.bytes);
        self.chunks
            .iter()
            .for_each(|data| all.extend_from_slice(data));
        all.freeze()
    }
}

impl Kept for HttpKeep {
    type Stored = StoredAnswer;

    fn weigh(&self, stored: &StoredAnswer) -> usize {
        stored.bytes
    }
}

impl<B: Body> Keep<Response<B>> for HttpKeep {
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
        let tape = recorder.and_then(|recorder| match kind(parts.status, &parts.headers) {
            Ok((format, content_type)) => Some(Tape {
                recorder,
                format,
                answer: StoredAnswer::new(content_type),
            }),
            Err(why) => {
                recorder.refuse(why);
                None
            }
        });
        Response::from_parts(parts, AnswerBody::live(body, tape))
    }

    fn replay(&self, stored: &StoredAnswer) -> Self::Response {
        let mut response = Response::new(AnswerBody::kept(stored));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, stored.content_type.clone());
        response
    }

    fn note(&self, response: &mut Self::Response, note: CacheNote) {
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
    let format = match text.split(';').next().map(str::trim) {
        Some("application/json") => Format::Json,
        Some("text/event-stream") => Format::Events,
        _ => return Err("another content type"),
    };
    Ok((format, content_type.clone()))
}

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
