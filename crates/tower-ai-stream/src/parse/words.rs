//! What the words of an error that came inside an answer mean.

use tower_ai_core::Outcome;

use Outcome::{Conflict, Fault, Invalid, Missing, Refused, TooLong, Unauthorized};

const EXHAUSTED: Outcome = Outcome::Exhausted { wait: None };
const OVERLOADED: Outcome = Outcome::Overloaded { wait: None };
const RATE_LIMITED: Outcome = Outcome::RateLimited { wait: None };
const WARMING: Outcome = Outcome::Warming { wait: None };

/// One row a meaning; an error often says two words, and the one that stands first here decides.
///
/// So the words that say much stand before those that say little (`invalid_request_error` with the code
/// `context_length_exceeded` is too long a prompt). Numbers are HTTP statuses, as OpenRouter and Gemini put
/// them; `image_*` is any word with that beginning; a 403 that comes inside an answer is moderation, because keys are checked before an answer begins.
#[rustfmt::skip]
const ROWS: &[(Outcome, &[&str])] = &[
    (TooLong,      &["context_length_exceeded", "model_context_window_exceeded", "request_too_large",
                     "request_body_too_large_after_decoding", "413"]),
    (EXHAUSTED,    &["insufficient_quota", "credit_balance_exhausted", "quota_exceeded", "billing_error",
                     "organization_spend_limit_exceeded", "project_spend_limit_exceeded",
                     "organization_usage_limit_exceeded", "enforced_spend_limit_reached",
                     "contract_spend_limit_reached", "402"]),
    (Refused,      &["content_filter", "content_policy_violation", "invalid_prompt", "bio_policy",
                     "cyber_policy", "misalignment_policy_violation", "image_*",
                     "data_residency_mismatch", "moderation_blocked", "403"]),
    (Unauthorized, &["invalid_api_key", "authentication_error", "permission_error", "UNAUTHENTICATED",
                     "PERMISSION_DENIED", "API_KEY_INVALID", "permission_denied", "401"]),
    (Missing,      &["model_not_found", "not_found_error", "NOT_FOUND", "not_found", "404"]),
    (WARMING,      &["unavailable_error"]),
    (OVERLOADED,   &["overloaded_error", "server_is_overloaded", "service_unavailable_error",
                     "service_unavailable", "UNAVAILABLE", "engine_overloaded",
                     "service_tier_capacity_exceeded", "503", "529"]),
    (RATE_LIMITED, &["rate_limit_exceeded", "rate_limit_error", "too_many_requests", "slow_down",
                     "RESOURCE_EXHAUSTED", "429"]),
    (Conflict,     &["conflict_error", "ABORTED", "409"]),
    (Fault,        &["server_error", "api_error", "timeout_error", "internal_error", "internal",
                     "INTERNAL", "DEADLINE_EXCEEDED", "UNKNOWN", "vector_store_timeout"]),
    (Invalid,      &["invalid_request_error", "INVALID_ARGUMENT", "invalid_request", "FAILED_PRECONDITION",
                     "400", "422"]),
];

/// Beginnings of messages that say so of a prompt that does not fit, where the words say no more than that the
/// request was not good.
const TOO_LONG: [&[u8]; 3] = [
    b"prompt is too long",
    b"This model's maximum context length",
    b"The input token count",
];

/// The row of a word, for [`meaning`]; the smaller one decides.
pub(super) fn rank(word: &[u8]) -> Option<u8> {
    let word = match word.starts_with(b"image_") {
        true => b"image_*",
        false => word,
    };
    let row = ROWS
        .iter()
        .position(|(_, words)| words.iter().any(|known| known.as_bytes() == word))?;
    u8::try_from(row).ok()
}

/// The same for a number.
pub(super) fn rank_of_number(number: u64) -> Option<u8> {
    let mut digits = [0; 3];
    for (at, digit) in digits.iter_mut().enumerate() {
        let digit_at = number / [100, 10, 1][at] % 10;
        *digit = b'0' + u8::try_from(digit_at).ok()?;
    }
    (number < 1000).then(|| rank(&digits)).flatten()
}

/// The same for the beginning of a message.
pub(super) fn rank_of_text(text: &[u8]) -> Option<u8> {
    let says = TOO_LONG.iter().any(|beginning| text.starts_with(beginning));
    says.then_some(0)
}

/// What the row means; an error without a word that we know is the target's fault.
pub(super) fn meaning(rank: Option<u8>) -> Outcome {
    let row = rank.and_then(|rank| ROWS.get(usize::from(rank)));
    row.map_or(Fault, |(outcome, _)| *outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_stands_in_two_rows() {
        let mut all: Vec<_> = ROWS.iter().flat_map(|(_, words)| *words).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn the_word_that_says_more_decides() {
        let general = rank(b"invalid_request_error").unwrap();
        let special = rank(b"context_length_exceeded").unwrap();
        assert_eq!(meaning(Some(general.min(special))), TooLong);
        assert_eq!(meaning(rank_of_number(429)), RATE_LIMITED);
        assert_eq!(meaning(rank_of_number(5030)), Fault);
        assert_eq!(meaning(None), Fault);
    }
}
