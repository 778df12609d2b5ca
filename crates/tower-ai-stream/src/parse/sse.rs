//! The framing of server-sent events.

use memchr::memchr2;

use super::{Kind, Parser, Place};
use crate::{Event, Format};

const MARK: &[u8; 6] = b"[DONE]";

type Step = (usize, Option<Event>);

impl Parser {
    /// At the beginning of a line.
    pub(super) fn line(&mut self, input: &[u8]) -> Step {
        let after_cr = std::mem::take(&mut self.after_cr);
        match input.first() {
            Some(b'\n') if after_cr => return (1, None),
            Some(byte @ (b'\n' | b'\r')) => {
                self.after_cr = *byte == b'\r';
                return (1, self.dispatch());
            }
            Some(b'{' | b'[') if !self.has_data => return (self.begin_unframed(), None),
            Some(b':') => self.place = Place::Rest,
            _ if input.starts_with(b"data:") => {
                self.place = Place::Space;
                return (5, None);
            }
            _ => {
                self.field.clear();
                self.place = Place::Field;
            }
        }
        (0, None)
    }

    /// In the name of a field.
    pub(super) fn field(&mut self, input: &[u8]) -> Step {
        let end = input
            .iter()
            .position(|byte| matches!(byte, b':' | b'\n' | b'\r'));
        let name = input.get(..end.unwrap_or(input.len())).unwrap_or_default();
        self.field.push(name);
        let Some(end) = end else {
            return (input.len(), None);
        };
        let has_value = input.get(end) == Some(&b':');
        let place = match self.field.as_bytes() {
            b"data" => Place::Space,
            b"event" => {
                self.name.clear();
                Place::NameSpace
            }
            // No field of the standard; llama.cpp says it so.
            b"error" => {
                self.name.clear();
                self.name.push(b"error");
                Place::Space
            }
            _ => Place::Rest,
        };
        self.place = if has_value { place } else { Place::Rest };
        (end + usize::from(has_value), None)
    }

    /// Before the value of a field: one space does not belong to it.
    pub(super) fn space(&mut self, input: &[u8]) -> usize {
        let is_space = usize::from(input.first() == Some(&b' '));
        if self.place == Place::NameSpace {
            self.place = Place::Name;
            return is_space;
        }
        if !self.has_data {
            self.has_data = true;
            self.scanner.reset();
            self.notes.begin_event();
        }
        self.place = Place::Data;
        is_space
    }

    pub(super) fn event_name(&mut self, input: &[u8]) -> Step {
        let end = memchr2(b'\n', b'\r', input);
        let name = input.get(..end.unwrap_or(input.len())).unwrap_or_default();
        self.name.push(name);
        match end {
            Some(end) => (self.end_line(input, end), None),
            None => (input.len(), None),
        }
    }

    /// In a line of data.
    pub(super) fn data(&mut self, input: &[u8]) -> Step {
        if input.first() == Some(&b'[') && self.scanner.is_fresh() {
            self.place = Place::Mark(1);
            return (1, None);
        }
        let end = self.scanner.run(input, &mut self.notes);
        match input.get(end) {
            None => (end, None),
            Some(b'\n' | b'\r') if !self.scanner.is_bad() => (self.end_line(input, end), None),
            Some(b' ' | b'\t') if self.scanner.is_done() => (end + 1, None),
            Some(_) => {
                self.is_bad = true;
                self.place = Place::Rest;
                (end, None)
            }
        }
    }

    /// In what may be `[DONE]`.
    pub(super) fn mark(&mut self, seen: u8, input: &[u8]) -> Step {
        let Some(&byte) = input.first() else {
            return (0, None);
        };
        if MARK.get(usize::from(seen)) == Some(&byte) {
            self.place = Place::Mark(seen + 1);
            self.is_mark = usize::from(seen) + 1 == MARK.len();
            return (1, None);
        }
        if seen == 1 {
            // A list, then.
            self.place = Place::Data;
            self.scanner.run(b"[", &mut self.notes);
            return (0, None);
        }
        match byte {
            b' ' | b'\t' if self.is_mark => return (1, None),
            b'\n' | b'\r' if self.is_mark => return (self.end_line(input, 0), None),
            _ => {}
        }
        self.is_bad = true;
        self.place = Place::Rest;
        (0, None)
    }

    /// In a line that says nothing.
    pub(super) fn rest(&mut self, input: &[u8]) -> Step {
        match memchr2(b'\n', b'\r', input) {
            Some(end) => (self.end_line(input, end), None),
            None => (input.len(), None),
        }
    }

    /// Takes the line break that stands there; returns how many bytes that makes.
    fn end_line(&mut self, input: &[u8], end: usize) -> usize {
        self.place = Place::Line;
        self.after_cr = input.get(end) == Some(&b'\r');
        end + 1
    }

    /// An empty line ends the event.
    fn dispatch(&mut self) -> Option<Event> {
        let event = self.judge_frame();
        self.has_data = false;
        self.is_mark = false;
        self.is_bad = false;
        self.name.clear();
        event
    }

    /// What the event is whose lines went by; `None` without data.
    pub(super) fn judge_frame(&mut self) -> Option<Event> {
        if !self.has_data {
            return None;
        }
        if self.is_mark && !self.is_bad {
            let ours = matches!(self.notes.format, None | Some(Format::OpenAiChat));
            return Some(if ours { Event::End } else { Event::Metadata });
        }
        if self.scanner.is_fresh() && !self.is_bad {
            return None;
        }
        let kind = self.kind();
        match self.scanner.is_done() && !self.is_bad {
            true => Some(self.notes.judge(kind)),
            false if kind == Kind::Error => Some(Event::Failed(tower_ai_core::Outcome::Fault)),
            false => Some(Event::Malformed),
        }
    }

    // === JSON between the lines ===

    fn begin_unframed(&mut self) -> usize {
        self.scanner.reset();
        self.notes.begin_event();
        self.place = match self.has_begun {
            true => Place::Unframed,
            // The whole answer is JSON, whatever its head said.
            false => Place::Between,
        };
        0
    }

    pub(super) fn unframed(&mut self, input: &[u8]) -> Step {
        let end = self.scanner.run(input, &mut self.notes);
        if self.scanner.is_done() {
            self.place = Place::Rest;
            let event = match self.notes.judge(Kind::Unnamed) {
                failed @ Event::Failed(_) => failed,
                _ => Event::Malformed,
            };
            return (end, Some(event));
        }
        if self.scanner.is_bad() {
            self.place = Place::Rest;
            return (end, Some(Event::Malformed));
        }
        // A line break is space here.
        (input.len().min(end + 1), None)
    }
}
