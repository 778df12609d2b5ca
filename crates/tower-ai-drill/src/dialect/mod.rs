//! The languages that providers speak.

mod anthropic;
mod gemini;
mod openai;
mod refusal;

use serde_json::Value;

pub(crate) use refusal::Refusal;

use crate::Usage;

/// The shape of a provider's requests and answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// Anthropic's messages: `POST /v1/messages`.
    Anthropic,
    /// Gemini's `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent`, whose
    /// streams are always server-sent events, with or without `alt=sse`.
    Gemini,
    /// OpenAI's chat completions: `POST /v1/chat/completions`.
    #[default]
    OpenAi,
}

impl Dialect {
    /// All dialects.
    pub const ALL: [Self; 3] = [Self::OpenAi, Self::Anthropic, Self::Gemini];

    /// Its name, as `openai`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::OpenAi => "openai",
        }
    }

    pub(crate) fn wire(self) -> &'static dyn Wire {
        match self {
            Self::Anthropic => &anthropic::Anthropic,
            Self::Gemini => &gemini::Gemini,
            Self::OpenAi => &openai::OpenAi,
        }
    }
}

/// What a request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) model: String,
    pub(crate) stream: bool,
    /// The last text of a user.
    pub(crate) prompt: String,
    /// The words of the whole prompt, which stand for its tokens.
    pub(crate) words: u64,
    /// The assistant's text that the prompt ends with, if it does.
    pub(crate) prefill: Option<String>,
}

impl Ask {
    /// Takes in one turn of the conversation.
    fn turn(&mut self, role: &str, text: &str) {
        self.words += text.split_whitespace().count() as u64;
        self.prefill = None;
        match role {
            "user" => text.clone_into(&mut self.prompt),
            "assistant" | "model" => self.prefill = Some(text.to_owned()),
            _ => {}
        }
    }
}

/// What an answer is about, for writing it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    pub(crate) id: u64,
    pub(crate) model: &'a str,
    pub(crate) usage: Usage,
}

/// What has been read of an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    pub(crate) text: String,
    pub(crate) model: Option<String>,
    pub(crate) usage: Option<Usage>,
    pub(crate) error: Option<String>,
    /// Whether the dialect's good end was seen.
    pub(crate) ended: bool,
}

/// A request as it is put to a provider.
#[derive(Debug)]
pub(crate) struct Put {
    pub(crate) path: String,
    pub(crate) key_header: &'static str,
    pub(crate) key_prefix: &'static str,
    pub(crate) body: Value,
}

/// One dialect, both ways: the provider's side writes answers, the caller's side reads them.
pub(crate) trait Wire: Sync {
    /// Reads a request; `None` if the path is not of this dialect.
    fn ask(&self, path: &str, body: &Value) -> Option<Ask>;
    /// A whole plain answer.
    fn plain(&self, about: About<'_>, text: &str) -> Value;
    /// The events before any content.
    fn opening(&self, about: About<'_>) -> String;
    /// The event of one token.
    fn token(&self, about: About<'_>, text: &str) -> String;
    /// The events after the last token.
    fn closing(&self, about: About<'_>, done: bool) -> String;
    /// An event that is no content.
    fn ping(&self) -> String;
    /// The status and body of a refusal.
    fn refusal(&self, refusal: &Refusal) -> (u16, Value);
    /// The event of an error inside a stream.
    fn error_event(&self, body: &Value) -> String;

    /// A request for an answer.
    fn put(&self, model: &str, prompt: &str, stream: bool) -> Put;
    /// Reads a plain answer.
    fn read_plain(&self, body: &Value, into: &mut Reading);
    /// Reads one event of a stream.
    fn read_event(&self, event: &Value, into: &mut Reading);
}

/// One server-sent event without a name.
fn data(value: &Value) -> String {
    format!("data: {value}\n\n")
}

/// The texts of a content that is a string, or a list of parts with a `text`.
fn texts(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part["text"].as_str());
            texts.collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}

fn push_str(text: &Value, into: &mut String) {
    into.push_str(text.as_str().unwrap_or_default());
}

fn note_model(model: &Value, into: &mut Reading) {
    if let Some(model) = model.as_str() {
        into.model = Some(model.to_owned());
    }
}

/// Reads the two counts of a usage object under a dialect's own names.
fn note_usage(usage: &Value, prompt: &str, answer: &str, into: &mut Reading) {
    let (prompt, answer) = (usage[prompt].as_u64(), usage[answer].as_u64());
    if prompt.is_none() && answer.is_none() {
        return;
    }
    let noted = into.usage.get_or_insert_default();
    noted.prompt = prompt.unwrap_or(noted.prompt);
    noted.answer = answer.unwrap_or(noted.answer);
}

fn note_error(error: &Value, into: &mut Reading) {
    if !error.is_null() {
        into.error = Some(error.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: About<'static> = About {
        id: 1,
        model: "m-1",
        usage: Usage {
            prompt: 2,
            answer: 3,
        },
    };

    const ALL: [Dialect; 3] = [Dialect::Anthropic, Dialect::Gemini, Dialect::OpenAi];

    fn events(stream: &str) -> impl Iterator<Item = Value> {
        let data = stream
            .lines()
            .filter_map(|line| line.strip_prefix("data: "));
        data.filter(|data| *data != "[DONE]")
            .map(|data| serde_json::from_str(data).unwrap())
    }

    #[test]
    fn requests_are_read_as_they_were_put() {
        for dialect in ALL {
            let wire = dialect.wire();
            for stream in [false, true] {
                let put = wire.put("m-1", "how are you", stream);
                let ask = wire.ask(&put.path, &put.body).unwrap();
                assert_eq!((ask.model.as_str(), ask.stream), ("m-1", stream));
                assert_eq!((ask.prompt.as_str(), ask.words), ("how are you", 3));
            }
            assert_eq!(wire.ask("/v2/else", &Value::Null), None);
        }
    }

    #[test]
    fn answers_are_read_as_they_were_written() {
        for dialect in ALL {
            let wire = dialect.wire();
            let mut plain = Reading::default();
            wire.read_plain(&wire.plain(ABOUT, "a b"), &mut plain);
            let mut streamed = Reading::default();
            for part in [
                wire.opening(ABOUT),
                wire.ping(),
                wire.token(ABOUT, "a"),
                wire.token(ABOUT, " b"),
                wire.closing(ABOUT, true),
            ] {
                events(&part).for_each(|event| wire.read_event(&event, &mut streamed));
            }
            for read in [plain, streamed] {
                assert_eq!(read.text, "a b", "{dialect:?}");
                assert_eq!(read.model.as_deref(), Some("m-1"), "{dialect:?}");
                assert_eq!(read.usage, Some(ABOUT.usage), "{dialect:?}");
                assert!(read.ended && read.error.is_none(), "{dialect:?}");
            }
        }
    }

    #[test]
    fn openings_and_pings_are_no_content_and_errors_are_errors() {
        for dialect in ALL {
            let wire = dialect.wire();
            let mut read = Reading::default();
            let opening = wire.opening(ABOUT) + &wire.ping();
            events(&opening).for_each(|event| wire.read_event(&event, &mut read));
            assert!(read.text.is_empty() && !read.ended, "{dialect:?}");
            let (_, body) = wire.refusal(&Refusal::Server(500));
            events(&wire.error_event(&body)).for_each(|event| wire.read_event(&event, &mut read));
            assert!(read.error.is_some(), "{dialect:?}");
        }
    }
}
