//! What a well provider says, and how fast.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::Invalid;
use crate::draw::fnv1a;

/// The most tokens of an answer.
const TOKENS_MAX: u32 = 100_000;

/// How fast and how long a provider answers, in outage time.
///
/// A streamed answer's head comes at once, the first token after `first`, each further one a `gap`
/// later. A plain answer comes when a streamed one would have ended. The length of an answer is
/// drawn from the provider's range by the prompt, so that the same prompt has the same length
/// wherever the range is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    pub(crate) first: Duration,
    pub(crate) gap: Duration,
    pub(crate) tokens: RangeInclusive<u32>,
}

impl Pace {
    /// Creates a pace.
    ///
    /// # Errors
    ///
    /// [`Invalid::Pace`] if `tokens` is empty or not within 1 and 100 000.
    pub fn new(
        first: Duration,
        gap: Duration,
        tokens: RangeInclusive<u32>,
    ) -> Result<Self, Invalid> {
        if tokens.is_empty() || *tokens.start() == 0 || *tokens.end() > TOKENS_MAX {
            return Err(Invalid::Pace);
        }
        Ok(Self { first, gap, tokens })
    }

    /// The number of tokens that answer `prompt`.
    pub(crate) fn length(&self, prompt: &str) -> u32 {
        let (low, high) = (*self.tokens.start(), *self.tokens.end());
        let span = u64::from(high - low) + 1;
        // The remainder is below the span, which came from two u32.
        low + u32::try_from(fnv1a(prompt.as_bytes()) % span).unwrap_or(0)
    }
}

impl Default for Pace {
    /// Ten tokens, 50 ms to the first and 10 ms between.
    fn default() -> Self {
        Self {
            first: Duration::from_millis(50),
            gap: Duration::from_millis(10),
            tokens: 10..=10,
        }
    }
}

/// What a call cost, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Tokens (here: words) of the prompt.
    pub prompt: u64,
    /// Tokens of the answer.
    pub answer: u64,
}

/// The token at `index` (from 1) of the answer of `length` tokens to `prompt`.
///
/// Every token says which it is and of how many, and the first one whose answer it is; so any
/// reader can tell a whole answer from a broken or a foreign one, and a provider that is handed a
/// half can go on with it.
pub(crate) fn token(prompt: &str, index: u32, length: u32) -> String {
    if index == 1 {
        format!("{} 1/{length}", greeting(prompt))
    } else {
        format!(" {index}/{length}")
    }
}

/// Whether `text` is a whole, unbroken answer to `prompt`.
///
/// # Examples
///
/// ```
/// use tower_ai_drill::is_whole;
///
/// assert!(is_whole("ping", "re bf30e00d: 1/2 2/2"));
/// assert!(!is_whole("ping", "re bf30e00d: 1/2"), "the second token is missing");
/// assert!(!is_whole("pong", "re bf30e00d: 1/2 2/2"), "another prompt's answer");
/// ```
pub fn is_whole(prompt: &str, text: &str) -> bool {
    let Some(rest) = text.strip_prefix(&greeting(prompt)) else {
        return false;
    };
    let Some(length) = rest.rsplit('/').next().and_then(|n| n.parse().ok()) else {
        return false;
    };
    let mut words = rest.split(' ').skip(1);
    (1..=length).all(|index: u32| words.next() == Some(&format!("{index}/{length}")))
        && words.next().is_none()
}

/// Where an answer that was broken off with `text` stands: tokens said, and of how many.
pub(crate) fn progress(text: &str) -> Option<(u32, u32)> {
    let (index, length) = text.trim_end().rsplit(' ').next()?.split_once('/')?;
    let (index, length) = (index.parse().ok()?, length.parse().ok()?);
    (index <= length && length <= TOKENS_MAX).then_some((index, length))
}

fn greeting(prompt: &str) -> String {
    format!("re {:08x}:", fnv1a(prompt.as_bytes()) >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(prompt: &str, tokens: u32, length: u32) -> String {
        (1..=tokens).map(|i| token(prompt, i, length)).collect()
    }

    #[test]
    fn whole_answers_are_told_from_broken_ones() {
        let whole = answer("hi", 12, 12);
        assert!(is_whole("hi", &whole));
        assert!(!is_whole("ho", &whole), "foreign");
        assert!(!is_whole("hi", &answer("hi", 11, 12)), "cut");
        assert!(!is_whole("hi", &whole.replace(" 7/12", "")), "gap");
        assert!(!is_whole("hi", &format!("{whole} 1/12")), "twice");
        assert!(!is_whole("hi", ""));
    }

    #[test]
    fn a_half_says_where_it_stands() {
        assert_eq!(progress(&answer("hi", 7, 12)), Some((7, 12)));
        assert_eq!(progress("Once upon a time"), None);
        assert_eq!(progress("13/12"), None);
    }

    #[test]
    fn lengths_stay_within_their_range() {
        let pace = Pace::new(Duration::ZERO, Duration::ZERO, 3..=5).unwrap();
        assert!((0..99).all(|i| (3..=5).contains(&pace.length(&i.to_string()))));
        #[expect(clippy::reversed_empty_ranges, reason = "an empty range is the point")]
        let empty = Pace::new(Duration::ZERO, Duration::ZERO, 5..=3);
        assert_eq!(empty, Err(Invalid::Pace));
    }
}
