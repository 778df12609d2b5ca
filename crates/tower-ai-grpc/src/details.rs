//! What `grpc-status-details-bin` says: a reader of the few messages that matter, by hand.
//!
//! The header holds a base64 `google.rpc.Status`, whose details are `Any` messages. Only three of them say
//! something to a client that might try again: `RetryInfo`, `QuotaFailure` and `ErrorInfo`. Bytes that make no
//! sense end the reading; what was read before them stands.

use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, HeaderName};

use crate::wire::Fields;

pub(crate) const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// No wait is longer: 30 days.
pub(crate) const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// gRPC sends base64 without padding, and asks readers to take both.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What the details say that bears on another try.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Details {
    /// `RetryInfo.retry_delay`.
    pub(crate) retry_delay: Option<Duration>,
    /// Whether there is a `QuotaFailure`.
    pub(crate) quota: bool,
    /// Whether the quota is one of days or months.
    pub(crate) long_quota: bool,
    /// Whether `ErrorInfo` says that the key is not a key.
    pub(crate) key_invalid: bool,
}

impl Details {
    /// Reads the header, wherever the status stands.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        decode(headers).map_or_else(Self::default, |bytes| Self::parse(&bytes))
    }

    /// Reads a `google.rpc.Status`.
    pub(crate) fn parse(status: &[u8]) -> Self {
        let mut details = Self::default();
        for (number, any) in Fields::new(status).bytes() {
            if number == 3 {
                details.add(any);
            }
        }
        details
    }

    fn add(&mut self, any: &[u8]) {
        let mut url: &[u8] = &[];
        let mut value: &[u8] = &[];
        for (number, bytes) in Fields::new(any).bytes() {
            match number {
                1 => url = bytes,
                2 => value = bytes,
                _ => {}
            }
        }
        match url.rsplit(|byte| *byte == b'/').next() {
            Some(b"google.rpc.RetryInfo") => self.retry_delay = retry_delay(value),
            Some(b"google.rpc.QuotaFailure") => {
                self.quota = true;
                self.long_quota |= is_long(value);
            }
            Some(b"google.rpc.ErrorInfo") => {
                let mut fields = Fields::new(value).bytes();
                self.key_invalid |= fields.any(|field| field == (1, b"API_KEY_INVALID".as_slice()));
            }
            _ => {}
        }
    }
}

/// The decoded header; `None` if there is none, or it is not base64.
fn decode(headers: &HeaderMap) -> Option<Vec<u8>> {
    BASE64.decode(headers.get(DETAILS)?.as_bytes()).ok()
}

/// Removes details that are not base64: tonic takes them for a broken promise, and panics.
pub(crate) fn remove_broken(headers: &mut HeaderMap) {
    if headers.contains_key(DETAILS) && decode(headers).is_none() {
        headers.remove(DETAILS);
    }
}

/// `RetryInfo { Duration retry_delay = 1 }`, `Duration { int64 seconds = 1; int32 nanos = 2 }`.
fn retry_delay(info: &[u8]) -> Option<Duration> {
    let (_, duration) = Fields::new(info).bytes().find(|field| field.0 == 1)?;
    let (mut seconds, mut nanos) = (0, 0);
    for (number, value) in Fields::new(duration).varints() {
        match number {
            1 => seconds = value.cast_signed(),
            2 => nanos = value.cast_signed(),
            _ => {}
        }
    }
    let seconds = u64::try_from(seconds).ok()?;
    let nanos = u32::try_from(nanos).ok()?.min(999_999_999);
    Some(Duration::new(seconds, nanos).min(LONGEST))
}

/// Whether a violation of `QuotaFailure { repeated Violation violations = 1 }` names a span of days.
fn is_long(failure: &[u8]) -> bool {
    const SPANS: [&str; 6] = [
        "perday",
        "permonth",
        "per day",
        "per month",
        "daily",
        "monthly",
    ];
    let names_span = |text: &[u8]| {
        let text = String::from_utf8_lossy(text).to_lowercase();
        SPANS.iter().any(|span| text.contains(span))
    };
    // Its texts: subject, description, service, metric and identity of the quota.
    Fields::new(failure).bytes().any(|(number, violation)| {
        let mut texts = Fields::new(violation).bytes();
        number == 1 && texts.any(|(number, text)| number <= 5 && names_span(text))
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
        out.extend(bytes);
        out
    }

    /// A `google.rpc.Status` with one detail.
    pub(crate) fn status_with(name: &str, value: &[u8]) -> Vec<u8> {
        let url = format!("type.googleapis.com/google.rpc.{name}");
        let any = [field(1, url.as_bytes()), field(2, value)].concat();
        [vec![0x08, 8], field(2, b"quota"), field(3, &any)].concat()
    }

    pub(crate) fn retry_info(seconds: u8, nanos: u8) -> Vec<u8> {
        let duration = [0x08, seconds, 0x10, nanos];
        status_with("RetryInfo", &field(1, &duration))
    }

    pub(crate) fn header(status: &[u8]) -> http::HeaderValue {
        BASE64.encode(status).parse().unwrap()
    }

    #[test]
    fn the_delay_is_read_padded_or_not() {
        let mut headers = HeaderMap::new();
        let encoded = BASE64.encode(retry_info(7, 5));
        for text in [encoded.trim_end_matches('=').to_owned(), encoded] {
            headers.insert(DETAILS, text.parse().unwrap());
            let details = Details::of(&headers);
            assert_eq!(details.retry_delay, Some(Duration::new(7, 5)));
        }
    }

    #[test]
    fn a_quota_of_days_is_told_from_one_of_minutes() {
        let quota = |id: &str| {
            let violation = field(5, id.as_bytes());
            Details::parse(&status_with("QuotaFailure", &field(1, &violation)))
        };
        assert!(quota("GenerateRequestsPerDayPerProject").long_quota);
        let minutes = quota("GenerateRequestsPerMinute");
        assert!(minutes.quota && !minutes.long_quota);
    }

    #[test]
    fn an_invalid_key_is_recognised() {
        let info = field(1, b"API_KEY_INVALID");
        assert!(Details::parse(&status_with("ErrorInfo", &info)).key_invalid);
    }

    #[test]
    fn a_negative_delay_is_none() {
        // -1 as a varint of ten bytes.
        let minus_one = [0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
        let status = status_with("RetryInfo", &field(1, &minus_one));
        assert_eq!(Details::parse(&status).retry_delay, None);
    }

    #[test]
    fn broken_details_are_removed_and_good_ones_kept() {
        let mut headers = HeaderMap::new();
        headers.insert(DETAILS, "not base64!".parse().unwrap());
        remove_broken(&mut headers);
        assert!(headers.is_empty());
        headers.insert(DETAILS, header(&retry_info(1, 0)));
        remove_broken(&mut headers);
        assert!(!headers.is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            Details::parse(&bytes);
        }

        #[test]
        fn no_bytes_in_a_detail_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            for name in ["RetryInfo", "QuotaFailure", "ErrorInfo"] {
                Details::parse(&status_with(name, &bytes));
            }
        }

        #[test]
        fn no_delay_is_beyond_the_bound(seconds: i64, nanos: i32) {
            let mut duration = vec![0x08];
            push_varint(&mut duration, seconds.cast_unsigned());
            duration.push(0x10);
            push_varint(&mut duration, i64::from(nanos).cast_unsigned());
            let status = status_with("RetryInfo", &field(1, &duration));
            prop_assert!(Details::parse(&status).retry_delay.unwrap_or_default() <= LONGEST);
        }
    }

    fn push_varint(out: &mut Vec<u8>, mut value: u64) {
        while value > 0x7f {
            out.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
            value >>= 7;
        }
        out.push(u8::try_from(value).unwrap());
    }
}
