//! What splicing has to know of each format: both sides of it, the request and the events of its answer.

mod anthropic;
mod gemini;
mod openai;

use bytes::Bytes;
use serde_json::{Map, Value};
use tower_ai_stream::Format;

use super::prefill::{Prefill, Resume};

/// What one event brings.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Said {
    pub(super) words: String,
    /// Whether no more words come after it.
    pub(super) closes: bool,
}

/// What of an answer's frame the caller has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Opened {
    /// The beginning: a role, `message_start`.
    pub(super) head: bool,
    /// A block of text that is still open (Anthropic).
    pub(super) block: bool,
}

/// One format.
pub(super) trait Wire: Sync {
    /// Whether the answer to this request is one text and nothing else, so that it can be spliced.
    fn may_splice(&self, request: &Value) -> bool;

    /// Puts the text at the end of the prompt; returns how many bytes of it, or `None` if that cannot be.
    fn prefill(&self, request: &mut Value, way: Prefill, resume: &Resume) -> Option<usize>;

    /// The members of an event that are the same in all events of one answer.
    fn head(&self) -> &'static [&'static str];

    /// Reads an event; `None` if it holds what cannot be spliced.
    fn read(&self, event: &Value) -> Option<Said>;

    /// Notes what the caller has once it has had this event.
    fn open(&self, event: &Value, opened: &mut Opened);

    /// Makes an event one of the answer that the caller is reading, with these words; nothing if the caller has
    /// had its like.
    fn edit(&self, event: Value, words: Option<&str>, opened: Opened) -> Vec<Value>;

    /// Writes an event.
    fn write(&self, event: &Value) -> Bytes {
        format!("data: {event}\n\n").into()
    }
}

/// The format in which the answer to a call comes, by its path.
pub(super) fn format(path: &str) -> Option<Format> {
    if path.ends_with("/chat/completions") {
        return Some(Format::OpenAiChat);
    }
    if path.ends_with("/messages") {
        return Some(Format::Anthropic);
    }
    path.ends_with(":streamGenerateContent")
        .then_some(Format::Gemini)
}

pub(super) fn of(format: Format) -> Option<&'static dyn Wire> {
    match format {
        Format::Anthropic => Some(&anthropic::Anthropic),
        Format::Gemini => Some(&gemini::Gemini),
        Format::OpenAiChat => Some(&openai::OpenAi),
        _ => None,
    }
}

/// Puts those members of the answer's head into an event that the event has as well.
pub(super) fn put_head(event: &mut Value, head: &Map<String, Value>) {
    for (name, value) in head {
        if let Some(own) = event.get_mut(name) {
            own.clone_from(value);
        }
    }
}

/// Whether a value says nothing: absent, `null`, `false`, or empty.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

fn are_nothing(of: &Value, names: &[&str]) -> bool {
    names.iter().all(|name| is_nothing(&of[*name]))
}

/// Takes the tokens that were used from a limit; `false` if none are left.
fn shorten(limit: Option<&mut Value>, tokens: u64) -> bool {
    let Some(limit) = limit else { return true };
    match limit.as_u64().map(|most| most.checked_sub(tokens)) {
        None => true,
        Some(None | Some(0)) => false,
        Some(Some(left)) => {
            *limit = left.into();
            true
        }
    }
}

/// Puts text behind the last message of a list, which is an assistant's already or is added.
fn put_message<'a>(messages: &'a mut Value, text: &str) -> Option<&'a mut Value> {
    let messages = messages.as_array_mut()?;
    if messages.last()?["role"] != "assistant" {
        messages.push(serde_json::json!({"role": "assistant", "content": text}));
        return messages.last_mut();
    }
    let last = messages.last_mut()?;
    if !is_nothing(&last["tool_calls"]) {
        return None;
    }
    let content = last["content"].as_str()?;
    last["content"] = format!("{content}{text}").into();
    Some(last)
}
