//! What the guard promises of the bytes it passes on.

mod support;

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use support::script::{Answer, Step, call, data, drain, ending, guarded};
use support::{ANTHROPIC, GEMINI, Recorded, STREAMS};
use tower::ServiceExt;
use tower_ai_core::error::outcome_of;
use tower_ai_core::{BoxError, Outcome, Served};
use tower_ai_stream::{Commit, Ending, Heard, Malformed, StreamGuardLayer};

const SSE: &str = "text/event-stream";
const HEAD: &str =
    "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
const WORD: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const DONE: &str = "data: [DONE]\n\n";
const GARBLED: &str = "data: {\"choices\":[{\"delta\":{\"con\u{1}\u{2}te\n\n";
const ERROR: &str = "data: {\"error\":{\"type\":\"server_error\",\"message\":\"x\"}}\n\n";

fn first() -> StreamGuardLayer {
    StreamGuardLayer::new()
}

fn complete() -> StreamGuardLayer {
    first().commit(Commit::Complete)
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(future)
}

async fn whole(layer: StreamGuardLayer, text: &str) -> Result<(String, Ending), BoxError> {
    Ok(drain(call(layer, SSE, vec![data(text)]).await?).await)
}

fn outcome(answer: &Answer) -> Option<Outcome> {
    answer.extensions().get::<Outcome>().copied()
}

#[test]
fn good_streams_pass_unchanged_in_both_modes() {
    for stream in STREAMS {
        for layer in [first(), complete(), first().malformed(Malformed::Skip)] {
            let pieces = stream.bytes.as_bytes().chunks(7);
            let steps = pieces
                .map(|piece| Step::Data(piece.to_vec().into()))
                .collect();
            let answer = run(call(layer, stream.content_type(), steps)).unwrap();
            assert_eq!(outcome(&answer), None, "{}", stream.name);
            let heard = answer.extensions().get::<Heard>().cloned().unwrap();
            let (bytes, ending) = run(drain(answer));
            assert_eq!(
                (bytes.as_str(), ending),
                (stream.bytes, Ending::Good),
                "{}",
                stream.name
            );
            assert_eq!(heard.ending(), Some(Ending::Good));
            assert_eq!(heard.format(), Some(stream.format));
            assert_eq!(heard.usage().output, stream.usage.1);
            assert!(heard.first_content().is_some());
        }
    }
}

/// How a stream that breaks at this offset reaches the caller: the bytes and how they end, or no answer.
fn broken_at(
    layer: StreamGuardLayer,
    stream: Recorded,
    at: usize,
    how: Option<Step>,
) -> Option<(String, Ending)> {
    let bytes = &stream.bytes.as_bytes()[..at];
    let mut steps: Vec<Step> = bytes
        .chunks(64)
        .map(|piece| Step::Data(piece.to_vec().into()))
        .collect();
    steps.extend(how);
    run(async move {
        match call(layer, stream.content_type(), steps).await {
            Ok(answer) if outcome(&answer).is_some() => None,
            Ok(answer) => {
                let mut body = answer.into_body();
                let mut seen = Vec::new();
                use http_body_util::BodyExt;
                loop {
                    match body.frame().await {
                        None => break Some((String::from_utf8_lossy(&seen).into(), Ending::Good)),
                        Some(Ok(frame)) => {
                            seen.extend_from_slice(&frame.into_data().expect("data"));
                        }
                        Some(Err(error)) => {
                            break Some((String::from_utf8_lossy(&seen).into(), ending(&error)));
                        }
                    }
                }
            }
            Err(error) => {
                assert!(outcome_of(&*error).is_failure());
                None
            }
        }
    })
}

#[test]
fn a_stream_broken_at_any_byte_is_never_presented_as_good() {
    // One JSON text has no clock before it begins but that of the whole answer.
    let minute = Duration::from_secs(60);
    let (first, complete) = (
        || first().whole(minute).unwrap(),
        || complete().whole(minute).unwrap(),
    );
    for stream in STREAMS {
        for at in 0..stream.whole_at() {
            for how in [None, Some(Step::Reset), Some(Step::Hang)] {
                let told = broken_at(first(), stream, at, how.clone());
                if let Some((bytes, ending)) = told {
                    assert_ne!(ending, Ending::Good, "{} at {at} by {how:?}", stream.name);
                    assert!(stream.bytes.starts_with(bytes.trim_end_matches('\u{fffd}')));
                }
                let told = broken_at(complete(), stream, at, how.clone());
                assert_eq!(told, None, "{} at {at} by {how:?}", stream.name);
            }
        }
    }
}

#[test]
fn a_reset_after_the_words_are_over_is_still_one_unless_the_end_mark_came() {
    run(async {
        let steps = |text: &str| vec![data(text), Step::Reset];
        let answer = call(first(), SSE, steps(&[WORD, STOP].concat()))
            .await
            .unwrap();
        assert_eq!(drain(answer).await.1, Ending::Reset);
        let answer = call(first(), SSE, steps(&[WORD, STOP, DONE].concat()))
            .await
            .unwrap();
        assert_eq!(drain(answer).await.1, Ending::Good);
    });
}

#[test]
fn an_error_before_the_first_content_is_an_answer_with_its_outcome() {
    run(async {
        for layer in [first(), complete()] {
            let text = [HEAD, ERROR].concat();
            let answer = call(layer, SSE, vec![data(HEAD), data(ERROR)])
                .await
                .unwrap();
            assert_eq!(outcome(&answer), Some(Outcome::Fault));
            let heard = answer.extensions().get::<Heard>().cloned().unwrap();
            assert_eq!(heard.ending(), Some(Ending::Reported(Outcome::Fault)));
            assert_eq!(drain(answer).await, (text, Ending::Good), "as it came");
        }
    });
}

#[test]
fn an_error_after_content_is_passed_on_and_ends_the_body() {
    run(async {
        let steps = vec![
            data(WORD),
            Step::Wait(Duration::from_millis(1)),
            data(ERROR),
        ];
        let answer = call(first(), SSE, steps.clone()).await.unwrap();
        assert_eq!(outcome(&answer), None);
        let reported = Ending::Reported(Outcome::Fault);
        assert_eq!(drain(answer).await, ([WORD, ERROR].concat(), reported));

        let answer = call(complete(), SSE, steps).await.unwrap();
        assert_eq!(outcome(&answer), Some(Outcome::Fault));
        assert_eq!(drain(answer).await, ([WORD, ERROR].concat(), Ending::Good));
    });
}

#[test]
fn what_breaks_before_content_is_an_error_of_the_call() {
    run(async {
        for (steps, how, outcome) in [
            (vec![], Ending::Truncated, Outcome::Fault),
            (vec![data(HEAD)], Ending::Truncated, Outcome::Fault),
            (vec![data(HEAD), Step::Reset], Ending::Reset, Outcome::Fault),
            (
                vec![data(GARBLED), data(WORD)],
                Ending::Garbled,
                Outcome::Fault,
            ),
        ] {
            let error = call(first(), SSE, steps).await.unwrap_err();
            assert_eq!(ending(&error), how);
            assert_eq!(outcome_of(&*error), outcome);
        }
    });
}

#[test]
fn nothing_garbled_leaks() {
    run(async {
        let text = [WORD, GARBLED, WORD, STOP, DONE].concat();
        let later = |piece| {
            vec![
                data(WORD),
                Step::Wait(Duration::from_millis(1)),
                data(piece),
            ]
        };
        let answer = call(first(), SSE, later(&text[WORD.len()..]))
            .await
            .unwrap();
        assert_eq!(drain(answer).await, (WORD.to_owned(), Ending::Garbled));

        let error = call(complete(), SSE, vec![data(&text)]).await.unwrap_err();
        assert_eq!(ending(&error), Ending::Garbled);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn malformed_events_are_left_out_wherever_the_bytes_are_split(size in 1..120usize, first_mode: bool) {
        let text = [GARBLED, HEAD, WORD, GARBLED, GARBLED, WORD, STOP, GARBLED, DONE].concat();
        let good = [HEAD, WORD, WORD, STOP, DONE].concat();
        let layer = if first_mode { first() } else { complete() }.malformed(Malformed::Skip);
        let steps = text.as_bytes().chunks(size).map(|piece| Step::Data(piece.to_vec().into()));
        let answer = run(call(layer, SSE, steps.collect())).unwrap();
        let heard = answer.extensions().get::<Heard>().cloned().unwrap();
        let served = answer.extensions().get::<Served>().cloned().unwrap();
        prop_assert_eq!(run(drain(answer)), (good, Ending::Good));
        prop_assert_eq!((heard.skipped(), served.skipped()), (4, 4));
    }
}

#[test]
fn an_event_too_large_to_hold_cannot_be_left_out() {
    run(async {
        let layer = first().malformed(Malformed::Skip).hold(8, 64);
        let large = format!("data: {{\"x\":\"{}\n\n", "y".repeat(200));
        let steps = vec![
            data(WORD),
            data(&large[..150]),
            data(&large[150..]),
            data(DONE),
        ];
        let answer = call(layer, SSE, steps).await.unwrap();
        assert_eq!(drain(answer).await.1, Ending::Garbled);
    });
}

#[test]
fn a_refusal_without_content_says_so_and_with_content_does_not() {
    run(async {
        let filtered =
            "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"content_filter\"}]}\n\n";
        let text = [HEAD, filtered, DONE].concat();
        let answer = call(first(), SSE, vec![data(&text)]).await.unwrap();
        assert_eq!(outcome(&answer), Some(Outcome::Refused));
        assert_eq!(drain(answer).await, (text, Ending::Good));

        let text = [WORD, filtered, DONE].concat();
        let answer = call(first(), SSE, vec![data(&text)]).await.unwrap();
        assert_eq!(outcome(&answer), None);
    });
}

#[test]
fn an_answer_without_content_is_good() {
    let text = [HEAD, STOP, DONE].concat();
    assert_eq!(run(whole(first(), &text)).unwrap(), (text, Ending::Good));
}

#[test]
fn what_is_no_stream_of_a_good_answer_passes_untouched() {
    run(async {
        for content_type in ["text/plain", "image/png", "text/event-streams"] {
            let answer = call(first(), content_type, vec![data("x")]).await.unwrap();
            assert!(answer.extensions().get::<Heard>().is_none());
            assert_eq!(drain(answer).await, ("x".to_owned(), Ending::Good));
        }
    });
}

#[test]
fn a_head_without_a_body_is_no_broken_answer() {
    run(async {
        let alive = Arc::new(());
        let provider = guarded(first(), "application/json", Vec::new(), &alive);
        let request = http::Request::head("/v1/models").body(()).unwrap();
        let answer = provider.oneshot(request).await.unwrap();
        assert_eq!(drain(answer).await, (String::new(), Ending::Good));
    });
}

const TEXT: &str = r#"{"object":"chat.completion","model":"m","choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;

#[test]
fn a_json_answer_is_whole_or_no_answer() {
    let json = "application/json; charset=utf-8";
    run(async {
        let answer = call(first(), json, vec![data(&TEXT[..9]), data(&TEXT[9..])])
            .await
            .unwrap();
        assert_eq!(outcome(&answer), None);
        let heard = answer.extensions().get::<Heard>().unwrap();
        assert_eq!(
            (heard.model().as_deref(), heard.usage().output),
            (Some("m"), Some(2))
        );
        assert_eq!(drain(answer).await, (TEXT.to_owned(), Ending::Good));

        for at in 0..TEXT.len() {
            let error = call(first(), json, vec![data(&TEXT[..at])])
                .await
                .unwrap_err();
            assert_eq!(ending(&error), Ending::Truncated);
        }
        let failed = r#"{"object":"response","status":"failed","error":{"code":"server_error"}}"#;
        let answer = call(first(), json, vec![data(failed)]).await.unwrap();
        assert_eq!(outcome(&answer), Some(Outcome::Fault));
        assert_eq!(drain(answer).await, (failed.to_owned(), Ending::Good));

        let refused = r#"{"candidates":[{"finishReason":"SAFETY"}]}"#;
        let answer = call(first(), json, vec![data(refused)]).await.unwrap();
        assert_eq!(outcome(&answer), Some(Outcome::Refused));
    });
}

#[test]
fn an_error_in_a_json_answer_is_one_whatever_the_status_said() {
    let limited = Outcome::RateLimited { wait: None };
    let overloaded = Outcome::Overloaded { wait: None };
    let cases = [
        // OpenRouter, at the top and in a choice.
        (
            r#"{"error":{"code":502,"message":"Provider returned error"}}"#,
            Outcome::Fault,
        ),
        (
            r#"{"id":"g","error":{"code":429,"message":"m"},"user_id":"u"}"#,
            limited,
        ),
        (
            r#"{"id":"g","choices":[{"error":{"code":503,"message":"m"},"finish_reason":"error",
                "message":{"role":"assistant","content":"half of"}}]}"#,
            overloaded,
        ),
        (
            r#"{"choices":[{"finish_reason":"error","message":{"content":""}}]}"#,
            Outcome::Fault,
        ),
        // OpenAI's responses.
        (
            r#"{"object":"response","status":"failed","output":[],
                "error":{"code":"rate_limit_exceeded","message":"m"}}"#,
            limited,
        ),
        (
            r#"{"object":"response","status":"cancelled","error":null}"#,
            Outcome::Fault,
        ),
        (
            r#"{"object":"response","status":"incomplete",
                "incomplete_details":{"reason":"content_filter"}}"#,
            Outcome::Refused,
        ),
        // Anthropic, Gemini, vLLM, Ollama.
        (
            r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#,
            overloaded,
        ),
        (
            r#"{"error":{"code":503,"message":"m","status":"UNAVAILABLE"}}"#,
            overloaded,
        ),
        (
            r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}}"#,
            Outcome::Refused,
        ),
        (
            r#"{"object":"error","message":"m","type":"internal_error","code":500}"#,
            Outcome::Fault,
        ),
        (
            r#"{"error":"model runner has unexpectedly stopped"}"#,
            Outcome::Fault,
        ),
    ];
    run(async {
        for (text, expected) in cases {
            let answer = call(first(), "application/json", vec![data(text)])
                .await
                .unwrap();
            assert_eq!(outcome(&answer), Some(expected), "{text}");
            assert_eq!(drain(answer).await.0, text, "the caller gets it as it came");
        }
        for text in [
            r#"{"error":null,"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}"#,
            r#"{"object":"response","status":"completed","error":null,"output":[]}"#,
            r#"{"object":"response","status":"in_progress","error":null}"#,
            r#"{"object":"list","data":[{"embedding":[0.1]}],"error":{}}"#,
        ] {
            let answer = call(first(), "application/json", vec![data(text)])
                .await
                .unwrap();
            assert_eq!(outcome(&answer), None, "{text}");
        }
    });
}

#[test]
fn a_json_answer_too_large_to_hold_is_read_on() {
    run(async {
        let layer = first().hold_whole(64);
        let steps = |text: &str| vec![data(&text[..100]), data(&text[100..])];
        let answer = call(layer, "application/json", steps(TEXT)).await.unwrap();
        assert_eq!(drain(answer).await, (TEXT.to_owned(), Ending::Good));
        let cut = &TEXT[..TEXT.len() - 1];
        let answer = call(layer, "application/json", steps(cut)).await.unwrap();
        assert_eq!(drain(answer).await, (cut.to_owned(), Ending::Truncated));
    });
}

#[test]
fn too_much_before_the_first_content_is_passed_on() {
    run(async {
        let steps = vec![
            data(HEAD),
            data(HEAD),
            data(HEAD),
            Step::Wait(Duration::from_millis(1)),
        ];
        let answer = call(first().hold(2, 1 << 20), SSE, steps.clone())
            .await
            .unwrap();
        assert_eq!(drain(answer).await, (HEAD.repeat(3), Ending::Truncated));
        let answer = call(first().hold(99, 100), SSE, steps).await.unwrap();
        assert_eq!(drain(answer).await.1, Ending::Truncated);
    });
}

#[test]
fn the_end_mark_is_the_end_for_who_asks() {
    use http_body::Body;
    use http_body_util::BodyExt;
    run(async {
        for text in [[WORD, STOP, DONE].concat().as_str(), ANTHROPIC.bytes] {
            let answer = call(first(), SSE, vec![data(text), Step::Hang])
                .await
                .unwrap();
            let mut body = answer.into_body();
            assert!(!body.is_end_stream());
            body.frame().await.unwrap().unwrap();
            assert!(body.is_end_stream());
        }
        let answer = call(first(), SSE, vec![data(GEMINI.bytes), Step::Hang])
            .await
            .unwrap();
        let mut body = answer.into_body();
        body.frame().await.unwrap().unwrap();
        assert!(!body.is_end_stream(), "only the end of its bytes ends it");
    });
}

#[test]
fn a_list_of_events_is_passed_on_with_its_first_content() {
    run(async {
        let word = r#"[{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#;
        let last = r#",{"candidates":[{"finishReason":"STOP"}]}]"#;
        let steps = vec![data(word), Step::Wait(Duration::from_secs(5)), data(last)];
        let start = tokio::time::Instant::now();
        let answer = call(first(), "application/json", steps).await.unwrap();
        assert_eq!(tokio::time::Instant::now(), start);
        assert_eq!(drain(answer).await, ([word, last].concat(), Ending::Good));
    });
}

#[test]
fn an_answer_that_trickles_is_not_held_for_ever() {
    run(async {
        let layer = complete().hold_whole(10_000);
        let mut steps: Vec<Step> = WORD
            .repeat(9)
            .bytes()
            .map(|byte| Step::Data(vec![byte].into()))
            .collect();
        steps.push(Step::Hang);
        let answer = call(layer, SSE, steps).await.unwrap();
        assert!(matches!(drain(answer).await.1, Ending::TimedOut(_)));
    });
}
