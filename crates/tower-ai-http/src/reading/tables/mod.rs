//! The tables: one for each provider, and one for all.
//!
//! What stands in them is shown in the docs of [`providers`](crate::providers).

mod anthropic;
mod azure;
mod bedrock;
mod common;
mod gemini;
mod groq;
mod llamacpp;
mod mistral;
mod ollama;
mod openai;
mod openrouter;
mod tei;
mod triton;
mod vertex;
mod vllm;

use super::row::Row;
use crate::Dialect;

type Table = &'static [Row];

/// The provider's own rows, and those that it takes over from another.
pub(super) const fn of(dialect: Dialect) -> &'static [Table] {
    match dialect {
        Dialect::Anthropic => &[anthropic::ROWS],
        Dialect::Azure => &[azure::ROWS, openai::ROWS],
        Dialect::Bedrock => &[bedrock::ROWS],
        Dialect::Gemini | Dialect::GeminiOpenAi => &[gemini::ROWS],
        Dialect::Groq => &[groq::ROWS],
        Dialect::LlamaCpp => &[llamacpp::ROWS],
        Dialect::Mistral => &[mistral::ROWS],
        Dialect::Ollama => &[ollama::ROWS],
        Dialect::OpenAi => &[openai::ROWS],
        Dialect::OpenRouter => &[openrouter::ROWS],
        Dialect::Tei => &[tei::ROWS],
        Dialect::Triton => &[triton::ROWS],
        Dialect::Unknown => &[],
        // Claude on Vertex says what Claude says elsewhere.
        Dialect::Vertex => &[vertex::ROWS, anthropic::ROWS, gemini::ROWS],
        Dialect::Vllm => &[vllm::ROWS],
    }
}

/// What most providers mean by a status: read after the provider's own.
pub(super) const COMMON: Table = common::ROWS;

/// All providers' rows. For a provider that nobody named, those count that look at words or the shape of a body.
pub(super) const ALL: &[Table] = &[
    openai::ROWS,
    anthropic::ROWS,
    gemini::ROWS,
    azure::ROWS,
    bedrock::ROWS,
    groq::ROWS,
    llamacpp::ROWS,
    mistral::ROWS,
    ollama::ROWS,
    openrouter::ROWS,
    tei::ROWS,
    triton::ROWS,
    vertex::ROWS,
    vllm::ROWS,
];
