//! OpenAI's chat completions.

use serde_json::{Value, json};

use super::{About, Ask, Put, Reading, Refusal, Wire, data};
use super::{note_error, note_model, note_usage, push_str, texts};

#[derive(Debug)]
pub(super) struct OpenAi;

impl Wire for OpenAi {
    fn ask(&self, path: &str, body: &Value) -> Option<Ask> {
        if !path.ends_with("/chat/completions") {
            return None;
        }
        let mut ask = Ask {
            model: body["model"].as_str().unwrap_or_default().to_owned(),
            stream: body["stream"].as_bool().unwrap_or(false),
            ..Ask::default()
        };
        for message in body["messages"].as_array().into_iter().flatten() {
            let role = message["role"].as_str().unwrap_or_default();
            ask.turn(role, &texts(&message["content"]));
        }
        Some(ask)
    }

    fn plain(&self, about: About<'_>, text: &str) -> Value {
        json!({
            "id": id(about), "object": "chat.completion", "created": 0, "model": about.model,
            "choices": [{
                "index": 0, "finish_reason": "stop",
                "message": {"role": "assistant", "content": text, "refusal": null},
            }],
            "usage": usage(about),
        })
    }

    fn opening(&self, about: About<'_>) -> String {
        chunk(
            about,
            &json!({"role": "assistant", "content": ""}),
            &Value::Null,
        )
    }

    fn token(&self, about: About<'_>, text: &str) -> String {
        chunk(about, &json!({"content": text}), &Value::Null)
    }

    fn closing(&self, about: About<'_>, done: bool) -> String {
        let finish = chunk(about, &json!({}), &json!("stop"));
        let usage = data(&json!({
            "id": id(about), "object": "chat.completion.chunk", "created": 0,
            "model": about.model, "choices": [], "usage": usage(about),
        }));
        let done = if done { "data: [DONE]\n\n" } else { "" };
        finish + &usage + done
    }

    fn ping(&self) -> String {
        ": keep-alive\n\n".to_owned()
    }

    fn refusal(&self, refusal: &Refusal) -> (u16, Value) {
        let (status, kind, code) = match refusal {
            Refusal::ContextLength { .. } => {
                (400, "invalid_request_error", "context_length_exceeded")
            }
            Refusal::Model => (404, "invalid_request_error", "model_not_found"),
            Refusal::Overload => (503, "service_unavailable_error", "server_is_overloaded"),
            Refusal::Path => (404, "invalid_request_error", "unknown_url"),
            Refusal::Policy => (400, "invalid_request_error", "content_policy_violation"),
            Refusal::Prefill => (400, "invalid_request_error", "prefill_not_supported"),
            Refusal::Quota => (429, "insufficient_quota", "insufficient_quota"),
            Refusal::RateLimit { .. } => (429, "requests", "rate_limit_exceeded"),
            Refusal::Server(status) => (*status, "server_error", "server_error"),
            Refusal::Unauthorized => (401, "invalid_request_error", "invalid_api_key"),
            Refusal::Unreadable => (400, "invalid_request_error", "invalid_json"),
        };
        let error = json!({
            "message": refusal.to_string(), "type": kind, "param": null, "code": code,
        });
        (status, json!({ "error": error }))
    }

    fn error_event(&self, body: &Value) -> String {
        data(body)
    }

    fn put(&self, model: &str, prompt: &str, stream: bool) -> Put {
        let mut body = json!({
            "model": model, "messages": [{"role": "user", "content": prompt}],
        });
        if stream {
            body["stream"] = true.into();
            body["stream_options"] = json!({"include_usage": true});
        }
        Put {
            path: "/v1/chat/completions".to_owned(),
            key_header: "authorization",
            key_prefix: "Bearer ",
            body,
        }
    }

    fn read_plain(&self, body: &Value, into: &mut Reading) {
        note_error(&body["error"], into);
        note_model(&body["model"], into);
        note_usage(&body["usage"], "prompt_tokens", "completion_tokens", into);
        push_str(&body["choices"][0]["message"]["content"], &mut into.text);
        into.ended |= body["choices"][0]["finish_reason"].is_string();
    }

    fn read_event(&self, event: &Value, into: &mut Reading) {
        note_error(&event["error"], into);
        note_model(&event["model"], into);
        note_usage(&event["usage"], "prompt_tokens", "completion_tokens", into);
        push_str(&event["choices"][0]["delta"]["content"], &mut into.text);
        into.ended |= event["choices"][0]["finish_reason"].is_string();
    }
}

fn chunk(about: About<'_>, delta: &Value, finish: &Value) -> String {
    data(&json!({
        "id": id(about), "object": "chat.completion.chunk", "created": 0, "model": about.model,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }))
}

fn id(about: About<'_>) -> String {
    format!("chatcmpl-{}", about.id)
}

fn usage(about: About<'_>) -> Value {
    json!({
        "prompt_tokens": about.usage.prompt,
        "completion_tokens": about.usage.answer,
        "total_tokens": about.usage.prompt + about.usage.answer,
    })
}
