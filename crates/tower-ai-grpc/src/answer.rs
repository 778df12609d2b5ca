//! A gRPC answer, where its status stands.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode};
use percent_encoding::percent_decode;
use tonic::Code;

use crate::details::{Details, LONGEST};

pub(crate) const STATUS: HeaderName = HeaderName::from_static("grpc-status");
pub(crate) const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
pub(crate) const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// A gRPC answer as far as it is read: its HTTP status, and the headers or trailers where its own stands.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use http::{HeaderMap, StatusCode};
/// use tonic::Code;
/// use tower_ai_core::Outcome;
/// use tower_ai_grpc::Answer;
///
/// let mut trailers = HeaderMap::new();
/// trailers.insert("grpc-status", "8".parse()?);
/// trailers.insert("grpc-retry-pushback-ms", "1500".parse()?);
///
/// let answer = Answer::new(StatusCode::OK, &trailers);
/// assert_eq!(answer.code(), Some(Code::ResourceExhausted));
/// let wait = Some(Duration::from_millis(1500));
/// assert_eq!(answer.outcome(), Outcome::RateLimited { wait });
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    http: StatusCode,
    headers: &'a HeaderMap,
}

/// What `grpc-retry-pushback-ms` says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pushback {
    /// Try again after this, exactly.
    After(Duration),
    /// Do not try again.
    Never,
}

impl<'a> Answer<'a> {
    /// An answer with this HTTP status, and the headers or trailers in which its gRPC status stands.
    #[must_use]
    pub const fn new(http: StatusCode, headers: &'a HeaderMap) -> Self {
        Self { http, headers }
    }

    /// The gRPC status; `None` if there is none. One that is no number from 0 to 16 is `Unknown`.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        Some(Code::from_bytes(self.headers.get(STATUS)?.as_bytes()))
    }

    /// The HTTP status.
    #[must_use]
    pub const fn http_status(&self) -> StatusCode {
        self.http
    }

    /// One of the headers or trailers, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The server's message. It may hold the caller's prompt: look into it, and never log it.
    #[must_use]
    pub fn message(&self) -> Cow<'a, str> {
        let message = self
            .headers
            .get(MESSAGE)
            .map_or(&b""[..], |value| value.as_bytes());
        percent_decode(message).decode_utf8_lossy()
    }

    /// How long the server asked us to stay away: by pushback, else by `RetryInfo`, else by `retry-after`
    /// in seconds. At most 30 days.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        match self.pushback() {
            Some(Pushback::After(wait)) => Some(wait),
            Some(Pushback::Never) => None,
            None => self.details().retry_delay.or_else(|| self.retry_after()),
        }
    }

    /// Whether the server said not to try again, by a pushback that is negative or no number.
    #[must_use]
    pub fn forbids_retry(&self) -> bool {
        self.pushback() == Some(Pushback::Never)
    }

    pub(crate) fn pushback(&self) -> Option<Pushback> {
        let millis = self.headers.get(PUSHBACK)?.to_str().ok();
        let millis = millis.and_then(|text| text.trim().parse::<i32>().ok());
        Some(match millis.map(u64::try_from) {
            Some(Ok(millis)) => Pushback::After(Duration::from_millis(millis)),
            _ => Pushback::Never,
        })
    }

    pub(crate) fn details(&self) -> Details {
        Details::of(self.headers)
    }

    fn retry_after(&self) -> Option<Duration> {
        let seconds: u64 = self.header("retry-after")?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds).min(LONGEST))
    }
}

/// Shows the statuses, never the message: it may hold somebody's prompt.
impl fmt::Debug for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("http", &self.http)
            .field("code", &self.code())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::details::DETAILS;
    use crate::details::tests::{header, retry_info};

    fn with(headers: &[(HeaderName, &[u8])]) -> HeaderMap {
        let value = |bytes: &[u8]| http::HeaderValue::from_bytes(bytes).unwrap();
        headers
            .iter()
            .map(|(name, bytes)| (name.clone(), value(bytes)))
            .collect()
    }

    #[test]
    fn pushback_is_milliseconds_or_a_no() {
        let pushback = |text: &str| {
            Answer::new(StatusCode::OK, &with(&[(PUSHBACK, text.as_bytes())])).pushback()
        };
        assert_eq!(pushback("0"), Some(Pushback::After(Duration::ZERO)));
        assert_eq!(
            pushback("250"),
            Some(Pushback::After(Duration::from_millis(250)))
        );
        for never in ["-1", "", "soon", "99999999999", "1.5"] {
            assert_eq!(pushback(never), Some(Pushback::Never), "{never}");
        }
    }

    #[test]
    fn pushback_stands_above_retry_info_and_that_above_retry_after() {
        let mut headers = with(&[(http::header::RETRY_AFTER, b"9")]);
        assert_eq!(
            Answer::new(StatusCode::OK, &headers).wait(),
            Some(Duration::from_secs(9))
        );
        headers.insert(DETAILS, header(&retry_info(4, 0)));
        assert_eq!(
            Answer::new(StatusCode::OK, &headers).wait(),
            Some(Duration::from_secs(4))
        );
        headers.insert(PUSHBACK, "20".parse().unwrap());
        assert_eq!(
            Answer::new(StatusCode::OK, &headers).wait(),
            Some(Duration::from_millis(20))
        );
    }

    #[test]
    fn a_message_is_decoded_and_not_shown() {
        let headers = with(&[(STATUS, b"3"), (MESSAGE, b"my%20secret")]);
        let answer = Answer::new(StatusCode::OK, &headers);
        assert_eq!(answer.message(), "my secret");
        assert!(!format!("{answer:?}").contains("secret"));
    }

    proptest! {
        #[test]
        fn no_header_panics(bytes in prop::collection::vec(prop_oneof![Just(9), 32..127_u8, 128..=255_u8], 0..60)) {
            let headers = with(&[
                (STATUS, &bytes), (MESSAGE, &bytes), (PUSHBACK, &bytes), (DETAILS, &bytes),
                (http::header::RETRY_AFTER, &bytes),
            ]);
            let answer = Answer::new(StatusCode::OK, &headers);
            let _ = (answer.outcome(), answer.message(), answer.wait());
        }
    }
}
