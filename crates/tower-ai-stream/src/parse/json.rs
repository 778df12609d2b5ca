//! Walks through JSON as it comes, split anywhere, and tells what it passes.
//!
//! No tree, no buffer of the event and no recursion: a state, a bit for each level of nesting, and the place
//! ([`Slot`]) of the containers near the root. The grammar is checked strictly, so that a garbled event is seen
//! to be one; surrogate pairs of `\u` escapes are not.

use super::notes::Notes;
use super::scalar::{Literal, Number};
use super::slot::{Slot, element, member};
use super::text::{Short, Utf8, plain_end};

/// JSON that nests deeper is taken as malformed.
pub(super) const DEEPEST: u32 = 128;
/// Places are known to this depth; nothing that matters lies deeper.
const KNOWN: usize = 10;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// Before a value; before a value or the end of a list.
    Value,
    FirstValue,
    /// Before a key; before a key or the end of an object.
    Key,
    FirstKey,
    Colon,
    /// After a value: before a comma or an end.
    After,
    /// In a string, after a backslash, with so many hexadecimal digits to come.
    Text,
    Escape,
    Hex(u8),
    Number(Number),
    Literal(Literal, u8),
    Done,
    Bad,
}

pub(super) struct Scanner {
    pub(super) state: State,
    depth: u32,
    /// A bit a level: whether it is an object.
    objects: u128,
    /// The places of the containers near the root, and of the value that is next.
    slots: [Slot; KNOWN],
    pub(super) slot: Slot,
    is_key: bool,
    /// A string that came in pieces, as far as it is wanted.
    text: Short<96>,
    is_split: bool,
    is_empty: bool,
    utf8: Utf8,
    pub(super) number: u64,
}

impl Scanner {
    pub(super) const fn new() -> Self {
        Self {
            state: State::Value,
            depth: 0,
            objects: 0,
            slots: [Slot::Skip; KNOWN],
            slot: Slot::Root,
            is_key: false,
            text: Short::EMPTY,
            is_split: false,
            is_empty: true,
            utf8: Utf8::NEW,
            number: 0,
        }
    }

    pub(super) fn reset(&mut self) {
        (self.state, self.depth, self.objects) = (State::Value, 0, 0);
        self.slot = Slot::Root;
        self.utf8 = Utf8::NEW;
    }

    /// Whether nothing but space has been seen.
    pub(super) fn is_fresh(&self) -> bool {
        self.state == State::Value && self.depth == 0
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    pub(super) fn is_bad(&self) -> bool {
        self.state == State::Bad
    }

    /// No more bytes come: a number ends where nothing follows it.
    pub(super) fn finish(&mut self, notes: &mut Notes) {
        if let State::Number(number) = self.state {
            self.end_number(number, notes);
        }
    }

    /// Walks on; returns how many bytes were taken. Stops before a line break outside of strings, after a whole
    /// value and at what is no JSON.
    pub(super) fn run(&mut self, input: &[u8], notes: &mut Notes) -> usize {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            match self.state {
                State::Text => at = self.text(input, at, notes),
                State::Done | State::Bad => break,
                State::Escape | State::Hex(_) => {
                    self.escaped(byte);
                    at += self.taken();
                }
                State::Number(number) => {
                    if self.digit(number, byte) {
                        at += 1;
                    } else {
                        self.end_number(number, notes);
                    }
                }
                State::Literal(literal, seen) => {
                    self.letter(literal, seen, byte, notes);
                    at += self.taken();
                }
                state => match byte {
                    b'\n' | b'\r' => break,
                    b' ' | b'\t' => at += 1,
                    _ => {
                        self.structure(state, byte, notes);
                        at += 1;
                    }
                },
            }
        }
        at
    }

    /// One byte, unless it was what is no JSON: it may be a line break.
    #[inline]
    fn taken(&self) -> usize {
        usize::from(!self.is_bad())
    }

    #[inline]
    fn structure(&mut self, state: State, byte: u8, notes: &mut Notes) {
        match (state, byte) {
            (State::Colon, b':') => self.state = State::Value,
            (State::After, b',') => {
                self.state = match self.in_object() {
                    true => State::Key,
                    false => {
                        self.slot = element(self.container());
                        State::Value
                    }
                }
            }
            (State::Key | State::FirstKey, b'"') => {
                if state == State::FirstKey {
                    notes.fill(self.container());
                }
                self.begin_text(true);
            }
            (State::After | State::FirstKey, b'}') if self.in_object() => self.close(notes),
            (State::After | State::FirstValue, b']') if !self.in_object() => self.close(notes),
            (State::Value | State::FirstValue, _) => {
                if state == State::FirstValue {
                    notes.fill(self.container());
                }
                self.begin_value(byte, notes);
            }
            _ => self.state = State::Bad,
        }
    }

    #[inline]
    fn begin_value(&mut self, byte: u8, notes: &mut Notes) {
        match byte {
            b'"' => self.begin_text(false),
            b'{' | b'[' => self.open(byte == b'{', notes),
            b'-' => self.begin_number(Number::Minus, byte),
            b'0' => self.begin_number(Number::Zero, byte),
            b'1'..=b'9' => self.begin_number(Number::Whole, byte),
            b't' => self.state = State::Literal(Literal::True, 1),
            b'f' => self.state = State::Literal(Literal::False, 1),
            b'n' => self.state = State::Literal(Literal::Null, 1),
            _ => self.state = State::Bad,
        }
    }

    // === containers ===

    fn open(&mut self, is_object: bool, notes: &mut Notes) {
        if self.depth == DEEPEST {
            self.state = State::Bad;
            return;
        }
        let bit = 1 << self.depth;
        match is_object {
            true => self.objects |= bit,
            false => self.objects &= !bit,
        }
        if let Some(slot) = self.slots.get_mut(self.depth as usize) {
            *slot = self.slot;
        }
        notes.open(self.container_at(self.depth));
        self.depth += 1;
        if is_object {
            self.state = State::FirstKey;
        } else {
            self.state = State::FirstValue;
            self.slot = element(self.container());
        }
    }

    fn close(&mut self, notes: &mut Notes) {
        notes.close(self.container());
        self.depth -= 1;
        self.after_value();
    }

    #[inline]
    pub(super) fn after_value(&mut self) {
        self.state = match self.depth {
            0 => State::Done,
            _ => State::After,
        };
    }

    #[inline]
    fn in_object(&self) -> bool {
        self.depth > 0 && self.objects >> (self.depth - 1) & 1 == 1
    }

    /// The place of the innermost container.
    #[inline]
    fn container(&self) -> Slot {
        self.container_at(self.depth.wrapping_sub(1))
    }

    #[inline]
    fn container_at(&self, level: u32) -> Slot {
        self.slots.get(level as usize).copied().unwrap_or_default()
    }

    // === strings ===

    #[inline]
    fn begin_text(&mut self, is_key: bool) {
        self.is_key = is_key;
        self.is_split = false;
        self.is_empty = true;
        self.state = State::Text;
    }

    #[inline]
    fn text(&mut self, input: &[u8], from: usize, notes: &mut Notes) -> usize {
        let mut at = from;
        loop {
            if self.utf8.is_open() || input.get(at).is_some_and(|byte| *byte >= 0x80) {
                let Some(next) = self.utf8.take(input, at) else {
                    return self.garbled(at);
                };
                at = next;
            }
            at = plain_end(input, at);
            match input.get(at) {
                Some(b'"') => {
                    self.end_text(&input[from..at], notes);
                    return self.hurry(input, at + 1);
                }
                Some(0x80..) => {}
                Some(b'\\') => {
                    self.keep(&input[from..at]);
                    self.state = State::Escape;
                    return at + 1;
                }
                Some(_) => return self.garbled(at),
                None => {
                    self.keep(&input[from..at]);
                    return at;
                }
            }
        }
    }

    /// Takes what nearly always follows a string, without going round the states.
    #[inline]
    fn hurry(&mut self, input: &[u8], at: usize) -> usize {
        match (self.state, input.get(at), input.get(at + 1)) {
            (State::Colon, Some(b':'), Some(b'"')) => {
                self.begin_text(false);
                at + 2
            }
            (State::Colon, Some(b':'), _) => {
                self.state = State::Value;
                at + 1
            }
            (State::After, Some(b','), Some(b'"')) if self.in_object() => {
                self.begin_text(true);
                at + 2
            }
            _ => at,
        }
    }

    fn garbled(&mut self, at: usize) -> usize {
        self.utf8 = Utf8::default();
        self.state = State::Bad;
        at
    }

    /// Keeps a piece of a string whose end is not here.
    fn keep(&mut self, piece: &[u8]) {
        if !self.is_split {
            self.text.clear();
            self.is_split = true;
        }
        self.is_empty &= piece.is_empty();
        if self.is_key || Notes::wants_text(self.slot) {
            self.text.push(piece);
        }
    }

    #[inline]
    fn end_text(&mut self, piece: &[u8], notes: &mut Notes) {
        if self.is_split {
            self.keep(piece);
            let text = self.text;
            return self.use_text(text.as_bytes(), self.is_empty, notes);
        }
        self.use_text(piece, piece.is_empty(), notes);
    }

    #[inline]
    fn use_text(&mut self, text: &[u8], is_empty: bool, notes: &mut Notes) {
        if self.is_key {
            self.slot = member(self.container(), text);
            self.state = State::Colon;
        } else {
            notes.string(self.slot, text, is_empty);
            self.after_value();
        }
    }

    fn escaped(&mut self, byte: u8) {
        let state = match (self.state, byte) {
            (State::Escape, b'"' | b'\\' | b'/') => {
                self.keep(&[byte]);
                State::Text
            }
            (State::Escape, b'b' | b'f' | b'n' | b'r' | b't') => State::Text,
            (State::Escape, b'u') => State::Hex(4),
            (State::Hex(1), _) if byte.is_ascii_hexdigit() => State::Text,
            (State::Hex(left), _) if byte.is_ascii_hexdigit() => State::Hex(left - 1),
            _ => State::Bad,
        };
        if state == State::Text {
            self.is_empty = false;
        }
        self.state = state;
    }
}
