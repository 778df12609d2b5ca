//! Cuts a stream of server-sent events into whole ones.

use bytes::{Bytes, BytesMut};
use memchr::memchr2;

/// Cuts bytes, split anywhere, behind each empty line. What belongs to an event that is not whole is held back.
#[derive(Debug)]
pub(super) struct Cutter {
    held: BytesMut,
    is_line_empty: bool,
    after_cr: bool,
}

impl Cutter {
    pub(super) fn new() -> Self {
        Self {
            held: BytesMut::new(),
            is_line_empty: true,
            after_cr: false,
        }
    }

    /// Takes the next whole event off `data`, with what was held of it; `None` once all of `data` is held.
    pub(super) fn next(&mut self, data: &mut Bytes) -> Option<Bytes> {
        let Some(end) = self.find_end(data) else {
            self.held.extend_from_slice(data);
            data.clear();
            return None;
        };
        let last = data.split_to(end);
        if self.held.is_empty() {
            return Some(last);
        }
        self.held.extend_from_slice(&last);
        Some(self.held.split().freeze())
    }

    /// The index behind the next empty line.
    fn find_end(&mut self, data: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(&byte) = data.get(at) {
            match byte {
                b'\n' if std::mem::take(&mut self.after_cr) => {
                    at += 1;
                    // The line break of an event that was cut behind its first half.
                    if self.is_line_empty && self.held.is_empty() && at == 1 {
                        return Some(at);
                    }
                }
                b'\n' | b'\r' => {
                    at += 1;
                    self.after_cr = byte == b'\r';
                    if std::mem::replace(&mut self.is_line_empty, true) {
                        return Some(at);
                    }
                }
                _ => {
                    (self.is_line_empty, self.after_cr) = (false, false);
                    let rest = data.get(at..).unwrap_or_default();
                    at += memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
                }
            }
        }
        None
    }

    /// How many bytes are held back.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// Gives up what is held of an event that never became whole.
    pub(super) fn release(&mut self) -> Option<Bytes> {
        (!self.held.is_empty()).then(|| self.held.split().freeze())
    }
}

/// The data of an event: its `data` lines, joined as the standard has it.
pub(super) fn data_of(event: &[u8]) -> Vec<u8> {
    let mut all: Option<Vec<u8>> = None;
    for line in event.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        let Some(value) = line.strip_prefix(b"data:") else {
            continue;
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &mut all {
            None => all = Some(value.to_vec()),
            Some(all) => {
                all.push(b'\n');
                all.extend_from_slice(value);
            }
        }
    }
    all.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Vec<u8>) {
        let mut cutter = Cutter::new();
        let mut events = Vec::new();
        for piece in pieces {
            let mut data = Bytes::copy_from_slice(piece);
            while let Some(event) = cutter.next(&mut data) {
                events.push(event.to_vec());
            }
        }
        (events, cutter.release().unwrap_or_default().to_vec())
    }

    #[test]
    fn events_are_the_same_wherever_they_are_split() {
        let stream = b"data: a\n\n: ping\n\nevent: x\r\ndata: b\r\n\r\ndata: c\rdata: d\r\r\n\ndata: \xC3\xA9\n";
        let (whole, rest) = cut(&[stream]);
        assert_eq!(rest, b"data: \xC3\xA9\n");
        for at in 0..=stream.len() {
            let (a, b) = stream.split_at(at);
            let (events, rest_too) = cut(&[a, b]);
            assert_eq!(events.concat(), whole.concat(), "split at {at}");
            assert_eq!(rest_too, rest);
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        let (events, _) = cut(&bytes);
        assert_eq!(events.concat(), whole.concat());
        assert_eq!(whole[0], b"data: a\n\n");
        assert_eq!(whole[1], b": ping\n\n");
    }

    #[test]
    fn a_line_break_cut_in_two_is_not_held_until_the_next_event() {
        let (events, rest) = cut(&[b"data: a\r\n\r", b"\n"]);
        assert_eq!(events, [&b"data: a\r\n\r"[..], b"\n"]);
        assert!(rest.is_empty());
    }

    #[test]
    fn data_is_joined_over_lines() {
        assert_eq!(data_of(b"event: x\ndata: {\ndata:}\nid: 7\n\n"), b"{\n}");
        assert_eq!(data_of(b"\xEF\xBB\xBFdata: a\r\n\r\n"), b"a");
        assert_eq!(data_of(b": ping\n\n"), b"");
    }
}
