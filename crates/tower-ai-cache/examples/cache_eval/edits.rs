//! Near-miss edits: each changes what a question means, and little of how it reads.
//!
//! The lists of words are not those of the guards.

use tower_ai_core::Chance;

use crate::data::Query;

pub(crate) const KINDS: [&str; 7] = [
    "negation",
    "number",
    "question_word",
    "order",
    "antonym",
    "name",
    "qualifier",
];

/// A question, and one that is near but means something else.
pub(crate) struct Edit {
    pub(crate) kind: &'static str,
    pub(crate) from: String,
    pub(crate) to: String,
}

/// Edits of the first questions that can be edited, up to `most` of each kind.
pub(crate) fn suite(queries: &[Query], most: usize) -> Vec<Edit> {
    let chance = Chance::seeded(5);
    let mut edits = Vec::new();
    for kind in KINDS {
        let made = queries
            .iter()
            .filter_map(|query| edit(kind, query.text.trim(), &chance));
        edits.extend(made.take(most).map(|(from, to)| Edit { kind, from, to }));
    }
    edits
}

fn edit(kind: &str, text: &str, chance: &Chance) -> Option<(String, String)> {
    let from = text.to_owned();
    match kind {
        "negation" => Some((from, replace_one(text, NEGATED)?)),
        "number" => Some(number(text, chance)),
        "question_word" => Some((from, replace_one(text, ASKED)?)),
        "order" => {
            let [a, b] = pick_two(PARTS, chance);
            let link = LINKS[chance.below(LINKS.len())];
            let with = |x: &str, y: &str| append(text, &link.replace("{a}", x).replace("{b}", y));
            Some((with(a, b), with(b, a)))
        }
        "antonym" => Some((from, replace_one(text, OPPOSED)?)),
        "name" => {
            let list = NAMES[chance.below(NAMES.len())];
            let [a, b] = pick_two(list.1, chance);
            let with = |name: &str| append(text, &list.0.replace("{}", name));
            Some((with(a), with(b)))
        }
        _ => {
            let qualifier = QUALIFIERS[chance.below(QUALIFIERS.len())];
            Some((append(text, qualifier), from))
        }
    }
}

/// Changes a number of the text, or adds one that differs.
fn number(text: &str, chance: &Chance) -> (String, String) {
    let digit = |c: char| c.is_ascii_digit();
    if let Some(at) = text.find(digit) {
        let old = text.as_bytes()[at];
        let new = b'1' + (old - b'0' + 3) % 9;
        let mut to = text.to_owned();
        to.replace_range(at..=at, &char::from(new).to_string());
        return (text.to_owned(), to);
    }
    let phrase = COUNTS[chance.below(COUNTS.len())];
    let (a, b) = (2 + chance.below(40), 43 + chance.below(50));
    let with = |n: usize| append(text, &phrase.replace("{}", &n.to_string()));
    (with(a), with(b))
}

/// Replaces the first word of the list that stands in the text.
fn replace_one(text: &str, list: &[(&str, &str)]) -> Option<String> {
    let words: Vec<_> = text.split(' ').collect();
    for (i, word) in words.iter().enumerate() {
        let bare = word.trim_end_matches(['?', '.', ',', '!']);
        let lower = bare.to_lowercase();
        if let Some((_, new)) = list.iter().find(|(old, _)| *old == lower) {
            let mut new = new.to_string();
            if bare.starts_with(char::is_uppercase) {
                let first = new.remove(0).to_ascii_uppercase();
                new.insert(0, first);
            }
            new.push_str(&word[bare.len()..]);
            let mut words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            words[i] = new;
            return Some(words.join(" "));
        }
    }
    None
}

/// Adds a phrase before the mark at the end.
fn append(text: &str, phrase: &str) -> String {
    let bare = text.trim_end_matches(['?', '.', '!', ' ']);
    format!("{bare} {phrase}{}", &text[bare.len()..])
}

fn pick_two<'a>(list: &[&'a str], chance: &Chance) -> [&'a str; 2] {
    let a = chance.below(list.len());
    let b = (a + 1 + chance.below(list.len() - 1)) % list.len();
    [list[a], list[b]]
}

const NEGATED: &[(&str, &str)] = &[
    ("can", "can't"),
    ("is", "isn't"),
    ("do", "don't"),
    ("does", "doesn't"),
    ("did", "didn't"),
    ("will", "won't"),
    ("was", "was not"),
    ("are", "are not"),
    ("have", "have not"),
    ("has", "hasn't"),
    ("should", "should never"),
    ("would", "would not"),
    ("am", "am not"),
    ("could", "couldn't"),
];

const ASKED: &[(&str, &str)] = &[
    ("how", "why"),
    ("why", "how"),
    ("when", "where"),
    ("where", "when"),
    ("what", "why"),
    ("who", "when"),
];

const OPPOSED: &[(&str, &str)] = &[
    ("accepted", "denied"),
    ("accept", "deny"),
    ("activate", "cancel"),
    ("add", "take"),
    ("allowed", "banned"),
    ("approved", "denied"),
    ("available", "missing"),
    ("before", "after"),
    ("cancel", "confirm"),
    ("cancelled", "confirmed"),
    ("charged", "refunded"),
    ("close", "start"),
    ("closed", "opened"),
    ("debit", "credit"),
    ("declined", "approved"),
    ("delete", "restore"),
    ("disposable", "permanent"),
    ("deposit", "withdrawal"),
    ("expired", "valid"),
    ("failed", "succeeded"),
    ("fast", "slowly"),
    ("find", "lose"),
    ("found", "misplaced"),
    ("high", "low"),
    ("increase", "cut"),
    ("international", "local"),
    ("less", "more"),
    ("lost", "recovered"),
    ("lower", "raise"),
    ("more", "less"),
    ("new", "used"),
    ("open", "shut"),
    ("pending", "finished"),
    ("physical", "digital"),
    ("receive", "pay"),
    ("received", "paid"),
    ("rejected", "approved"),
    ("send", "receive"),
    ("sent", "received"),
    ("started", "finished"),
    ("stolen", "returned"),
    ("stop", "continue"),
    ("transfer", "hold"),
    ("unblock", "block"),
    ("valid", "void"),
    ("virtual", "physical"),
    ("withdraw", "deposit"),
    ("working", "broken"),
    ("wrong", "right"),
    ("buy", "sell"),
    ("blocked", "cleared"),
    ("lock", "release"),
];

const PARTS: &[&str] = &[
    "my savings account",
    "my current account",
    "my wallet",
    "my credit card",
    "the shop",
    "my employer",
    "my phone",
    "my laptop",
    "the branch",
    "the app",
];

const LINKS: &[&str] = &[
    "from {a} to {b}",
    "when moving from {a} to {b}",
    "using {a} before {b}",
    "if {a} is faster than {b}",
    "with {a} instead of {b}",
];

const NAMES: &[(&str, &[&str])] = &[
    (
        "in {}",
        &[
            "Lisbon", "Oslo", "Nairobi", "Lima", "Tokyo", "Chicago", "Madrid", "Prague",
        ],
    ),
    (
        "while in {}",
        &[
            "Norway", "Brazil", "Japan", "Kenya", "Poland", "Canada", "Spain", "India",
        ],
    ),
    (
        "for {}",
        &[
            "Daniel", "Sophie", "Ahmed", "Laura", "Kevin", "Priya", "Thomas", "Grace",
        ],
    ),
    (
        "through {}",
        &[
            "PayPal",
            "Revolut",
            "Barclays",
            "Monzo",
            "Santander",
            "Chase",
            "Wise",
            "Klarna",
        ],
    ),
];

const COUNTS: &[&str] = &[
    "for {} days",
    "after {} attempts",
    "with {} euros",
    "for {} people",
];

const QUALIFIERS: &[&str] = &[
    "for business customers",
    "without a fee",
    "on weekends",
    "as a student",
    "outside Europe",
    "for a joint account",
    "if the account is frozen",
    "over the phone",
    "by post",
    "for children",
    "before the deadline",
    "in writing",
    "at an airport",
    "on a Mac",
    "as a tourist",
    "from prison",
];
