//! Targets that cannot be, and requests that cannot be sent to one.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// A target layer that cannot be: the target's name, and which rule it broke.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvalidTargetLayer {
    name: String,
    rule: LayerRule,
}

/// A rule that a target layer must keep.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum LayerRule {
    /// The target has an endpoint.
    Endpoint,
    /// The endpoint holds no user name or password.
    EndpointCredentials,
    /// The limit of an error body is at least one byte.
    ErrorLimit,
    /// An extra header has a valid name and value.
    Header,
    /// The secret is not empty.
    SecretEmpty,
    /// The secret holds only what a header may hold.
    SecretHeader,
    /// Where the target has several keys, each has one secret, and nothing else has.
    SecretKeys,
}

impl LayerRule {
    const fn text(self) -> &'static str {
        match self {
            Self::Endpoint => "an endpoint is needed to send calls to",
            Self::EndpointCredentials => "an endpoint must not hold a user name or password",
            Self::ErrorLimit => "at least one byte of an error body must be read",
            Self::Header => "an extra header needs a valid name and value",
            Self::SecretEmpty => "a secret must not be empty",
            Self::SecretKeys => "each of several keys needs its secret, and nothing else one",
            Self::SecretHeader => "a secret must be a valid header value",
        }
    }
}

impl InvalidTargetLayer {
    pub(super) fn new(name: &str, rule: LayerRule) -> Self {
        Self {
            name: name.to_owned(),
            rule,
        }
    }

    /// The rule that was broken.
    #[must_use]
    pub const fn rule(&self) -> LayerRule {
        self.rule
    }
}

impl fmt::Display for InvalidTargetLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "target {:?}: {}", self.name, self.rule.text())
    }
}

impl Error for InvalidTargetLayer {}

/// Why a request was not sent to a target; beneath a [`Failed`](tower_ai_core::error::Failed) that says what
/// this means for other targets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum NotSent {
    /// An attempt before this one has sent the body, and it was too large to be kept.
    BodyGone,
    /// The target asks for a model of its own, and the body is too large to be read for it.
    BodyTooLarge,
    /// None of the target's keys is open.
    KeysAway {
        /// How long until one is.
        wait: Duration,
    },
    /// The URL that the request's path and the endpoint make is not valid.
    InvalidUrl,
    /// The body says that it is JSON, but is not.
    MalformedJson,
    /// The target has several keys, and their secrets were not given.
    NoSecret,
    /// The target asks for a model of its own, and the body is not JSON.
    NotJson,
}

impl fmt::Display for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BodyGone => "not sent: the body was sent before and was too large to be kept",
            Self::BodyTooLarge => "not sent: the body is too large for its model to be replaced",
            Self::KeysAway { .. } => "not sent: none of the keys is open",
            Self::NoSecret => {
                "not sent: the target has several keys, and no secret was given for one"
            }
            Self::InvalidUrl => "not sent: path and endpoint make no valid URL",
            Self::MalformedJson => "not sent: the body says that it is JSON, but is not",
            Self::NotJson => "not sent: the model of a body that is not JSON cannot be replaced",
        })
    }
}

impl Error for NotSent {}
