//! What the events of a stream are.

use tower_ai_core::Outcome;

/// What one event of a stream is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// It brings words of the answer (or a piece of a tool call, of reasoning, of an image).
    Content,
    /// It says something about the answer: a role, a ping, the usage, why the answer has ended.
    Metadata,
    /// It is an error, with what it says about the target.
    Failed(Outcome),
    /// It is the end mark of a whole answer: `[DONE]`, `message_stop`, `response.completed`, `"done":true`.
    End,
    /// It cannot be read.
    Malformed,
}

/// How the bytes of an answer are cut into events.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Framing {
    /// Server-sent events, with errors in between that are plain JSON, as Gemini sends them.
    #[default]
    Sse,
    /// One JSON value a line (Ollama).
    Lines,
    /// One JSON text: an object is a whole answer; a list of objects is a stream (Gemini without `alt=sse`).
    Json,
}

/// Whose events they are.
///
/// OpenRouter, Groq, Mistral, vLLM and most others stream as [`OpenAiChat`](Self::OpenAiChat). The formats differ
/// in their end marks, so a stream that is read as another's never ends well; by default the first event that
/// belongs to one of them decides.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Format {
    /// Anthropic's messages.
    Anthropic,
    /// Gemini's `streamGenerateContent`.
    Gemini,
    /// Ollama's own chat and generate.
    Ollama,
    /// OpenAI's chat completions and completions.
    OpenAiChat,
    /// OpenAI's responses.
    OpenAiResponses,
}

/// The tokens that an answer cost, as far as the provider said.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Usage {
    /// Tokens of the prompt.
    pub input: Option<u64>,
    /// Tokens of the answer.
    pub output: Option<u64>,
}

/// How an answer ended, as far as its bytes tell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Close {
    /// Whole.
    Good,
    /// Without an end mark, or within an event.
    Truncated,
    /// With an error.
    Failed(Outcome),
}
