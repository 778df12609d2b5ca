//! Reads an answer as it comes, as a strict caller would.

use bytes::Buf;
use serde_json::Value;

use crate::dialect::Reading;
use crate::{Defect, Dialect};

/// The most of an answer that is kept; what is longer counts as garbled.
const ANSWER_MAX: usize = 16 * 1024 * 1024;

/// OpenAI's mark behind a stream that has said why it ended.
const END_MARK: &[u8] = b"data: [DONE]\n";

/// A caller's eye on a body.
#[derive(Debug)]
pub(crate) struct Reader {
    dialect: Dialect,
    stream: bool,
    reading: Reading,
    /// What is not yet read: of a stream, less than an event; of a plain answer, all of it.
    rest: Vec<u8>,
    garbled: bool,
}

impl Reader {
    pub(crate) fn new(dialect: Dialect, stream: bool) -> Self {
        Self {
            dialect,
            stream,
            reading: Reading::default(),
            rest: Vec::new(),
            garbled: false,
        }
    }

    pub(crate) fn push(&mut self, mut data: impl Buf) {
        if self.rest.len() + data.remaining() > ANSWER_MAX {
            self.garbled = true;
            return;
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            self.rest.extend_from_slice(chunk);
            data.advance(chunk.len());
        }
        if self.stream {
            self.events();
        }
    }

    pub(crate) fn has_content(&self) -> bool {
        !self.reading.text.is_empty() || (!self.stream && !self.rest.is_empty())
    }

    /// The body as it came, of an answer that is none.
    pub(crate) fn into_raw(self) -> Vec<u8> {
        self.rest
    }

    /// What was read, and what is wrong with it.
    pub(crate) fn finish(mut self) -> (Reading, Option<Defect>) {
        if self.stream {
            self.unframed();
        } else {
            self.plain();
        }
        let defect = if self.garbled {
            Some(Defect::Garbled)
        } else if self.reading.ended {
            None
        } else {
            Some(Defect::Truncated)
        };
        (self.reading, defect)
    }

    /// Reads all events that are whole.
    fn events(&mut self) {
        while let Some((length, mark)) = event_end(&self.rest) {
            let event: Vec<u8> = self.rest.drain(..length + mark).take(length).collect();
            self.event(&event);
        }
    }

    fn event(&mut self, event: &[u8]) {
        let data = data_of(event);
        let data = data.trim_ascii();
        if data == b"[DONE]" {
            self.reading.ended = true;
        } else if !data.is_empty() {
            match serde_json::from_slice(data) {
                Ok(event) => self.dialect.wire().read_event(&event, &mut self.reading),
                Err(_) => self.garbled = true,
            }
        }
    }

    /// Reads what follows the last event: nothing, an event but for its blank line, or an error outside
    /// the framing.
    fn unframed(&mut self) {
        let rest = std::mem::take(&mut self.rest);
        if END_MARK.starts_with(&rest) {
            // Nothing of the answer is missing, and who ended without the mark ended all the same.
            return;
        }
        let data = data_of(&rest);
        let data = if data.is_empty() { &rest } else { &data };
        match data.trim_ascii() {
            b"" => {}
            data => match serde_json::from_slice::<Value>(data) {
                Ok(value) => self.dialect.wire().read_event(&value, &mut self.reading),
                // The beginning of an event.
                Err(_) => self.reading.ended = false,
            },
        }
    }

    fn plain(&mut self) {
        match serde_json::from_slice(&self.rest) {
            Ok(body) => self.dialect.wire().read_plain(&body, &mut self.reading),
            Err(error) => self.garbled = !error.is_eof(),
        }
    }
}

/// The data of an event's lines.
fn data_of(event: &[u8]) -> Vec<u8> {
    let lines = event.split(|byte| *byte == b'\n');
    let data = lines.filter_map(|line| line.strip_prefix(b"data:"));
    data.collect::<Vec<_>>().concat()
}

/// Where the first event ends, and the length of the blank line behind it.
fn event_end(bytes: &[u8]) -> Option<(usize, usize)> {
    let lf = bytes
        .windows(2)
        .position(|two| two == b"\n\n")
        .map(|at| (at, 2));
    let crlf = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .map(|at| (at, 4));
    match (lf, crlf) {
        (Some(lf), Some(crlf)) => Some(if lf.0 < crlf.0 { lf } else { crlf }),
        (lf, crlf) => lf.or(crlf),
    }
}
