//! What must hold for any answer at all.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::time::Instant;
use tower_ai_core::{Again, Outcome};
use tower_ai_http::{Answer, Dialect, WallTime};

pub const DIALECTS: [Dialect; 16] = [
    Dialect::Unknown,
    Dialect::Anthropic,
    Dialect::Azure,
    Dialect::Bedrock,
    Dialect::Gemini,
    Dialect::GeminiOpenAi,
    Dialect::Groq,
    Dialect::LlamaCpp,
    Dialect::Mistral,
    Dialect::Ollama,
    Dialect::OpenAi,
    Dialect::OpenRouter,
    Dialect::Tei,
    Dialect::Triton,
    Dialect::Vertex,
    Dialect::Vllm,
];

const DAY: Duration = Duration::from_secs(86_400);
/// 2026-11-22, 10:00 UTC.
const NOW: WallTime = WallTime::since_epoch(Duration::from_secs(1_795_341_600));

/// The input is an answer: its status in the first line, headers, an empty line, the body.
pub fn check(input: &[u8]) {
    let (head, body) = split(input, b"\n\n");
    let (first, mut lines) = split(head, b"\n");
    let status = StatusCode::from_bytes(first).unwrap_or(StatusCode::TOO_MANY_REQUESTS);
    let mut headers = HeaderMap::new();
    while !lines.is_empty() {
        let (line, rest) = split(lines, b"\n");
        let (name, value) = split(line, b": ");
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            headers.append(name, value);
        }
        lines = rest;
    }
    for dialect in DIALECTS {
        check_answer(dialect, status, &headers, body);
    }
}

fn check_answer(dialect: Dialect, status: StatusCode, headers: &HeaderMap, body: &[u8]) {
    let answer = Answer::new(dialect, status, headers).with_body(body);
    let outcome = answer.outcome(NOW);
    assert_eq!(outcome, answer.outcome(NOW), "the same each time");
    assert!(
        outcome.wait().is_none_or(|wait| wait <= DAY),
        "a day at most"
    );
    let is_good = status.is_informational() || status.is_success() || status == 304;
    assert_eq!(outcome.is_success(), is_good, "the status decides");

    let headroom = answer.headroom(Instant::now(), NOW);
    assert!(
        headroom
            .share()
            .is_none_or(|share| (0.0..=1.0).contains(&share))
    );

    let says_no = headers
        .get("x-should-retry")
        .is_some_and(|no| no == "false");
    if says_no && !is_good {
        assert_eq!(outcome.advice().again, Again::No, "no means no");
    }
    // Digits are what a wait is made of.
    let has_digit = |text: &[u8]| text.iter().any(u8::is_ascii_digit);
    let may_be_day_quota = matches!(outcome, Outcome::Exhausted { .. });
    if !headers.values().any(|value| has_digit(value.as_bytes())) && !has_digit(body) {
        assert!(
            may_be_day_quota || outcome.wait().is_none(),
            "no wait out of nothing"
        );
    }
}

fn split<'a>(text: &'a [u8], at: &[u8]) -> (&'a [u8], &'a [u8]) {
    let found = text.windows(at.len()).position(|part| part == at);
    found.map_or((text, &[]), |found| {
        (&text[..found], &text[found + at.len()..])
    })
}
