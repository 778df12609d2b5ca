//! Answers as providers send them: what it costs to know what they mean.
#![allow(dead_code, reason = "each bench binary uses a part of it")]

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use tokio::time::Instant;
use tower_ai_core::{Classify, Outcome};
use tower_ai_http::{Answer, Dialect, HttpClassify, WallTime};

use crate::harness::Suite;

/// What stands in the head of an answer of OpenAI's beside its limits.
const HEADERS: [(&str, &str); 14] = [
    ("date", "Sun, 22 Nov 2026 10:00:00 GMT"),
    ("content-type", "text/event-stream; charset=utf-8"),
    ("connection", "keep-alive"),
    ("openai-organization", "acme"),
    ("openai-processing-ms", "412"),
    ("openai-version", "2020-10-01"),
    ("x-request-id", "req_0123456789abcdef"),
    ("strict-transport-security", "max-age=31536000"),
    ("cf-cache-status", "DYNAMIC"),
    ("x-content-type-options", "nosniff"),
    ("server", "cloudflare"),
    ("cf-ray", "0123456789abcdef-FRA"),
    ("alt-svc", "h3=\":443\"; ma=86400"),
    ("set-cookie", "__cf_bm=0123; path=/; HttpOnly"),
];

const LIMITS: [(&str, &str); 6] = [
    ("x-ratelimit-limit-requests", "10000"),
    ("x-ratelimit-limit-tokens", "2000000"),
    ("x-ratelimit-remaining-requests", "9999"),
    ("x-ratelimit-remaining-tokens", "1998742"),
    ("x-ratelimit-reset-requests", "6ms"),
    ("x-ratelimit-reset-tokens", "37ms"),
];

const REFUSED: &[u8] = br#"{"error":{"message":"Rate limit reached for gpt-5 on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000. Please try again in 5.289s.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#;

fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &'static str)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    all.iter().map(pair).collect()
}

/// Good answers, which cost next to nothing, and a bad one, which may cost more.
pub(crate) fn add(suite: &mut Suite) {
    let mut response = Response::new(());
    *response.headers_mut() = headers(&HEADERS);
    suite.push("bare, an answer", "its status", None, move |calls| {
        for _ in 0..=calls {
            assert!(black_box(&response).status().is_success());
        }
    });
    classified(suite, "unmarked", Response::new(()));
    let mut marked = Response::new(());
    marked.extensions_mut().insert(Duration::ZERO);
    classified(suite, "with extensions", marked);

    let told = headers(&[&HEADERS[..], &LIMITS].concat());
    headroom(suite, "told", Dialect::OpenAi, told.clone());
    headroom(suite, "untold", Dialect::OpenAi, headers(&HEADERS));
    headroom(suite, "of another dialect", Dialect::Gemini, told.clone());
    suite.push("a bad answer", "read", None, move |calls| {
        let wall = WallTime::since_epoch(Duration::from_secs(1_795_341_600));
        for _ in 0..=calls {
            let head = Answer::new(Dialect::OpenAi, StatusCode::TOO_MANY_REQUESTS, &told);
            let outcome = head.with_body(black_box(REFUSED)).outcome(wall);
            assert!(matches!(outcome, Outcome::RateLimited { wait: Some(_) }));
        }
    });
}

fn classified(suite: &mut Suite, form: &'static str, mut response: Response<()>) {
    *response.headers_mut() = headers(&HEADERS);
    suite.push("a good answer, classified", form, None, move |calls| {
        for _ in 0..=calls {
            let result: Result<_, &Infallible> = Ok(black_box(&response));
            assert!(HttpClassify.classify(result).is_success());
        }
    });
}

fn headroom(suite: &mut Suite, form: &'static str, dialect: Dialect, headers: HeaderMap) {
    let is_told = form == "told";
    suite.push("a good answer, its limits", form, None, move |calls| {
        let (now, wall) = (Instant::now(), WallTime::now());
        for _ in 0..=calls {
            let answer = Answer::new(dialect, StatusCode::OK, black_box(&headers));
            assert!(answer.headroom(now, wall).is_unknown() != is_told);
        }
    });
}
