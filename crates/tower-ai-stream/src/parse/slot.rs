//! The places in an event's JSON that matter, of all formats together.
//!
//! The keys of the formats do not clash where it counts, so one set of places serves all of them, and a format
//! need not be known before the first event is read.

/// A place in the JSON of an event.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Slot {
    /// Nothing in here matters.
    #[default]
    Skip,
    /// The event itself.
    Root,
    /// What the event calls itself: `type` (Anthropic, Responses).
    Type,
    /// What a whole answer calls itself: `object` (OpenAI).
    Object,
    /// Words of the answer: of a string that is not empty, or anything in a list or object.
    Content,
    /// Words that refuse: `refusal`.
    Refusal,
    /// The end of the answer, and why: `finish_reason`, `finishReason`, `stop_reason`, `stopReason`, `done_reason`.
    Finish,
    /// The model that answers.
    Model,
    /// The state of a whole answer: `status` (Responses).
    Status,
    /// `done` (Ollama).
    Done,

    /// `choices` (OpenAI), `candidates` (Gemini): lists of answers.
    Choices,
    Candidates,
    /// One of them, and its number.
    Choice,
    Candidate,
    Index,
    /// `choices[].delta`, `choices[].message`.
    Delta,
    /// `candidates[].content`, its `parts`, one of them.
    Parted,
    Parts,
    Part,

    /// `message`: Anthropic's beginning, Ollama's piece, or the text of an error (Responses).
    Message,
    /// `delta`: Anthropic's object, or the string of Responses.
    Piece,
    /// `response`: the whole answer (Responses), or a piece (Ollama's generate).
    Response,
    /// `incomplete_details`.
    Incomplete,
    /// `promptFeedback`, and its `blockReason`.
    Feedback,
    Block,

    /// `output[].content[].type` (Responses).
    Output,
    OutputItem,
    OutputContent,
    OutputPart,
    OutputType,

    /// An error: an object or a text.
    Error,
    /// One of its machine-readable words.
    ErrorWord,
    /// A word that is part of an error only if the event calls itself one: the `code` of Responses.
    LooseWord,
    ErrorText,
    ErrorDetails,
    ErrorDetail,
    RetryDelay,

    Usage,
    TokensIn,
    TokensOut,
}

/// The place of an object's member.
#[inline]
pub(super) fn member(of: Slot, key: &[u8]) -> Slot {
    match of {
        Slot::Skip => Slot::Skip,
        Slot::Root => root(key),
        Slot::Choice => choice(key),
        Slot::Delta | Slot::Message => message(key),
        Slot::Usage => usage(key),
        Slot::Candidate => candidate(key),
        Slot::Parted if key == b"parts" => Slot::Parts,
        Slot::Part => part(key),
        Slot::Piece => piece(key),
        Slot::Response => response(key),
        Slot::Incomplete if key == b"reason" => Slot::Finish,
        Slot::Feedback if key == b"blockReason" => Slot::Block,
        Slot::OutputItem if key == b"content" => Slot::OutputContent,
        Slot::OutputPart if key == b"type" => Slot::OutputType,
        Slot::Error => error(key),
        Slot::ErrorDetails if key == b"error_code" => Slot::ErrorWord,
        Slot::ErrorDetail => match key {
            b"retryDelay" => Slot::RetryDelay,
            b"reason" => Slot::ErrorWord,
            _ => Slot::Skip,
        },
        _ => Slot::Skip,
    }
}

/// The place of a list's element.
#[inline]
pub(super) fn element(of: Slot) -> Slot {
    match of {
        Slot::Root => Slot::Root,
        Slot::Choices => Slot::Choice,
        Slot::Candidates => Slot::Candidate,
        Slot::Parts => Slot::Part,
        Slot::ErrorDetails => Slot::ErrorDetail,
        Slot::Output => Slot::OutputItem,
        Slot::OutputContent => Slot::OutputPart,
        _ => Slot::Skip,
    }
}

fn root(key: &[u8]) -> Slot {
    match key {
        b"choices" => Slot::Choices,
        b"model" | b"modelVersion" => Slot::Model,
        b"object" => Slot::Object,
        b"type" | b"event_type" => Slot::Type,
        b"delta" => Slot::Piece,
        b"usage" | b"usageMetadata" => Slot::Usage,
        b"candidates" => Slot::Candidates,
        b"promptFeedback" => Slot::Feedback,
        b"message" => Slot::Message,
        b"response" => Slot::Response,
        b"done" => Slot::Done,
        b"error" => Slot::Error,
        b"code" => Slot::LooseWord,
        b"status" => Slot::Status,
        b"stop_reason" | b"stopReason" | b"done_reason" => Slot::Finish,
        b"incomplete_details" => Slot::Incomplete,
        b"output" => Slot::Output,
        b"partial_image_b64" => Slot::Content,
        b"prompt_eval_count" => Slot::TokensIn,
        b"eval_count" => Slot::TokensOut,
        _ => Slot::Skip,
    }
}

fn choice(key: &[u8]) -> Slot {
    match key {
        b"index" => Slot::Index,
        b"delta" | b"message" => Slot::Delta,
        b"finish_reason" => Slot::Finish,
        b"text" => Slot::Content,
        b"error" => Slot::Error,
        _ => Slot::Skip,
    }
}

fn message(key: &[u8]) -> Slot {
    match key {
        b"content" | b"tool_calls" | b"reasoning" | b"reasoning_content" | b"reasoning_details"
        | b"thinking" | b"function_call" | b"audio" | b"images" => Slot::Content,
        b"refusal" => Slot::Refusal,
        b"model" => Slot::Model,
        b"usage" => Slot::Usage,
        _ => Slot::Skip,
    }
}

fn usage(key: &[u8]) -> Slot {
    match key {
        b"prompt_tokens" | b"input_tokens" | b"inputTokens" | b"promptTokenCount" => Slot::TokensIn,
        b"completion_tokens" | b"output_tokens" | b"outputTokens" | b"candidatesTokenCount" => {
            Slot::TokensOut
        }
        _ => Slot::Skip,
    }
}

fn candidate(key: &[u8]) -> Slot {
    match key {
        b"content" => Slot::Parted,
        b"finishReason" => Slot::Finish,
        b"index" => Slot::Index,
        _ => Slot::Skip,
    }
}

/// Whatever a part is made of is content, but for what is said about it.
fn part(key: &[u8]) -> Slot {
    match key {
        b"thought" | b"thoughtSignature" | b"partMetadata" | b"videoMetadata" => Slot::Skip,
        _ => Slot::Content,
    }
}

fn piece(key: &[u8]) -> Slot {
    match key {
        b"stop_reason" => Slot::Finish,
        b"text" | b"partial_json" | b"thinking" | b"signature" | b"citation" => Slot::Content,
        _ => Slot::Skip,
    }
}

fn response(key: &[u8]) -> Slot {
    match key {
        b"error" => Slot::Error,
        b"status" => Slot::Status,
        b"model" => Slot::Model,
        b"usage" => Slot::Usage,
        b"incomplete_details" => Slot::Incomplete,
        b"output" => Slot::Output,
        _ => Slot::Skip,
    }
}

fn error(key: &[u8]) -> Slot {
    match key {
        b"type" | b"code" | b"status" => Slot::ErrorWord,
        b"message" => Slot::ErrorText,
        b"details" => Slot::ErrorDetails,
        _ => Slot::Skip,
    }
}
