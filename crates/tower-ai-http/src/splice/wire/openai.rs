//! OpenAI's chat completions, and everyone who speaks like that.

use serde_json::Value;

use super::{Opened, Said, Wire, are_nothing, is_nothing, put_message, shorten};
use crate::splice::prefill::{Prefill, Resume};

pub(super) struct OpenAi;

/// Members of a request that make its answer more than a text.
const NOT_TEXT: &[&str] = &[
    "audio",
    "functions",
    "grammar",
    "guided_choice",
    "guided_grammar",
    "guided_json",
    "guided_regex",
    "json_schema",
    "reasoning",
    "structured_outputs",
    "tools",
];

impl Wire for OpenAi {
    fn may_splice(&self, request: &Value) -> bool {
        let is_one = is_nothing(&request["n"]) || request["n"] == 1;
        let format = &request["response_format"];
        let is_text = is_nothing(format) || format["type"] == "text";
        let effort = &request["reasoning_effort"];
        let is_plain = is_nothing(effort) || effort == "none";
        let thinking = &request["thinking"];
        let is_fast = is_nothing(thinking) || thinking["type"] == "disabled";
        let modes = &request["modalities"];
        let is_written = is_nothing(modes) || *modes == serde_json::json!(["text"]);
        is_one && is_text && is_plain && is_fast && is_written && are_nothing(request, NOT_TEXT)
    }

    fn prefill(&self, request: &mut Value, way: Prefill, resume: &Resume) -> Option<usize> {
        for limit in ["max_tokens", "max_completion_tokens"] {
            if !shorten(request.get_mut(limit), resume.tokens) {
                return None;
            }
        }
        let last = put_message(request.get_mut("messages")?, &resume.text)?;
        match way {
            Prefill::Message => {}
            Prefill::Prefix => last["prefix"] = true.into(),
            Prefill::Continue => {
                request["continue_final_message"] = true.into();
                request["add_generation_prompt"] = false.into();
            }
        }
        Some(resume.text.len())
    }

    fn head(&self) -> &'static [&'static str] {
        &["id", "created", "model", "system_fingerprint"]
    }

    fn read(&self, event: &Value) -> Option<Said> {
        let choice = match event["choices"].as_array()?.as_slice() {
            [] => return Some(Said::default()),
            [choice] if is_nothing(&choice["index"]) || choice["index"] == 0 => choice,
            _ => return None,
        };
        if !is_nothing(&choice["text"]) {
            return None;
        }
        let mut said = Said {
            words: String::new(),
            closes: choice["finish_reason"].is_string(),
        };
        for (name, value) in choice["delta"].as_object().into_iter().flatten() {
            match (name.as_str(), value) {
                ("role", _) => {}
                ("content", Value::String(text)) => said.words.push_str(text),
                (_, value) if is_nothing(value) => {}
                _ => return None,
            }
        }
        Some(said)
    }

    fn open(&self, event: &Value, opened: &mut Opened) {
        opened.head |= !is_nothing(&event["choices"]);
    }

    fn edit(&self, mut event: Value, words: Option<&str>, opened: Opened) -> Vec<Value> {
        let Some(choice) = event.pointer_mut("/choices/0") else {
            return vec![event];
        };
        if let Some(delta) = choice.get_mut("delta").and_then(Value::as_object_mut) {
            if opened.head {
                delta.remove("role");
            }
            if let Some(words) = words {
                delta.insert("content".to_owned(), words.into());
            }
        }
        let delta = choice["delta"].as_object();
        let says = delta.is_some_and(|delta| !delta.values().all(is_nothing))
            || choice["finish_reason"].is_string();
        if says || !opened.head || !is_nothing(&event["usage"]) {
            vec![event]
        } else {
            Vec::new()
        }
    }
}
