//! What the parser promises, for every format and wherever its bytes are split.

mod support;

use proptest::prelude::*;
use support::{OPENAI, STREAMS, read};
use tower_ai_core::Outcome;
use tower_ai_stream::{Close, Event, Finish, Format, Framing, Parser};

#[test]
fn every_format_is_understood_and_found_out() {
    for stream in STREAMS {
        let (events, mut parser) = read(stream.framing, &[stream.bytes.as_bytes()]);
        assert_eq!(events, stream.events, "{}", stream.name);
        assert_eq!(parser.close(), Close::Good, "{}", stream.name);
        assert_eq!(parser.format(), Some(stream.format), "{}", stream.name);
        assert!(parser.model().is_some(), "{}", stream.name);
        let usage = parser.usage();
        assert_eq!((usage.input, usage.output), stream.usage, "{}", stream.name);
    }
}

#[test]
fn a_byte_at_a_time_is_the_same() {
    for stream in STREAMS {
        let pieces: Vec<&[u8]> = stream.bytes.as_bytes().chunks(1).collect();
        let (events, mut parser) = read(stream.framing, &pieces);
        assert_eq!(events, stream.events, "{}", stream.name);
        assert_eq!(parser.close(), Close::Good, "{}", stream.name);
        let usage = parser.usage();
        assert_eq!((usage.input, usage.output), stream.usage, "{}", stream.name);
    }
}

#[test]
fn cut_at_any_byte_before_its_words_are_over_no_stream_ends_well() {
    for stream in STREAMS {
        for at in 0..stream.whole_at() {
            let (_, mut parser) = read(stream.framing, &[&stream.bytes.as_bytes()[..at]]);
            let close = parser.close();
            assert_eq!(close, Close::Truncated, "{} cut at {at}", stream.name);
        }
    }
}

#[test]
fn cut_within_an_event_no_stream_ends_well() {
    for stream in STREAMS {
        let (events, mut parser) = read(stream.framing, &[stream.bytes.as_bytes()]);
        assert_eq!(
            (events.len(), parser.close()),
            (stream.events.len(), Close::Good)
        );
    }
    let bytes = OPENAI.bytes.as_bytes();
    let usage_at = OPENAI.bytes.find("\"total_tokens\"").unwrap();
    let (_, mut parser) = read(Framing::Sse, &[&bytes[..usage_at]]);
    assert!(parser.is_finished(), "the words are over");
    assert_eq!(parser.close(), Close::Truncated, "but the bytes broke off");
}

proptest! {
    #[test]
    fn split_anywhere_the_events_are_the_same(
        which in 0..STREAMS.len(),
        cuts in prop::collection::vec(0.0..1.0f64, 0..12),
    ) {
        let stream = STREAMS[which];
        let bytes = stream.bytes.as_bytes();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place")]
        let mut at: Vec<usize> = cuts.iter().map(|cut| (cut * bytes.len() as f64) as usize).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let pieces: Vec<&[u8]> = at.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect();
        let (events, parser) = read(stream.framing, &pieces);
        prop_assert_eq!(events, stream.events);
        prop_assert_eq!(parser.offset(), bytes.len() as u64);
    }

    #[test]
    fn nothing_makes_it_panic_or_disagree_with_itself(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        at in 0..200usize,
        which in 0..3usize,
    ) {
        let framing = [Framing::Sse, Framing::Lines, Framing::Json][which];
        let (whole, mut a) = read(framing, &[&bytes]);
        let at = at.min(bytes.len());
        let (split, mut b) = read(framing, &[&bytes[..at], &bytes[at..]]);
        prop_assert_eq!(whole, split);
        prop_assert_eq!(a.close(), b.close());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_it_takes_for_json_is_json(
        soup in r#"(\{|\}|\[|\]|,|:|"|""|"a"|"é"|"\\n"|"\\u0041"|"\\u00"|\\| |0|1|-|-1|1\.5|1e9|\.|e|true|tru|null|false|\{"a":1\}|\[1,2\]){0,12}"#,
    ) {
        for text in [soup.clone(), format!("{{\"a\":{soup}}}"), format!("[1,{soup}]")] {
            let is_json = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            let (events, _) = read(Framing::Sse, &[b"data: ", text.as_bytes(), b"\n\n"]);
            if !text.trim().is_empty() {
                let expected = if is_json { Event::Metadata } else { Event::Malformed };
                prop_assert_eq!(events, [expected], "{}", text);
            }
        }
    }
}

/// The events of what stands after a good beginning.
fn after_words(rest: &str) -> (Vec<Event>, Parser) {
    let words = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    let (mut events, parser) = read(Framing::Sse, &[words.as_bytes(), rest.as_bytes()]);
    assert_eq!(events.remove(0), Event::Content);
    (events, parser)
}

#[test]
fn errors_are_known_by_their_words() {
    let wait = None;
    for (data, outcome) in [
        (
            r#"{"error":{"message":"x","type":"server_error"}}"#,
            Outcome::Fault,
        ),
        (
            r#"{"error":{"code":"context_length_exceeded","type":"invalid_request_error"}}"#,
            Outcome::TooLong,
        ),
        (
            r#"{"error":{"type":"insufficient_quota","code":"insufficient_quota"}}"#,
            Outcome::Exhausted { wait },
        ),
        (
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            Outcome::Overloaded { wait },
        ),
        (
            r#"{"type":"error","error":{"type":"rate_limit_error"}}"#,
            Outcome::RateLimited { wait },
        ),
        (
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 > 8"}}"#,
            Outcome::TooLong,
        ),
        (
            r#"{"type":"error","code":"rate_limit_exceeded","message":"x","param":null}"#,
            Outcome::RateLimited { wait },
        ),
        (
            r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"x"}}}"#,
            Outcome::Fault,
        ),
        (
            r#"{"type":"response.failed","response":{"error":{"code":"invalid_prompt"}}}"#,
            Outcome::Refused,
        ),
        (
            r#"{"error":{"code":502,"message":"x"},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#,
            Outcome::Fault,
        ),
        (
            r#"{"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"#,
            Outcome::Fault,
        ),
        (
            r#"{"choices":[{"delta":{},"error":{"code":429}}]}"#,
            Outcome::RateLimited { wait },
        ),
        (
            r#"{"error":{"code":503,"status":"UNAVAILABLE"}}"#,
            Outcome::Overloaded { wait },
        ),
        (
            r#"{"event_type":"error","error":{"code":"too_many_requests"}}"#,
            Outcome::RateLimited { wait },
        ),
        (
            r#"{"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded"}}}"#,
            Outcome::RateLimited { wait },
        ),
        (
            r#"{"type":"response.failed","response":{"error":{"code":"vector_store_timeout"}}}"#,
            Outcome::Fault,
        ),
        (
            r#"{"type":"response.failed","response":{"error":{"code":"bio_policy"}}}"#,
            Outcome::Refused,
        ),
        (
            r#"{"type":"response.failed","response":{"error":{"code":"image_parse_error"}}}"#,
            Outcome::Refused,
        ),
        (
            r#"{"type":"response.failed","response":{"error":{"code":"data_residency_mismatch"}}}"#,
            Outcome::Refused,
        ),
        (
            r#"{"error":{"code":"content_filter","message":"x"}}"#,
            Outcome::Refused,
        ),
        (r#"{"error":"something broke"}"#, Outcome::Fault),
    ] {
        let (events, _) = after_words(&format!("data: {data}\n\n"));
        assert_eq!(events, [Event::Failed(outcome)], "{data}");
    }
}

#[test]
fn errors_are_known_however_they_are_named() {
    let overloaded = Event::Failed(Outcome::Overloaded { wait: None });
    for frame in [
        "event: error\ndata: {\"type\":\"overloaded_error\",\"message\":\"x\"}\n\n",
        "data: {\"object\":\"error\",\"type\":\"service_tier_capacity_exceeded\",\"code\":\"3505\"}\n\n",
        "data: {\"object\":\"error\",\"message\":\"x\",\"code\":503}\n\n",
        "error: {\"code\":503,\"message\":\"x\"}\n\n",
    ] {
        assert_eq!(after_words(frame).0, [overloaded], "{frame}");
    }
    let (events, _) = after_words("event: error\ndata: it broke\n\n");
    assert_eq!(events, [Event::Failed(Outcome::Fault)]);
}

#[test]
fn an_error_says_how_long_to_wait() {
    let (events, _) = after_words(concat!(
        "data: {\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[",
        "{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"34.5s\"}]}}\n\n",
    ));
    let wait = Some(std::time::Duration::from_millis(34_500));
    assert_eq!(events, [Event::Failed(Outcome::RateLimited { wait })]);
}

#[test]
fn an_error_without_a_frame_is_seen() {
    let error = "{\n  \"error\": {\n    \"code\": 503,\n    \"message\": \"{ [\",\n    \"status\": \"UNAVAILABLE\"\n  }\n}\n";
    let overloaded = Event::Failed(Outcome::Overloaded { wait: None });
    assert_eq!(after_words(error).0, [overloaded]);
    assert_eq!(after_words(&format!("[{error}]")).0, [overloaded]);
    let (events, _) = read(Framing::Sse, &[error.as_bytes()]);
    assert_eq!(events, [overloaded], "from the first byte on");
    let (events, _) = read(Framing::Json, &[format!("[{error}]").as_bytes()]);
    assert_eq!(events, [overloaded], "in a list");
}

#[test]
fn null_errors_are_none() {
    let (events, _) =
        after_words("data: {\"error\":null,\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n\n");
    assert_eq!(events, [Event::Content]);
}

#[test]
fn what_is_garbled_is_malformed_and_the_next_event_is_read() {
    for garbled in [
        "data: {\"choices\":[{\"delta\":{\"con\u{1}\u{2}te\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}\n\n",
        "data: {\"choices\":[]}}\n\n",
        "data: {\"choices\":[],}\n\n",
        "data: {\"a\":\"\\x\"}\n\n",
        "data: {\"a\":01}\n\n",
        "data: {\"a\":nul}\n\n",
        "data: {\"a\":nul\n\n",
        "data: {\"a\":\"\\\n\n",
        "data: {\"a\" 1}\n\n",
        "data: [DONE\n\n",
        "data: [DONE]]\n\n",
        "data: hello\n\n",
        "data: {\"a\":1]\n\n",
        "data: {\"a\":\n\n",
    ] {
        let (events, _) = after_words(&format!("{garbled}data: [DONE]\n\n"));
        assert_eq!(events, [Event::Malformed, Event::End], "{garbled:?}");
    }
    let (events, _) = read(Framing::Sse, &[b"data: {\"a\":\"\xff\"}\n\n"]);
    assert_eq!(events, [Event::Malformed], "not UTF-8");
    let (events, _) = read(Framing::Sse, &[b"data: {\"a\":\"\xe2\x82\"}\n\n"]);
    assert_eq!(events, [Event::Malformed], "half a character");
    let lines = "{\"message\":{\"con\n{\"message\":{\"content\":\"a\"},\"done\":false}\n";
    let (events, _) = read(Framing::Lines, &[lines.as_bytes()]);
    assert_eq!(events, [Event::Malformed, Event::Content]);
}

#[test]
fn a_garbled_event_finishes_nothing() {
    let (events, mut parser) =
        after_words("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\n\n");
    assert_eq!(events, [Event::Malformed]);
    assert_eq!(parser.close(), Close::Truncated);
}

#[test]
fn data_of_many_lines_is_one_event() {
    let (events, _) = after_words(concat!(
        "event: x\ndata: {\"choices\":[{\"delta\":\ndata: {\"content\":\"b\"}\nid: 7\nretry: 3\ndata: }]}\n\n",
        "data:\n\n",
        "data\n\n",
    ));
    assert_eq!(events, [Event::Content]);
}

#[test]
fn nesting_has_a_limit() {
    let deep = |levels: usize| format!("data: {}1{}\n\n", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(after_words(&deep(128)).0, [Event::Metadata]);
    assert_eq!(after_words(&deep(129)).0, [Event::Malformed]);
}

#[test]
fn one_choice_of_two_is_no_whole_answer() {
    let (_, mut parser) = after_words(concat!(
        "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"b\"}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    ));
    assert_eq!(parser.close(), Close::Truncated);
}

#[test]
fn a_late_event_about_a_finished_choice_does_not_open_it_again() {
    let (_, mut parser) = after_words(concat!(
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":null,\"content_filter_offsets\":{}}]}\n\n",
    ));
    assert!(!parser.is_finish_loose());
    assert_eq!(parser.close(), Close::Good);
}

#[test]
fn a_reason_to_end_with_every_event_is_known_to_be_loose() {
    let every = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"},\"finish_reason\":\"stop\"}]}\n\n";
    let (_, parser) = after_words(&every.repeat(2));
    assert!(parser.is_finish_loose());
}

#[test]
fn a_refusal_is_a_good_end_that_says_so() {
    let (events, mut parser) = after_words(
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"content_filter\"}]}\n\n",
    );
    assert_eq!(events, [Event::Metadata]);
    assert_eq!(
        (parser.close(), parser.verdict()),
        (Close::Good, Outcome::Refused)
    );

    let blocked = "data: {\"promptFeedback\": {\"blockReason\": \"PROHIBITED_CONTENT\"}}\r\n\r\n";
    let (_, mut parser) = read(Framing::Sse, &[blocked.as_bytes()]);
    assert_eq!(
        (parser.close(), parser.verdict()),
        (Close::Good, Outcome::Refused)
    );

    let refusal = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"refusal\"}}\n\n";
    let (_, parser) = read(Framing::Sse, &[refusal.as_bytes()]);
    assert_eq!(parser.verdict(), Outcome::Refused);
}

/// What a good head hides: each row of the providers' tables that stands inside a 200.
#[test]
fn a_whole_answer_says_why_it_ended() {
    for (text, finish) in [
        (
            r#"{"choices":[{"message":{"content":"a","refusal":null},"finish_reason":"stop"}]}"#,
            Finish::Done,
        ),
        (
            r#"{"choices":[{"message":{"tool_calls":[{}]},"finish_reason":"tool_calls"}]}"#,
            Finish::Done,
        ),
        (
            r#"{"choices":[{"message":{"content":"a"},"finish_reason":"length"}]}"#,
            Finish::Length,
        ),
        (
            r#"{"choices":[{"message":{"content":""},"finish_reason":"content_filter"}]}"#,
            Finish::Refused,
        ),
        (
            r#"{"choices":[{"message":{"content":null,"refusal":"I cannot"},"finish_reason":"stop"}]}"#,
            Finish::Refused,
        ),
        (
            r#"{"choices":[{"finish_reason":"content_filter"},{"finish_reason":"stop"}]}"#,
            Finish::Refused,
        ),
        (
            r#"{"object":"response","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}"#,
            Finish::Length,
        ),
        (
            r#"{"object":"response","status":"incomplete","incomplete_details":{"reason":"content_filter"}}"#,
            Finish::Refused,
        ),
        (
            r#"{"object":"response","status":"completed","output":[{"type":"message","content":[{"type":"refusal","refusal":"No"}]}]}"#,
            Finish::Refused,
        ),
        (
            r#"{"type":"message","content":[],"stop_reason":"end_turn"}"#,
            Finish::Done,
        ),
        (
            r#"{"type":"message","content":[],"stop_reason":"max_tokens"}"#,
            Finish::Length,
        ),
        (
            r#"{"type":"message","content":[],"stop_reason":"refusal","stop_details":{"category":"cyber"}}"#,
            Finish::Refused,
        ),
        (
            r#"{"type":"message","content":[],"stop_reason":"model_context_window_exceeded"}"#,
            Finish::Window,
        ),
        (
            r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}"#,
            Finish::Done,
        ),
        (
            r#"{"candidates":[{"finishReason":"MAX_TOKENS"}]}"#,
            Finish::Length,
        ),
        (
            r#"{"candidates":[{"finishReason":"SAFETY"}]}"#,
            Finish::Refused,
        ),
        (
            r#"{"candidates":[{"finishReason":"RECITATION"}]}"#,
            Finish::Refused,
        ),
        (
            r#"{"candidates":[{"finishReason":"BLOCKLIST"}]}"#,
            Finish::Refused,
        ),
        (
            r#"{"candidates":[{"finishReason":"PROHIBITED_CONTENT"}]}"#,
            Finish::Refused,
        ),
        (
            r#"{"candidates":[{"finishReason":"SPII"}]}"#,
            Finish::Refused,
        ),
        (
            r#"{"promptFeedback":{"blockReason":"OTHER"}}"#,
            Finish::Refused,
        ),
        (
            r#"{"output":{"message":{"content":[{"text":"a"}]}},"stopReason":"end_turn"}"#,
            Finish::Done,
        ),
        (
            r#"{"output":{},"stopReason":"guardrail_intervened"}"#,
            Finish::Refused,
        ),
        (
            r#"{"output":{},"stopReason":"model_context_window_exceeded"}"#,
            Finish::Window,
        ),
        (
            r#"{"model":"m","message":{"content":"a"},"done":true,"done_reason":"length"}"#,
            Finish::Length,
        ),
    ] {
        let (events, mut parser) = read(Framing::Json, &[text.as_bytes()]);
        assert_eq!(events, [Event::Content], "{text}");
        assert_eq!(parser.close(), Close::Good, "{text}");
        assert_eq!(parser.finish(), Some(finish), "{text}");
        assert_eq!(parser.verdict(), finish.outcome(), "{text}");
    }
    for unsaid in [
        r#"{"promptFeedback":{"blockReason":"BLOCK_REASON_UNSPECIFIED"}}"#,
        r#"{"object":"list","data":[]}"#,
    ] {
        let (_, parser) = read(Framing::Json, &[unsaid.as_bytes()]);
        assert_eq!(parser.finish(), None, "{unsaid}");
    }
}

#[test]
fn a_stream_says_why_it_ended() {
    let finish = |frames: &str| read(Framing::Sse, &[frames.as_bytes()]).1.finish();
    let refusal = "data: {\"choices\":[{\"delta\":{\"refusal\":\"I can\"}}]}\n\n\
                   data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    assert_eq!(finish(refusal), Some(Finish::Refused));
    let responses = "data: {\"type\":\"response.refusal.delta\",\"delta\":\"No\"}\n\n\
                     data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"}}\n\n";
    assert_eq!(finish(responses), Some(Finish::Refused));
    let cut = "data: {\"type\":\"response.incomplete\",\"response\":{\"incomplete_details\":{\"reason\":\"max_output_tokens\"}}}\n\n";
    assert_eq!(finish(cut), Some(Finish::Length));
    let window = "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"model_context_window_exceeded\"}}\n\n";
    assert_eq!(finish(window), Some(Finish::Window));
    assert_eq!(
        finish("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"),
        None
    );
}

#[test]
fn another_formats_end_mark_ends_nothing() {
    let mut parser = Parser::new(Framing::Sse).with_format(Format::OpenAiResponses);
    let mut input = OPENAI.bytes.as_bytes();
    while parser.push(&mut input).is_some() {}
    assert_eq!(parser.close(), Close::Truncated);
}

fn whole(text: &str) -> (Vec<Event>, Close, Outcome) {
    let (events, mut parser) = read(Framing::Json, &[text.as_bytes()]);
    let close = parser.close();
    (events, close, parser.verdict())
}

#[test]
fn whole_answers_are_whole_or_failed() {
    let good = Outcome::Success;
    for (text, event, verdict) in [
        (
            r#"{"object":"chat.completion","choices":[{"index":0,"message":{"content":"a"},"finish_reason":"stop"}]}"#,
            Event::Content,
            good,
        ),
        (
            r#"{"type":"message","content":[],"stop_reason":"refusal"}"#,
            Event::Content,
            Outcome::Refused,
        ),
        (
            r#"{"candidates":[{"finishReason":"SAFETY"}]}"#,
            Event::Content,
            Outcome::Refused,
        ),
        (
            r#"{"object":"response","status":"completed","error":null}"#,
            Event::Content,
            good,
        ),
        (
            r#"{"object":"list","data":[{"embedding":[0.1,-2e-3]}]}"#,
            Event::Content,
            good,
        ),
        (
            r#"{"object":"batch","status":"failed","error":{"code":"x"}}"#,
            Event::Content,
            good,
        ),
        (
            r#"{"object":"response","status":"failed","error":{"code":"rate_limit_exceeded"}}"#,
            Event::Failed(Outcome::RateLimited { wait: None }),
            good,
        ),
        (
            r#"{"object":"response","status":"failed","error":null}"#,
            Event::Failed(Outcome::Fault),
            good,
        ),
        (
            r#"{"error":{"code":502,"message":"x"},"user_id":"u"}"#,
            Event::Failed(Outcome::Fault),
            good,
        ),
        (
            r#"{"type":"error","error":{"type":"overloaded_error"}}"#,
            Event::Failed(Outcome::Overloaded { wait: None }),
            good,
        ),
    ] {
        let (events, close, said) = whole(text);
        assert_eq!((events.as_slice(), said), (&[event][..], verdict), "{text}");
        if event == Event::Content {
            assert_eq!(close, Close::Good, "{text}");
        }
        for at in 0..text.len() {
            let (_, close, _) = whole(&text[..at]);
            assert_eq!(close, Close::Truncated, "{text} cut at {at}");
        }
    }
    assert_eq!(whole("[[0.25,1],[2,3]]\n").1, Close::Good);
    assert_eq!(whole("[]").1, Close::Good);
    assert_eq!(whole("[[0.25,1],[2,3]").1, Close::Truncated);
    assert_eq!(whole("[1 2]").1, Close::Truncated);
    assert_eq!(whole("12").1, Close::Good);
    assert_eq!(whole("{} x").1, Close::Truncated);
}
