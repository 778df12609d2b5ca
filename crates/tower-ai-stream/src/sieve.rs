//! Leaves malformed events out of what is passed on, where the application chose so.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;

use crate::Malformed;

/// Takes the data of an answer, frame by frame, and gives it back without what is to be left out.
///
/// Where events may be left out, the bytes of an event are held back until it is whole (or larger than the limit:
/// then it is passed on, and cannot be left out any more). Bytes are shared, not copied.
#[derive(Debug)]
pub(crate) struct Sieve {
    malformed: Malformed,
    limit: usize,
    /// Parts of this frame that go.
    out: Vec<Range<usize>>,
    /// What is held back of an event that is not whole yet.
    back: VecDeque<Bytes>,
    held: usize,
    /// Whether a part of the event is passed on already.
    has_leaked: bool,
    /// What is passed on.
    pieces: VecDeque<Bytes>,
    skipped: u32,
    ends_in_cr: bool,
}

impl Sieve {
    pub(crate) const fn new(malformed: Malformed, limit: usize) -> Self {
        Self {
            malformed,
            limit,
            out: Vec::new(),
            back: VecDeque::new(),
            held: 0,
            has_leaked: false,
            pieces: VecDeque::new(),
            skipped: 0,
            ends_in_cr: false,
        }
    }

    pub(crate) const fn skipped(&self) -> u32 {
        self.skipped
    }

    /// Whether the second half of a line break may be missing.
    pub(crate) const fn is_at_line_end(&self) -> bool {
        !self.ends_in_cr
    }

    /// A frame begins.
    pub(crate) fn begin(&mut self) {
        self.out.clear();
    }

    /// Leaves an event out that ends in this frame; `false` if it has to stay.
    pub(crate) fn leave_out(&mut self, event: Range<usize>) -> bool {
        if self.malformed == Malformed::Fail || (event.start == 0 && self.has_leaked) {
            return false;
        }
        if event.start == 0 {
            self.back.clear();
            self.held = 0;
        }
        self.skipped = self.skipped.saturating_add(1);
        self.out.push(event);
        true
    }

    /// Takes the frame; `open` is where an event begins that does not end in it.
    ///
    /// Returns the first piece to pass on; [`pop`](Self::pop) returns those after it.
    pub(crate) fn sift(&mut self, data: Bytes, open: Option<usize>) -> Option<Bytes> {
        self.ends_in_cr = data.last() == Some(&b'\r');
        if self.malformed == Malformed::Fail {
            return Some(data).filter(|data| !data.is_empty());
        }
        self.cut(&data, open);
        self.pop()
    }

    fn cut(&mut self, data: &Bytes, open: Option<usize>) {
        let open = open.unwrap_or(data.len());
        if open > 0 {
            // The event that was held back has come to its end.
            self.pass_back();
            self.has_leaked = false;
        }
        let mut from = 0;
        for gone in std::mem::take(&mut self.out) {
            self.pass(data.slice(from..gone.start.max(from)));
            from = gone.end;
        }
        self.pass(data.slice(from..open.max(from)));
        let rest = data.slice(open..);
        if rest.is_empty() {
            return;
        }
        self.held += rest.len();
        self.back.push_back(rest);
        if self.has_leaked || self.held > self.limit {
            self.pass_back();
            self.has_leaked = true;
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Bytes> {
        self.pieces.pop_front()
    }

    /// Gives back what was held of an event that never came to its end.
    pub(crate) fn release(&mut self) -> Option<Bytes> {
        self.back.pop_front()
    }

    fn pass_back(&mut self) {
        self.held = 0;
        let back = std::mem::take(&mut self.back);
        self.pieces.extend(back);
    }

    fn pass(&mut self, data: Bytes) {
        if !data.is_empty() {
            self.pieces.push_back(data);
        }
    }
}
