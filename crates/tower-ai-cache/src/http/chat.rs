//! Reading the question off a chat.

use std::sync::LazyLock;

use serde_json::{Map, Value};
use tower_ai_core::{Facts, Question, Scope};

/// Reads the question off a chat of any of the known shapes: OpenAI chat (and those that speak like it),
/// OpenAI Responses, Anthropic, Gemini, plain completions. For typed requests that serialise to one, too.
///
/// `None` if the last word is not a text of the user's.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use tower_ai_cache::http::question;
/// use tower_ai_core::Scope;
///
/// let read = |chat| question(Scope::tenant("acme"), chat).expect("a question");
/// let a = read(json!({"model": "m", "input": "Who wrote Faust?"}));
/// let b = read(json!({"input": "Who wrote Hamlet?", "model": "m"}));
/// assert_eq!(a.text(), "Who wrote Faust?");
/// assert_eq!(a.frame(), b.frame(), "all but the text is the same");
/// ```
#[must_use]
pub fn question(scope: Scope, chat: Value) -> Option<Question> {
    question_framed(scope, chat, |question| question)
}

/// The same, with parts of the frame that come before the chat.
pub(super) fn question_framed(
    scope: Scope,
    mut chat: Value,
    before: impl FnOnce(Question) -> Question,
) -> Option<Question> {
    let facts = facts(&chat);
    let text = std::mem::take(last_text(&mut chat)?);
    let question = before(Question::new(scope, text)).with_facts(facts);
    // Written when it is wanted: a fact may keep the call out of the cache before.
    Some(question.framed_later(move || canonical(&chat)))
}

/// The last text of the user, to be taken out.
fn last_text(chat: &mut Value) -> Option<&mut String> {
    let chat = chat.as_object_mut()?;
    let keys = ["messages", "input", "contents", "prompt"];
    let key = keys.into_iter().find(|key| chat.contains_key(*key))?;
    match chat.get_mut(key)? {
        Value::String(text) => Some(text),
        // A prompt that is a list asks for several answers.
        Value::Array(turns) if key != "prompt" => text_of_turn(turns.last_mut()?),
        _ => None,
    }
}

fn text_of_turn(turn: &mut Value) -> Option<&mut String> {
    let turn = turn.as_object_mut()?;
    if turn.get("role").is_some_and(|role| role != "user") {
        return None;
    }
    let content = ["content", "parts"]
        .into_iter()
        .find(|key| turn.contains_key(*key))?;
    match turn.get_mut(content)? {
        Value::String(text) => Some(text),
        Value::Array(parts) => match parts.last_mut()?.get_mut("text")? {
            Value::String(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn facts(chat: &Value) -> Facts {
    let mut facts = Facts::default();
    let Some(chat) = chat.as_object() else {
        return facts;
    };
    parameters(chat, &mut facts);
    // Gemini and Ollama set parameters one level down.
    for key in ["generationConfig", "options"] {
        if let Some(lower) = chat.get(key).and_then(Value::as_object) {
            parameters(lower, &mut facts);
        }
    }
    facts
}

fn parameters(map: &Map<String, Value>, facts: &mut Facts) {
    for (key, value) in map.iter().filter(|(_, value)| !value.is_null()) {
        let is_set = *value != Value::Bool(false);
        let is_filled = || value.as_array().is_none_or(|list| !list.is_empty());
        match key.as_str() {
            "temperature" if facts.temperature.is_none() => {
                facts.temperature = Some(value.as_f64().unwrap_or(f64::NAN));
            }
            "n" | "best_of" | "candidateCount" => facts.several |= value.as_u64() != Some(1),
            "tools" | "functions" => facts.tools |= is_filled(),
            "seed" | "logprobs" | "top_logprobs" | "responseLogprobs" => facts.sampled |= is_set,
            "images" => facts.media |= is_filled(),
            "store" => facts.no_store |= !is_set,
            "previous_response_id" | "conversation" | "thread_id" | "cachedContent" => {
                facts.remote_state |= is_set;
            }
            "messages" | "input" | "contents" => {
                let turns = value.as_array().into_iter().flatten();
                turns.for_each(|turn| turn_facts(turn, facts));
            }
            _ => {}
        }
    }
}

fn turn_facts(turn: &Value, facts: &mut Facts) {
    let fields = turn.as_object().into_iter().flatten();
    for (key, value) in fields.filter(|(_, value)| !value.is_null()) {
        match key.as_str() {
            "role" => facts.tools |= matches!(value.as_str(), Some("tool" | "function")),
            "tool_calls" => facts.tools = true,
            "images" => facts.media = true,
            "type" => {
                let kind = value.as_str().unwrap_or_default();
                facts.tools |= kind.ends_with("_call") || kind.ends_with("_call_output");
                facts.remote_state |= kind == "item_reference";
            }
            "content" | "parts" => {
                let parts = value.as_array().into_iter().flatten();
                parts.for_each(|part| part_facts(part, facts));
            }
            _ => {}
        }
    }
}

/// Whatever is not known to be text counts as media: what cannot be read cannot be compared.
fn part_facts(part: &Value, facts: &mut Facts) {
    match part.get("type").and_then(Value::as_str) {
        Some("text" | "input_text" | "output_text") => {}
        Some("tool_use" | "tool_result") => facts.tools = true,
        None if part.get("text").is_some_and(Value::is_string) => {}
        None if part.is_string() => {}
        None if part.get("functionCall").is_some() || part.get("functionResponse").is_some() => {
            facts.tools = true;
        }
        _ => facts.media = true,
    }
}

/// JSON written so that equal values give equal text: keys in order, no spaces.
fn canonical(value: &Value) -> String {
    // serde_json keeps keys in order unless a feature, which any crate may turn on, makes it keep theirs.
    static IN_ORDER: LazyLock<bool> = LazyLock::new(|| {
        let map = Map::from_iter([("b".to_owned(), Value::Null), ("a".to_owned(), Value::Null)]);
        map.keys().is_sorted()
    });
    if *IN_ORDER {
        return value.to_string();
    }
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (i, (key, value)) in fields.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write_canonical(value, out);
            }
            out.push('}');
        }
        plain => out.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(chat: Value) -> Option<Question> {
        question(Scope::shared(), chat)
    }

    #[test]
    fn both_ways_to_write_give_the_same() {
        let value = json!({"b": [1, 2.5, null, "x\"y"], "a": {"d": true, "c": {}}, "é": "ü"});
        let mut slow = String::new();
        write_canonical(&value, &mut slow);
        assert_eq!(canonical(&value), slow);
    }

    #[test]
    fn every_shape_shows_its_last_text() {
        for chat in [
            json!({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}]}),
            json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "hi"}]}]}),
            json!({"system": "s", "messages": [{"role": "user", "content": "hi"}]}),
            json!({"input": "hi"}),
            json!({"input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}]}),
            json!({"contents": [{"parts": [{"text": "hi"}]}]}),
            json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}),
            json!({"prompt": "hi"}),
        ] {
            let question = read(chat.clone()).expect("a question");
            assert_eq!(question.text(), "hi", "{chat}");
            assert_eq!(*question.facts(), Facts::default(), "{chat}");
            assert!(!String::from_utf8_lossy(question.frame()).contains("hi"));
        }
    }

    #[test]
    fn a_last_word_that_is_not_the_users_text_is_no_question() {
        for chat in [
            json!({"messages": []}),
            json!({"messages": [{"role": "assistant", "content": "Sure:"}]}),
            json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}]}]}),
            json!({"input": 3}),
            json!([1]),
            json!({}),
        ] {
            assert_eq!(read(chat.clone()), None, "{chat}");
        }
    }

    #[test]
    fn everything_but_the_text_tells_requests_apart() {
        let base = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        let frame = |chat: &Value| read(chat.clone()).expect("a question").frame().to_vec();
        for (key, value) in [
            ("model", json!("n")),
            ("max_tokens", json!(5)),
            ("stream", json!(true)),
            ("a_field_of_next_year", json!(1)),
            (
                "messages",
                json!([{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}]),
            ),
            (
                "messages",
                json!([{"role": "user", "content": "hi", "name": "ann"}]),
            ),
        ] {
            let mut other = base.clone();
            other[key] = value;
            assert_ne!(frame(&base), frame(&other), "{key}");
        }
    }

    #[test]
    fn facts_are_seen_in_every_dialect() {
        let with = |key: &str, value: Value| {
            let mut chat = json!({"messages": [{"role": "user", "content": "hi"}]});
            chat[key] = value;
            *read(chat).expect("a question").facts()
        };
        assert_eq!(with("temperature", json!(0.5)).temperature, Some(0.5));
        assert_eq!(
            with("generationConfig", json!({"temperature": 1})).temperature,
            Some(1.0)
        );
        assert!(
            with("temperature", json!("warm"))
                .temperature
                .is_some_and(f64::is_nan)
        );
        assert_eq!(
            with("options", json!({"temperature": 1})).temperature,
            Some(1.0)
        );
        assert!(with("options", json!({"seed": 1})).sampled && with("images", json!(["x"])).media);
        assert!(with("n", json!(2)).several && !with("n", json!(1)).several);
        assert!(with("tools", json!([{}])).tools && !with("tools", json!([])).tools);
        assert!(with("seed", json!(1)).sampled && !with("logprobs", json!(false)).sampled);
        assert!(with("store", json!(false)).no_store && !with("store", json!(true)).no_store);
        assert!(with("previous_response_id", json!("r")).remote_state);
        let history =
            |turn: Value| with("messages", json!([turn, {"role": "user", "content": "hi"}]));
        assert!(history(json!({"role": "tool", "content": "3"})).tools);
        assert!(history(json!({"role": "assistant", "tool_calls": [{}]})).tools);
        assert!(history(json!({"role": "user", "content": [{"type": "tool_result"}]})).tools);
        assert!(history(json!({"role": "user", "content": [{"type": "image"}]})).media);
        assert!(history(json!({"role": "user", "content": [{"inlineData": {}}]})).media);
    }
}
