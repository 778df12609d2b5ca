//! The fields of a protobuf message, one after the other.

/// Walks over the fields of a message; ends at the first byte that makes no sense.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

/// The value of a field, as far as it is of use here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// Of a fixed width: skipped.
    Fixed,
}

impl<'a> Fields<'a> {
    pub(crate) const fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The fields that hold bytes: texts and messages.
    pub(crate) fn bytes(self) -> impl Iterator<Item = (u64, &'a [u8])> {
        self.filter_map(|(number, value)| match value {
            Value::Bytes(bytes) => Some((number, bytes)),
            _ => None,
        })
    }

    /// The fields that hold numbers.
    pub(crate) fn varints(self) -> impl Iterator<Item = (u64, u64)> {
        self.filter_map(|(number, value)| match value {
            Value::Varint(value) => Some((number, value)),
            _ => None,
        })
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(len).ok()?)?;
        self.rest = rest;
        Some(taken)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let len = self.varint()?;
                Value::Bytes(self.take(len)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return None,
        };
        Some((tag >> 3, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_every_kind_are_passed() {
        let message = [
            0x08, 0x96, 0x01, // 1: 150
            0x11, 0, 0, 0, 0, 0, 0, 0, 0, // 2: fixed64
            0x1d, 0, 0, 0, 0, // 3: fixed32
            0x22, 2, b'h', b'i', // 4: "hi"
        ];
        let fields: Vec<_> = Fields::new(&message).collect();
        assert_eq!(fields[0], (1, Value::Varint(150)));
        assert_eq!(fields[3], (4, Value::Bytes(b"hi")));
    }

    #[test]
    fn a_length_beyond_the_end_ends_the_walk() {
        assert_eq!(Fields::new(&[0x0a, 200, 1, 2]).next(), None);
        assert_eq!(Fields::new(&[0xff; 20]).next(), None);
    }
}
