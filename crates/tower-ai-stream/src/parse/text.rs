//! Finding the end of a JSON string, fast, and holding what is wanted of it.

/// The index of the first byte from `at` on that ends or interrupts a run of plain ASCII text: a quote, a
/// backslash, a control character or a byte of a longer character. The length of the input if there is none.
///
/// Most strings of a stream are shorter than 16 bytes, so eight bytes at a time beat a vector search.
#[inline]
pub(super) fn plain_end(input: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES * 0x80;
    while let Some(eight) = input.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*eight);
        let quote = word ^ (ONES * b'"' as u64);
        let slash = word ^ (ONES * b'\\' as u64);
        let stops = word
            | (quote.wrapping_sub(ONES) & !quote)
            | (slash.wrapping_sub(ONES) & !slash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        match stops & HIGH {
            0 => at += 8,
            // A borrow sets false marks only above a true one, and the lowest counts.
            marks => return at + (marks.trailing_zeros() / 8) as usize,
        }
    }
    while let Some(&byte) = input.get(at) {
        if byte == b'"' || byte == b'\\' || !(0x20..0x80).contains(&byte) {
            break;
        }
        at += 1;
    }
    at
}

/// Checks the longer characters of UTF-8, wherever they are split.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Utf8 {
    /// Bytes that the character still needs.
    need: u8,
    /// What the next of them may be.
    low: u8,
    high: u8,
}

impl Utf8 {
    pub(super) const NEW: Self = Self {
        need: 0,
        low: 0,
        high: 0,
    };

    /// Whether a character is open.
    #[inline]
    pub(super) fn is_open(self) -> bool {
        self.need > 0
    }

    /// Takes the bytes from `at` on up to the next ASCII byte; `None` if they are no UTF-8.
    pub(super) fn take(&mut self, input: &[u8], mut at: usize) -> Option<usize> {
        while let Some(&byte) = input.get(at) {
            if self.need > 0 {
                if !(self.low..=self.high).contains(&byte) {
                    return None;
                }
                self.need -= 1;
                (self.low, self.high) = (0x80, 0xBF);
            } else {
                (self.need, self.low, self.high) = match byte {
                    0x00..=0x7F => return Some(at),
                    0xC2..=0xDF => (1, 0x80, 0xBF),
                    0xE0 => (2, 0xA0, 0xBF),
                    0xED => (2, 0x80, 0x9F),
                    0xE1..=0xEF => (2, 0x80, 0xBF),
                    0xF0 => (3, 0x90, 0xBF),
                    0xF1..=0xF3 => (3, 0x80, 0xBF),
                    0xF4 => (3, 0x80, 0x8F),
                    _ => return None,
                };
            }
            at += 1;
        }
        Some(at)
    }
}

/// The beginning of a text of which no more is needed.
#[derive(Clone, Copy)]
pub(super) struct Short<const N: usize> {
    bytes: [u8; N],
    len: u8,
    is_cut: bool,
}

impl<const N: usize> Short<N> {
    pub(super) const EMPTY: Self = Self {
        bytes: [0; N],
        len: 0,
        is_cut: false,
    };

    pub(super) fn clear(&mut self) {
        (self.len, self.is_cut) = (0, false);
    }

    pub(super) fn push(&mut self, piece: &[u8]) {
        let from = usize::from(self.len);
        let room = self.bytes.get_mut(from..).unwrap_or_default();
        let taken = room.len().min(piece.len());
        room[..taken].copy_from_slice(&piece[..taken]);
        self.is_cut |= taken < piece.len();
        self.len = u8::try_from(from + taken).unwrap_or(u8::MAX);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The text, without a character that was cut in two.
    pub(super) fn as_str(&self) -> &str {
        let bytes = self.as_bytes();
        match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_plain_text_is_where_a_slow_search_finds_it() {
        let stops = ['"', '\\', '\n', '\u{1f}', '\u{0}', 'é'];
        for len in 0..40 {
            for stop in stops {
                let text = format!("{}{stop}{}", "a~ ".repeat(len), "\"\\é");
                for from in 0..=len * 3 {
                    assert_eq!(plain_end(text.as_bytes(), from), len * 3);
                }
            }
            assert_eq!(plain_end(&vec![b'a'; len], 0), len);
        }
    }

    #[test]
    fn utf8_is_checked_as_the_standard_library_does() {
        let mut sample = b"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80".to_vec();
        for at in 0..sample.len() {
            let kept = sample[at];
            for byte in 0x80..=0xFF {
                sample[at] = byte;
                let ours = {
                    let mut state = Utf8::default();
                    state.take(&sample, 0).is_some() && !state.is_open()
                };
                assert_eq!(ours, std::str::from_utf8(&sample).is_ok(), "{sample:x?}");
            }
            sample[at] = kept;
        }
    }

    #[test]
    fn a_short_text_keeps_whole_characters() {
        let mut short = Short::<4>::EMPTY;
        short.push("aé".as_bytes());
        short.push("é".as_bytes());
        assert_eq!(short.as_str(), "aé");
    }
}
