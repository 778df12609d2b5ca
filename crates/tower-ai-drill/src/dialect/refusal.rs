//! Why a provider does not answer.

use std::fmt;
use std::time::Duration;

/// A refusal; each dialect has its own status and body for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    ContextLength {
        words: u64,
        window: u64,
    },
    Model,
    Overload,
    Path,
    Policy,
    Prefill,
    Quota,
    /// The wait is on the wall.
    RateLimit {
        wait: Option<Duration>,
    },
    Server(u16),
    Unauthorized,
    Unreadable,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ContextLength { words, window } => write!(
                f,
                "This model's maximum context length is {window} tokens. However, your messages \
                 resulted in {words} tokens: the prompt is too long."
            ),
            Self::Model => f.write_str("The model does not exist or you do not have access to it."),
            Self::Overload => f.write_str("Overloaded. Please try again later."),
            Self::Path => f.write_str("Unknown request URL."),
            Self::Policy => {
                f.write_str("Your request was rejected as a result of our content policy.")
            }
            Self::Prefill => f.write_str(
                "This model does not support assistant message prefill. The conversation must \
                 end with a user message.",
            ),
            Self::Quota => f.write_str(
                "You exceeded your current quota, please check your plan and billing details.",
            ),
            Self::RateLimit { .. } => f.write_str("Rate limit reached for requests."),
            Self::Server(_) => f.write_str("The server had an error. Something went wrong."),
            Self::Unauthorized => f.write_str("Incorrect API key provided."),
            Self::Unreadable => f.write_str("We could not parse the JSON body of your request."),
        }
    }
}
