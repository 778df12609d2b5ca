//! What is kept of an answer while it is passed on, and how another one is joined to it: pure, without a clock.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};
use tower_ai_core::Outcome;
use tower_ai_stream::{Event, Format, Framing, Parser};

use super::cutter::{Cutter, data_of};
use super::prefill::Resume;
use super::wire::{Opened, Wire, of, put_head};

/// The largest event that is held until it is whole.
const LARGEST_EVENT: usize = 64 * 1024;

/// The most events that are held back.
const MOST_EVENTS: usize = 256;

/// The second answer is not the first one's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Diverged;

/// Reads an answer event by event, remembers its text, and joins another to it where it broke off.
pub(super) struct Splicer {
    wire: &'static dyn Wire,
    format: Format,
    limit: usize,
    cutter: Cutter,
    parser: Parser,
    /// What says whose answer it is.
    head: Map<String, Value>,
    opened: Opened,
    /// What the caller has, and in at least how many tokens.
    text: String,
    tokens: u64,
    is_spliceable: bool,
    /// What an answer that is being joined has still to say before it says anything new; `None` in the first.
    expected: Option<String>,
    is_joined: bool,
    /// Events of an answer that is being joined, which the caller gets once it is.
    ahead: Vec<Bytes>,
    /// The error that came within the answer, as it came.
    failed: Option<Outcome>,
    held: Vec<Bytes>,
    out: VecDeque<Bytes>,
}

impl Splicer {
    /// Reads an answer in this format, of which up to `limit` bytes of text are remembered. `None` for a format
    /// whose answers cannot be spliced.
    pub(super) fn new(format: Format, limit: usize) -> Option<Self> {
        Some(Self {
            wire: of(format)?,
            format,
            limit,
            cutter: Cutter::new(),
            parser: Parser::new(Framing::Sse).with_format(format),
            head: Map::new(),
            opened: Opened::default(),
            text: String::new(),
            tokens: 0,
            is_spliceable: true,
            expected: None,
            is_joined: false,
            ahead: Vec::new(),
            failed: None,
            held: Vec::new(),
            out: VecDeque::new(),
        })
    }

    /// Takes bytes of the answer.
    ///
    /// # Errors
    ///
    /// Fails if an answer that is to be joined does not say what it must.
    pub(super) fn push(&mut self, mut data: Bytes) -> Result<(), Diverged> {
        while self.is_read() {
            let Some(event) = self.cutter.next(&mut data) else {
                break;
            };
            self.take(event)?;
        }
        if self.is_read() && self.cutter.held() <= LARGEST_EVENT {
            return Ok(());
        }
        if self.expected.is_some() && self.is_read() {
            return Err(Diverged);
        }
        self.give_up_reading();
        if !data.is_empty() {
            self.out.push_back(data);
        }
        Ok(())
    }

    /// The answer has come to a good end.
    ///
    /// # Errors
    ///
    /// Fails if it did not say what it must before that.
    pub(super) fn close(&mut self) -> Result<(), Diverged> {
        if let Some(rest) = self.cutter.release() {
            self.take(rest)?;
        }
        match &self.expected {
            Some(expected) if !expected.is_empty() => Err(Diverged),
            Some(_) => {
                self.join();
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Takes what is to be passed on.
    pub(super) fn pop(&mut self) -> Option<Bytes> {
        self.out.pop_front()
    }

    /// Whether nothing waits to be passed on, or to become whole.
    pub(super) fn is_idle(&self) -> bool {
        self.out.is_empty() && self.cutter.held() == 0 && self.held.is_empty()
    }

    /// Whether another answer can be joined to what the caller has.
    pub(super) const fn is_spliceable(&self) -> bool {
        self.is_spliceable
    }

    /// Whether a word of the answer that is being joined was passed on.
    pub(super) const fn is_joined(&self) -> bool {
        self.is_joined
    }

    pub(super) const fn failed(&self) -> Option<Outcome> {
        self.failed
    }

    pub(super) fn text_len(&self) -> usize {
        self.text.len()
    }

    /// Whether the answer to this request is one text and nothing else.
    pub(super) fn allows(&self, request: &[u8]) -> bool {
        let request = serde_json::from_slice(request);
        request.is_ok_and(|request| self.wire.may_splice(&request))
    }

    /// What a target needs to go on with the text; `None` if there is none yet.
    pub(super) fn resume(&self) -> Option<Resume> {
        (!self.text.is_empty()).then(|| Resume {
            text: Arc::from(&*self.text),
            tokens: self.tokens,
        })
    }

    /// Takes the events of a failure: the error within the answer, or what never became whole.
    pub(super) fn take_failure(&mut self) -> Vec<Bytes> {
        let mut held = std::mem::take(&mut self.held);
        held.extend(self.cutter.release());
        held
    }

    /// Passes on what a failure held.
    pub(super) fn give_back(&mut self, held: Vec<Bytes>) {
        self.out.extend(held);
    }

    /// Reads another answer from its beginning, which goes on with so many bytes of the text or, of none, begins
    /// anew.
    pub(super) fn begin(&mut self, kept: usize) {
        self.cutter = Cutter::new();
        self.parser = Parser::new(Framing::Sse).with_format(self.format);
        let expected = self.text.get(kept..).unwrap_or_default();
        self.expected = Some(expected.to_owned());
        self.is_joined = false;
        self.failed = None;
        self.held.clear();
        self.ahead.clear();
    }

    /// Whether events are looked at, or bytes only passed on.
    fn is_read(&self) -> bool {
        self.is_spliceable || self.expected.is_some()
    }

    /// Nothing can be joined to this any more: the text need not be kept.
    fn give_up_reading(&mut self) {
        self.is_spliceable = false;
        self.text = String::new();
        if self.expected.is_none() {
            self.out.extend(self.held.drain(..));
            self.out.extend(self.cutter.release());
        }
    }

    fn take(&mut self, event: Bytes) -> Result<(), Diverged> {
        let mut bytes = &event[..];
        let mut kind = None;
        while let Some(found) = self.parser.push(&mut bytes) {
            kind = kind.or(Some(found));
        }
        if self.failed.is_some() {
            self.held.push(event);
            return self.check(self.held.len());
        }
        match kind {
            Some(Event::Failed(outcome)) => {
                self.failed = Some(outcome);
                self.held.push(event);
                Ok(())
            }
            // A comment, or what the caller has to make sense of.
            None => {
                self.out.push_back(event);
                Ok(())
            }
            Some(_) => match self.expected.take() {
                None => {
                    self.first(event);
                    Ok(())
                }
                Some(expected) => self.further(event, expected),
            },
        }
    }

    /// An event of the answer that began.
    fn first(&mut self, event: Bytes) {
        let data = data_of(&event);
        self.out.push_back(event);
        if data == b"[DONE]" {
            self.give_up_reading();
            return;
        }
        let read = serde_json::from_slice::<Value>(&data).ok();
        let said = read.as_ref().and_then(|event| self.wire.read(event));
        let (Some(event), Some(said)) = (read, said) else {
            self.give_up_reading();
            return;
        };
        self.wire.open(&event, &mut self.opened);
        self.note_head(&event);
        self.hear(&said.words);
        if said.closes || self.text.len() > self.limit {
            self.give_up_reading();
        }
    }

    fn note_head(&mut self, event: &Value) {
        // What comes before the beginning may say nothing of it: Azure's first event has empty names.
        if !self.opened.head || !self.head.is_empty() {
            return;
        }
        let names = self.wire.head().iter();
        let members = names.filter_map(|name| Some(((*name).to_owned(), event.get(name)?.clone())));
        self.head = members.collect();
    }

    fn hear(&mut self, words: &str) {
        self.text.push_str(words);
        self.tokens += u64::from(!words.is_empty());
    }

    /// An event of an answer that goes on with another's, of which it has still to say `expected`.
    fn further(&mut self, event: Bytes, expected: String) -> Result<(), Diverged> {
        let data = data_of(&event);
        if data == b"[DONE]" {
            if !expected.is_empty() {
                return Err(Diverged);
            }
            self.expected = Some(expected);
            self.join();
            self.out.push_back(event);
            return Ok(());
        }
        let mut event: Value = serde_json::from_slice(&data).map_err(|_| Diverged)?;
        let said = self.wire.read(&event);
        let (new, left) = match &said {
            Some(said) => after(&said.words, &expected).ok_or(Diverged)?,
            // Once it is joined, whatever comes is its own.
            None if self.is_joined => ("", ""),
            None => return Err(Diverged),
        };
        let (closes, has_words) = match &said {
            Some(said) => (said.closes, !said.words.is_empty()),
            None => (true, false),
        };
        if closes && !left.is_empty() {
            return Err(Diverged);
        }
        self.expected = Some(left.to_owned());
        if new.is_empty() && has_words && !closes {
            return Ok(());
        }
        put_head(&mut event, &self.head);
        let words = has_words.then_some(new);
        for event in self.wire.edit(event, words, self.opened) {
            self.wire.open(&event, &mut self.opened);
            self.ahead.push(self.wire.write(&event));
        }
        self.check(self.ahead.len())?;
        self.hear(new);
        if self.is_joined || closes || !new.is_empty() {
            self.join();
        }
        if closes || self.text.len() > self.limit {
            self.is_spliceable = false;
            self.text = String::new();
        }
        Ok(())
    }

    /// Holds no more than so many events, whatever the answer does.
    fn check(&mut self, held: usize) -> Result<(), Diverged> {
        if held <= MOST_EVENTS {
            return Ok(());
        }
        if self.expected.is_some() {
            return Err(Diverged);
        }
        self.give_up_reading();
        Ok(())
    }

    fn join(&mut self) {
        self.is_joined = true;
        self.out.extend(self.ahead.drain(..));
    }
}

/// What of `words` is new behind `expected`, and what is left of `expected`; `None` if they differ.
fn after<'a>(words: &'a str, expected: &'a str) -> Option<(&'a str, &'a str)> {
    match words.strip_prefix(expected) {
        Some(new) => Some((new, "")),
        None => Some(("", expected.strip_prefix(words)?)),
    }
}

#[cfg(test)]
#[path = "splicer_tests.rs"]
mod tests;
