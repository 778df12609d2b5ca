//! Whether an answer is whole and good: only then may it be given again.

use std::collections::BTreeMap;

use serde_json::Value;

/// How an answer is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Format {
    Json,
    Events,
    /// JSON, a line each.
    Lines,
}

/// Gives each JSON value of an answer to `take`; fails where one is none.
pub(super) fn each(
    format: Format,
    body: &[u8],
    mut take: impl FnMut(&Value) -> Result<(), &'static str>,
) -> Result<(), &'static str> {
    let parse = |json: &str| serde_json::from_str::<Value>(json).map_err(|_| "garbled");
    let text = std::str::from_utf8(body).map_err(|_| "garbled")?;
    match format {
        // Gemini streams a list where no events are asked for.
        Format::Json => match parse(text)? {
            Value::Array(values) => values.iter().try_for_each(take),
            value => take(&value),
        },
        Format::Events => {
            let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
            let json = data
                .map(str::trim)
                .filter(|data| !matches!(*data, "" | "[DONE]"));
            json.map(parse).try_for_each(|value| take(&value?))
        }
        Format::Lines => {
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            lines.map(parse).try_for_each(|value| take(&value?))
        }
    }
}

/// Says why an answer must not be kept, if it must not.
pub(super) fn judge(format: Format, body: &[u8]) -> Result<(), &'static str> {
    let mut seen = Seen::default();
    each(format, body, |value| seen.take(value))?;
    seen.end()
}

/// What was seen of an answer, or of the events of a stream.
#[derive(Default)]
struct Seen {
    good_end: bool,
    /// Anthropic says why it stopped before it says that it has.
    stop_due: bool,
    /// The arguments of tool calls, which come in pieces.
    calls: BTreeMap<u64, String>,
}

impl Seen {
    fn take(&mut self, value: &Value) -> Result<(), &'static str> {
        if value.get("error").is_some_and(|error| !error.is_null()) || value["type"] == "error" {
            return Err("an error");
        }
        if value["promptFeedback"].get("blockReason").is_some() {
            return Err("a refusal");
        }
        for choice in list(&value["choices"]) {
            self.choice(choice)?;
        }
        for candidate in list(&value["candidates"]) {
            self.reason(&candidate["finishReason"])?;
        }
        if value.get("stop_reason").is_some() {
            self.anthropic(value)?;
        }
        if value["done"] == true {
            self.ollama(value)?;
        }
        self.event(value)?;
        if value["object"] == "response" {
            self.response(value)?;
        }
        Ok(())
    }

    /// OpenAI chat: a choice of an answer or of a chunk.
    fn choice(&mut self, choice: &Value) -> Result<(), &'static str> {
        self.reason(&choice["finish_reason"])?;
        for message in [&choice["message"], &choice["delta"]] {
            if message["refusal"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
            {
                return Err("a refusal");
            }
            for (i, call) in list(&message["tool_calls"]).enumerate() {
                let number = call["index"].as_u64().unwrap_or(i as u64);
                let piece = call["function"]["arguments"].as_str().unwrap_or_default();
                self.calls.entry(number).or_default().push_str(piece);
            }
        }
        Ok(())
    }

    /// Why it stopped, in the words of any dialect.
    fn reason(&mut self, reason: &Value) -> Result<(), &'static str> {
        match reason.as_str() {
            None => Ok(()),
            Some("stop" | "STOP" | "tool_calls" | "function_call") => {
                self.good_end = true;
                Ok(())
            }
            Some("length" | "MAX_TOKENS" | "max_tokens") => Err("cut off"),
            Some(_) => Err("a refusal"),
        }
    }

    /// Anthropic's answer, or the part of it that an event holds.
    fn anthropic(&mut self, message: &Value) -> Result<(), &'static str> {
        match message["stop_reason"].as_str() {
            Some("end_turn" | "stop_sequence" | "tool_use") => {
                self.good_end = true;
                Ok(())
            }
            Some("max_tokens" | "model_context_window_exceeded") => Err("cut off"),
            Some(_) => Err("a refusal"),
            None => Ok(()),
        }
    }

    /// The last line of Ollama's, or its whole answer.
    fn ollama(&mut self, value: &Value) -> Result<(), &'static str> {
        match value["done_reason"].as_str() {
            Some("stop") | None => self.good_end = true,
            Some("length") => return Err("cut off"),
            // "load" and "unload": nothing was asked.
            Some(_) => return Err("no answer"),
        }
        let calls = list(&value["message"]["tool_calls"]);
        let garbled = |call: &Value| !call["function"]["arguments"].is_object();
        if calls.into_iter().any(garbled) {
            return Err("a garbled tool call");
        }
        Ok(())
    }

    /// An event of Anthropic's or of OpenAI Responses.
    fn event(&mut self, value: &Value) -> Result<(), &'static str> {
        match value["type"].as_str() {
            Some("message_start") => self.stop_due = true,
            Some("message_delta") => self.anthropic(&value["delta"])?,
            Some("message_stop") => self.stop_due = false,
            Some("content_block_delta") => {
                if let Some(piece) = value["delta"]["partial_json"].as_str() {
                    let number = value["index"].as_u64().unwrap_or(0);
                    self.calls.entry(number).or_default().push_str(piece);
                }
            }
            Some("response.completed") => self.response(&value["response"])?,
            Some("response.failed") => return Err("an error"),
            Some("response.incomplete") => return Err("cut off"),
            Some(kind) if kind.starts_with("response.refusal") => return Err("a refusal"),
            _ => {}
        }
        Ok(())
    }

    /// The whole answer of OpenAI Responses.
    fn response(&mut self, response: &Value) -> Result<(), &'static str> {
        match response["status"].as_str() {
            Some("completed") => self.good_end = true,
            Some("in_progress" | "queued") => return Ok(()),
            Some("incomplete") => return Err("cut off"),
            _ => return Err("an error"),
        }
        for (number, item) in (1 << 32_u64..).zip(list(&response["output"])) {
            if list(&item["content"]).any(|part| part["type"] == "refusal") {
                return Err("a refusal");
            }
            if let Some(arguments) = item["arguments"].as_str() {
                self.calls.insert(number, arguments.to_owned());
            }
        }
        Ok(())
    }

    fn end(&self) -> Result<(), &'static str> {
        let valid = |text: &String| text.is_empty() || serde_json::from_str::<Value>(text).is_ok();
        if !self.good_end || self.stop_due {
            Err("no good end")
        } else if !self.calls.values().all(valid) {
            Err("a garbled tool call")
        } else {
            Ok(())
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(lines: &[&str]) -> String {
        lines
            .iter()
            .map(|line| format!("data: {line}\n\n"))
            .collect()
    }

    #[test]
    fn whole_and_good_answers_are_kept() {
        for body in [
            r#"{"choices":[{"finish_reason":"stop","message":{"content":"hi","refusal":null}}],"error":null}"#,
            r#"{"choices":[{"finish_reason":"tool_calls","message":{"tool_calls":[{"function":{"arguments":"{\"a\":1}"}}]}}]}"#,
            r#"{"type":"message","stop_reason":"end_turn","content":[]}"#,
            r#"{"candidates":[{"finishReason":"STOP"}]}"#,
            r#"{"object":"response","status":"completed","error":null,"output":[{"content":[{"type":"output_text"}]}]}"#,
        ] {
            assert_eq!(judge(Format::Json, body.as_bytes()), Ok(()), "{body}");
        }
        for lines in [
            &[
                r#"{"choices":[{"delta":{"content":"h"}}]}"#,
                r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
                "[DONE]",
            ][..],
            &[
                r#"{"type":"message_start","message":{}}"#,
                r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#,
                r#"{"type":"message_stop"}"#,
            ],
            &[
                r#"{"type":"response.created","response":{"object":"response"}}"#,
                r#"{"type":"response.completed","response":{"status":"completed"}}"#,
            ],
            &[
                r#"{"candidates":[{}]}"#,
                r#"{"candidates":[{"finishReason":"STOP"}]}"#,
            ],
        ] {
            assert_eq!(
                judge(Format::Events, events(lines).as_bytes()),
                Ok(()),
                "{lines:?}"
            );
        }
    }

    #[test]
    fn lines_and_lists_are_read_as_events_are() {
        let lines =
            |last: &str| format!("{{\"message\":{{\"content\":\"h\"}},\"done\":false}}\n{last}\n");
        for (last, end) in [
            (r#"{"done":true,"done_reason":"stop"}"#, Ok(())),
            (r#"{"done":true}"#, Ok(())),
            (r#"{"done":true,"done_reason":"length"}"#, Err("cut off")),
            (r#"{"done":true,"done_reason":"load"}"#, Err("no answer")),
            (r#"{"error":"model not found"}"#, Err("an error")),
            (r#"{"done":tr"#, Err("garbled")),
            ("", Err("no good end")),
        ] {
            assert_eq!(judge(Format::Lines, lines(last).as_bytes()), end, "{last}");
        }
        let list = r#"[{"candidates":[{}]},{"candidates":[{"finishReason":"STOP"}]}]"#;
        assert_eq!(judge(Format::Json, list.as_bytes()), Ok(()));
        assert_eq!(
            judge(Format::Json, br#"[{"candidates":[{}]}]"#),
            Err("no good end")
        );
    }

    #[test]
    fn everything_else_is_not() {
        for (body, why) in [
            ("{", "garbled"),
            ("{}", "no good end"),
            (r#"{"error":{"message":"x"}}"#, "an error"),
            (r#"{"choices":[{"finish_reason":"length"}]}"#, "cut off"),
            (
                r#"{"choices":[{"finish_reason":"content_filter"}]}"#,
                "a refusal",
            ),
            (
                r#"{"choices":[{"finish_reason":"stop","message":{"refusal":"no"}}]}"#,
                "a refusal",
            ),
            (
                r#"{"choices":[{"finish_reason":"tool_calls","message":{"tool_calls":[{"function":{"arguments":"{\"a\""}}]}}]}"#,
                "a garbled tool call",
            ),
            (r#"{"type":"message","stop_reason":"refusal"}"#, "a refusal"),
            (
                r#"{"type":"message","stop_reason":"max_tokens"}"#,
                "cut off",
            ),
            (
                r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#,
                "a refusal",
            ),
            (
                r#"{"candidates":[{"finishReason":"MAX_TOKENS"}]}"#,
                "cut off",
            ),
            (r#"{"object":"response","status":"incomplete"}"#, "cut off"),
            (
                r#"{"object":"response","status":"completed","output":[{"content":[{"type":"refusal"}]}]}"#,
                "a refusal",
            ),
        ] {
            assert_eq!(judge(Format::Json, body.as_bytes()), Err(why), "{body}");
        }
        for (lines, why) in [
            (
                &[r#"{"choices":[{"delta":{"content":"h"}}]}"#][..],
                "no good end",
            ),
            (&[r#"{"choices":[{"delta":"#], "garbled"),
            (
                &[
                    r#"{"type":"message_start"}"#,
                    r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#,
                ],
                "no good end",
            ),
            (&[r#"{"type":"error","error":{}}"#], "an error"),
            (
                &[
                    r#"{"type":"response.created","response":{}}"#,
                    r#"{"type":"response.failed"}"#,
                ],
                "an error",
            ),
            (
                &[
                    r#"{"type":"content_block_delta","index":1,"delta":{"partial_json":"{\"a\""}}"#,
                    r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"}}"#,
                ],
                "a garbled tool call",
            ),
        ] {
            assert_eq!(
                judge(Format::Events, events(lines).as_bytes()),
                Err(why),
                "{lines:?}"
            );
        }
    }
}
