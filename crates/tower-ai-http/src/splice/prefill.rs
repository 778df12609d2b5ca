//! Going on with an answer that was begun elsewhere.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tower_ai_core::Target;

use super::wire;
use crate::Dialect;

/// How a target is asked to go on with an answer: whether it takes the answer's beginning with the prompt, and how.
///
/// Said of a target by [`TargetLayer::with_prefill`](crate::TargetLayer::with_prefill). OpenAI's own API has no
/// such thing: it would begin a new answer.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Prefill {
    /// The beginning is the last message, and that is all: Claude up to 4.5, Gemini, Groq, llama.cpp,
    /// Ollama, and what OpenRouter passes to such models.
    Message,
    /// The last message says `"prefix": true`: Mistral, and the beta endpoint of `DeepSeek`.
    Prefix,
    /// The request says `"continue_final_message": true`: vLLM and `SGLang`.
    Continue,
}

/// Claude's families that take a prefill; later ones refuse it with a 400.
const CLAUDES: &[&str] = &[
    "claude-2",
    "claude-3",
    "claude-haiku-4-5",
    "claude-instant",
    "claude-opus-4-0",
    "claude-opus-4-1",
    "claude-opus-4-2025",
    "claude-opus-4-5",
    "claude-sonnet-4-0",
    "claude-sonnet-4-2025",
    "claude-sonnet-4-5",
];

impl Prefill {
    /// What a target is known to take: by its dialect, for Claude also by the target's own model.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_ai_core::Target;
    /// use tower_ai_http::Prefill;
    ///
    /// let claude = |model: &str| Target::builder("t").provider("anthropic").model(model).build();
    /// assert_eq!(Prefill::of(&claude("claude-sonnet-4-5")?), Some(Prefill::Message));
    /// assert_eq!(Prefill::of(&claude("claude-sonnet-4-6")?), None, "refuses it");
    /// # Ok::<(), tower_ai_core::InvalidTarget>(())
    /// ```
    #[must_use]
    pub fn of(target: &Target) -> Option<Self> {
        let takes = |model: &str| CLAUDES.iter().any(|known| model.starts_with(known));
        match Dialect::of(target) {
            Dialect::Anthropic => target.model().is_some_and(takes).then_some(Self::Message),
            Dialect::Groq | Dialect::LlamaCpp | Dialect::Ollama => Some(Self::Message),
            Dialect::Mistral => Some(Self::Prefix),
            Dialect::Vllm => Some(Self::Continue),
            _ => None,
        }
    }
}

/// What a caller has of an answer that is to go on: travels in a request's extensions down to the target.
#[derive(Clone)]
pub(crate) struct Resume {
    pub(super) text: Arc<str>,
    /// In at least how many tokens it was said.
    pub(super) tokens: u64,
}

/// An answer that goes on with so many bytes of the text: travels in a response's extensions back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Prefilled {
    pub(super) kept: usize,
}

impl Resume {
    /// Puts the text at the end of a request's prompt, in the way of the target; `None` if that cannot be.
    pub(crate) fn put(&self, way: Prefill, path: &str, body: &[u8]) -> Option<(Bytes, Prefilled)> {
        let wire = wire::of(wire::format(path)?)?;
        let mut request = serde_json::from_slice(body).ok()?;
        let kept = wire.prefill(&mut request, way, self)?;
        let body = serde_json::to_vec(&request).ok()?;
        Some((body.into(), Prefilled { kept }))
    }
}

/// Shows how much there is, never what: it is somebody's answer.
impl fmt::Debug for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resume")
            .field("len", &self.text.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn put(path: &str, way: Prefill, body: &Value, text: &str) -> Option<(Value, usize)> {
        let resume = Resume {
            text: text.into(),
            tokens: 10,
        };
        let (body, prefilled) = resume.put(way, path, body.to_string().as_bytes())?;
        Some((serde_json::from_slice(&body).unwrap(), prefilled.kept))
    }

    #[test]
    fn each_way_marks_the_last_message_in_its_own_manner() {
        let body = json!({"messages": [{"role": "user", "content": "hi"}], "max_tokens": 100});
        let path = "/v1/chat/completions";
        let (plain, kept) = put(path, Prefill::Message, &body, "So ").unwrap();
        assert_eq!(
            plain["messages"][1],
            json!({"role": "assistant", "content": "So "})
        );
        assert_eq!((kept, &plain["max_tokens"]), (3, &json!(90)));
        let (marked, _) = put(path, Prefill::Prefix, &body, "So").unwrap();
        assert_eq!(marked["messages"][1]["prefix"], true);
        let (vllm, _) = put(path, Prefill::Continue, &body, "So").unwrap();
        assert_eq!(
            (
                &vllm["continue_final_message"],
                &vllm["add_generation_prompt"]
            ),
            (&json!(true), &json!(false))
        );
        assert!(put("/v1/responses", Prefill::Message, &body, "So").is_none());
    }

    #[test]
    fn a_beginning_of_the_callers_own_is_gone_on_with() {
        let body = json!({"messages": [
            {"role": "user", "content": "hi"}, {"role": "assistant", "content": "Well, "},
        ]});
        let (put, _) = put("/chat/completions", Prefill::Message, &body, "so").unwrap();
        assert_eq!(put["messages"][1]["content"], "Well, so");
        assert_eq!(put["messages"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn claude_takes_no_white_space_at_the_end() {
        let body = json!({"messages": [{"role": "user", "content": "hi"}], "max_tokens": 11});
        let path = "/v1/messages";
        let (put_it, kept) = put(path, Prefill::Message, &body, "So \n").unwrap();
        assert_eq!(put_it["messages"][1]["content"], "So");
        assert_eq!((kept, &put_it["max_tokens"]), (2, &json!(1)));
        assert!(
            put(path, Prefill::Message, &body, " \n").is_none(),
            "nothing is left"
        );
        assert!(put(path, Prefill::Prefix, &body, "So").is_none());
        let spent = json!({"messages": [{"role": "user", "content": "hi"}], "max_tokens": 10});
        assert!(
            put(path, Prefill::Message, &spent, "So").is_none(),
            "nothing may follow"
        );
    }

    #[test]
    fn gemini_has_a_turn_of_the_model() {
        let body = json!({
            "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
            "generationConfig": {"maxOutputTokens": 50},
        });
        let path = "/v1beta/models/g:streamGenerateContent";
        let (put, kept) = put(path, Prefill::Message, &body, "So ").unwrap();
        assert_eq!(
            put["contents"][1],
            json!({"role": "model", "parts": [{"text": "So "}]})
        );
        assert_eq!(
            (kept, &put["generationConfig"]["maxOutputTokens"]),
            (3, &json!(40))
        );
    }

    #[test]
    fn nothing_of_the_text_is_shown() {
        let resume = Resume {
            text: "secret".into(),
            tokens: 1,
        };
        assert_eq!(format!("{resume:?}"), "Resume { len: 6, .. }");
    }
}
