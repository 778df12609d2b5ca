//! The lists of English words of the refusal table.

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

/// Says what a lower-case word is.
pub(super) fn kind(word: &str) -> Kind {
    match word {
        "my" | "mine" | "our" | "ours" | "i" | "i'm" | "i've" | "i'd" | "i'll" | "im" | "ive"
        | "me" | "myself" | "we" | "we're" | "we've" | "us" | "ourselves" => Kind::FirstPerson,
        "today" | "today's" | "tonight" | "now" | "current" | "currently" | "latest" | "newest"
        | "tomorrow" | "yesterday" | "nowadays" | "presently" | "upcoming" => Kind::Time,
        "below" | "above" | "attached" | "attachment" | "following" | "aforementioned"
        | "previous" | "previously" | "earlier" | "former" | "latter" | "it" | "that" | "those"
        | "these" | "they" | "them" | "he" | "she" | "him" | "her" => Kind::Context,
        "this" | "last" | "next" | "past" | "said" | "see" | "as" | "same" => Kind::Pointer,
        "a" | "an" | "the" | "of" | "to" | "in" | "on" | "at" | "for" | "by" | "and" | "or"
        | "is" | "are" | "was" | "were" | "be" | "been" | "am" | "do" | "does" | "did" | "can"
        | "could" | "would" | "should" | "will" | "shall" | "may" | "might" | "must" | "you"
        | "your" | "what" | "who" | "when" | "where" | "why" | "how" | "which" | "there" | "so"
        | "please" | "hi" | "hello" | "hey" | "thanks" | "ok" | "okay" | "yes" | "no" | "not"
        | "if" | "with" | "from" | "about" | "its" | "some" | "any" | "tell" | "has" | "have" => {
            Kind::Stop
        }
        _ => Kind::Content,
    }
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
