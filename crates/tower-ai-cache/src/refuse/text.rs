//! What the refusal table sees in a text.

use std::borrow::Cow;

use super::Rule;
use super::words::{Kind, is_period, is_thing, kind};

/// About 256 tokens of English.
const LONGEST: usize = 1024;
/// Fewer words with meaning than this say too little to tell questions apart.
const FEWEST: usize = 3;

/// What was found in a text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found {
    pub(super) first_person: bool,
    time: bool,
    context: bool,
    personal: bool,
    code: bool,
    long: bool,
    content: usize,
}

impl Found {
    pub(super) fn in_text(text: &str) -> Self {
        let mut found = Self {
            long: text.len() > LONGEST,
            ..Self::default()
        };
        if found.long {
            return found;
        }
        found.code = has_code(text);
        found.personal = has_long_number(text);
        let mut before = None;
        let may_have_address = text.as_bytes().contains(&b'@');
        for raw in text.split_whitespace() {
            found.personal |= (may_have_address && is_address(raw)) || is_secret(raw);
            before = found.word(raw, before);
        }
        found
    }

    /// Takes one word in; returns what it means for the next.
    fn word(&mut self, raw: &str, before: Option<Kind>) -> Option<Kind> {
        let word = trimmed(raw);
        if word.is_empty() {
            return before;
        }
        let word = lower(word);
        let kind = kind(&word);
        match kind {
            Kind::FirstPerson => self.first_person = true,
            Kind::Time => self.time = true,
            // "that" and "it" say something about the text itself unless they come first.
            Kind::Context => self.context |= is_strong(&word) || before.is_none(),
            Kind::Pointer | Kind::Stop | Kind::Content => {}
        }
        if before == Some(Kind::Pointer) {
            self.time |= is_period(&word);
            self.context |= is_thing(&word);
        }
        // A word without letters of the Latin script counts for as many as it has signs.
        let meaning = if word.is_ascii() {
            1
        } else {
            1.max(word.chars().filter(|c| *c >= '\u{2e80}').count())
        };
        if matches!(kind, Kind::Content | Kind::Time) {
            self.content += meaning;
        }
        Some(kind)
    }

    /// The rules that fire, the gravest first.
    pub(super) fn rules(&self) -> [Option<Rule>; 6] {
        let when = |fires: bool, rule| fires.then_some(rule);
        [
            when(self.personal, Rule::PersonalData),
            when(self.long, Rule::TooLong),
            when(self.code, Rule::Code),
            when(self.time, Rule::Time),
            when(self.context, Rule::Context),
            when(self.content < FEWEST && !self.long, Rule::TooShort),
        ]
    }
}

/// A word without the marks around it.
fn trimmed(raw: &str) -> &str {
    match raw.as_bytes() {
        // Most words have none.
        [first, .., last] if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() => raw,
        _ => raw.trim_matches(|c: char| !c.is_alphanumeric()),
    }
}

/// Lower case, with the typographic apostrophe made plain.
fn lower(word: &str) -> Cow<'_, str> {
    if word
        .bytes()
        .all(|b| b.is_ascii() && !b.is_ascii_uppercase())
    {
        return Cow::Borrowed(word);
    }
    word.chars()
        .map(|c| if c == '’' { '\'' } else { c })
        .flat_map(char::to_lowercase)
        .collect()
}

/// Words that point outside wherever they stand.
fn is_strong(word: &str) -> bool {
    matches!(
        word,
        "below"
            | "above"
            | "attached"
            | "attachment"
            | "following"
            | "aforementioned"
            | "previous"
            | "previously"
            | "earlier"
            | "former"
            | "latter"
    )
}

fn is_address(word: &str) -> bool {
    let Some((name, host)) = word.split_once('@') else {
        return false;
    };
    !name.is_empty()
        && host
            .split_once('.')
            .is_some_and(|(a, b)| !a.is_empty() && !b.is_empty())
}

/// Eight digits or more in a row, with spaces, dots, dashes and brackets between them: phone, card and
/// account numbers.
fn has_long_number(text: &str) -> bool {
    let mut digits = 0;
    // Bytes of other letters are none of these.
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => digits += 1,
            b' ' | b'-' | b'.' | b'(' | b')' | b'/' => {}
            _ => digits = 0,
        }
        if digits >= 8 {
            return true;
        }
    }
    false
}

/// A long word of mixed letters and digits: a key, a token, an account number with letters.
fn is_secret(word: &str) -> bool {
    if word.len() < 15 {
        return false;
    }
    let word = word.trim_matches(|c: char| !c.is_alphanumeric());
    let letters = word.bytes().filter(u8::is_ascii_alphabetic).count();
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let known = ["sk-", "pk-", "ghp_", "xox", "AKIA", "AIza", "eyJ"];
    (letters >= 4 && digits >= 4 && letters + digits >= 15)
        || (word.len() >= 16 && known.iter().any(|start| word.starts_with(start)))
}

/// Fenced blocks, and lines that end as code does.
fn has_code(text: &str) -> bool {
    // Without one of these bytes there is none of what follows.
    let may = |byte: u8| b"`;{}=-:!&|</(#".contains(&byte);
    if !text.bytes().any(may) {
        return false;
    }
    let ends = |line: &&str| line.trim_end().ends_with([';', '{', '}']);
    let signs = [
        "=>", "->", "::", "!=", "==", "&&", "||", "</", "/>", "();", "#include",
    ];
    text.contains("```")
        || text.lines().filter(ends).count() >= 2
        || signs.iter().filter(|sign| text.contains(**sign)).count() >= 2
        || (text.contains('{') && text.contains('}') && text.contains([';', ':', '=']))
}
