//! How long a server asks us to stay away, in all the ways in which servers say it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use proptest::collection::vec;
use proptest::prelude::*;
use tower_ai_core::Outcome;
use tower_ai_http::{Answer, Dialect, WallTime};

use self::check::DIALECTS;

#[allow(unreachable_pub, dead_code, reason = "the fuzzer uses it too")]
#[path = "../fuzz/check.rs"]
mod check;

/// 2026-11-22, 10:00:00 UTC.
const NOW: WallTime = WallTime::since_epoch(Duration::from_secs(1_795_341_600));
const DAY: u128 = 86_400_000;
fn outcome(status: u16, headers: &[(&'static str, &str)], body: &str) -> Outcome {
    let pair = |(name, value): &(&'static str, &str)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )
    };
    let headers = headers.iter().map(pair).collect();
    let status = StatusCode::from_u16(status).unwrap();
    Answer::new(Dialect::OpenAi, status, &headers)
        .with_body(body.as_bytes())
        .outcome(NOW)
}

/// The wait of a rate limit, in milliseconds.
fn wait(headers: &[(&'static str, &str)]) -> Option<u128> {
    outcome(429, headers, "")
        .wait()
        .map(|wait| wait.as_millis())
}

#[test]
fn retry_after_is_read_in_all_its_forms() {
    let after = |value| wait(&[("retry-after", value)]);
    assert_eq!(after("2"), Some(2000));
    assert_eq!(after(" 1.5 "), Some(1500));
    assert_eq!(after("Sun, 22 Nov 2026 10:00:30 GMT"), Some(30_000), "IMF");
    assert_eq!(
        after("Sunday, 22-Nov-26 10:00:30 GMT"),
        Some(30_000),
        "RFC 850"
    );
    assert_eq!(after("Sun Nov 22 10:00:30 2026"), Some(30_000), "asctime");
}

#[test]
fn a_duration_is_read_in_all_its_forms() {
    let reset = |value| wait(&[("x-ratelimit-reset-requests", value)]);
    assert_eq!(reset("1s"), Some(1000));
    assert_eq!(reset("120ms"), Some(120));
    assert_eq!(reset("7.66s"), Some(7660));
    assert_eq!(reset("6m0s"), Some(360_000));
    assert_eq!(reset("1m30s"), Some(90_000));
    assert_eq!(reset("1h2m3.5s"), Some(3_723_500));
    let info = r#"{"error":{"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"3.5s"}]}}"#;
    let wait = outcome(429, &[], info).wait();
    assert_eq!(wait, Some(Duration::from_millis(3500)));
}

#[test]
fn zero_negative_and_past_mean_now() {
    for value in ["0", "-5", "-0.1", "Sun, 22 Nov 2026 09:59:59 GMT"] {
        assert_eq!(wait(&[("retry-after", value)]), Some(0), "{value}");
    }
}

#[test]
fn nothing_is_longer_than_a_day() {
    let digits = "9".repeat(400);
    for value in ["86401", &digits, "Fri, 31 Dec 9999 23:59:59 GMT"] {
        assert_eq!(wait(&[("retry-after", value)]), Some(DAY), "{value}");
    }
    assert_eq!(wait(&[("retry-after-ms", &digits)]), Some(DAY));
}

#[test]
fn garbage_is_passed_over() {
    for value in ["", "soon", "NaN", "inf", "1e5", "1,5", "0x10", "--1", "."] {
        assert_eq!(wait(&[("retry-after", value)]), None, "{value}");
        let both = [("retry-after-ms", value), ("retry-after", "3")];
        assert_eq!(wait(&both), Some(3000), "{value}");
    }
}

#[test]
fn the_finest_word_wins() {
    let all = [
        ("retry-after-ms", "120.5"),
        ("x-ms-retry-after-ms", "200"),
        ("retry-after", "3"),
        ("x-ratelimit-reset-requests", "6m0s"),
    ];
    assert_eq!(wait(&all), Some(120));
    assert_eq!(wait(&all[1..]), Some(200));
    assert_eq!(wait(&all[2..]), Some(3000));
    assert_eq!(wait(&all[3..]), Some(360_000));
}

#[test]
fn the_exhausted_dimension_tells_the_wait() {
    let openai = [
        ("x-ratelimit-remaining-requests", "59"),
        ("x-ratelimit-reset-requests", "6m0s"),
        ("x-ratelimit-remaining-tokens", "0"),
        ("x-ratelimit-reset-tokens", "120ms"),
    ];
    assert_eq!(wait(&openai), Some(120));
    let anthropic = [
        ("anthropic-ratelimit-requests-remaining", "0"),
        ("anthropic-ratelimit-requests-reset", "2026-11-22T10:00:07Z"),
        ("anthropic-ratelimit-tokens-remaining", "1000"),
        ("anthropic-ratelimit-tokens-reset", "2026-11-22T11:00:00Z"),
    ];
    assert_eq!(wait(&anthropic), Some(7000));
}

#[test]
fn if_none_is_known_to_be_exhausted_the_latest_reset_counts() {
    let some_left = [
        ("x-ratelimit-remaining-requests", "59"),
        ("x-ratelimit-reset-requests", "1s"),
        ("x-ratelimit-remaining-tokens", "12"),
        ("x-ratelimit-reset-tokens", "20s"),
    ];
    assert_eq!(wait(&some_left), Some(20_000));
    let unsaid = [
        ("x-ratelimit-reset-requests", "9s"),
        ("x-ratelimit-reset-tokens", "4s"),
    ];
    assert_eq!(wait(&unsaid), Some(9000));
}

#[test]
fn a_reset_may_be_a_span_or_a_moment() {
    let reset = |value| wait(&[("x-ratelimit-reset", value)]);
    assert_eq!(reset("7"), Some(7000));
    assert_eq!(reset("1795341612"), Some(12_000), "seconds since 1970");
    assert_eq!(
        reset("1795341612500"),
        Some(12_500),
        "milliseconds since 1970"
    );
    assert_eq!(reset("1795341000"), Some(0), "past");
    assert_eq!(reset("2026-11-22T10:00:05Z"), Some(5000));
}

#[test]
fn the_body_speaks_last() {
    let body = r#"{"error":{"message":"Please try again in 6m0s."}}"#;
    let said = |headers: &[_]| outcome(429, headers, body).wait();
    assert_eq!(said(&[]), Some(Duration::from_secs(360)));
    assert_eq!(said(&[("retry-after", "1")]), Some(Duration::from_secs(1)));
}

#[test]
fn a_reset_of_a_rate_says_nothing_of_an_overload_or_of_money() {
    let reset = [
        ("x-ratelimit-remaining-tokens", "0"),
        ("x-ratelimit-reset-tokens", "9s"),
    ];
    assert_eq!(outcome(503, &reset, ""), Outcome::Overloaded { wait: None });
    let spent = r#"{"error":{"code":"insufficient_quota"}}"#;
    assert_eq!(
        outcome(429, &reset, spent),
        Outcome::Exhausted { wait: None }
    );
}

const HEADERS: [&str; 10] = [
    "retry-after-ms",
    "x-ms-retry-after-ms",
    "retry-after",
    "x-should-retry",
    "x-ratelimit-reset",
    "x-ratelimit-remaining",
    "x-ratelimit-reset-tokens",
    "x-ratelimit-remaining-tokens",
    "anthropic-ratelimit-tokens-reset",
    "anthropic-ratelimit-tokens-remaining",
];

/// Values that look right, almost, and any bytes that a header may hold.
fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[-+]?[0-9]{0,30}[.]?[0-9]{0,30}(ms|s|m|h|d)?",
        "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})",
        "[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT",
        "true|false",
    ]
    .prop_map(String::into_bytes)
    .boxed()
    .prop_union(vec(any::<u8>(), 0..40).boxed())
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let said = "\\{\"error\":\\{\"message\":\"try again in [0-9.]{0,30}(ms|s|m|h|d|)\"\\}\\}";
    let info = "[\\[]?\\{\"error\":\\{\"details\":\\[\\{\"@type\":\"x/google.rpc.RetryInfo\",\"retryDelay\":\"[-0-9.]{0,30}s\"\\}\\]\\}\\}[\\]]?";
    prop_oneof![said, info]
        .prop_map(String::into_bytes)
        .boxed()
        .prop_union(vec(any::<u8>(), 0..200).boxed())
}

proptest! {
    #[test]
    fn no_answer_makes_us_panic_or_wait_for_more_than_a_day(
        headers in vec((0..HEADERS.len(), value()), 0..6),
        body in body(),
        status in 100u16..1000,
        dialect in 0..DIALECTS.len(),
        now in any::<u32>(),
    ) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                map.append(HEADERS[name], value);
            }
        }
        let now = WallTime::since_epoch(Duration::from_secs(now.into()));
        let status = StatusCode::from_u16(status).unwrap();
        let answer = Answer::new(DIALECTS[dialect], status, &map).with_body(&body);
        let wait = answer.outcome(now).wait().unwrap_or_default();
        prop_assert!(wait <= Duration::from_secs(86_400));
    }

    /// `Retry-After` is a plain number, a date, or nothing: what else stands there never makes a call wait.
    #[test]
    fn garbage_in_a_retry_after_is_no_wait(value in "[ -~]{0,24}") {
        let trimmed = value.trim();
        let digits = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
        let is_number = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
            && digits.bytes().filter(|b| *b == b'.').count() <= 1
            && digits.bytes().any(|b| b.is_ascii_digit());
        let is_date = httpdate::parse_http_date(trimmed).is_ok();
        let read = wait(&[("retry-after", &value)]);
        prop_assert_eq!(read.is_some(), is_number || is_date, "{:?}", value);
    }

    /// A number means the same in seconds, in milliseconds, and as a moment.
    #[test]
    fn all_forms_of_a_wait_agree(millis in 0..86_400_000_u64) {
        let seconds = Duration::from_millis(millis).as_secs_f64();
        let expected = Some(u128::from(millis));
        let near = |read: Option<u128>| read.is_some_and(|read| read.abs_diff(u128::from(millis)) <= 1);
        prop_assert_eq!(wait(&[("retry-after-ms", &millis.to_string())]), expected);
        prop_assert!(near(wait(&[("retry-after", &seconds.to_string())])));
        let moment = 1_795_341_600_000 + millis;
        for reset in [format!("{seconds}s"), format!("{millis}ms"), moment.to_string()] {
            prop_assert!(near(wait(&[("x-ratelimit-reset", &reset)])), "{}", reset);
        }
        let said = format!("{{\"error\":{{\"message\":\"Please try again in {seconds}s.\"}}}}");
        let said = outcome(429, &[], &said).wait().map(|wait| wait.as_millis());
        prop_assert!(near(said), "{:?}", said);
    }

    /// A message that asks for nothing makes no call wait.
    #[test]
    fn a_message_that_asks_for_nothing_is_no_wait(words in vec("[a-z0-9.]{1,8}", 0..12)) {
        let said = format!("{{\"error\":{{\"message\":\"{}\"}}}}", words.join(" "));
        prop_assume!(!said.contains("retry ") && !said.contains("try again "));
        prop_assert_eq!(outcome(429, &[], &said).wait(), None);
    }
}
