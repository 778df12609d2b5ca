//! What good answers say is left of a target's rate limits.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use http_body_util::Full;
use proptest::prelude::*;
use tokio::time::Instant;
use tower::{Layer, ServiceExt, service_fn};
use tower_ai_core::{Headroom, Room, Target};
use tower_ai_http::{Answer, Dialect, ReplayBody, TargetLayer, WallTime};

/// 2026-11-22, 10:00:00 UTC.
const WALL: WallTime = WallTime::since_epoch(Duration::from_secs(1_795_341_600));

type Headers = [(&'static str, &'static str)];

fn map(headers: &Headers) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), value.parse().unwrap())
    };
    headers.iter().map(pair).collect()
}

fn read(dialect: Dialect, headers: &Headers) -> (Instant, Headroom) {
    let (now, headers) = (Instant::now(), map(headers));
    let answer = Answer::new(dialect, StatusCode::OK, &headers);
    (now, answer.headroom(now, WALL))
}

const OPENAI: &Headers = &[
    ("x-ratelimit-limit-requests", "500"),
    ("x-ratelimit-remaining-requests", "499"),
    ("x-ratelimit-reset-requests", "120ms"),
    ("x-ratelimit-limit-tokens", "30000"),
    ("x-ratelimit-remaining-tokens", "900"),
    ("x-ratelimit-reset-tokens", "6m0s"),
];

#[test]
fn openai_azure_groq_and_unknown_ones_tell_in_the_same_headers() {
    for dialect in [
        Dialect::OpenAi,
        Dialect::Azure,
        Dialect::Groq,
        Dialect::Unknown,
    ] {
        let (now, headroom) = read(dialect, OPENAI);
        let requests = Room::new(499, 500, now + Duration::from_millis(120));
        let tokens = Room::new(900, 30_000, now + Duration::from_secs(360));
        assert_eq!(headroom.requests, Some(requests), "{dialect:?}");
        assert_eq!(headroom.tokens, Some(tokens), "{dialect:?}");
    }
}

#[test]
fn of_anthropics_tokens_the_scarcest_count() {
    let (now, headroom) = read(
        Dialect::Anthropic,
        &[
            ("anthropic-ratelimit-requests-limit", "50"),
            ("anthropic-ratelimit-requests-remaining", "49"),
            ("anthropic-ratelimit-requests-reset", "2026-11-22T10:00:01Z"),
            ("anthropic-ratelimit-input-tokens-limit", "30000"),
            ("anthropic-ratelimit-input-tokens-remaining", "30000"),
            (
                "anthropic-ratelimit-input-tokens-reset",
                "2026-11-22T10:00:00Z",
            ),
            ("anthropic-ratelimit-output-tokens-limit", "8000"),
            ("anthropic-ratelimit-output-tokens-remaining", "80"),
            (
                "anthropic-ratelimit-output-tokens-reset",
                "2026-11-22T10:00:59Z",
            ),
        ],
    );
    let second = Duration::from_secs(1);
    assert_eq!(headroom.requests, Some(Room::new(49, 50, now + second)));
    assert_eq!(
        headroom.tokens,
        Some(Room::new(80, 8000, now + 59 * second))
    );
    assert!(headroom.is_tight());
}

#[test]
fn openrouters_reset_is_a_moment() {
    let (now, headroom) = read(
        Dialect::OpenRouter,
        &[
            ("x-ratelimit-limit", "20"),
            ("x-ratelimit-remaining", "5"),
            ("x-ratelimit-reset", "1795341607000"),
        ],
    );
    let room = Room::new(5, 20, now + Duration::from_secs(7));
    assert_eq!(headroom.requests, Some(room));
}

#[test]
fn what_azure_leaves_out_is_filled_in() {
    let (now, headroom) = read(
        Dialect::Azure,
        &[
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-remaining-tokens", "9000"),
            ("x-ratelimit-limit-tokens", "10000"),
        ],
    );
    let soon = now + Duration::from_secs(10);
    assert_eq!(headroom.requests, Some(Room::new(0, 0, soon)));
    assert_eq!(headroom.tokens, Some(Room::new(9000, 10_000, soon)));
}

#[test]
fn nothing_is_read_where_nothing_is_known_to_be_told() {
    for dialect in [
        Dialect::Bedrock,
        Dialect::Gemini,
        Dialect::Vertex,
        Dialect::Ollama,
        Dialect::Vllm,
    ] {
        assert!(read(dialect, OPENAI).1.is_unknown(), "{dialect:?}");
    }
    let garbage: &Headers = &[("x-ratelimit-remaining-requests", "plenty")];
    assert!(read(Dialect::OpenAi, garbage).1.is_unknown());
    let (headers, now) = (map(OPENAI), Instant::now());
    let limited = Answer::new(Dialect::OpenAi, StatusCode::TOO_MANY_REQUESTS, &headers);
    assert!(
        limited.headroom(now, WALL).is_unknown(),
        "only good answers"
    );
}

#[tokio::test]
async fn the_target_layer_tells_the_targets_health() {
    let target = Target::builder("t").endpoint("https://api.openai.com/v1");
    let target = target.build().unwrap();
    let client = service_fn(|_: Request<ReplayBody<Full<Bytes>>>| async {
        let mut response = Response::new(Full::<Bytes>::from("fine"));
        *response.headers_mut() = map(OPENAI);
        Ok::<_, Infallible>(response)
    });
    assert!(target.health().headroom(Instant::now()).is_unknown());
    let service = TargetLayer::new(target.clone()).unwrap().layer(client);
    let request = Request::post("/v1/chat/completions").body(ReplayBody::from("{}"));
    service.oneshot(request.unwrap()).await.unwrap();
    let told = target.health().headroom(Instant::now()).tokens.unwrap();
    assert!(told.is_tight(), "{told:?}");
    assert!(target.health().may_be_tight());
}

proptest! {
    /// Whatever stands in the headers, a share is a share.
    #[test]
    fn no_header_makes_more_than_all_or_less_than_nothing(
        values in prop::collection::vec("[-+]?[0-9.]{0,30}(ms|s|m)?|[ -~]{0,20}", 6),
    ) {
        let mut headers = HeaderMap::new();
        for ((name, _), value) in OPENAI.iter().zip(&values) {
            headers.insert(*name, value.parse().unwrap());
        }
        let (now, answer) = (Instant::now(), Answer::new(Dialect::OpenAi, StatusCode::OK, &headers));
        let headroom = answer.headroom(now, WALL);
        for room in headroom.requests.into_iter().chain(headroom.tokens) {
            prop_assert!((0.0..=1.0).contains(&room.share()));
            prop_assert!(room.resets() <= now + Duration::from_secs(86_400));
        }
    }
}
