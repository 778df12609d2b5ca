//! One case for each row: it fails when the row's meaning changes.

use std::collections::HashSet;

use http::HeaderName;

use super::row::Source;
use super::*;

/// 2026-11-22, 10:00 UTC.
const NOW: WallTime = WallTime::since_epoch(Duration::from_secs(1_795_341_600));

fn secs(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

fn read(dialect: Dialect, status: u16, headers: &[(&'static str, &str)], body: &str) -> Outcome {
    let headers = map(headers);
    answer(dialect, status, &headers, body).outcome(NOW)
}

fn map(headers: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), value.parse().unwrap())
    };
    headers.iter().map(pair).collect()
}

fn answer<'a>(dialect: Dialect, status: u16, headers: &'a HeaderMap, body: &'a str) -> Answer<'a> {
    let status = StatusCode::from_u16(status).unwrap();
    Answer::new(dialect, status, headers).with_body(body.as_bytes())
}

/// A dialect, a status and a body; which row decides; what it means.
struct Case {
    dialect: Dialect,
    status: u16,
    body: &'static str,
    row: &'static str,
    means: Outcome,
}

impl Case {
    fn check(&self) {
        let headers = HeaderMap::new();
        let answer = answer(self.dialect, self.status, &headers, self.body);
        let row = answer.row(&ErrorBody::parse(self.body.as_bytes()), None);
        assert_eq!(row.map(|row| row.name), Some(self.row));
        assert_eq!(answer.outcome(NOW), self.means);
    }
}

macro_rules! cases {
    ($($name:ident: $dialect:ident $status:literal $body:literal => $row:literal, $means:expr;)*) => {
        const CASES: &[Case] = &[$(Case {
            dialect: Dialect::$dialect,
            status: $status,
            body: $body,
            row: $row,
            means: $means,
        }),*];

        cases!(@each 0usize, $($name)*);
    };
    (@each $at:expr, $name:ident $($rest:ident)*) => {
        #[test]
        fn $name() {
            CASES[$at].check();
        }
        cases!(@each $at + 1usize, $($rest)*);
    };
    (@each $at:expr,) => {};
}

cases! {
    openai_too_long: OpenAi 400 r#"{"error":{"message":"This model's limit is 8192 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"# => "openai: too long", Outcome::TooLong;
    openai_policy: OpenAi 400 r#"{"error":{"message":"Rejected by our safety system.","type":"invalid_request_error","param":null,"code":"content_policy_violation"}}"# => "openai: policy", Outcome::Refused;
    openai_region: OpenAi 403 r#"{"error":{"message":"Country not supported","type":"request_forbidden","param":null,"code":"unsupported_country_region_territory"}}"# => "openai: region", Outcome::Missing;
    openai_no_such_model: OpenAi 404 r#"{"error":{"message":"The model `x` does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}}"# => "openai: no such model", Outcome::Missing;
    openai_spent_by_type: OpenAi 429 r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":null}}"# => "openai: spent", Outcome::Exhausted { wait: None };
    openai_spent_by_code: OpenAi 429 r#"{"error":{"message":"Limit","type":"requests","param":null,"code":"project_spend_limit_exceeded"}}"# => "openai: spent", Outcome::Exhausted { wait: None };
    openai_rate: OpenAi 429 r#"{"error":{"message":"Rate limit reached for x on tokens per min (TPM): Limit 1. Please try again in 5.289s. Visit …","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"# => "openai: rate", Outcome::RateLimited { wait: Some(Duration::from_millis(5289)) };
    openai_ramped_up: OpenAi 429 r#"{"error":{"message":"Slow down","type":"rate_limit_error","param":null,"code":"slow_down"}}"# => "openai: ramped up", Outcome::RateLimited { wait: None };
    openai_busy: OpenAi 503 r#"{"error":{"message":"Overloaded","type":"service_unavailable_error","param":null,"code":"server_is_overloaded"}}"# => "openai: busy", Outcome::Overloaded { wait: None };

    anthropic_on_hold: Anthropic 400 r#"{"type":"error","error":{"type":"invalid_request_error","message":"On hold","details":{"error_code":"organization_on_hold"}}}"# => "anthropic: on hold", Outcome::Unauthorized;
    anthropic_client: Anthropic 400 r#"{"type":"error","error":{"type":"invalid_request_error","message":"Old","details":{"error_code":"claude_code_version_too_old"}}}"# => "anthropic: client", Outcome::Missing;
    anthropic_own_limit: Anthropic 400 r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}"# => "anthropic: own limit", Outcome::Exhausted { wait: None };
    anthropic_key: Anthropic 401 r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}"# => "anthropic: key", Outcome::Unauthorized;
    anthropic_billing: Anthropic 402 r#"{"type":"error","error":{"type":"billing_error","message":"Payment"}}"# => "anthropic: billing", Outcome::Exhausted { wait: None };
    anthropic_permission: Anthropic 403 r#"{"type":"error","error":{"type":"permission_error","message":"No"}}"# => "anthropic: permission", Outcome::Unauthorized;
    anthropic_no_such_model: Anthropic 404 r#"{"type":"error","error":{"type":"not_found_error","message":"model: x"}}"# => "anthropic: no such model", Outcome::Missing;
    anthropic_conflict: Anthropic 409 r#"{"type":"error","error":{"type":"conflict_error","message":"Again","details":{"error_code":"external_key_changed"}}}"# => "anthropic: conflict", Outcome::Conflict;
    anthropic_too_large: Anthropic 413 r#"{"type":"error","error":{"type":"invalid_request_error","message":"Large","details":{"error_code":"request_body_too_large_after_decoding"}}}"# => "anthropic: too large", Outcome::TooLong;
    anthropic_spent: Anthropic 429 r#"{"type":"error","error":{"type":"rate_limit_error","message":"Spend","details":{"error_code":"enforced_spend_limit_reached"}}}"# => "anthropic: spent", Outcome::Exhausted { wait: None };
    anthropic_rate: Anthropic 429 r#"{"type":"error","error":{"type":"rate_limit_error","message":"This would exceed your rate limit"}}"# => "anthropic: rate", Outcome::RateLimited { wait: None };
    anthropic_fault: Anthropic 500 r#"{"type":"error","error":{"type":"api_error","message":"Internal server error"}}"# => "anthropic: fault", Outcome::Fault;
    anthropic_keys_away: Anthropic 503 r#"{"type":"error","error":{"type":"api_error","message":"Key","details":{"error_code":"cmek_key_unreachable"}}}"# => "anthropic: keys away", Outcome::Overloaded { wait: None };
    anthropic_timeout: Anthropic 504 r#"{"type":"error","error":{"type":"timeout_error","message":"Slow"}}"# => "anthropic: timeout", Outcome::Fault;
    anthropic_busy: Anthropic 529 r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"# => "anthropic: busy", Outcome::Overloaded { wait: None };

    gemini_key: Gemini 400 r#"[{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}]"# => "gemini: key", Outcome::Unauthorized;
    gemini_precondition: Gemini 400 r#"{"error":{"code":400,"message":"User location is not supported","status":"FAILED_PRECONDITION"}}"# => "gemini: precondition", Outcome::Missing;
    gemini_payment: Gemini 402 "" => "gemini: payment", Outcome::Exhausted { wait: None };
    gemini_permission: Gemini 403 r#"{"error":{"code":403,"message":"Denied","status":"PERMISSION_DENIED"}}"# => "gemini: permission", Outcome::Unauthorized;
    gemini_no_such_model: Gemini 404 r#"{"error":{"code":404,"message":"models/x is not found","status":"NOT_FOUND"}}"# => "gemini: no such model", Outcome::Missing;
    gemini_day_quota: Gemini 429 r#"{"error":{"code":429,"message":"Quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34s"}]}}"# => "gemini: day quota", Outcome::Exhausted { wait: Some(Duration::from_secs(22 * 3600)) };
    gemini_quota: Gemini 429 r#"{"error":{"code":"quota_exceeded","message":"Quota"}}"# => "gemini: quota", Outcome::Exhausted { wait: None };
    gemini_help_only: Gemini 429 r#"{"error":{"code":429,"message":"Quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.Help","links":[]}]}}"# => "gemini: help only", Outcome::Exhausted { wait: None };
    gemini_rate: Gemini 429 r#"{"error":{"code":"too_many_requests","message":"Slow down"}}"# => "gemini: rate", Outcome::RateLimited { wait: None };
    gemini_minute_quota: Gemini 429 r#"{"error":{"code":429,"message":"Quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerMinutePerProjectPerModel"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}]}}"# => "common: rate", Outcome::RateLimited { wait: Some(Duration::from_millis(34_500)) };
    gemini_no_hint: Gemini 429 r#"{"error":{"code":429,"message":"Resource exhausted. Please try again later.","status":"RESOURCE_EXHAUSTED"}}"# => "gemini: no hint", Outcome::Overloaded { wait: None };
    gemini_fault: Gemini 500 r#"{"error":{"code":500,"message":"Internal","status":"INTERNAL"}}"# => "gemini: fault", Outcome::Fault;
    gemini_busy: Gemini 503 r#"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"# => "gemini: busy", Outcome::Overloaded { wait: None };
    gemini_too_slow: Gemini 504 r#"{"error":{"code":504,"message":"Deadline","status":"DEADLINE_EXCEEDED"}}"# => "gemini: too slow", Outcome::Fault;

    common_too_long: Gemini 400 r#"{"error":{"code":400,"message":"The input token count (9) exceeds the maximum number of tokens allowed (8).","status":"INVALID_ARGUMENT"}}"# => "common: too long", Outcome::TooLong;
    common_mistake: OpenAi 400 r#"{"error":{"message":"Unknown parameter","type":"invalid_request_error","param":"x","code":"unknown_parameter"}}"# => "common: mistake", Outcome::Invalid;
    common_unauthorised: OpenAi 401 r#"{"error":{"message":"Incorrect API key","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"# => "common: unauthorised", Outcome::Unauthorized;
    common_payment: Unknown 402 "" => "common: payment", Outcome::Exhausted { wait: None };
    common_not_found: Unknown 404 r#"{"error":"model 'x' not found"}"# => "common: not found", Outcome::Missing;
    common_timeout: OpenAi 408 "" => "common: timeout", Outcome::Fault;
    common_conflict: OpenAi 409 "" => "common: conflict", Outcome::Conflict;
    common_too_large: Unknown 413 "" => "common: too large", Outcome::TooLong;
    common_backend: Unknown 424 r#"{"error":"backend","error_type":"Backend"}"# => "common: backend", Outcome::Fault;
    common_rate: Unknown 429 "" => "common: rate", Outcome::RateLimited { wait: None };
    common_no_capacity: Unknown 498 "" => "common: no capacity", Outcome::RateLimited { wait: None };
    common_caller_left: Unknown 499 "" => "common: caller left", Outcome::Cancelled;
    common_fault: OpenAi 500 r#"{"error":{"message":"The server had an error","type":"server_error","param":null,"code":"server_error"}}"# => "common: fault", Outcome::Fault;
    common_not_there: Unknown 501 "" => "common: not there", Outcome::Invalid;
    common_edge: OpenAi 522 "<html>cloudflare</html>" => "common: edge", Outcome::Fault;
    common_busy: Unknown 503 "" => "common: busy", Outcome::Overloaded { wait: None };
}

const TABLES: [&[Row]; 4] = [openai::ROWS, anthropic::ROWS, gemini::ROWS, common::ROWS];

#[test]
fn every_row_has_a_case_and_a_name_of_its_own() {
    let rows = || TABLES.into_iter().flatten().map(|row| row.name);
    let covered: HashSet<_> = CASES.iter().map(|case| case.row).collect();
    assert_eq!(rows().find(|row| !covered.contains(row)), None);
    assert_eq!(rows().collect::<HashSet<_>>().len(), rows().count());
}

#[test]
fn what_was_not_checked_is_known_by_name() {
    let unchecked = TABLES.into_iter().flatten();
    let unchecked = unchecked.filter(|row| row.source == Source::Unchecked);
    let names: Vec<_> = unchecked.map(|row| row.name).collect();
    let expected = [
        "openai: region",
        "anthropic: own limit",
        "gemini: payment",
        "common: not there",
    ];
    assert_eq!(names, expected);
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
    for dialect in [
        Dialect::OpenAi,
        Dialect::Anthropic,
        Dialect::Gemini,
        Dialect::Unknown,
    ] {
        assert_eq!(read(dialect, 400, &[], body), Outcome::Invalid);
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
