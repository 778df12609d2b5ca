//! Numbers and literals, split anywhere.

use super::json::{Scanner, State};
use super::notes::Notes;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Number {
    Minus,
    Zero,
    Whole,
    Dot,
    Fraction,
    E,
    Sign,
    Exponent,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Literal {
    True,
    False,
    Null,
}

impl Literal {
    pub(super) const fn word(self) -> &'static [u8] {
        match self {
            Self::True => b"true",
            Self::False => b"false",
            Self::Null => b"null",
        }
    }
}

impl Scanner {
    pub(super) fn begin_number(&mut self, number: Number, byte: u8) {
        self.number = match number {
            Number::Whole => u64::from(byte - b'0'),
            _ => 0,
        };
        self.state = State::Number(number);
    }

    /// Takes a byte of a number; `false` if it is none.
    #[inline]
    pub(super) fn digit(&mut self, number: Number, byte: u8) -> bool {
        let next = match (number, byte) {
            (Number::Whole, b'0'..=b'9') => {
                let digit = u64::from(byte - b'0');
                self.number = self.number.saturating_mul(10).saturating_add(digit);
                return true;
            }
            (Number::Minus, b'0') => Number::Zero,
            (Number::Minus, b'1'..=b'9') => Number::Whole,
            (Number::Zero | Number::Whole, b'.') => Number::Dot,
            (Number::Zero | Number::Whole | Number::Fraction, b'e' | b'E') => Number::E,
            (Number::Dot | Number::Fraction, b'0'..=b'9') => Number::Fraction,
            (Number::E, b'+' | b'-') => Number::Sign,
            (Number::E | Number::Sign | Number::Exponent, b'0'..=b'9') => Number::Exponent,
            _ => return false,
        };
        self.state = State::Number(next);
        true
    }

    pub(super) fn end_number(&mut self, number: Number, notes: &mut Notes) {
        match number {
            Number::Zero | Number::Whole => notes.number(self.slot, self.number),
            Number::Fraction | Number::Exponent => {}
            _ => {
                self.state = State::Bad;
                return;
            }
        }
        self.after_value();
    }

    pub(super) fn letter(&mut self, literal: Literal, seen: u8, byte: u8, notes: &mut Notes) {
        let word = literal.word();
        if word.get(usize::from(seen)) != Some(&byte) {
            self.state = State::Bad;
        } else if usize::from(seen) + 1 < word.len() {
            self.state = State::Literal(literal, seen + 1);
        } else {
            if literal != Literal::Null {
                notes.boolean(self.slot, literal == Literal::True);
            }
            self.after_value();
        }
    }
}
