//! Anthropic's messages.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Opened, Said, Wire, are_nothing, is_nothing, put_message, shorten};
use crate::splice::prefill::{Prefill, Resume};

pub(super) struct Anthropic;

impl Wire for Anthropic {
    fn may_splice(&self, request: &Value) -> bool {
        let thinking = &request["thinking"];
        let is_plain = is_nothing(thinking) || thinking["type"] == "disabled";
        let is_text = is_nothing(&request["output_config"]["format"]);
        let not_text = ["container", "mcp_servers", "output_format", "tools"];
        is_plain && is_text && are_nothing(request, &not_text)
    }

    /// White space at the end of the text is refused, so it is left away.
    fn prefill(&self, request: &mut Value, way: Prefill, resume: &Resume) -> Option<usize> {
        let text = resume.text.trim_end();
        if way != Prefill::Message || text.is_empty() {
            return None;
        }
        if !shorten(request.get_mut("max_tokens"), resume.tokens) {
            return None;
        }
        put_message(request.get_mut("messages")?, text)?;
        Some(text.len())
    }

    /// Only `message_start` says who answers, and the caller has had that.
    fn head(&self) -> &'static [&'static str] {
        &[]
    }

    fn read(&self, event: &Value) -> Option<Said> {
        let is_first = event["index"] == 0;
        let mut said = Said::default();
        match event["type"].as_str()? {
            "content_block_start" => {
                let block = &event["content_block"];
                if !is_first || block["type"] != "text" || !is_nothing(&block["text"]) {
                    return None;
                }
            }
            "content_block_delta" => {
                let delta = &event["delta"];
                if !is_first || delta["type"] != "text_delta" {
                    return None;
                }
                delta["text"].as_str()?.clone_into(&mut said.words);
            }
            "content_block_stop" | "message_delta" | "message_stop" => said.closes = true,
            _ => {}
        }
        Some(said)
    }

    fn open(&self, event: &Value, opened: &mut Opened) {
        match event["type"].as_str() {
            Some("message_start") => opened.head = true,
            Some("content_block_start") => opened.block = true,
            Some("content_block_stop") => opened.block = false,
            _ => {}
        }
    }

    fn edit(&self, mut event: Value, words: Option<&str>, opened: Opened) -> Vec<Value> {
        match event["type"].as_str() {
            Some("ping") => Vec::new(),
            Some("message_start") if opened.head => Vec::new(),
            Some("content_block_start") if opened.block => Vec::new(),
            Some("content_block_delta") => {
                if let Some(words) = words {
                    event["delta"]["text"] = words.into();
                }
                vec![event]
            }
            // What goes on with nothing has no block of its own.
            Some("message_delta") if opened.block => {
                vec![json!({"type": "content_block_stop", "index": 0}), event]
            }
            _ => vec![event],
        }
    }

    fn write(&self, event: &Value) -> Bytes {
        let name = event["type"].as_str().unwrap_or_default();
        format!("event: {name}\ndata: {event}\n\n").into()
    }
}
