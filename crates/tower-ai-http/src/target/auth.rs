//! How a target wants its key.

use std::borrow::Cow;
use std::fmt;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::error::LayerRule;
use crate::{Dialect, Secret};

/// How a target wants its key.
///
/// # Default
///
/// By the target's dialect: `x-api-key` for Anthropic, `api-key` for Azure, `x-goog-api-key` for Gemini, a bearer token
/// else (also for Vertex, Bedrock and Gemini's OpenAI API).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Auth {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// The caller's own credentials are passed on, and the target's key is not used. Only for a target that
    /// the caller's key belongs to.
    Caller,
    /// A header that holds the key and nothing else: `x-api-key`, `api-key`, `x-goog-api-key`.
    Header(HeaderName),
    /// A parameter of the URL: `key`. URLs stand in logs and in the errors of clients: take a header where the
    /// provider has one.
    Query(Cow<'static, str>),
}

impl Auth {
    /// Azure's header, `api-key`.
    #[must_use]
    pub const fn azure() -> Self {
        Self::Header(HeaderName::from_static("api-key"))
    }

    pub(super) const fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Anthropic => Self::Header(HeaderName::from_static("x-api-key")),
            Dialect::Azure => Self::azure(),
            Dialect::Gemini => Self::Header(HeaderName::from_static("x-goog-api-key")),
            _ => Self::Bearer,
        }
    }
}

/// A key in each form in which it may be asked for.
#[derive(Clone)]
pub(super) struct Credential {
    plain: HeaderValue,
    bearer: HeaderValue,
    encoded: String,
}

impl Credential {
    pub(super) fn new(secret: &Secret) -> Result<Self, LayerRule> {
        let key = secret.reveal();
        if key.is_empty() {
            return Err(LayerRule::SecretEmpty);
        }
        let value = |text: &str| {
            let mut value = HeaderValue::from_str(text).map_err(|_| LayerRule::SecretHeader)?;
            value.set_sensitive(true);
            Ok::<_, LayerRule>(value)
        };
        Ok(Self {
            plain: value(key)?,
            bearer: value(&format!("Bearer {key}"))?,
            encoded: super::endpoint::encode(key),
        })
    }

    pub(super) fn put(&self, auth: &Auth, headers: &mut HeaderMap) {
        match auth {
            Auth::Bearer => headers.insert(AUTHORIZATION, self.bearer.clone()),
            Auth::Header(name) => headers.insert(name, self.plain.clone()),
            Auth::Caller | Auth::Query(_) => None,
        };
    }

    /// The parameter of the URL, if that is where it goes.
    pub(super) fn parameter(&self, auth: &Auth) -> Option<String> {
        match auth {
            Auth::Query(name) => Some(format!("{name}={}", self.encoded)),
            _ => None,
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}
