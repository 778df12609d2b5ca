//! How providers say that a prompt does not fit.

/// A string parameter that is too long is the caller's mistake, not the model's window.
pub(super) const NOT_THE_WINDOW: &str = "string_above_max_length";

/// Any of these, in lower case, anywhere in the message.
const TOO_LONG: [&str; 34] = [
    "`inputs` tokens + `max_new_tokens` must be",
    "context length exceeded",
    "context length is only",
    "context size has been exceeded",
    "context window exceeds limit",
    "context_length_exceeded",
    "exceed context limit",
    "exceed_context_size",
    "exceeded model token limit",
    "exceeds context length",
    "exceeds context window",
    "exceeds the available context size",
    "exceeds the context window",
    "exceeds the maximum context",
    "exceeds the maximum number of tokens",
    "exceeds the model's maximum context",
    "greater than the context length",
    "input is too long",
    "input length should be less than",
    "input tokens exceed the configured limit",
    "longer than the model's context length",
    "maximum context length",
    "maximum context limit",
    "maximum model length is",
    "maximum prompt length",
    "model_context_window_exceeded",
    "prompt is too long",
    "prompt too long",
    "range of input length should be",
    "reduce the length of the messages",
    "request_too_large",
    "tokens in request more than max tokens allowed",
    "too large for model with",
    "too many input tokens",
];

/// A text with one of these speaks of a rate, not of the window.
const RATE: [&str; 5] = [
    "per minute",
    "rate limit",
    "rate_limit",
    "rate-limit",
    "too many requests",
];

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
        assert!(!too_long("Too many input tokens per minute"));
        assert!(!too_long("Invalid value for temperature"));
    }
}
