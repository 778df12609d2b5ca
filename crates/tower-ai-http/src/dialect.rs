//! Which provider's language a target speaks.

use http::Uri;
use tower_ai_core::Target;

/// Which provider's language a target speaks: how it wants its key and its model, what its errors mean, and which of
/// its headers tell how much of a limit is left.
///
/// What each one's answers mean stands in [`providers`](crate::providers).
///
/// # Examples
///
/// ```
/// use tower_ai_core::Target;
/// use tower_ai_http::Dialect;
///
/// let by_host = Target::builder("claude").endpoint("https://api.anthropic.com").build()?;
/// assert_eq!(Dialect::of(&by_host), Dialect::Anthropic);
///
/// let by_name = Target::builder("mine").provider("llama.cpp").endpoint("http://10.0.0.7:8080").build()?;
/// assert_eq!(Dialect::of(&by_name), Dialect::LlamaCpp);
/// # Ok::<(), tower_ai_core::InvalidTarget>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Dialect {
    /// Anthropic's messages API.
    Anthropic,
    /// OpenAI's API on Azure.
    Azure,
    /// Amazon Bedrock, called with a Bedrock API key. Its signed calls (`SigV4`) are not made here: let the client
    /// sign, below this layer. Streams in Amazon's own framing are not read.
    Bedrock,
    /// Google's Gemini API.
    Gemini,
    /// OpenAI's API on Google's Gemini.
    GeminiOpenAi,
    /// Groq.
    Groq,
    /// llama.cpp's server.
    LlamaCpp,
    /// Mistral.
    Mistral,
    /// Ollama, by its own API or OpenAI's.
    Ollama,
    /// OpenAI's API: chat, responses, embeddings.
    OpenAi,
    /// OpenRouter.
    OpenRouter,
    /// Hugging Face's Text Embeddings Inference.
    Tei,
    /// NVIDIA's Triton over HTTP.
    Triton,
    /// Something else: spoken to as to OpenAI, and understood by what most providers mean.
    #[default]
    Unknown,
    /// Gemini, and other publishers' models, on Google's Vertex AI, called with an access token.
    Vertex,
    /// vLLM.
    Vllm,
}

/// How a provider is called, without what is no letter or digit. OpenTelemetry's names are among them.
const NAMES: &[(Dialect, &[&str])] = &[
    (Dialect::Anthropic, &["anthropic", "claude"]),
    (
        Dialect::Azure,
        &[
            "azure",
            "azureopenai",
            "azureaiopenai",
            "azureaiinference",
            "foundry",
        ],
    ),
    (
        Dialect::Bedrock,
        &["bedrock", "awsbedrock", "amazonbedrock"],
    ),
    (
        Dialect::Gemini,
        &["gemini", "google", "gcpgemini", "gcpgenai"],
    ),
    (Dialect::GeminiOpenAi, &["geminiopenai"]),
    (Dialect::Groq, &["groq"]),
    (Dialect::LlamaCpp, &["llamacpp", "llamaserver"]),
    (Dialect::Mistral, &["mistral", "mistralai"]),
    (Dialect::Ollama, &["ollama"]),
    (Dialect::OpenAi, &["openai"]),
    (Dialect::OpenRouter, &["openrouter"]),
    (Dialect::Tei, &["tei", "textembeddingsinference"]),
    (Dialect::Triton, &["triton", "tritoninferenceserver"]),
    (
        Dialect::Vertex,
        &["vertex", "vertexai", "gcpvertexai", "googlevertex"],
    ),
    (Dialect::Vllm, &["vllm"]),
];

/// How a host begins and ends.
const HOSTS: &[(Dialect, &str, &str)] = &[
    (Dialect::Anthropic, "", ".anthropic.com"),
    (Dialect::Azure, "", ".openai.azure.com"),
    (Dialect::Azure, "", ".services.ai.azure.com"),
    (Dialect::Azure, "", ".cognitiveservices.azure.com"),
    (Dialect::Bedrock, "bedrock", ".amazonaws.com"),
    (Dialect::Bedrock, "bedrock", ".api.aws"),
    (Dialect::Vertex, "", "-aiplatform.googleapis.com"),
    (Dialect::Vertex, "", ".aiplatform.googleapis.com"),
    (Dialect::Gemini, "", ".googleapis.com"),
    (Dialect::Groq, "", ".groq.com"),
    (Dialect::Mistral, "", ".mistral.ai"),
    (Dialect::Ollama, "", ".ollama.com"),
    (Dialect::OpenAi, "", ".openai.com"),
    (Dialect::OpenRouter, "", ".openrouter.ai"),
];

impl Dialect {
    /// Returns what a target most likely speaks: by its provider's name, else by its host. A path of Gemini's that
    /// has `/openai` in it is OpenAI's API there.
    #[must_use]
    pub fn of(target: &Target) -> Self {
        let endpoint = target.endpoint();
        let by_name = target.provider().and_then(Self::of_provider);
        let found = by_name
            .or_else(|| endpoint.and_then(Uri::host).and_then(Self::of_host))
            .unwrap_or_default();
        let is_openai =
            || endpoint.is_some_and(|url| url.path().split('/').any(|it| it == "openai"));
        match found {
            Self::Gemini if is_openai() => Self::GeminiOpenAi,
            found => found,
        }
    }

    fn of_provider(name: &str) -> Option<Self> {
        let is_it = |known: &&str| {
            let bare = name.bytes().filter(u8::is_ascii_alphanumeric);
            bare.map(|byte| byte.to_ascii_lowercase()).eq(known.bytes())
        };
        let row = NAMES.iter().find(|(_, names)| names.iter().any(is_it))?;
        Some(row.0)
    }

    fn of_host(host: &str) -> Option<Self> {
        // A domain ends like its hosts.
        let host = format!(".{}", host.to_ascii_lowercase());
        let is_it =
            |begins: &str, ends: &str| host[1..].starts_with(begins) && host.ends_with(ends);
        let row = HOSTS.iter().find(|(_, begins, ends)| is_it(begins, ends))?;
        Some(row.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(provider: &str, url: &str) -> Dialect {
        let builder = Target::builder("t").endpoint(url);
        Dialect::of(&match provider {
            "" => builder.build().unwrap(),
            name => builder.provider(name).build().unwrap(),
        })
    }

    #[test]
    fn the_provider_decides_before_the_host() {
        assert_eq!(of("Anthropic", "http://localhost:1"), Dialect::Anthropic);
        assert_eq!(of("acme", "https://api.openai.com"), Dialect::OpenAi);
        assert_eq!(of("openai", "https://x.openai.azure.com"), Dialect::OpenAi);
    }

    #[test]
    fn every_provider_is_known_by_name() {
        for (name, dialect) in [
            ("azure.ai.openai", Dialect::Azure),
            ("aws.bedrock", Dialect::Bedrock),
            ("gcp.gemini", Dialect::Gemini),
            ("gcp.vertex_ai", Dialect::Vertex),
            ("mistral_ai", Dialect::Mistral),
            ("llama.cpp", Dialect::LlamaCpp),
            ("text-embeddings-inference", Dialect::Tei),
            ("Triton", Dialect::Triton),
            ("vLLM", Dialect::Vllm),
            ("groq", Dialect::Groq),
            ("OpenRouter", Dialect::OpenRouter),
            ("ollama", Dialect::Ollama),
        ] {
            assert_eq!(of(name, "http://10.0.0.1"), dialect, "{name}");
        }
    }

    #[test]
    fn hosts_are_known_by_their_ends() {
        for (url, dialect) in [
            ("https://api.openai.com/v1", Dialect::OpenAi),
            ("https://openai.com", Dialect::OpenAi),
            ("https://notopenai.com", Dialect::Unknown),
            ("https://me.openai.azure.com", Dialect::Azure),
            ("https://me.services.ai.azure.com", Dialect::Azure),
            (
                "https://bedrock-runtime.eu-west-1.amazonaws.com",
                Dialect::Bedrock,
            ),
            ("https://s3.eu-west-1.amazonaws.com", Dialect::Unknown),
            ("https://eu-aiplatform.googleapis.com", Dialect::Vertex),
            ("https://aiplatform.googleapis.com", Dialect::Vertex),
            (
                "https://generativelanguage.googleapis.com/v1beta",
                Dialect::Gemini,
            ),
            (
                "https://generativelanguage.googleapis.com/v1beta/openai",
                Dialect::GeminiOpenAi,
            ),
            ("https://API.GROQ.com/openai/v1", Dialect::Groq),
            ("https://api.mistral.ai", Dialect::Mistral),
            ("https://openrouter.ai/api/v1", Dialect::OpenRouter),
            ("http://localhost:11434", Dialect::Unknown),
        ] {
            assert_eq!(of("", url), dialect, "{url}");
        }
    }
}
