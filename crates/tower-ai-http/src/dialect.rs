//! Which provider's language a target speaks.

use tower_ai_core::Target;

/// Which provider's language a target speaks: how it wants its key and its model, and what its errors mean.
///
/// # Examples
///
/// ```
/// use tower_ai_core::Target;
/// use tower_ai_http::Dialect;
///
/// let target = Target::builder("claude").endpoint("https://api.anthropic.com").build()?;
/// assert_eq!(Dialect::of(&target), Dialect::Anthropic);
/// # Ok::<(), tower_ai_core::InvalidTarget>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Dialect {
    /// Anthropic's messages API.
    Anthropic,
    /// Google's Gemini API, on AI Studio and Vertex.
    Gemini,
    /// OpenAI's API.
    OpenAi,
    /// Something else: spoken to as to OpenAI, and understood by what most providers mean.
    #[default]
    Unknown,
}

/// How a provider is called, and the end of its host's name.
const KNOWN: &[(Dialect, &[&str], &str)] = &[
    (
        Dialect::Anthropic,
        &["anthropic", "claude"],
        "anthropic.com",
    ),
    (
        Dialect::Gemini,
        &["gemini", "google", "vertex"],
        "googleapis.com",
    ),
    (Dialect::OpenAi, &["openai"], "openai.com"),
];

impl Dialect {
    /// Returns what a target most likely speaks: by its provider's name, else by its host.
    #[must_use]
    pub fn of(target: &Target) -> Self {
        let by_name = target.provider().and_then(Self::of_provider);
        let host = || target.endpoint().and_then(http::Uri::host);
        by_name
            .or_else(|| host().and_then(Self::of_host))
            .unwrap_or_default()
    }

    fn of_provider(name: &str) -> Option<Self> {
        let is_it = |known: &&str| known.eq_ignore_ascii_case(name);
        let row = KNOWN.iter().find(|(_, names, _)| names.iter().any(is_it))?;
        Some(row.0)
    }

    fn of_host(host: &str) -> Option<Self> {
        let host = host.to_ascii_lowercase();
        let is_it = |domain: &str| {
            host.strip_suffix(domain)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let row = KNOWN.iter().find(|(_, _, domain)| is_it(domain))?;
        Some(row.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(provider: &str, url: &str) -> Target {
        let builder = Target::builder("t").endpoint(url);
        match provider {
            "" => builder.build().unwrap(),
            name => builder.provider(name).build().unwrap(),
        }
    }

    #[test]
    fn the_provider_decides_before_the_host() {
        let of = |provider, url| Dialect::of(&target(provider, url));
        assert_eq!(of("", "https://api.openai.com/v1"), Dialect::OpenAi);
        assert_eq!(
            of("", "https://eu-aiplatform.googleapis.com"),
            Dialect::Gemini
        );
        assert_eq!(of("Anthropic", "http://localhost:1"), Dialect::Anthropic);
        assert_eq!(of("", "https://notopenai.com"), Dialect::Unknown);
        assert_eq!(of("acme", "https://api.openai.com"), Dialect::OpenAi);
    }
}
