//! API keys that never show.

use std::fmt;

/// An API key. Neither `Debug` nor any error shows it.
///
/// # Examples
///
/// ```
/// use tower_ai_http::Secret;
///
/// let secret = Secret::new("sk-very-secret");
/// assert_eq!(format!("{secret:?}"), "Secret(..)");
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Takes an API key. White space around it, as files have it at their end, is no part of it.
    pub fn new(key: impl AsRef<str>) -> Self {
        Self(key.as_ref().trim().into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
