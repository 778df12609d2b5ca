//! Anthropic's messages.

use serde_json::{Value, json};

use super::{About, Ask, Put, Reading, Refusal, Wire};
use super::{note_error, note_model, note_usage, push_str, texts};

#[derive(Debug)]
pub(super) struct Anthropic;

impl Wire for Anthropic {
    fn ask(&self, path: &str, body: &Value) -> Option<Ask> {
        if !path.ends_with("/messages") {
            return None;
        }
        let mut ask = Ask {
            model: body["model"].as_str().unwrap_or_default().to_owned(),
            stream: body["stream"].as_bool().unwrap_or(false),
            ..Ask::default()
        };
        ask.turn("system", &texts(&body["system"]));
        for message in body["messages"].as_array().into_iter().flatten() {
            let role = message["role"].as_str().unwrap_or_default();
            ask.turn(role, &texts(&message["content"]));
        }
        Some(ask)
    }

    fn plain(&self, about: About<'_>, text: &str) -> Value {
        json!({
            "id": id(about), "type": "message", "role": "assistant", "model": about.model,
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn", "stop_sequence": null,
            "usage": {
                "input_tokens": about.usage.prompt, "output_tokens": about.usage.answer,
            },
        })
    }

    fn opening(&self, about: About<'_>) -> String {
        let start = event(&json!({
            "type": "message_start",
            "message": {
                "id": id(about), "type": "message", "role": "assistant", "model": about.model,
                "content": [], "stop_reason": null, "stop_sequence": null,
                "usage": {"input_tokens": about.usage.prompt, "output_tokens": 1},
            },
        }));
        let block = event(&json!({
            "type": "content_block_start", "index": 0,
            "content_block": {"type": "text", "text": ""},
        }));
        start + &block + &self.ping()
    }

    fn token(&self, _: About<'_>, text: &str) -> String {
        event(&json!({
            "type": "content_block_delta", "index": 0,
            "delta": {"type": "text_delta", "text": text},
        }))
    }

    fn closing(&self, about: About<'_>, _done: bool) -> String {
        let block = event(&json!({"type": "content_block_stop", "index": 0}));
        let delta = event(&json!({
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": null},
            "usage": {"output_tokens": about.usage.answer},
        }));
        block + &delta + &event(&json!({"type": "message_stop"}))
    }

    fn ping(&self) -> String {
        event(&json!({"type": "ping"}))
    }

    fn refusal(&self, refusal: &Refusal) -> (u16, Value) {
        let (status, kind) = match refusal {
            Refusal::Model | Refusal::Path => (404, "not_found_error"),
            Refusal::Overload => (529, "overloaded_error"),
            Refusal::RateLimit { .. } => (429, "rate_limit_error"),
            Refusal::Server(529) => (529, "overloaded_error"),
            Refusal::Server(504) => (504, "timeout_error"),
            Refusal::Server(status) => (*status, "api_error"),
            Refusal::Unauthorized => (401, "authentication_error"),
            _ => (400, "invalid_request_error"),
        };
        let body = json!({
            "type": "error", "error": {"type": kind, "message": refusal.to_string()},
            "request_id": "req_drill",
        });
        (status, body)
    }

    fn error_event(&self, body: &Value) -> String {
        event(body)
    }

    fn put(&self, model: &str, prompt: &str, stream: bool) -> Put {
        let mut body = json!({
            "model": model, "max_tokens": 1024,
            "messages": [{"role": "user", "content": prompt}],
        });
        if stream {
            body["stream"] = true.into();
        }
        Put {
            path: "/v1/messages".to_owned(),
            key_header: "x-api-key",
            key_prefix: "",
            body,
        }
    }

    fn read_plain(&self, body: &Value, into: &mut Reading) {
        note_error(&body["error"], into);
        note_model(&body["model"], into);
        note_usage(&body["usage"], "input_tokens", "output_tokens", into);
        into.text.push_str(&texts(&body["content"]));
        into.ended |= body["stop_reason"].is_string();
    }

    fn read_event(&self, event: &Value, into: &mut Reading) {
        match event["type"].as_str().unwrap_or_default() {
            "content_block_delta" => push_str(&event["delta"]["text"], &mut into.text),
            "error" => note_error(&event["error"], into),
            "message_delta" => {
                note_usage(&event["usage"], "input_tokens", "output_tokens", into);
            }
            "message_start" => {
                let message = &event["message"];
                note_model(&message["model"], into);
                note_usage(&message["usage"], "input_tokens", "output_tokens", into);
            }
            "message_stop" => into.ended = true,
            _ => {}
        }
    }
}

/// One server-sent event, under the name of its type.
fn event(value: &Value) -> String {
    let name = value["type"].as_str().unwrap_or_default();
    format!("event: {name}\ndata: {value}\n\n")
}

fn id(about: About<'_>) -> String {
    format!("msg_{}", about.id)
}
