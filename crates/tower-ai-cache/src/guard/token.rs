//! A text as the guards see it.

use super::words::{asked_for, is_common, is_light, is_negation, number};

/// One word of a text.
#[derive(Clone, Debug)]
pub(super) struct Token {
    /// In lower case.
    pub(super) word: String,
    /// Without the endings that inflection adds.
    pub(super) stem: String,
    /// Written with a capital where no sentence begins.
    pub(super) is_name: bool,
    pub(super) light: bool,
}

/// A text with what must be equal.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    pub(super) tokens: Vec<Token>,
    pub(super) numbers: Vec<String>,
    pub(super) asked: Vec<&'static str>,
    pub(super) foreign: Vec<String>,
    pub(super) negations: usize,
    /// Who is spoken of, in order: `true` for the one who asks, `false` for the one who is asked.
    pub(super) persons: Vec<bool>,
    /// Whose things are spoken of.
    pub(super) owners: [bool; 2],
}

impl Text {
    pub(super) fn new(text: &str) -> Self {
        let mut this = Self::default();
        let mut begins = true;
        let mut words = Vec::new();
        for raw in text.split(|c: char| c.is_whitespace() || matches!(c, '/' | '(' | ')' | '"')) {
            let ends = raw.ends_with(['.', '!', '?', ':']);
            let word = raw.trim_matches(|c: char| !c.is_alphanumeric() && !is_sign(c));
            for word in parts(word) {
                words.push((lower(word), is_name(word, begins)));
                begins = false;
            }
            begins |= ends;
        }
        for (i, (word, is_name)) in words.iter().enumerate() {
            let next = words.get(i + 1).map(|(word, _)| word.as_str());
            this.take(word, next, *is_name);
        }
        this.numbers.sort_unstable();
        this.asked.sort_unstable();
        this.asked.dedup();
        this.foreign.sort_unstable();
        this
    }

    fn take(&mut self, word: &str, next: Option<&str>, is_name: bool) {
        self.asked.extend(asked_for(word, next));
        match word {
            "i" | "me" | "we" | "us" | "myself" | "i'm" | "i've" => self.persons.push(true),
            "you" | "yourself" | "you're" => self.persons.push(false),
            "my" | "mine" | "our" => self.owners[0] = true,
            "your" | "yours" => self.owners[1] = true,
            _ => {}
        }
        if is_negation(word) {
            self.negations += 1;
            return;
        }
        if let Some(number) = number(word) {
            self.numbers.push(number.to_owned());
            return;
        }
        if word.contains(|c: char| c.is_numeric()) {
            self.numbers.push(plain_number(word));
            return;
        }
        // A letter that stands alone names something: "group A".
        if word.chars().count() == 1 && !matches!(word, "a" | "i" | "s" | "t" | "u") {
            self.numbers.push(word.to_owned());
            return;
        }
        if word.chars().any(|c| c.is_alphabetic() && !is_latin(c)) {
            self.foreign.push(word.to_owned());
            return;
        }
        self.tokens.push(Token {
            stem: stem(word),
            light: is_light(word) && !is_name,
            word: word.to_owned(),
            is_name,
        });
    }
}

impl Text {
    /// Whether they speak of different ones. "Can you tell me" says nothing: only where both texts
    /// name both persons does their order count.
    pub(super) fn is_of_another_person(&self, other: &Self) -> bool {
        let both = |text: &Self| text.persons.contains(&true) && text.persons.contains(&false);
        let reordered = both(self) && both(other) && self.persons != other.persons;
        let one = |text: &Self| text.owners[0] != text.owners[1];
        reordered || (one(self) && one(other) && self.owners != other.owners)
    }
}

impl Token {
    /// Whether the two are the same word: inflected, or one of them misspelt.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.stem == other.stem || (self.may_be_misspelt(other) && is_near(&self.word, &other.word))
    }

    /// Two words that both exist are two words, however near.
    fn may_be_misspelt(&self, other: &Self) -> bool {
        let both_exist = is_common(&self.word) && is_common(&other.word);
        let either_exists = is_common(&self.word) || is_common(&other.word);
        // Slips seldom hit the first letter.
        let begin = self.word.chars().next() == other.word.chars().next();
        begin && !both_exist && either_exists && !self.is_name && !other.is_name
    }

    /// A word that tells questions apart: a name, or one that is seldom used.
    pub(super) fn is_rare(&self) -> bool {
        self.is_name || !(self.light || is_common(&self.word) || is_common(&self.stem))
    }
}

/// The words of a word with hyphens: "top-up" is "top up". One with digits stays whole: "-5", "2-3".
fn parts(word: &str) -> impl Iterator<Item = &str> {
    let split = !word.contains(|c: char| c.is_numeric());
    word.split(move |c| split && c == '-')
        .filter(|part| !part.is_empty())
}

/// Signs that belong to the word: currencies, percent, C++, C#, a sign before a number.
const fn is_sign(c: char) -> bool {
    matches!(c, '$' | '€' | '£' | '¥' | '%' | '+' | '#' | '-' | '°')
}

/// A capital says "a name" where no sentence begins; "I" is none, nor is a text that shouts.
fn is_name(word: &str, begins: bool) -> bool {
    let mut letters = word.chars();
    let capital = letters.next().is_some_and(char::is_uppercase);
    let inner = letters.any(char::is_uppercase);
    let i = matches!(word.split(['\'', '’']).next(), Some("I"));
    capital && !i && (!begins || inner) && word.chars().count() > 1
}

fn is_latin(c: char) -> bool {
    c.is_ascii() || ('\u{c0}'..='\u{24f}').contains(&c)
}

fn lower(word: &str) -> String {
    word.chars()
        .map(|c| if c == '’' { '\'' } else { c })
        .flat_map(char::to_lowercase)
        .collect()
}

/// A number without what only writes it: "1,000" is "1000", "2nd" is "2".
fn plain_number(word: &str) -> String {
    let word: String = word.chars().filter(|c| *c != ',').collect();
    for end in ["st", "nd", "rd", "th"] {
        if let Some(number) = word.strip_suffix(end)
            && number.bytes().all(|b| b.is_ascii_digit())
        {
            return number.to_owned();
        }
    }
    word
}

/// Takes off the endings of English inflection, lightly.
fn stem(word: &str) -> String {
    let word = word.strip_suffix("'s").unwrap_or(word);
    let cut = |end: &str, least: usize| {
        word.strip_suffix(end)
            .filter(|rest| rest.len() >= least && rest.is_ascii())
    };
    let stem = if let Some(rest) = cut("ies", 2).or_else(|| cut("ied", 2)) {
        format!("{rest}y")
    } else if let Some(rest) = cut("ing", 3).or_else(|| cut("ed", 3)) {
        undouble(rest).to_owned()
    } else if let Some(rest) = cut("es", 3).filter(|rest| rest.ends_with(['s', 'x', 'h', 'o'])) {
        rest.to_owned()
    } else if let Some(rest) = cut("s", 3).filter(|rest| !rest.ends_with(['s', 'u', 'i'])) {
        rest.to_owned()
    } else {
        word.to_owned()
    };
    // "charge" and "charging" meet without the "e".
    match stem.strip_suffix('e') {
        Some(rest) if rest.len() >= 3 => rest.to_owned(),
        _ => stem,
    }
}

fn undouble(stem: &str) -> &str {
    let bytes = stem.as_bytes();
    match bytes {
        [.., a, b] if a == b && !matches!(b, b's' | b'l' | b'e') => &stem[..stem.len() - 1],
        _ => stem,
    }
}

/// Whether long words differ by one letter: added, left out, changed or swapped with the next.
fn is_near(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if short.len() < 5 || long.len() - short.len() > 1 {
        return false;
    }
    let start = short.iter().zip(&long).take_while(|(a, b)| a == b).count();
    let (x, y) = (&short[start..], &long[start..]);
    if short.len() < long.len() {
        return *x == y[1..];
    }
    match (x, y) {
        ([], _) | (_, []) => true,
        ([a, b, rest_x @ ..], [c, d, rest_y @ ..]) if a == d && b == c => rest_x == rest_y,
        _ => x[1..] == y[1..],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inflection_and_slips_are_the_same_word() {
        let token = |word: &str| Text::new(word).tokens[0].clone();
        for (a, b) in [
            ("charge", "charging"),
            ("cards", "card"),
            ("stopped", "stop"),
            ("tries", "try"),
            ("recieve", "receive"),
            ("transfr", "transfer"),
            ("boxes", "box"),
        ] {
            assert!(token(a).is_same(&token(b)), "{a} {b}");
        }
        for (a, b) in [
            ("card", "cart"),
            ("sending", "lending"),
            ("France", "Greece"),
            ("austria", "australia"),
            ("deposit", "debit"),
            ("present", "prevent"),
        ] {
            assert!(!token(a).is_same(&token(b)), "{a} {b}");
        }
    }
}
