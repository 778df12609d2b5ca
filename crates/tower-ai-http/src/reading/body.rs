//! What an error body says, wherever its provider puts it.

use std::time::Duration;

use serde_json::Value;

use crate::WallTime;
use crate::wait;

/// The machine-readable words and the message of an error body.
///
/// Knows the shapes `{"error": {…}}` (OpenAI, Anthropic, both of Gemini's), the same in an array, `{"error":
/// "text", "error_type": …}` (TEI), `{"message": …}` (AWS, Mistral) and `{"detail": …}`. Anything else is its own
/// message.
#[derive(Debug, Default)]
pub(super) struct ErrorBody {
    codes: Vec<String>,
    members: Vec<String>,
    message: String,
    details: Vec<Value>,
}

/// A message longer than this is a web page, not a sentence.
const LONGEST_TEXT: usize = 4096;

impl ErrorBody {
    pub(super) fn parse(body: &[u8]) -> Self {
        match serde_json::from_slice::<Value>(body) {
            Ok(Value::Array(mut all)) if all.len() == 1 => Self::read(&all.remove(0)),
            Ok(root) => Self::read(&root),
            Err(_) => {
                let text = body.get(..LONGEST_TEXT).unwrap_or(body);
                Self {
                    message: String::from_utf8_lossy(text).into_owned(),
                    ..Self::default()
                }
            }
        }
    }

    /// Adds a word that stands beside the body: AWS names its exceptions in a header, as
    /// `ThrottlingException:http://…`.
    pub(super) fn with_exception(mut self, name: Option<&str>) -> Self {
        self.codes.extend(name.map(|name| bare(name).to_owned()));
        self
    }

    fn read(root: &Value) -> Self {
        let error = match &root["error"] {
            Value::Object(_) => &root["error"],
            _ => root,
        };
        let details = match &error["details"] {
            Value::Array(details) => details.clone(),
            _ => Vec::new(),
        };
        let mut codes = Vec::new();
        for word in [
            &error["type"],
            &error["code"],
            &error["status"],
            &error["details"]["error_code"],
            &error["innererror"]["code"],
            &root["error_type"],
        ] {
            codes.extend(word_of(word));
        }
        codes.extend(root["__type"].as_str().map(|name| bare(name).to_owned()));
        codes.extend(
            details
                .iter()
                .filter_map(|detail| word_of(&detail["reason"])),
        );
        let texts = [&error["message"], &root["error"], &root["detail"]];
        let message = texts.into_iter().find_map(Value::as_str);
        let members = error.as_object().into_iter().flat_map(|all| all.keys());
        Self {
            codes,
            members: members.cloned().collect(),
            message: message.unwrap_or_default().to_owned(),
            details,
        }
    }

    pub(super) fn has_code(&self, code: &str) -> bool {
        self.codes.iter().any(|known| known == code)
    }

    pub(super) fn has_member(&self, name: &str) -> bool {
        self.members.iter().any(|known| known == name)
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn has_details(&self) -> bool {
        !self.details.is_empty()
    }

    pub(super) fn offers_help_only(&self) -> bool {
        self.has_details()
            && self
                .details
                .iter()
                .all(|detail| is(detail, "google.rpc.Help"))
    }

    pub(super) fn is_day_quota(&self) -> bool {
        let violations = self
            .details
            .iter()
            .filter_map(|detail| detail["violations"].as_array());
        violations
            .flatten()
            .filter_map(|violation| violation["quotaId"].as_str())
            .any(|id| id.contains("PerDay"))
    }

    pub(super) fn has_retry_info(&self) -> bool {
        self.retry_info().is_some()
    }

    fn retry_info(&self) -> Option<&Value> {
        let mut details = self.details.iter();
        details.find(|detail| is(detail, "google.rpc.RetryInfo"))
    }

    /// How long to wait, as the body has it.
    pub(super) fn wait(&self) -> Option<Duration> {
        self.retry_info()
            .and_then(|info| wait::parse_duration(info["retryDelay"].as_str()?))
            .or_else(|| wait::said_in(&self.message))
    }
}

fn word_of(value: &Value) -> Option<String> {
    match value {
        Value::String(word) => Some(word.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// `Name` of `namespace#Name:http://…`.
fn bare(name: &str) -> &str {
    let name = name.split(':').next().unwrap_or_default();
    name.rsplit('#').next().unwrap_or_default().trim()
}

fn is(detail: &Value, name: &str) -> bool {
    let kind = detail["@type"].as_str().unwrap_or_default();
    kind.rsplit('/').next() == Some(name)
}

/// Gemini's quotas of a day are filled at midnight Pacific time (unchecked). Summer time is taken for winter
/// time: an hour late rather than an hour early.
pub(super) fn until_reset(now: WallTime) -> Duration {
    const DAY: u64 = 86_400;
    const MIDNIGHT: u64 = 8 * 3600;
    let past = (now.elapsed().as_secs() + DAY - MIDNIGHT) % DAY;
    Duration::from_secs(DAY - past)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_quota_is_filled_at_midnight_pacific() {
        let at = |hours: u64| until_reset(WallTime::since_epoch(Duration::from_secs(hours * 3600)));
        assert_eq!(at(24 + 7), Duration::from_secs(3600));
        assert_eq!(at(24 + 8), Duration::from_secs(86_400));
        assert_eq!(at(9), Duration::from_secs(23 * 3600));
    }

    #[test]
    fn an_exception_is_known_by_its_bare_name() {
        for name in [
            "E",
            "E:http://internal/x",
            "com.amazon#E",
            "a.b#E:http://c#d",
        ] {
            let body = ErrorBody::default().with_exception(Some(name));
            assert!(body.has_code("E"), "{name}");
        }
        assert!(ErrorBody::parse(br#"{"__type":"com.amazon#E"}"#).has_code("E"));
    }

    #[test]
    fn hostile_bodies_are_read_without_harm() {
        let deep = "[".repeat(100_000);
        for body in [
            "",
            "null",
            "[]",
            "{}",
            "[1,2]",
            "{\"error\":[]}",
            "\u{0}",
            &deep,
        ] {
            assert!(!ErrorBody::parse(body.as_bytes()).has_details());
        }
        assert_eq!(ErrorBody::parse(b"\xff\xfe").message(), "\u{fffd}\u{fffd}");
    }
}
