use proptest::prelude::*;
use serde_json::json;

use super::*;

const LIMIT: usize = 1000;

fn splicer(format: Format) -> Splicer {
    Splicer::new(format, LIMIT).unwrap()
}

fn data(event: &Value) -> String {
    format!("data: {event}\n\n")
}

/// One event of OpenAI's, of the answer `id`.
fn chunk(id: &str, delta: &Value, finish: &Value) -> String {
    data(&json!({
        "id": id, "object": "chat.completion.chunk", "created": 7, "model": format!("m-{id}"),
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }))
}

fn role(id: &str) -> String {
    chunk(
        id,
        &json!({"role": "assistant", "content": ""}),
        &Value::Null,
    )
}

fn words(id: &str, words: &[&str]) -> String {
    let chunk = |words: &&str| chunk(id, &json!({"content": words}), &Value::Null);
    words.iter().map(chunk).collect()
}

fn end(id: &str) -> String {
    let usage = data(&json!({"id": id, "choices": [], "usage": {"completion_tokens": 9}}));
    chunk(id, &json!({}), &json!("stop")) + &usage + "data: [DONE]\n\n"
}

fn whole(id: &str, said: &[&str]) -> String {
    role(id) + &words(id, said) + &end(id)
}

fn push(splicer: &mut Splicer, stream: &str, size: usize) -> Result<String, Diverged> {
    let mut out = Vec::new();
    let mut result = Ok(());
    for piece in stream.as_bytes().chunks(size) {
        result = result.and_then(|()| splicer.push(Bytes::copy_from_slice(piece)));
        while let Some(data) = splicer.pop() {
            out.extend_from_slice(&data);
        }
    }
    result.map(|()| String::from_utf8(out).unwrap())
}

/// Joins `second`, which has `kept` bytes of the text already or begins anew, to `first`, in pieces of this size.
fn splice(
    format: Format,
    (first, second): (&str, &str),
    kept: usize,
    size: usize,
) -> Result<String, Diverged> {
    let mut splicer = splicer(format);
    let mut out = push(&mut splicer, first, size)?;
    assert!(splicer.is_spliceable());
    splicer.take_failure();
    splicer.begin(kept);
    out += &push(&mut splicer, second, size)?;
    splicer.close()?;
    while let Some(data) = splicer.pop() {
        out += std::str::from_utf8(&data).unwrap();
    }
    assert!(splicer.is_joined());
    Ok(out)
}

fn events(stream: &str) -> Vec<Value> {
    let data = stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    let json = data.filter(|data| *data != "[DONE]");
    json.map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

fn text(stream: &str) -> String {
    let word = |event: &Value| {
        let delta = event["choices"][0]["delta"]["content"].as_str();
        delta.unwrap_or_default().to_owned()
    };
    events(stream).iter().map(word).collect()
}

#[test]
fn a_restart_is_joined_wherever_both_are_split() {
    // Half an event at its end, as a cut leaves it.
    let first = role("a") + &words("a", &["Once ", "upon a", " ti"]) + "data: {\"choices\":[{";
    let second = whole("b", &["On", "ce upon", " a time", " there was", "."]);
    for size in 1..=second.len() {
        let out = splice(Format::OpenAiChat, (&first, &second), 0, size).unwrap();
        assert_eq!(
            text(&out),
            "Once upon a time there was.",
            "pieces of {size}"
        );
        let events = events(&out);
        assert!(events.iter().all(|event| event["id"] == "a"), "one answer");
        let models = |event: &&Value| event["model"].is_string();
        assert!(
            events
                .iter()
                .filter(models)
                .all(|event| event["model"] == "m-a")
        );
        let roles = |event: &&Value| event["choices"][0]["delta"]["role"].is_string();
        assert_eq!(events.iter().filter(roles).count(), 1);
        assert_eq!(out.matches("[DONE]").count(), 1);
        assert_eq!(out.matches("\"stop\"").count(), 1);
        assert!(out.ends_with("data: [DONE]\n\n"));
    }
}

#[test]
fn what_counts_is_the_text_and_not_how_it_is_written() {
    let first = role("a") + &words("a", &["caf\u{e9} \u{1F600}"]);
    let escaped = "data: {\"id\":\"b\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\
                   \"\\u0063af\\u00e9 \\ud83d\\ude00 ole\\u0301\"}}]}\n\n";
    let second = escaped.to_owned() + &end("b");
    let out = splice(Format::OpenAiChat, (&first, &second), 0, 3).unwrap();
    assert_eq!(text(&out), "caf\u{e9} \u{1F600} ole\u{301}");
}

#[test]
fn of_an_answer_that_says_something_else_nothing_is_passed_on() {
    for said in [
        &["Once upon another"][..],
        &["Once ", "a"],
        &["once"],
        &["Once upon"],
        &[],
    ] {
        let mut splicer = splicer(Format::OpenAiChat);
        push(
            &mut splicer,
            &(role("a") + &words("a", &["Once upon a t"])),
            9,
        )
        .unwrap();
        splicer.begin(0);
        let out = push(&mut splicer, &whole("b", said), 9);
        assert_eq!(out, Err(Diverged), "{said:?}");
        assert!(!splicer.is_joined());
    }
    let tools = json!({"tool_calls": [{"index": 0, "function": {"name": "f"}}]});
    let mut splicer = splicer(Format::OpenAiChat);
    push(&mut splicer, &(role("a") + &words("a", &["Hm"])), 99).unwrap();
    splicer.begin(2);
    let called = role("b") + &chunk("b", &tools, &Value::Null);
    assert_eq!(push(&mut splicer, &called, 99), Err(Diverged));
}

#[test]
fn a_restart_that_ends_where_the_first_broke_off_is_an_end() {
    let first = role("a") + &words("a", &["All", " of it."]);
    let second = whole("b", &["All of it."]);
    let out = splice(Format::OpenAiChat, (&first, &second), 0, 7).unwrap();
    assert_eq!(text(&out), "All of it.");
    assert!(out.ends_with("[DONE]\n\n") && out.contains("\"stop\""));
}

#[test]
fn a_prefilled_answer_goes_on_at_once() {
    let first = role("a") + &words("a", &["So it", " is"]);
    let second = whole("b", &[", my", " friend"]);
    let out = splice(Format::OpenAiChat, (&first, &second), "So it is".len(), 5).unwrap();
    assert_eq!(text(&out), "So it is, my friend");
    let silent = splice(Format::OpenAiChat, (&first, &whole("b", &[])), 8, 5).unwrap();
    assert_eq!(text(&silent), "So it is");
    assert!(silent.ends_with("[DONE]\n\n"));
}

#[test]
fn white_space_that_was_not_prefilled_must_come_again() {
    let first = role("a") + &words("a", &["So it is \n"]);
    let kept = "So it is".len();
    for said in [&[" \n", "then"][..], &[" ", "\nthen"], &[" \nthen"]] {
        let second = whole("b", said);
        let out = splice(Format::OpenAiChat, (&first, &second), kept, 11).unwrap();
        assert_eq!(text(&out), "So it is \nthen");
    }
    for said in [&["then"][..], &["\n\nthen"], &[" then"]] {
        let second = whole("b", said);
        let out = splice(Format::OpenAiChat, (&first, &second), kept, 11);
        assert_eq!(out, Err(Diverged), "{said:?}");
    }
}

#[test]
fn an_event_before_the_beginning_gives_no_name() {
    let before = data(&json!({"id": "", "model": "", "choices": [], "prompt_filter_results": []}));
    let first = before.clone() + &role("a") + &words("a", &["Hm"]);
    let second = before.clone() + &whole("b", &["Hm", "m"]);
    let out = splice(Format::OpenAiChat, (&first, &second), 0, 13).unwrap();
    let names = |event: &Value| event["id"].as_str().unwrap().to_owned();
    let names: Vec<_> = events(&out).iter().map(names).collect();
    assert_eq!(names[0], "");
    assert!(names[1..].iter().all(|name| name == "a"), "{names:?}");
}

#[test]
fn what_is_not_one_text_is_never_spliced() {
    let openai = |event: &Value| {
        let mut splicer = splicer(Format::OpenAiChat);
        push(&mut splicer, &(role("a") + &data(event)), 50).unwrap();
        splicer.is_spliceable()
    };
    let choice = |choice: Value| json!({"choices": [choice]});
    assert!(openai(&choice(
        json!({"index": 0, "delta": {"content": "x", "tool_calls": []}})
    )));
    for other in [
        json!({"index": 0, "delta": {"tool_calls": [{"index": 0}]}}),
        json!({"index": 0, "delta": {"reasoning_content": "hm"}}),
        json!({"index": 0, "delta": {"refusal": "no"}}),
        json!({"index": 1, "delta": {"content": "x"}}),
        json!({"index": 0, "text": "x"}),
        json!({"index": 0, "delta": {"content": "x"}, "finish_reason": "stop"}),
    ] {
        assert!(!openai(&choice(other.clone())), "{other}");
    }
    let two = json!({"choices": [{"index": 0, "delta": {}}, {"index": 1, "delta": {}}]});
    assert!(!openai(&two));
}

// === Anthropic ===

fn named(event: &Value) -> String {
    let name = event["type"].as_str().unwrap();
    format!("event: {name}\ndata: {event}\n\n")
}

fn claude(id: &str, said: &[&str]) -> (String, String) {
    let start = named(&json!({"type": "message_start", "message": {"id": id, "content": []}}));
    let block = json!({"type": "content_block_start", "index": 0,
        "content_block": {"type": "text", "text": ""}});
    let ping = named(&json!({"type": "ping"}));
    let word = |word: &&str| {
        named(&json!({"type": "content_block_delta", "index": 0,
            "delta": {"type": "text_delta", "text": word}}))
    };
    let words: String = said.iter().map(word).collect();
    let stop = named(&json!({"type": "content_block_stop", "index": 0}));
    let delta = named(&json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}));
    let end = stop + &delta + &named(&json!({"type": "message_stop"}));
    (start + &named(&block) + &ping + &words, end)
}

fn types(stream: &str) -> Vec<String> {
    let kind = |event: &Value| event["type"].as_str().unwrap().to_owned();
    events(stream).iter().map(kind).collect()
}

#[test]
fn a_message_of_claude_has_one_start_one_block_and_one_end() {
    let (first, _) = claude("a", &["Once", " upon"]);
    let (begin, end) = claude("b", &["Once upon", " a time"]);
    for size in 1..300 {
        let out = splice(
            Format::Anthropic,
            (&first, &(begin.clone() + &end)),
            0,
            size,
        )
        .unwrap();
        let kinds = types(&out);
        assert_eq!(
            kinds,
            [
                "message_start",
                "content_block_start",
                "ping",
                "content_block_delta",
                "content_block_delta",
                "content_block_delta",
                "content_block_stop",
                "message_delta",
                "message_stop"
            ]
        );
        assert!(out.contains("event: content_block_delta\ndata: "));
        assert_eq!(events(&out)[5]["delta"]["text"], " a time");
        assert!(
            !out.contains("\"b\""),
            "the second message has no name here"
        );
    }
}

#[test]
fn a_message_without_a_block_closes_the_one_that_is_open() {
    let (first, _) = claude("a", &["Done."]);
    let start = named(&json!({"type": "message_start", "message": {"id": "b", "content": []}}));
    let delta = named(&json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}));
    let second = start + &delta + &named(&json!({"type": "message_stop"}));
    let out = splice(Format::Anthropic, (&first, &second), 5, 64).unwrap();
    let kinds = types(&out);
    assert_eq!(
        kinds[4..],
        ["content_block_stop", "message_delta", "message_stop"]
    );
}

#[test]
fn thinking_and_tools_of_claude_are_never_spliced() {
    for block in [
        json!({"type": "thinking", "thinking": ""}),
        json!({"type": "tool_use", "id": "t", "name": "f", "input": {}}),
    ] {
        let start = json!({"type": "content_block_start", "index": 0, "content_block": block});
        let mut splicer = splicer(Format::Anthropic);
        push(&mut splicer, &named(&start), 64).unwrap();
        assert!(!splicer.is_spliceable(), "{block}");
    }
    let (words, _) = claude("a", &["Let me see."]);
    let stop = named(&json!({"type": "content_block_stop", "index": 0}));
    let mut splicer = splicer(Format::Anthropic);
    push(&mut splicer, &(words + &stop), 64).unwrap();
    assert!(!splicer.is_spliceable(), "its text is over");
}

// === Gemini ===

fn gemini(id: &str, words: &str, finish: &Value) -> String {
    data(&json!({
        "candidates": [{
            "index": 0, "finishReason": finish,
            "content": {"role": "model", "parts": [{"text": words}]},
        }],
        "responseId": id, "modelVersion": format!("m-{id}"),
    }))
}

#[test]
fn an_answer_of_gemini_may_end_with_its_last_words() {
    let first = gemini("a", "One, ", &Value::Null) + &gemini("a", "two", &Value::Null);
    let second = gemini("b", "One, two, th", &Value::Null) + &gemini("b", "ree", &json!("STOP"));
    for size in 1..second.len() {
        let out = splice(Format::Gemini, (&first, &second), 0, size).unwrap();
        let part = |event: &Value| {
            let part = &event["candidates"][0]["content"]["parts"][0]["text"];
            part.as_str().unwrap().to_owned()
        };
        let events = events(&out);
        assert_eq!(
            events.iter().map(part).collect::<String>(),
            "One, two, three"
        );
        assert!(events.iter().all(|event| event["responseId"] == "a"));
        assert!(events.iter().all(|event| event["modelVersion"] == "m-a"));
    }
    let thought = json!({"candidates": [{"content": {"parts": [{"text": "x", "thought": true}]}}]});
    let mut splicer = splicer(Format::Gemini);
    push(&mut splicer, &data(&thought), 64).unwrap();
    assert!(!splicer.is_spliceable());
}

// === limits and failures ===

#[test]
fn a_text_beyond_the_limit_is_let_go() {
    let mut splicer = splicer(Format::OpenAiChat);
    let long = "x".repeat(LIMIT + 1);
    let stream = role("a") + &words("a", &[&long]) + &words("a", &["more"]);
    assert_eq!(push(&mut splicer, &stream, 100).unwrap(), stream);
    assert!(!splicer.is_spliceable());
    assert_eq!(splicer.text.capacity(), 0);
}

#[test]
fn an_event_beyond_the_limit_is_passed_on_before_it_is_whole() {
    let mut splicer = splicer(Format::OpenAiChat);
    let large = "data: ".to_owned() + &"x".repeat(LARGEST_EVENT);
    assert_eq!(push(&mut splicer, &large, 1000).unwrap(), large);
    assert!(!splicer.is_spliceable() && splicer.is_idle());
}

#[test]
fn an_error_within_the_answer_is_held_as_it_came() {
    let mut splicer = splicer(Format::OpenAiChat);
    let error = "data: {\"error\":{\"code\":\"server_error\",\"message\":\"m\"}}\n\n";
    let stream = role("a") + &words("a", &["Hm"]);
    let out = push(&mut splicer, &(stream.clone() + error), 10).unwrap();
    assert_eq!(out, stream);
    assert_eq!(splicer.failed(), Some(Outcome::Fault));
    assert!(splicer.is_spliceable());
    assert_eq!(splicer.take_failure().concat(), error.as_bytes());
}

#[test]
fn comments_are_passed_on_at_once() {
    let mut splicer = splicer(Format::OpenAiChat);
    assert_eq!(push(&mut splicer, ": ping\n\n", 99).unwrap(), ": ping\n\n");
    push(&mut splicer, &(role("a") + &words("a", &["Hm"])), 99).unwrap();
    splicer.begin(0);
    let out = push(&mut splicer, &(": ping\n\n".to_owned() + &role("b")), 99);
    assert_eq!(out.unwrap(), ": ping\n\n");
}

proptest! {
    /// Whatever an answer says and however it is split, all of it is passed on, unchanged and in order.
    #[test]
    fn an_answer_that_does_not_break_off_is_not_changed(
        lines in proptest::collection::vec("(data: |event: |:|)[ -~é]{0,12}(\n|\r\n|\r)(\n|\r\n|\r|)", 0..12),
        said in proptest::collection::vec("[a-zé\"\\\\ \n]{0,6}", 0..6),
        size in 1_usize..40,
        format in prop_oneof![
            Just(Format::OpenAiChat), Just(Format::Anthropic), Just(Format::Gemini)
        ],
    ) {
        let said: Vec<&str> = said.iter().map(String::as_str).collect();
        let stream = role("a") + &words("a", &said) + &lines.concat() + &end("a");
        let mut splicer = splicer(format);
        let mut out = Vec::new();
        for piece in stream.as_bytes().chunks(size) {
            splicer.push(Bytes::copy_from_slice(piece)).unwrap();
            while let Some(data) = splicer.pop() {
                out.extend_from_slice(&data);
            }
        }
        if splicer.close().is_ok() {
            let held = splicer.take_failure();
            splicer.give_back(held);
        }
        while let Some(data) = splicer.pop() {
            out.extend_from_slice(&data);
        }
        prop_assert_eq!(String::from_utf8(out).unwrap(), stream);
    }

    /// However the same text is cut into words, a restart is joined to what was said of it.
    #[test]
    fn a_restart_is_joined_however_its_words_are_cut(
        said in "[a-zé ]{1,30}", at in 0_usize..30, cuts in proptest::collection::vec(1_usize..5, 30),
        size in 1_usize..200,
    ) {
        let chars: Vec<char> = said.chars().collect();
        let at = at.min(chars.len());
        let cut = |chars: &[char]| {
            let (mut left, mut pieces) = (chars, Vec::new());
            for size in &cuts {
                let (piece, rest) = left.split_at((*size).min(left.len()));
                pieces.push(piece.iter().collect::<String>());
                left = rest;
            }
            pieces
        };
        let first = cut(&chars[..at]);
        let second = cut(&chars);
        let refs = |pieces: &[String]| pieces.iter().map(|piece| words("x", &[piece])).collect::<String>();
        let stream = role("b") + &refs(&second) + &end("b");
        let out = splice(Format::OpenAiChat, (&(role("a") + &refs(&first)), &stream), 0, size);
        prop_assert_eq!(text(&out.unwrap()), said);
    }
}
