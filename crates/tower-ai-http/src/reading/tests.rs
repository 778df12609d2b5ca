//! A fixture for each row, in `tests/answers`: it fails when the row's meaning changes.
//!
//! A fixture is an answer as it comes from the provider after which its file is named: the row that decides and what
//! it means, the status, headers, and the body behind an empty line.

use std::collections::HashSet;
use std::fmt::Write;

use http::HeaderName;

use super::row::Source;
use super::*;

/// 2026-11-22, 10:00 UTC.
const NOW: WallTime = WallTime::since_epoch(Duration::from_secs(1_795_341_600));

fn secs(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

fn read(dialect: Dialect, status: u16, headers: &[(&'static str, &str)], body: &str) -> Outcome {
    let pair = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), value.parse().unwrap())
    };
    let headers = headers.iter().map(pair).collect();
    answer(dialect, status, &headers, body).outcome(NOW)
}

fn answer<'a>(dialect: Dialect, status: u16, headers: &'a HeaderMap, body: &'a str) -> Answer<'a> {
    let status = StatusCode::from_u16(status).unwrap();
    Answer::new(dialect, status, headers).with_body(body.as_bytes())
}

macro_rules! fixtures {
    ($($dialect:ident $name:literal,)*) => {
        &[$((Dialect::$dialect, $name, include_str!(concat!("../../tests/answers/", $name, ".txt")))),*]
    };
}

const FIXTURES: &[(Dialect, &str, &str)] = fixtures! {
    Anthropic "anthropic",
    Azure "azure",
    Bedrock "bedrock",
    Gemini "gemini",
    GeminiOpenAi "gemini_openai",
    Groq "groq",
    LlamaCpp "llamacpp",
    Mistral "mistral",
    Ollama "ollama",
    OpenAi "openai",
    OpenRouter "openrouter",
    Tei "tei",
    Triton "triton",
    Unknown "unknown",
    Vertex "vertex",
    Vllm "vllm",
};

/// The row that a fixture names, what it means, and what was made of the answer.
fn check(dialect: Dialect, fixture: &str) -> (&str, &str, String) {
    let (title, rest) = fixture.split_once('\n').unwrap();
    let (row, means) = title.split_once(" -> ").unwrap();
    let (head, body) = rest.split_once("\n\n").unwrap_or((rest, ""));
    let mut head = head.lines();
    let status = head.next().unwrap().parse().unwrap();
    let mut headers = HeaderMap::new();
    for line in head {
        let (name, value) = line.split_once(": ").unwrap();
        headers.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    let answer = answer(dialect, status, &headers, body.trim_end());
    let read = format!(
        "{} -> {}",
        answer.rule(NOW).unwrap_or("none"),
        answer.outcome(NOW)
    );
    (row, means, read)
}

fn fixtures(file: &str) -> impl Iterator<Item = &str> {
    file.split("== ").filter(|fixture| !fixture.is_empty())
}

#[test]
fn every_fixture_is_read_by_the_row_it_names_as_what_it_names() {
    let mut wrong = String::new();
    for (dialect, name, file) in FIXTURES {
        for fixture in fixtures(file) {
            let (row, means, read) = check(*dialect, fixture);
            if read != format!("{row} -> {means}") {
                writeln!(wrong, "{name}: {row} -> {means}: was read as {read}").unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

fn rows() -> impl Iterator<Item = &'static Row> {
    tables::ALL.iter().copied().flatten().chain(tables::COMMON)
}

#[test]
fn every_row_has_a_fixture_and_a_name_of_its_own() {
    let files = FIXTURES.iter();
    let all = files.flat_map(|(dialect, _, file)| fixtures(file).map(|it| check(*dialect, it)));
    let covered: HashSet<_> = all.map(|(row, ..)| row).collect();
    let missing: Vec<_> = rows()
        .map(|row| row.name)
        .filter(|name| !covered.contains(name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    // One row stands in several tables.
    let is_own = |row: &&Row| row.name != "common: too long";
    let names = || rows().filter(is_own).map(|row| row.name);
    assert_eq!(names().collect::<HashSet<_>>().len(), names().count());
}

#[test]
fn every_dialect_has_fixtures_and_a_table() {
    for (dialect, name, file) in FIXTURES {
        assert!(fixtures(file).count() >= 3, "{name}");
        assert_eq!(
            tables::of(*dialect).is_empty(),
            *dialect == Dialect::Unknown
        );
    }
}

#[test]
fn what_was_not_checked_is_known_by_name() {
    let unchecked = rows().filter(|row| row.source == Source::Unchecked);
    let names: Vec<_> = unchecked.map(|row| row.name).collect();
    let expected = [
        "openai: region",
        "anthropic: own limit",
        "gemini: payment",
        "azure: inner policy",
        "azure: too many asked",
        "mistral: mistake",
        "vllm: too long",
        "vllm: engine dead",
        "vllm: away",
        "common: not there",
    ];
    assert_eq!(names, expected);
}

/// Whatever a provider's own rows say, no status of an error is a success, and none is unread.
#[test]
fn no_bad_status_is_good_at_any_provider() {
    for (dialect, name, _) in FIXTURES {
        for status in (300..600).filter(|status| *status != 304) {
            assert!(
                !read(*dialect, status, &[], "").is_success(),
                "{name} {status}"
            );
        }
    }
}

#[test]
fn a_good_answer_is_good_whatever_it_says() {
    for status in [200, 201, 204, 304] {
        let read = read(
            Dialect::OpenAi,
            status,
            &[("retry-after", "9")],
            r#"{"error":{"code":"insufficient_quota"}}"#,
        );
        assert_eq!(read, Outcome::Success);
    }
}

#[test]
fn a_status_that_no_row_knows_is_read_by_its_class() {
    let read = |status| read(Dialect::Unknown, status, &[], "");
    assert_eq!(read(301), Outcome::Missing);
    assert_eq!(read(418), Outcome::Invalid);
    assert_eq!(read(599), Outcome::Fault);
}

#[test]
fn an_echoed_prompt_never_beats_the_status() {
    let body = r#"{"error":{"message":"Invalid prompt: '429 rate limit, insufficient_quota, 401 invalid api key'","type":"invalid_request_error"}}"#;
    for (dialect, name, _) in FIXTURES {
        assert_eq!(read(*dialect, 400, &[], body), Outcome::Invalid, "{name}");
    }
    let body = r#"{"error":{"message":"prompt is too long: maximum context length"}}"#;
    assert_eq!(read(Dialect::OpenAi, 500, &[], body), Outcome::Fault);
    assert!(matches!(
        read(Dialect::OpenAi, 429, &[], body),
        Outcome::RateLimited { .. }
    ));
    let body = r#"{"error":{"message":"'Your credit balance is too low' is no valid role"}}"#;
    assert_eq!(read(Dialect::Anthropic, 400, &[], body), Outcome::Invalid);
}

#[test]
fn a_string_parameter_that_is_too_long_is_a_mistake() {
    let body = r#"{"error":{"message":"prompt is too long","code":"string_above_max_length"}}"#;
    assert_eq!(read(Dialect::OpenAi, 400, &[], body), Outcome::Invalid);
}

#[test]
fn a_server_that_says_no_is_not_asked_again() {
    let no = |status| {
        read(
            Dialect::OpenAi,
            status,
            &[("x-should-retry", "false"), ("retry-after", "3")],
            "",
        )
    };
    assert_eq!(no(500), Outcome::TimedOut);
    assert_eq!(no(503), Outcome::TimedOut);
    assert_eq!(no(429), Outcome::Exhausted { wait: secs(3) });
    assert_eq!(no(409), Outcome::Invalid);
    assert_eq!(no(401), Outcome::Unauthorized);
    for status in 100..600 {
        let again = no(status).advice().again;
        assert_eq!(again, tower_ai_core::Again::No, "{status}");
    }
    let yes = read(Dialect::OpenAi, 500, &[("x-should-retry", "true")], "");
    assert_eq!(yes, Outcome::Fault);
}

#[test]
fn a_fault_that_names_a_wait_is_an_overload() {
    let fault = |wait| read(Dialect::OpenAi, 500, &[("retry-after", wait)], "");
    assert_eq!(fault("7"), Outcome::Overloaded { wait: secs(7) });
    assert_eq!(fault("0"), Outcome::Fault);
    assert_eq!(fault("soon"), Outcome::Fault);
}

#[test]
fn a_rate_limit_of_vertex_that_names_a_wait_is_one() {
    let read = read(Dialect::Gemini, 429, &[("retry-after", "4")], "");
    assert_eq!(read, Outcome::RateLimited { wait: secs(4) });
}
