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
    /// They speak of another one: "call me", "call you"; "my name", "your name".
    Person,
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
    /// The score from which on a soft guard is overruled.
    pub const SOFT: f32 = 0.96;

    /// Whether a score of [`SOFT`](Self::SOFT) and more overrules it: where a few common words more are all
    /// that differs, the vectors are the better judge of whether they matter.
    #[must_use]
    pub const fn is_soft(self) -> bool {
        matches!(self, Self::Qualifier)
    }

    /// Its name in lower case, as it stands in [`Near::guard`](tower_ai_core::Near).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Antonym => "antonym",
            Self::Foreign => "foreign",
            Self::Negation => "negation",
            Self::Number => "number",
            Self::Order => "order",
            Self::Person => "person",
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
    if a.is_of_another_person(&b) {
        return Some(Guard::Person);
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

    /// Whether the same words play other parts: another one follows "from", "to" or "than", or names
    /// stand in another order.
    fn is_reordered(&self, a: &[Token], b: &[Token]) -> bool {
        let named = |(i, _): &&(usize, usize)| a[*i].is_rare();
        let order = self.matched.iter().filter(named).map(|(_, j)| *j);
        if !order.is_sorted() {
            return true;
        }
        let (led_a, led_b) = (led(a), led(b));
        led_a.iter().any(|(direction, i)| {
            let same = |(other, _): &&(&str, usize)| other == direction;
            let partner = self.matched.iter().find(|(x, _)| x == i).map(|(_, j)| *j);
            let Some(partner) = partner else {
                return false;
            };
            let mut there = led_b.iter().filter(same).map(|(_, j)| *j).peekable();
            // What it leads to there stands here too, in another part.
            let known = |j: usize| self.matched.iter().any(|(_, matched)| *matched == j);
            there.peek().is_some() && there.all(|j| j != partner && known(j))
        })
    }
}

/// The words that say who does what to what, each with the next word that has a meaning.
fn led(tokens: &[Token]) -> Vec<(&str, usize)> {
    let next = |at: usize| (at + 1..tokens.len()).find(|i| !tokens[*i].light);
    let direction = |(i, token): (usize, &'_ Token)| is_direction(&token.word).then_some(i);
    let places = tokens.iter().enumerate().filter_map(direction);
    places
        .filter_map(|i| Some((tokens[i].word.as_str(), next(i)?)))
        .collect()
}

#[cfg(test)]
mod tests;
