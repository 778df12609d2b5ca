//! How providers say that a prompt does not fit.

/// A string parameter that is too long is the caller's mistake, not the model's window.
pub(super) const NOT_THE_WINDOW: &str = "string_above_max_length";

/// Any of these, in lower case, anywhere in the message.
const TOO_LONG: [&str; 20] = [
    "context length exceeded",
    "context_length_exceeded",
    "exceed context limit",
    "exceeded model token limit",
    "exceeds the available context size",
    "exceeds the context window",
    "exceeds the maximum context",
    "exceeds the maximum number of tokens allowed",
    "exceeds the model's maximum context",
    "input is too long for requested model",
    "input length should be less than",
    "longer than the model's context length",
    "maximum context length",
    "maximum prompt length",
    "model_context_window_exceeded",
    "prompt is too long",
    "prompt too long",
    "range of input length should be",
    "reduce the length of the messages",
    "request_too_large",
];

/// A text with one of these speaks of a rate, not of the window.
const RATE: [&str; 2] = ["rate limit", "too many requests"];

/// Whether the message says that the prompt does not fit.
pub(super) fn too_long(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    let says = |phrase: &&str| message.contains(*phrase);
    let compares = says(&"current length is") && says(&"while limit is");
    let speaks_of = |phrases: &[&str]| phrases.iter().any(says);
    (compares || speaks_of(&TOO_LONG)) && !speaks_of(&RATE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phrase_is_recognised_inside_a_sentence() {
        for phrase in TOO_LONG {
            assert!(too_long(&format!(
                "Sorry: {} (9 > 8)",
                phrase.to_uppercase()
            )));
        }
        assert!(too_long("current length is 9 while limit is 8"));
    }

    #[test]
    fn a_rate_is_not_the_window() {
        assert!(!too_long("Rate limit: prompt is too long for this minute"));
        assert!(!too_long("Invalid value for temperature"));
    }
}
