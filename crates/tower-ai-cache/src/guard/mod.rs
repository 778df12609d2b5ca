//! What must hold for two texts to mean the same, however near their vectors are.
//!
//! A negated question keeps a cosine of 0.978, so no threshold is safe alone. Each guard is pure work
//! on words. The lists are English; texts in other scripts meet the guards for numbers, for words
//! that are not Latin (equal or nothing) and for rare words, which stand aside on the safe side.

mod token;
mod words;

use self::token::{Text, Token};
use self::words::{are_antonyms, is_direction};

/// What keeps two texts apart.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Guard {
    /// A word in one turns around a word of the other: "open", "close".
    Antonym,
    /// Words that are not written in Latin letters differ.
    Foreign,
    /// One says "not" or "never" more often.
    Negation,
    /// Numbers, amounts or single letters differ.
    Number,
    /// The same words in another order, where order matters: "from A to B".
    Order,
    /// One says more than the other.
    Qualifier,
    /// They ask for different things: when, where, who, why, how many.
    Question,
    /// A name or a seldom word in one is not in the other.
    Rare,
    /// One word stands where another one stood.
    Swapped,
}

impl Guard {
    /// Its name in lower case, as it stands in [`Near::guard`](tower_ai_core::Near).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Antonym => "antonym",
            Self::Foreign => "foreign",
            Self::Negation => "negation",
            Self::Number => "number",
            Self::Order => "order",
            Self::Qualifier => "qualifier",
            Self::Question => "question",
            Self::Rare => "rare",
            Self::Swapped => "swapped",
        }
    }
}

/// Compares two texts that are near; returns the first guard that keeps them apart.
///
/// # Examples
///
/// ```
/// use tower_ai_cache::{Guard, guard};
///
/// let asked = "How do I lock my card?";
/// assert_eq!(guard(asked, "How can I lock the card"), None);
/// assert_eq!(guard(asked, "How do I unlock my card?"), Some(Guard::Antonym));
/// assert_eq!(guard(asked, "Why do I lock my card?"), Some(Guard::Question));
/// ```
#[must_use]
pub fn guard(asked: &str, kept: &str) -> Option<Guard> {
    let (a, b) = (Text::new(asked), Text::new(kept));
    if a.numbers != b.numbers {
        return Some(Guard::Number);
    }
    if a.negations != b.negations {
        return Some(Guard::Negation);
    }
    if a.asked != b.asked {
        return Some(Guard::Question);
    }
    if a.foreign != b.foreign {
        return Some(Guard::Foreign);
    }
    let pairs = Pairs::of(&a.tokens, &b.tokens);
    pairs.judge(&a.tokens, &b.tokens)
}

/// Which words of two texts are the same.
struct Pairs {
    matched: Vec<(usize, usize)>,
    only_a: Vec<usize>,
    only_b: Vec<usize>,
}

impl Pairs {
    fn of(a: &[Token], b: &[Token]) -> Self {
        let mut taken = vec![false; b.len()];
        let mut matched = Vec::new();
        let mut only_a = Vec::new();
        for (i, token) in a.iter().enumerate() {
            let free = |j: &usize| !taken[*j];
            let equal = (0..b.len()).filter(free).find(|j| b[*j].word == token.word);
            let same = || (0..b.len()).filter(free).find(|j| b[*j].is_same(token));
            match equal.or_else(same) {
                Some(j) => {
                    taken[j] = true;
                    matched.push((i, j));
                }
                None => only_a.push(i),
            }
        }
        let only_b = (0..b.len()).filter(|j| !taken[*j]).collect();
        Self {
            matched,
            only_a,
            only_b,
        }
    }

    fn judge(&self, a: &[Token], b: &[Token]) -> Option<Guard> {
        let turned = |i: &usize| {
            self.only_b.iter().any(|j| {
                are_antonyms(&a[*i].word, &b[*j].word) || are_antonyms(&a[*i].stem, &b[*j].stem)
            })
        };
        if self.only_a.iter().any(turned) {
            return Some(Guard::Antonym);
        }
        let rare = self.only_a.iter().any(|i| a[*i].is_rare())
            || self.only_b.iter().any(|j| b[*j].is_rare());
        if rare {
            return Some(Guard::Rare);
        }
        if self.is_reordered(a, b) {
            return Some(Guard::Order);
        }
        let content =
            |only: &[usize], tokens: &[Token]| only.iter().filter(|i| !tokens[**i].light).count();
        match (content(&self.only_a, a), content(&self.only_b, b)) {
            (0, 0) => None,
            (0, _) | (_, 0) => Some(Guard::Qualifier),
            _ => Some(Guard::Swapped),
        }
    }

    /// Whether words with meaning stand in another order, around words that make order matter.
    fn is_reordered(&self, a: &[Token], b: &[Token]) -> bool {
        let directed = |tokens: &[Token]| tokens.iter().any(|token| is_direction(&token.word));
        let order = self
            .matched
            .iter()
            .filter(|(i, _)| !a[*i].light)
            .map(|(_, j)| *j);
        (directed(a) || directed(b)) && !order.is_sorted()
    }
}

#[cfg(test)]
mod tests;
