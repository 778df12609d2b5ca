//! Reads the events of a stream as its bytes come.

mod frame;
mod json;
mod judge;
mod notes;
mod scalar;
mod slot;
mod sse;
mod text;
mod words;

use std::fmt;

use tower_ai_core::Outcome;

use self::json::Scanner;
use self::notes::{Kind, Notes};
use self::text::Short;
use crate::{Close, Event, Finish, Format, Framing, Usage};

/// The name of a model, held in place.
#[derive(Clone, Copy)]
pub(crate) struct Model(Short<96>);

impl Model {
    const NONE: Self = Self(Short::EMPTY);

    fn name(&mut self, name: &[u8]) {
        if self.0.is_empty() {
            self.0.push(name);
        }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        Some(self.0.as_str()).filter(|model| !model.is_empty())
    }
}

impl Default for Model {
    fn default() -> Self {
        Self::NONE
    }
}

/// Reads the events of a streamed answer as its bytes come, split anywhere.
///
/// The parser only looks: it takes no byte away, holds no event and allocates nothing. Its memory is the same
/// for an event of a hundred bytes and of a hundred megabytes (less than 1 KiB), so no event is too large for it; JSON
/// that nests deeper than 128 levels is malformed. What it understands is checked against the grammar of JSON and
/// against UTF-8, so that a garbled event is known to be one.
///
/// # Examples
///
/// ```
/// use tower_ai_stream::{Close, Event, Framing, Parser};
///
/// let mut parser = Parser::new(Framing::Sse);
/// let mut events = Vec::new();
/// for mut piece in [
///     &b"data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\nda"[..],
///     b"ta: {\"choices\":[{\"delta\":{\"content\":\"Hel",
///     b"lo\"}}]}\n\ndata: [DONE]\n\n",
/// ] {
///     while let Some(event) = parser.push(&mut piece) {
///         events.push(event);
///     }
/// }
/// assert_eq!(events, [Event::Metadata, Event::Content, Event::End]);
/// assert_eq!(parser.close(), Close::Good);
/// ```
///
/// With the format said instead of found out, another's end mark ends nothing:
///
/// ```
/// use tower_ai_stream::{Close, Format, Framing, Parser};
///
/// let mut parser = Parser::new(Framing::Sse).with_format(Format::Anthropic);
/// let mut piece = &b"data: [DONE]\n\n"[..];
/// while parser.push(&mut piece).is_some() {}
/// assert_eq!(parser.close(), Close::Truncated);
/// ```
pub struct Parser {
    place: Place,
    framing: Framing,
    scanner: Scanner,
    notes: Notes,
    /// How many bytes were taken, and how many when the last event ended.
    offset: u64,
    boundary: u64,
    /// The name of the event; of the field.
    name: Short<40>,
    field: Short<8>,
    after_cr: bool,
    /// Whether the event has data; that is `[DONE]`; that cannot be read.
    has_data: bool,
    is_mark: bool,
    is_bad: bool,
    /// Whether there was an event before.
    has_begun: bool,
    has_ended: bool,
    failed: Option<Outcome>,
    /// A JSON text that is a list; whether one of its elements went by since the last comma.
    in_list: bool,
    has_element: bool,
}

/// Where in the framing the next byte stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// The byte order mark, so much of it seen.
    Bom(u8),
    /// At the beginning of a line; in the name of a field; before, and in, its value.
    Line,
    Field,
    Space,
    Data,
    /// In `[DONE]`, so much of it seen.
    Mark(u8),
    NameSpace,
    Name,
    /// In a line that says nothing, or cannot be read.
    Rest,
    /// In JSON between the lines of a stream of server-sent events.
    Unframed,

    /// Between JSON values; in one; in a line that cannot be read.
    Between,
    Value,
    BadLine,
    /// After the end, or after what nothing can be read behind.
    Over,
    Lost,
}

impl Parser {
    /// Reads a stream in this framing, of whatever format its events turn out to be.
    #[must_use]
    pub const fn new(framing: Framing) -> Self {
        Self {
            place: Place::Bom(0),
            framing,
            scanner: Scanner::new(),
            notes: Notes::new(None),
            offset: 0,
            boundary: 0,
            name: Short::EMPTY,
            field: Short::EMPTY,
            after_cr: false,
            has_data: false,
            is_mark: false,
            is_bad: false,
            has_begun: false,
            has_ended: false,
            failed: None,
            in_list: false,
            has_element: false,
        }
    }

    /// Says whose events they are.
    #[must_use]
    pub const fn with_format(mut self, format: Format) -> Self {
        self.notes.format = Some(format);
        self
    }

    /// Takes bytes up to the end of the next event and returns that; `None` once the input is used up.
    ///
    /// After [`Event::End`] all further bytes are taken unread.
    pub fn push(&mut self, input: &mut &[u8]) -> Option<Event> {
        while !input.is_empty() {
            let (taken, event) = self.step(input);
            self.offset += taken as u64;
            *input = input.get(taken..).unwrap_or_default();
            if let Some(event) = event {
                self.boundary = self.offset;
                self.has_begun = true;
                match event {
                    Event::End => self.has_ended = true,
                    Event::Failed(outcome) => self.failed = self.failed.or(Some(outcome)),
                    _ => {}
                }
                return Some(event);
            }
        }
        None
    }

    /// Says that no more bytes come, and learns how the stream ended.
    ///
    /// An event whose closing line is missing counts only where it brings no words, because a reader that keeps
    /// to the standard drops it.
    pub fn close(&mut self) -> Close {
        if let Some(outcome) = self.failed {
            return Close::Failed(outcome);
        }
        if self.has_ended {
            return Close::Good;
        }
        match self.pending() {
            Some(Event::Failed(outcome)) => return Close::Failed(outcome),
            Some(Event::End) => {
                self.has_ended = true;
                return Close::Good;
            }
            Some(Event::Malformed) => return Close::Truncated,
            Some(Event::Content) if self.framing == Framing::Sse => return Close::Truncated,
            Some(Event::Content | Event::Metadata) | None => {}
        }
        match self.is_finished() {
            true => Close::Good,
            false => Close::Truncated,
        }
    }

    /// Whether the answer is whole as far as its words go: the end mark was seen, or a reason to end for each of
    /// its choices. More may come (the usage), but the end of the bytes would be a good end.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.has_ended || (self.notes.marks.is_finished() && !self.in_list)
    }

    /// Whether the end mark was seen.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Whether words came after a reason to end, as from servers that give one with every event: then
    /// [`is_finished`](Self::is_finished) is believed only at the end of the bytes.
    #[must_use]
    pub fn is_finish_loose(&self) -> bool {
        self.notes.marks.are_loose || self.notes.format == Some(Format::Gemini)
    }

    /// Why the answer ended, as far as it was said.
    #[must_use]
    pub fn finish(&self) -> Option<Finish> {
        self.notes.finish
    }

    /// What the reason to end says of the answer: [`Outcome::Refused`] by a safety policy,
    /// [`Outcome::TooLong`] by a full context window, else [`Outcome::Success`].
    #[must_use]
    pub fn verdict(&self) -> Outcome {
        self.finish().map_or(Outcome::Success, Finish::outcome)
    }

    /// Whose events they are, as said or as found out.
    #[must_use]
    pub fn format(&self) -> Option<Format> {
        self.notes.format
    }

    /// The model that answers, as far as it was said; its first 96 bytes.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.notes.model.as_str()
    }

    pub(crate) fn model_held(&self) -> Model {
        self.notes.model
    }

    /// The tokens that the answer cost, as last said.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.notes.usage
    }

    /// How many bytes were taken.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes were taken when the last event ended: the next one begins there.
    #[must_use]
    pub fn boundary(&self) -> u64 {
        self.boundary
    }

    /// Takes at least one byte, or moves to another place.
    fn step(&mut self, input: &[u8]) -> (usize, Option<Event>) {
        if self.has_ended {
            return (input.len(), None);
        }
        match self.place {
            Place::Bom(seen) => (self.bom(seen, input), None),
            Place::Line => self.line(input),
            Place::Field => self.field(input),
            Place::Space | Place::NameSpace => (self.space(input), None),
            Place::Data => self.data(input),
            Place::Mark(seen) => self.mark(seen, input),
            Place::Name => self.event_name(input),
            Place::Rest => self.rest(input),
            Place::Unframed => self.unframed(input),
            Place::Between => self.between(input),
            Place::Value => self.value(input),
            Place::BadLine => self.bad_line(input),
            Place::Over => self.over(input),
            Place::Lost => (input.len(), None),
        }
    }

    fn bom(&mut self, seen: u8, input: &[u8]) -> usize {
        const BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];
        if BOM.get(usize::from(seen)) == input.first() {
            self.place = Place::Bom(seen + 1);
            return 1;
        }
        // A mark that breaks off spoils what follows: it is left to the lines, which know no such field.
        self.place = match self.framing {
            Framing::Sse => Place::Line,
            Framing::Lines | Framing::Json => Place::Between,
        };
        0
    }

    /// The event that is whole but for what closes it; `Malformed` if it is not whole.
    fn pending(&mut self) -> Option<Event> {
        match self.place {
            Place::Bom(_) | Place::Between | Place::Over | Place::Lost => {
                return self.pending_list();
            }
            Place::Value => {
                self.scanner.finish(&mut self.notes);
                return match self.scanner.is_done() {
                    true => Some(self.judge_value()),
                    false => Some(Event::Malformed),
                };
            }
            Place::BadLine | Place::Unframed => return Some(Event::Malformed),
            Place::Field | Place::Space | Place::Name | Place::NameSpace => {
                return Some(Event::Malformed);
            }
            Place::Line | Place::Data | Place::Mark(_) | Place::Rest => {}
        }
        self.scanner.finish(&mut self.notes);
        self.judge_frame()
    }

    fn pending_list(&self) -> Option<Event> {
        let is_open = self.in_list && self.place != Place::Over;
        (is_open || self.place == Place::Lost).then_some(Event::Malformed)
    }

    /// Whether the name of the event says that it is an error.
    fn kind(&self) -> Kind {
        match self.name.is_empty() {
            true => Kind::Unnamed,
            false => Kind::of(self.name.as_bytes()),
        }
    }
}

const _: () = assert!(size_of::<Parser>() < 1024, "as its docs say");

/// Shows no text of the stream.
impl fmt::Debug for Parser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parser")
            .field("framing", &self.framing)
            .field("format", &self.format())
            .field("offset", &self.offset)
            .field("is_finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}
