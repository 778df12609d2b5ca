//! Whose API was called, and how it tells errors.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::events::Framing;

/// Whose API was called.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Api {
    Anthropic,
    Gemini,
    Ollama,
    OpenAi,
    Responses,
}

/// What is to be told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// The answer broke off.
    Broken,
    /// The call is wrong.
    Invalid,
    /// Nobody answers.
    Unavailable,
}

impl Kind {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Invalid => StatusCode::BAD_REQUEST,
            Self::Broken | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Broken => "answer_broke_off",
            Self::Invalid => "invalid_request",
            Self::Unavailable => "no_target_answered",
        }
    }

    const fn openai(self) -> &'static str {
        match self {
            Self::Invalid => "invalid_request_error",
            Self::Broken | Self::Unavailable => "server_error",
        }
    }

    const fn anthropic(self) -> &'static str {
        match self {
            Self::Invalid => "invalid_request_error",
            Self::Broken => "api_error",
            Self::Unavailable => "overloaded_error",
        }
    }

    const fn gemini(self) -> &'static str {
        match self {
            Self::Invalid => "INVALID_ARGUMENT",
            Self::Broken | Self::Unavailable => "UNAVAILABLE",
        }
    }
}

impl Api {
    pub(super) fn of(path: &str) -> Self {
        let path = path.trim_end_matches('/');
        let last = path.rsplit('/').next().unwrap_or_default();
        // `/v1/threads/ID/messages` is OpenAI's.
        if path.ends_with("/v1/messages") || path.contains("/v1/messages/") {
            Self::Anthropic
        } else if path.contains("/models/") && last.contains(':') {
            Self::Gemini
        } else if last == "responses" {
            Self::Responses
        } else if path.ends_with("/api/chat") || path.ends_with("/api/generate") {
            Self::Ollama
        } else {
            Self::OpenAi
        }
    }

    /// The body of an answer that is an error.
    pub(super) fn body(self, kind: Kind, message: &str) -> Value {
        match self {
            Self::Anthropic => json!({
                "type": "error",
                "error": {"type": kind.anthropic(), "message": message},
            }),
            Self::Gemini => json!({"error": {
                "code": kind.status().as_u16(), "message": message, "status": kind.gemini(),
            }}),
            Self::Ollama => json!({"error": message}),
            Self::OpenAi | Self::Responses => json!({"error": {
                "message": message, "type": kind.openai(), "param": null, "code": kind.code(),
            }}),
        }
    }

    /// An error within a stream.
    pub(super) fn event(self, framing: Framing, message: &str) -> Bytes {
        let mut body = self.body(Kind::Broken, message);
        let name = match self {
            Self::Anthropic => "event: error\n",
            Self::Responses => {
                body["type"] = "error".into();
                body["code"] = Kind::Broken.code().into();
                body["message"] = message.into();
                body["param"] = Value::Null;
                "event: error\n"
            }
            Self::Gemini | Self::Ollama | Self::OpenAi => "",
        };
        Bytes::from(match framing {
            Framing::Events => format!("{name}data: {body}\n\n"),
            Framing::Lines => format!("{body}\n"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_says_whose_api_was_called() {
        for (path, api) in [
            ("/v1/chat/completions", Api::OpenAi),
            ("/chat/completions", Api::OpenAi),
            ("/v1/models", Api::OpenAi),
            ("/v1/threads/t_1/messages", Api::OpenAi),
            ("/v1/responses", Api::Responses),
            ("/openai/responses/", Api::Responses),
            ("/v1/messages", Api::Anthropic),
            ("/anthropic/v1/messages/count_tokens", Api::Anthropic),
            ("/v1beta/models/gemini-3:streamGenerateContent", Api::Gemini),
            ("/v1beta/models", Api::OpenAi),
            ("/api/chat", Api::Ollama),
            ("/", Api::OpenAi),
            ("", Api::OpenAi),
        ] {
            assert_eq!(Api::of(path), api, "{path}");
        }
    }

    #[test]
    fn a_streams_error_is_told_as_its_provider_tells_it() {
        let event = |api: Api, framing| {
            let event = api.event(framing, "it \"broke\"");
            String::from_utf8(event.to_vec()).unwrap()
        };
        assert_eq!(
            event(Api::OpenAi, Framing::Events),
            "data: {\"error\":{\"code\":\"answer_broke_off\",\"message\":\"it \\\"broke\\\"\",\
             \"param\":null,\"type\":\"server_error\"}}\n\n"
        );
        assert_eq!(
            event(Api::Anthropic, Framing::Events),
            "event: error\ndata: {\"error\":{\"message\":\"it \\\"broke\\\"\",\"type\":\"api_error\"},\
             \"type\":\"error\"}\n\n"
        );
        assert_eq!(
            event(Api::Ollama, Framing::Lines),
            "{\"error\":\"it \\\"broke\\\"\"}\n"
        );
        let responses = event(Api::Responses, Framing::Events);
        assert!(
            responses.starts_with("event: error\ndata: {"),
            "{responses}"
        );
        assert!(responses.contains("\"type\":\"error\""), "{responses}");
        let gemini = event(Api::Gemini, Framing::Events);
        assert!(gemini.contains("\"status\":\"UNAVAILABLE\""), "{gemini}");
    }
}
