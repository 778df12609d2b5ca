//! Where the messages of a gRPC body begin and end.

/// A flag and the length, before each message.
const PREFIX: u8 = 5;

/// Counts through the length-prefixed messages of a body, split anywhere.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Framing {
    /// Bytes of the prefix that were seen.
    prefix: u8,
    /// The length as far as it was read; what is left of the message after that.
    left: u32,
    has_message: bool,
}

impl Framing {
    pub(super) fn feed(&mut self, mut data: &[u8]) {
        while let Some((byte, rest)) = data.split_first() {
            if self.prefix < PREFIX {
                self.left = match self.prefix {
                    0 => 0,
                    _ => self.left << 8 | u32::from(*byte),
                };
                self.prefix += 1;
                data = rest;
            } else {
                let taken = data.len().min(self.left as usize);
                self.left -= u32::try_from(taken).unwrap_or(self.left);
                data = &data[taken..];
            }
            if self.prefix == PREFIX && self.left == 0 {
                self.prefix = 0;
                self.has_message = true;
            }
        }
    }

    /// Whether a whole message was seen.
    pub(super) const fn has_message(&self) -> bool {
        self.has_message
    }

    /// Whether no message is cut at this point.
    pub(super) const fn is_between(&self) -> bool {
        self.prefix == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(text: &[u8]) -> Vec<u8> {
        let len = u32::try_from(text.len()).unwrap().to_be_bytes();
        [&[0], &len[..], text].concat()
    }

    #[test]
    fn an_empty_message_is_a_message() {
        let mut framing = Framing::default();
        framing.feed(&[0, 0, 0, 0]);
        assert!(!framing.has_message() && !framing.is_between());
        framing.feed(&[0]);
        assert!(framing.has_message() && framing.is_between());
    }

    proptest! {
        #[test]
        fn splits_change_nothing(
            texts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..5),
            cuts in prop::collection::vec(1..40_usize, 1..10),
        ) {
            let bytes: Vec<u8> = texts.iter().flat_map(|text| message(text)).collect();
            let (mut framing, mut rest, mut seen) = (Framing::default(), &bytes[..], 0);
            for cut in cuts.iter().cycle() {
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                framing.feed(now);
                seen += now.len();
                prop_assert_eq!(framing.has_message(), seen >= texts[0].len() + 5);
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert!(framing.is_between());
        }

        #[test]
        fn no_bytes_panic(chunks: Vec<Vec<u8>>) {
            let mut framing = Framing::default();
            for chunk in &chunks {
                framing.feed(chunk);
            }
        }
    }
}
