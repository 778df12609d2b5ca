//! The words of an answer.

use serde_json::Value;

use super::end::{Format, each};

/// The words of the first choice of an answer, in any of the known dialects.
pub(super) fn text(format: Format, body: &[u8]) -> Option<String> {
    let mut out = String::new();
    each(format, body, |value| {
        take(value, &mut out);
        Ok(())
    })
    .ok()?;
    (!out.is_empty()).then_some(out)
}

fn take(value: &Value, out: &mut String) {
    // OpenAI chat, whole and in pieces; plain completions.
    let choice = &value["choices"][0];
    push(&choice["message"]["content"], out);
    push(&choice["delta"]["content"], out);
    push(&choice["text"], out);
    // Gemini.
    parts(&value["candidates"][0]["content"]["parts"], out);
    match value["type"].as_str() {
        Some("content_block_delta") => push(&value["delta"]["text"], out),
        Some("response.output_text.delta") => push(&value["delta"], out),
        Some("message") => parts(&value["content"], out),
        _ => {}
    }
    if value["object"] == "response" {
        for item in value["output"].as_array().into_iter().flatten() {
            parts(&item["content"], out);
        }
    }
    // Ollama.
    push(&value["message"]["content"], out);
    push(&value["response"], out);
}

fn parts(list: &Value, out: &mut String) {
    for part in list.as_array().into_iter().flatten() {
        push(&part["text"], out);
    }
}

fn push(value: &Value, out: &mut String) {
    out.push_str(value.as_str().unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_says_its_words_once() {
        for body in [
            r#"{"choices":[{"message":{"content":"hi"}},{"message":{"content":"no"}}]}"#,
            r#"{"choices":[{"text":"hi"}]}"#,
            r#"{"type":"message","content":[{"type":"text","text":"h"},{"type":"text","text":"i"}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":"h"},{"text":"i"}]}}]}"#,
            r#"{"object":"response","output":[{"content":[{"type":"output_text","text":"hi"}]}]}"#,
            r#"{"message":{"content":"hi"},"done":true}"#,
            r#"{"response":"hi","done":true}"#,
        ] {
            assert_eq!(
                text(Format::Json, body.as_bytes()).as_deref(),
                Some("hi"),
                "{body}"
            );
        }
        for events in [
            "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\ndata: [DONE]\n\n",
            "data: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"hi\"}}\n\n",
            "data: {\"type\":\"response.output_text.delta\",\"delta\":\"hi\"}\n\n\
             data: {\"type\":\"response.completed\",\"response\":{\"object\":\"response\",\"output\":\
             [{\"content\":[{\"text\":\"hi\"}]}]}}\n\n",
        ] {
            assert_eq!(
                text(Format::Events, events.as_bytes()).as_deref(),
                Some("hi"),
                "{events}"
            );
        }
        assert_eq!(text(Format::Json, b"{}"), None);
    }
}
