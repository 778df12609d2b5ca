//! Gemini's `streamGenerateContent` as server-sent events.

use serde_json::{Value, json};

use super::{Opened, Said, Wire, are_nothing, is_nothing, shorten};
use crate::splice::prefill::{Prefill, Resume};

pub(super) struct Gemini;

impl Wire for Gemini {
    fn may_splice(&self, request: &Value) -> bool {
        let config = &request["generationConfig"];
        let is_one = is_nothing(&config["candidateCount"]) || config["candidateCount"] == 1;
        let kind = &config["responseMimeType"];
        let modes = &config["responseModalities"];
        is_one
            && (is_nothing(kind) || kind == "text/plain")
            && (is_nothing(modes) || *modes == json!(["TEXT"]))
            && is_nothing(&config["thinkingConfig"]["includeThoughts"])
            && are_nothing(
                config,
                &["responseJsonSchema", "responseSchema", "speechConfig"],
            )
            && are_nothing(request, &["cachedContent", "tools"])
    }

    fn prefill(&self, request: &mut Value, way: Prefill, resume: &Resume) -> Option<usize> {
        if way != Prefill::Message {
            return None;
        }
        let config = request.get_mut("generationConfig");
        let limit = config.and_then(|config| config.get_mut("maxOutputTokens"));
        if !shorten(limit, resume.tokens) {
            return None;
        }
        let contents = request.get_mut("contents")?.as_array_mut()?;
        if contents.last()?["role"] == "model" {
            return None;
        }
        contents.push(json!({"role": "model", "parts": [{"text": &*resume.text}]}));
        Some(resume.text.len())
    }

    fn head(&self) -> &'static [&'static str] {
        &["responseId", "modelVersion"]
    }

    fn read(&self, event: &Value) -> Option<Said> {
        let candidates = event["candidates"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let candidate = match candidates {
            [] => return Some(Said::default()),
            [one] if is_nothing(&one["index"]) || one["index"] == 0 => one,
            _ => return None,
        };
        let mut said = Said {
            words: String::new(),
            closes: candidate["finishReason"].is_string(),
        };
        let parts = candidate["content"]["parts"].as_array();
        for part in parts.into_iter().flatten() {
            for (name, value) in part.as_object()? {
                match (name.as_str(), value) {
                    ("text", Value::String(text)) => said.words.push_str(text),
                    (_, value) if is_nothing(value) => {}
                    _ => return None,
                }
            }
        }
        Some(said)
    }

    fn open(&self, _: &Value, opened: &mut Opened) {
        opened.head = true;
    }

    fn edit(&self, mut event: Value, words: Option<&str>, _: Opened) -> Vec<Value> {
        if let Some(words) = words {
            event["candidates"][0]["content"]["parts"] = json!([{"text": words}]);
        }
        vec![event]
    }
}
