//! The lists of English words of the refusal table.

use std::sync::LazyLock;

/// What a single word says about a question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// Says who asks.
    FirstPerson,
    /// Carries no meaning of its own.
    Stop,
    /// Says that the answer changes with time.
    Time,
    /// Points at something outside of the text.
    Context,
    /// "this", "last", "next": what follows decides.
    Pointer,
    /// Anything else.
    Content,
}

/// The words that say something, each group in one line of text.
const WORDS: [(Kind, &str); 5] = [
    (
        Kind::FirstPerson,
        "my mine our ours i i'm i've i'd i'll im ive me myself we we're we've us ourselves",
    ),
    (
        Kind::Time,
        "today today's tonight now current currently latest newest tomorrow yesterday nowadays presently upcoming",
    ),
    (
        Kind::Context,
        "below above attached attachment following aforementioned previous previously earlier former latter \
         it that those these they them he she him her",
    ),
    (Kind::Pointer, "this last next past said see as same"),
    (
        Kind::Stop,
        "a an the of to in on at for by and or is are was were be been am do does did can could would should \
         will shall may might must you your what who when where why how which there so please hi hello hey \
         thanks ok okay yes no not if with from about its some any tell has have",
    ),
];

/// The same by first letter and length: a word is compared with the few that it could be.
static BY_START: LazyLock<[Vec<(&str, Kind)>; SLOTS]> = LazyLock::new(|| {
    let mut slots = std::array::from_fn(|_| Vec::new());
    for (kind, words) in WORDS {
        for word in words.split_whitespace() {
            slots[slot(word)].push((word, kind));
        }
    }
    slots
});

const SLOTS: usize = 256;

fn slot(word: &str) -> usize {
    let first = word.bytes().next().unwrap_or_default();
    (usize::from(first % 32) * 8 + word.len() % 8) % SLOTS
}

/// Says what a lower-case word is.
pub(super) fn kind(word: &str) -> Kind {
    let same = |(known, _): &&(&str, Kind)| *known == word;
    let found = BY_START[slot(word)].iter().find(same);
    found.map_or(Kind::Content, |(_, kind)| *kind)
}

/// Whether "this", "last" or "next" before this word speaks of a time.
pub(super) fn is_period(word: &str) -> bool {
    matches!(
        word,
        "second"
            | "minute"
            | "hour"
            | "day"
            | "week"
            | "weekend"
            | "month"
            | "quarter"
            | "year"
            | "morning"
            | "afternoon"
            | "evening"
            | "night"
            | "season"
            | "spring"
            | "summer"
            | "autumn"
            | "fall"
            | "winter"
            | "decade"
            | "monday"
            | "tuesday"
            | "wednesday"
            | "thursday"
            | "friday"
            | "saturday"
            | "sunday"
    )
}

/// Whether "this" before this word points at what is not in the text.
pub(super) fn is_thing(word: &str) -> bool {
    matches!(
        word,
        "question"
            | "description"
            | "text"
            | "document"
            | "file"
            | "code"
            | "image"
            | "picture"
            | "photo"
            | "message"
            | "mail"
            | "email"
            | "article"
            | "page"
            | "link"
            | "url"
            | "table"
            | "list"
            | "sentence"
            | "paragraph"
            | "function"
            | "error"
            | "one"
            | "conversation"
            | "chat"
            | "answer"
            | "before"
            | "example"
            | "context"
            | "case"
    )
}
