//! Gemini's `generateContent`.

use serde_json::{Value, json};

use super::{About, Ask, Put, Reading, Refusal, Wire, data};
use super::{note_error, note_model, note_usage, texts};

#[derive(Debug)]
pub(super) struct Gemini;

impl Wire for Gemini {
    fn ask(&self, path: &str, body: &Value) -> Option<Ask> {
        let (_, rest) = path.split_once("/models/")?;
        // The model may hold colons: `fault:cut:4:generateContent`.
        let (model, method) = rest.rsplit_once(':')?;
        let stream = match method.split('?').next()? {
            "generateContent" => false,
            "streamGenerateContent" => true,
            _ => return None,
        };
        let mut ask = Ask {
            model: model.to_owned(),
            stream,
            ..Ask::default()
        };
        ask.turn("system", &texts(&body["systemInstruction"]["parts"]));
        for content in body["contents"].as_array().into_iter().flatten() {
            let role = content["role"].as_str().unwrap_or("user");
            ask.turn(role, &texts(&content["parts"]));
        }
        Some(ask)
    }

    fn plain(&self, about: About<'_>, text: &str) -> Value {
        answer(about, text, &json!("STOP"))
    }

    fn opening(&self, _: About<'_>) -> String {
        String::new()
    }

    fn token(&self, about: About<'_>, text: &str) -> String {
        data(&answer(about, text, &Value::Null))
    }

    fn closing(&self, about: About<'_>, _done: bool) -> String {
        data(&answer(about, "", &json!("STOP")))
    }

    fn ping(&self) -> String {
        ": keep-alive\n\n".to_owned()
    }

    fn refusal(&self, refusal: &Refusal) -> (u16, Value) {
        let (code, status) = match refusal {
            // What Gemini does is to answer, and to say in the answer that it does not.
            Refusal::Policy => {
                return (
                    200,
                    json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}),
                );
            }
            Refusal::Model | Refusal::Path => (404, "NOT_FOUND"),
            Refusal::Overload => (503, "UNAVAILABLE"),
            Refusal::Quota | Refusal::RateLimit { .. } => (429, "RESOURCE_EXHAUSTED"),
            Refusal::Server(503) => (503, "UNAVAILABLE"),
            Refusal::Server(504) => (504, "DEADLINE_EXCEEDED"),
            Refusal::Server(code) => (*code, "INTERNAL"),
            Refusal::Unauthorized => (401, "UNAUTHENTICATED"),
            _ => (400, "INVALID_ARGUMENT"),
        };
        let mut error = json!({"code": code, "message": refusal.to_string(), "status": status});
        if let Some(details) = details(refusal) {
            error["details"] = details;
        }
        (code, json!({ "error": error }))
    }

    fn error_event(&self, body: &Value) -> String {
        data(body)
    }

    fn put(&self, model: &str, prompt: &str, stream: bool) -> Put {
        let method = if stream {
            "streamGenerateContent?alt=sse"
        } else {
            "generateContent"
        };
        Put {
            path: format!("/v1beta/models/{model}:{method}"),
            key_header: "x-goog-api-key",
            key_prefix: "",
            body: json!({"contents": [{"role": "user", "parts": [{"text": prompt}]}]}),
        }
    }

    fn read_plain(&self, body: &Value, into: &mut Reading) {
        note_error(&body["error"], into);
        note_error(&body["promptFeedback"]["blockReason"], into);
        note_model(&body["modelVersion"], into);
        let usage = &body["usageMetadata"];
        note_usage(usage, "promptTokenCount", "candidatesTokenCount", into);
        let candidate = &body["candidates"][0];
        into.text.push_str(&texts(&candidate["content"]["parts"]));
        into.ended |= candidate["finishReason"].is_string();
    }

    fn read_event(&self, event: &Value, into: &mut Reading) {
        self.read_plain(event, into);
    }
}

fn answer(about: About<'_>, text: &str, finish: &Value) -> Value {
    let mut candidate = json!({
        "index": 0, "content": {"role": "model", "parts": [{"text": text}]},
    });
    let mut usage = json!({"promptTokenCount": about.usage.prompt});
    if finish.is_string() {
        candidate["finishReason"] = finish.clone();
        usage["candidatesTokenCount"] = about.usage.answer.into();
        usage["totalTokenCount"] = (about.usage.prompt + about.usage.answer).into();
    }
    json!({"candidates": [candidate], "usageMetadata": usage, "modelVersion": about.model})
}

/// What `google.rpc` says beside the status.
fn details(refusal: &Refusal) -> Option<Value> {
    let quota = |id: &str| {
        json!({
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{"quotaId": id}],
        })
    };
    match refusal {
        Refusal::Quota => Some(json!([quota("GenerateRequestsPerDayPerProjectPerModel")])),
        Refusal::RateLimit { wait } => {
            let mut details = vec![quota("GenerateRequestsPerMinutePerProjectPerModel")];
            if let Some(wait) = wait {
                details.push(json!({
                    "@type": "type.googleapis.com/google.rpc.RetryInfo",
                    "retryDelay": format!("{}s", wait.as_secs_f64()),
                }));
            }
            Some(details.into())
        }
        _ => None,
    }
}
