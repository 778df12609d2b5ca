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

/// Why a whole answer ended, by its provider's own word; of several words, the one that stands last here.
///
/// | | OpenAI chat | Responses | Anthropic | Gemini | Bedrock | Ollama |
/// |---|---|---|---|---|---|---|
/// | [`Done`](Self::Done) | `stop`, `tool_calls` | `completed` | `end_turn`, `tool_use`, … | `STOP` | `end_turn`, … | `stop` |
/// | [`Length`](Self::Length) | `length` | `max_output_tokens` | `max_tokens` | `MAX_TOKENS` | `max_tokens` | `length` |
/// | [`Window`](Self::Window) | | | `model_context_window_exceeded` | | the same | |
/// | [`Refused`](Self::Refused) | `content_filter`, a `refusal` | `content_filter`, a `refusal` | `refusal` | `SAFETY`, `RECITATION`, …, any `blockReason` | `guardrail_intervened`, `content_filtered` | |
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Finish {
    /// Nothing more was to be said, or a tool is to be called.
    Done,
    /// As many tokens as an answer may have: it is cut off, as was asked for.
    Length,
    /// The context window is full: a larger one would have gone on.
    Window,
    /// A safety policy, of the provider or of the model itself.
    Refused,
}

impl Finish {
    /// What it says about the target: [`Outcome::TooLong`] of a full window, [`Outcome::Refused`], else
    /// [`Outcome::Success`].
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Done | Self::Length => Outcome::Success,
            Self::Window => Outcome::TooLong,
            Self::Refused => Outcome::Refused,
        }
    }

    /// The reason's name in lower case, as it stands in logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Length => "length",
            Self::Window => "window",
            Self::Refused => "refused",
        }
    }
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
