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
        let signs = Signs::of(text);
        found.code = signs.any(CODE) && has_code(text);
        found.personal = signs.digits >= LONG_NUMBER && has_long_number(text);
        let may_have_address = signs.any(AT);
        let mut before = None;
        let mut take = |raw: &str| {
            found.personal |= (may_have_address && is_address(raw)) || is_secret(raw);
            before = found.word(raw, before);
        };
        if signs.any(BEYOND) {
            text.split_whitespace().for_each(&mut take);
        } else {
            // A quarter of the work, and the same words: all white space in it is ASCII.
            text.split([' ', '\t', '\n', '\u{b}', '\u{c}', '\r'])
                .filter(|raw| !raw.is_empty())
                .for_each(&mut take);
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

/// What kinds of bytes a text has: one look that spares most texts several.
struct Signs {
    kinds: u8,
    digits: usize,
}

/// Without one of these there is no code: what [`has_code`] looks for has one.
const CODE: u8 = 1;
const AT: u8 = 2;
const DIGIT: u8 = 4;
/// Beyond ASCII.
const BEYOND: u8 = 8;

const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let code = b"`;{}=-:!&|</(#";
    let mut i = 0;
    while i < code.len() {
        kinds[code[i] as usize] = CODE;
        i += 1;
    }
    let mut byte = 0;
    while byte < 256 {
        if byte >= 128 {
            kinds[byte] = BEYOND;
        } else if byte >= 48 && byte <= 57 {
            kinds[byte] = DIGIT;
        }
        byte += 1;
    }
    kinds[b'@' as usize] = AT;
    kinds
};

impl Signs {
    fn of(text: &str) -> Self {
        let (mut kinds, mut digits) = (0, 0);
        for byte in text.bytes() {
            let kind = KINDS[usize::from(byte)];
            kinds |= kind;
            digits += usize::from(kind & DIGIT);
        }
        Self {
            kinds,
            digits: digits / usize::from(DIGIT),
        }
    }

    const fn any(&self, kinds: u8) -> bool {
        self.kinds & kinds != 0
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
    if word.is_ascii() {
        return word.to_ascii_lowercase().into();
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

/// So many digits make a long number.
const LONG_NUMBER: usize = 8;

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
        if digits >= LONG_NUMBER {
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
    let ends = |line: &&str| line.trim_end().ends_with([';', '{', '}']);
    let signs = [
        "=>", "->", "::", "!=", "==", "&&", "||", "</", "/>", "();", "#include",
    ];
    text.contains("```")
        || text.lines().filter(ends).count() >= 2
        || signs.iter().filter(|sign| text.contains(**sign)).count() >= 2
        || (text.contains('{') && text.contains('}') && text.contains([';', ':', '=']))
}
