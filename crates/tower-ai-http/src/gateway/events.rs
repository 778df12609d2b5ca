//! Where events end, so that no half of one is passed on.

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use memchr::memmem;

/// The most of an event that is held back until its end has come.
const MAX_HELD: usize = 256 * 1024;

/// How a stream's events are told apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Framing {
    /// Server-sent events: by an empty line.
    Events,
    /// One JSON text a line.
    Lines,
}

impl Framing {
    /// `None` for an answer that is no stream, or that cannot be read.
    pub(super) fn of(status: StatusCode, headers: &HeaderMap) -> Option<Self> {
        let coding = headers.get(CONTENT_ENCODING);
        let is_encoded = coding.is_some_and(|it| !it.as_bytes().eq_ignore_ascii_case(b"identity"));
        if status != StatusCode::OK || is_encoded {
            return None;
        }
        let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        match kind.split(';').next()?.trim().to_ascii_lowercase().as_str() {
            "text/event-stream" => Some(Self::Events),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => {
                Some(Self::Lines)
            }
            _ => None,
        }
    }

    /// Where the last event in `data` ends; 0 if none does.
    fn end(self, data: &[u8]) -> usize {
        match self {
            Self::Lines => memchr::memrchr(b'\n', data).map_or(0, |at| at + 1),
            Self::Events => {
                // An empty line, in each way to end lines.
                let mut end = 0;
                for mark in [&b"\n\n"[..], b"\n\r\n", b"\r\r"] {
                    let at = memmem::rfind(&data[end..], mark);
                    end = at.map_or(end, |at| end + at + mark.len());
                }
                end
            }
        }
    }
}

/// Holds back what has come of an event until its end has.
#[derive(Debug)]
pub(super) struct Events {
    framing: Framing,
    held: BytesMut,
    /// Whether a part of an event is out.
    is_torn: bool,
}

impl Events {
    pub(super) fn new(framing: Framing) -> Self {
        Self {
            framing,
            held: BytesMut::new(),
            is_torn: false,
        }
    }

    pub(super) const fn framing(&self) -> Framing {
        self.framing
    }

    /// Whether a part of an event is out, so that nothing can be told behind it.
    pub(super) const fn is_torn(&self) -> bool {
        self.is_torn
    }

    /// Takes what has come; returns what may be passed on.
    pub(super) fn push(&mut self, mut data: Bytes) -> Bytes {
        if self.held.is_empty() {
            let end = self.framing.end(&data);
            if end == data.len() {
                self.is_torn &= data.is_empty();
                return data;
            }
            let rest = data.split_off(end);
            self.is_torn &= end == 0;
            self.held.extend_from_slice(&rest);
            return self.overflow(data);
        }
        // What an end may begin with stands in what is held.
        let from = self.held.len().saturating_sub(2);
        self.held.extend_from_slice(&data);
        match self.framing.end(&self.held[from..]) {
            0 => self.overflow(Bytes::new()),
            end => {
                self.is_torn = false;
                let whole = self.held.split_to(from + end).freeze();
                self.overflow(whole)
            }
        }
    }

    /// Lets go of an event that is too long to be held.
    fn overflow(&mut self, whole: Bytes) -> Bytes {
        if self.held.len() <= MAX_HELD {
            return whole;
        }
        self.is_torn = true;
        let mut all = BytesMut::from(whole);
        all.unsplit(std::mem::take(&mut self.held));
        all.freeze()
    }

    /// What is held at the end of the stream.
    pub(super) fn finish(&mut self) -> Option<Bytes> {
        (!self.held.is_empty()).then(|| std::mem::take(&mut self.held).freeze())
    }

    pub(super) fn discard(&mut self) {
        self.held.clear();
    }

    pub(super) fn held(&self) -> usize {
        self.held.len()
    }
}
