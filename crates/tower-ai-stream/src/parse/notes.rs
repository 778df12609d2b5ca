//! What is noted while the JSON of an event goes by.

use std::time::Duration;

use super::Model;
use super::slot::Slot;
use super::words;
use crate::{Finish, Format, Usage};

/// What is known of a stream, and of the event that goes by.
#[derive(Clone, Copy)]
pub(super) struct Notes {
    /// Whose events they are, once known.
    pub(super) format: Option<Format>,
    pub(super) model: Model,
    pub(super) usage: Usage,
    pub(super) marks: Marks,
    /// Why the answer ended.
    pub(super) finish: Option<Finish>,
    pub(super) draft: Draft,
}

impl Notes {
    pub(super) const fn new(format: Option<Format>) -> Self {
        Self {
            format,
            model: Model::NONE,
            usage: Usage {
                input: None,
                output: None,
            },
            marks: Marks::NONE,
            finish: None,
            draft: Draft::EMPTY,
        }
    }
}

/// Which of the answers of a stream (`n` of them) have begun and ended, a bit each.
#[derive(Clone, Copy)]
pub(super) struct Marks {
    open: u64,
    finished: u64,
    /// Whether words came after a reason to end: then the reason ends nothing.
    pub(super) are_loose: bool,
}

impl Marks {
    pub(super) const NONE: Self = Self {
        open: 0,
        finished: 0,
        are_loose: false,
    };

    pub(super) fn is_finished(self) -> bool {
        self.open == 0 && self.finished != 0
    }

    pub(super) fn finish_all(&mut self) {
        (self.open, self.finished) = (0, 1);
    }

    /// Notes a piece of one answer.
    fn note(&mut self, index: u64, has_content: bool, is_end: bool) {
        let bit = 1 << index.min(63);
        let was_finished = self.finished & bit != 0;
        self.are_loose |= was_finished && has_content;
        if is_end {
            self.open &= !bit;
            self.finished |= bit;
        } else if has_content || !was_finished {
            self.open |= bit;
            self.finished &= !bit;
        }
    }
}

/// What is known of one event.
#[derive(Clone, Copy)]
pub(super) struct Draft {
    pub(super) kind: Kind,
    /// Whose event it is, by its keys.
    pub(super) shape: Option<Format>,
    pub(super) has_content: bool,
    pub(super) has_error: bool,
    /// `"object":"error"` (vLLM, Mistral).
    pub(super) is_error_object: bool,
    pub(super) is_done: bool,
    /// A whole answer that says it failed.
    pub(super) has_failed: bool,
    /// A whole answer that is no answer of a model, but for example a job.
    pub(super) is_foreign: bool,
    pub(super) reason: Option<Reason>,
    /// Whether words of it are a refusal.
    pub(super) is_refusal: bool,
    pub(super) rank: Option<u8>,
    /// The rank of words that count only if the event calls itself an error.
    pub(super) loose_rank: Option<u8>,
    pub(super) wait: Option<Duration>,
    /// The marks of the stream with those of this event, which count once it is whole.
    pub(super) marks: Marks,
    /// The number of the answer that goes by, and whether the event had content before it.
    index: u64,
    had_content: bool,
}

impl Draft {
    /// Why the answer ended, as far as this event says.
    pub(super) fn finish(&self) -> Option<Finish> {
        let refusal = self.is_refusal.then_some(Finish::Refused);
        refusal.max(self.reason.and_then(Reason::finish))
    }

    const EMPTY: Self = Self {
        kind: Kind::Unnamed,
        shape: None,
        has_content: false,
        has_error: false,
        is_error_object: false,
        is_done: false,
        has_failed: false,
        is_foreign: false,
        reason: None,
        is_refusal: false,
        rank: None,
        loose_rank: None,
        wait: None,
        marks: Marks::NONE,
        index: 0,
        had_content: false,
    };
}

/// A reason to end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reason {
    End(Finish),
    Failed,
}

impl Reason {
    fn of(reason: &[u8]) -> Self {
        Self::End(match reason {
            b"content_filter"
            | b"content_filtered"
            | b"guardrail_intervened"
            | b"refusal"
            | b"SAFETY"
            | b"RECITATION"
            | b"BLOCKLIST"
            | b"PROHIBITED_CONTENT"
            | b"SPII"
            | b"IMAGE_SAFETY"
            | b"IMAGE_PROHIBITED_CONTENT"
            | b"IMAGE_RECITATION" => Finish::Refused,
            b"model_context_window_exceeded" => Finish::Window,
            b"length" | b"max_tokens" | b"max_output_tokens" | b"MAX_TOKENS" => Finish::Length,
            b"error" => return Self::Failed,
            _ => Finish::Done,
        })
    }

    const fn finish(self) -> Option<Finish> {
        match self {
            Self::End(finish) => Some(finish),
            Self::Failed => None,
        }
    }
}

/// What an event calls itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Unnamed,
    /// A name that says nothing.
    Other,
    Error,
    /// Anthropic's.
    BlockDelta,
    MessageStop,
    Message,
    /// Those of Responses.
    ResponseDelta,
    ResponseEnd,
    ResponseFailed,
    Response,
}

impl Kind {
    pub(super) fn of(name: &[u8]) -> Self {
        match name {
            b"content_block_delta" => Self::BlockDelta,
            b"message_stop" => Self::MessageStop,
            b"message_start"
            | b"content_block_start"
            | b"content_block_stop"
            | b"message_delta" => Self::Message,
            b"error" => Self::Error,
            b"response.completed" | b"response.incomplete" => Self::ResponseEnd,
            b"response.failed" | b"response.cancelled" => Self::ResponseFailed,
            _ if name.starts_with(b"response.") => {
                match name.ends_with(b".delta") || name.ends_with(b".partial_image") {
                    true => Self::ResponseDelta,
                    false => Self::Response,
                }
            }
            _ => Self::Other,
        }
    }

    pub(super) fn format(self) -> Option<Format> {
        match self {
            Self::BlockDelta | Self::MessageStop | Self::Message => Some(Format::Anthropic),
            Self::ResponseDelta | Self::ResponseEnd | Self::ResponseFailed | Self::Response => {
                Some(Format::OpenAiResponses)
            }
            Self::Unnamed | Self::Other | Self::Error => None,
        }
    }
}

/// What the scanner tells.
impl Notes {
    pub(super) fn begin_event(&mut self) {
        self.draft = Draft {
            marks: self.marks,
            ..Draft::EMPTY
        };
    }

    /// Whether the text of a string in this place is wanted, or only whether there is any.
    #[inline]
    pub(super) fn wants_text(slot: Slot) -> bool {
        !matches!(slot, Slot::Skip | Slot::Content | Slot::Refusal)
    }

    /// A list or object begins.
    #[inline]
    pub(super) fn open(&mut self, slot: Slot) {
        let draft = &mut self.draft;
        match slot {
            Slot::Choices => draft.shape = Some(Format::OpenAiChat),
            Slot::Candidates | Slot::Feedback => draft.shape = Some(Format::Gemini),
            Slot::Choice | Slot::Candidate => {
                draft.had_content = std::mem::take(&mut draft.has_content);
                (draft.index, draft.reason) = (0, None);
            }
            _ => {}
        }
    }

    /// A list or object is not empty.
    #[inline]
    pub(super) fn fill(&mut self, slot: Slot) {
        match slot {
            Slot::Content => self.draft.has_content = true,
            Slot::Error => self.draft.has_error = true,
            _ => {}
        }
    }

    /// A list or object ends.
    #[inline]
    pub(super) fn close(&mut self, slot: Slot) {
        if !matches!(slot, Slot::Choice | Slot::Candidate) {
            return;
        }
        let draft = &mut self.draft;
        let reason = draft.reason.take();
        draft.has_failed |= reason == Some(Reason::Failed);
        if self.format.is_none() || self.format == draft.shape {
            let is_end = reason.is_some();
            draft.marks.note(draft.index, draft.has_content, is_end);
            self.finish = self.finish.max(reason.and_then(Reason::finish));
        }
        draft.has_content |= draft.had_content;
    }

    /// A string is whole: its text if that is wanted and not too long, and whether it is empty.
    #[inline]
    pub(super) fn string(&mut self, slot: Slot, text: &[u8], is_empty: bool) {
        match slot {
            Slot::Skip => {}
            Slot::Content | Slot::Response | Slot::Piece => self.draft.has_content |= !is_empty,
            Slot::Refusal => {
                self.draft.has_content |= !is_empty;
                self.draft.is_refusal |= !is_empty;
            }
            _ if is_empty => {}
            _ => self.word(slot, text),
        }
    }

    fn word(&mut self, slot: Slot, text: &[u8]) {
        let draft = &mut self.draft;
        match slot {
            Slot::Type => {
                draft.kind = Kind::of(text);
                draft.is_refusal |= text.starts_with(b"response.refusal.");
                draft.loose_rank = least(draft.loose_rank, words::rank(text));
            }
            Slot::Finish => draft.reason = Some(Reason::of(text)),
            Slot::Block if text != b"BLOCK_REASON_UNSPECIFIED" => {
                draft.reason = Some(Reason::End(Finish::Refused));
            }
            Slot::OutputType => draft.is_refusal |= text == b"refusal",
            Slot::Model => self.model.name(text),
            Slot::Object => {
                let ours = [
                    &b"chat.completion"[..],
                    b"text_completion",
                    b"response",
                    b"error",
                ];
                draft.is_error_object = text == b"error";
                draft.is_foreign = !ours.iter().any(|ours| text.starts_with(ours));
            }
            Slot::Status => draft.has_failed |= matches!(text, b"failed" | b"cancelled"),
            Slot::Error => {
                draft.has_error = true;
                draft.rank = least(draft.rank, words::rank(text));
            }
            Slot::ErrorWord => draft.rank = least(draft.rank, words::rank(text)),
            Slot::ErrorText => draft.rank = least(draft.rank, words::rank_of_text(text)),
            Slot::LooseWord => draft.loose_rank = least(draft.loose_rank, words::rank(text)),
            Slot::RetryDelay => draft.wait = draft.wait.or(seconds(text)),
            _ => {}
        }
    }

    #[inline]
    pub(super) fn number(&mut self, slot: Slot, number: u64) {
        let draft = &mut self.draft;
        match slot {
            Slot::Index => draft.index = number,
            Slot::TokensIn => self.usage.input = Some(number),
            Slot::TokensOut => self.usage.output = Some(number),
            Slot::ErrorWord => draft.rank = least(draft.rank, words::rank_of_number(number)),
            Slot::LooseWord => {
                draft.loose_rank = least(draft.loose_rank, words::rank_of_number(number));
            }
            _ => {}
        }
    }

    #[inline]
    pub(super) fn boolean(&mut self, slot: Slot, value: bool) {
        if slot == Slot::Done {
            self.draft.is_done = value;
            self.draft.shape = self.draft.shape.or(Some(Format::Ollama));
        }
    }
}

pub(super) fn least(a: Option<u8>, b: Option<u8>) -> Option<u8> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Reads `34s` and `34.07s`.
fn seconds(text: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(text).ok()?;
    let seconds = text.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}
