//! Whether an answer is asked for as a stream.

use http::Uri;
use serde::Deserialize;

/// Whether a request asks for its answer as a stream: by `"stream": true` at the top of its JSON body, or by the
/// path of a Gemini call. A body that says nothing of it, or is no JSON, does not.
pub(super) fn asks_for_stream(uri: &Uri, body: Option<&[u8]>) -> bool {
    #[derive(Deserialize)]
    struct Asked {
        stream: bool,
    }
    uri.path().ends_with(":streamGenerateContent")
        || body
            .filter(|body| memchr::memmem::find(body, b"\"stream\"").is_some())
            .and_then(|body| serde_json::from_slice(body).ok())
            .is_some_and(|asked: Asked| asked.stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(path: &'static str, body: &str) -> bool {
        asks_for_stream(&Uri::from_static(path), Some(body.as_bytes()))
    }

    #[test]
    fn only_a_true_at_the_top_asks_for_a_stream() {
        assert!(asks(
            "/",
            r#"{"model": "m", "stream": true, "messages": []}"#
        ));
        for body in [
            r#"{"stream": false}"#,
            r#"{"stream": "true"}"#,
            r#"{"messages": [{"content": "\"stream\": true"}]}"#,
            r#"{"metadata": {"stream": true}}"#,
            r#""stream""#,
            r#"{"stream": true"#,
            "",
        ] {
            assert!(!asks("/", body), "{body}");
        }
    }

    #[test]
    fn a_gemini_call_asks_by_its_path() {
        assert!(asks("/v1beta/models/m:streamGenerateContent?alt=sse", "{}"));
        assert!(!asks("/v1beta/models/m:generateContent", "{}"));
    }
}
