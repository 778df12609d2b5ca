//! The framing of JSON values: one a line, or in a list.

use memchr::memchr;

use super::{Kind, Parser, Place};
use crate::{Event, Framing};

type Step = (usize, Option<Event>);

impl Parser {
    /// Between values.
    pub(super) fn between(&mut self, input: &[u8]) -> Step {
        match input.first() {
            None | Some(b' ' | b'\t' | b'\n' | b'\r') => (1, None),
            Some(b'[') if !self.has_begun && !self.in_list => {
                self.in_list = true;
                (1, None)
            }
            Some(b',') if self.in_list && self.has_element => {
                self.has_element = false;
                (1, None)
            }
            Some(b']') if self.in_list && (self.has_element || !self.has_begun) => self.end_list(),
            Some(_) if self.in_list && self.has_element => self.lose(),
            Some(_) => {
                self.begin_value();
                (0, None)
            }
        }
    }

    fn begin_value(&mut self) {
        self.scanner.reset();
        self.notes.begin_event();
        if self.framing == Framing::Json && self.has_begun && !self.in_list {
            // More than one value: they are a stream, whatever its head said.
            self.framing = Framing::Lines;
            self.notes.marks = super::notes::Marks::NONE;
            self.notes.begin_event();
        }
        self.place = Place::Value;
    }

    /// In a value.
    pub(super) fn value(&mut self, input: &[u8]) -> Step {
        let end = self.scanner.run(input, &mut self.notes);
        if self.scanner.is_done() {
            self.place = Place::Between;
            self.has_element = true;
            return (end, Some(self.judge_value()));
        }
        let Some(&byte) = input.get(end) else {
            return (end, None);
        };
        let is_break = matches!(byte, b'\n' | b'\r') && !self.scanner.is_bad();
        match self.framing {
            // A value does not go over the end of its line.
            Framing::Lines => {
                self.place = Place::BadLine;
                (end, None)
            }
            _ if is_break => (end + 1, None),
            _ => self.lose(),
        }
    }

    pub(super) fn bad_line(&mut self, input: &[u8]) -> Step {
        match memchr(b'\n', input) {
            Some(end) => {
                self.place = Place::Between;
                (end + 1, Some(Event::Malformed))
            }
            None => (input.len(), None),
        }
    }

    /// After the end of a list: nothing but space.
    pub(super) fn over(&mut self, input: &[u8]) -> Step {
        match input.first() {
            Some(b' ' | b'\t' | b'\n' | b'\r') | None => (1, None),
            Some(_) => self.lose(),
        }
    }

    /// Nothing can be read from here on.
    fn lose(&mut self) -> Step {
        self.place = Place::Lost;
        (1, Some(Event::Malformed))
    }

    /// A list that knows no end mark of its own is whole where it is closed.
    fn end_list(&mut self) -> Step {
        self.place = Place::Over;
        let is_whole = self.notes.format.is_none() || self.notes.marks.is_finished();
        (1, (is_whole && self.failed.is_none()).then_some(Event::End))
    }

    pub(super) fn judge_value(&mut self) -> Event {
        match self.framing {
            Framing::Json if !self.in_list => self.notes.judge_whole(),
            _ => self.notes.judge(Kind::Unnamed),
        }
    }
}
