//! Shows the tables to a person: `PROVIDERS.md`, which is the docs of [`providers`](crate::providers).

use std::fmt::Write;

use tower_ai_core::{Again, Elsewhere, Lesson};

use super::row::{Row, Source, When};
use super::tables;

const BEGINNING: &str = "What each provider's answers mean: the tables that [`Answer`](crate::Answer) reads.

A provider's own rows stand first, then what most providers mean by a status; the first row that fits decides. A status
always counts, words of the body only beside it, because providers echo prompts. *Seen* rows stand on an answer, a
document or an SDK's source; *unchecked* ones on hearsay. Each row has a fixture in `tests/answers`.

What stands inside a good answer (an error after the 200, a refusal, a full window, a cut) is read by the guard of
`tower-ai-stream`, which shows its words at `Finish` and hands errors on as the same outcomes.

The last three columns are the [advice](tower_ai_core::Outcome::advice) of the outcome: may the same target be tried
again, what does the breaker learn, may another target be tried.
";

/// What stands above some tables.
const NOTES: &[(&str, &str)] = &[
    (
        "azure",
        "Then OpenAI's rows. That Azure lowered a deployment's limit for some hours shows in `x-ratelimit-limit-tokens` \
         alone, which only its owner can compare with what was bought: it is read as any rate limit.",
    ),
    (
        "bedrock",
        "The exception's name is read from `x-amzn-errortype` (unchecked) and from `__type`. What goes wrong inside a \
         stream of Amazon's own framing is not read.",
    ),
    (
        "gemini",
        "By its own API and by OpenAI's there; a list of one error is read like the error.",
    ),
    (
        "groq",
        "A model that called a tool wrongly may call it rightly the next time, and nothing is held against the target.",
    ),
    (
        "ollama",
        "While it loads a model it says nothing, and its first word comes late (unchecked): no row can tell.",
    ),
    (
        "openrouter",
        "Once a model has begun, the same errors stand in a 200, where the guard of streams reads them.",
    ),
    ("vertex", "Then Anthropic's and Gemini's rows."),
    (
        "common",
        "For every provider, behind its own rows. A provider that nobody named is read by all rows above that go by \
         what the body says, and then by these.",
    ),
];

pub(super) fn page() -> String {
    let mut page = BEGINNING.to_owned();
    for table in tables::ALL.iter().copied().chain([tables::COMMON]) {
        show(&mut page, table).expect("a string takes all");
    }
    page
}

fn show(page: &mut String, table: &[Row]) -> std::fmt::Result {
    let own = table
        .iter()
        .rfind(|row| row.name.contains(": "))
        .expect("a row");
    let provider = own.name.split(": ").next().expect("a name");
    writeln!(page, "\n# {provider}\n")?;
    if let Some((_, note)) = NOTES.iter().find(|(of, _)| *of == provider) {
        writeln!(page, "{note}\n")?;
    }
    writeln!(
        page,
        "| case | status | the answer says | outcome | again | learns | elsewhere | |"
    )?;
    writeln!(page, "|---|---|---|---|---|---|---|---|")?;
    for row in table {
        let prefix = format!("{provider}: ");
        let name = row.name.strip_prefix(&prefix).unwrap_or(row.name);
        let advice = row.means.advice();
        writeln!(
            page,
            "| {name} | {} | {} | {} | {} | {} | {} | {} |",
            statuses(row.statuses),
            says(&row.when),
            format_args!("`{}`", row.means.name()),
            again(advice.again),
            lesson(advice.lesson),
            elsewhere(advice.elsewhere),
            match row.source {
                Source::Seen => "seen",
                Source::Unchecked => "unchecked",
            }
        )?;
    }
    Ok(())
}

fn statuses(all: &[u16]) -> String {
    let all: Vec<_> = all.iter().map(u16::to_string).collect();
    all.join(" ")
}

fn says(when: &When) -> String {
    let quoted = |texts: &[&str], mark: &str| {
        let all: Vec<_> = texts
            .iter()
            .map(|text| format!("{mark}{text}{mark}"))
            .collect();
        all.join(", ")
    };
    match when {
        When::Always => "anything".to_owned(),
        When::Asked => "a wait, in a header".to_owned(),
        When::Begins(texts) => format!("begins with {}", quoted(texts, "\"")),
        When::Code(codes) => quoted(codes, "`"),
        When::DayQuota => "a `quotaId` with `PerDay`".to_owned(),
        When::Has(members) => format!("members {}", quoted(members, "`")),
        When::HelpOnly => "details: only `google.rpc.Help`".to_owned(),
        When::NoHint => "no details, no wait".to_owned(),
        When::RetryInfo => "details: a `google.rpc.RetryInfo`".to_owned(),
        When::Says(texts) => format!("says {}", quoted(texts, "\"")),
        When::TooLong => "says that the prompt is too long".to_owned(),
    }
}

const fn again(again: Again) -> &'static str {
    match again {
        Again::Yes => "yes",
        Again::AtOnce => "at once",
        Again::IfAlone => "if alone",
        Again::IfPatient => "if patient",
        Again::No => "no",
        _ => panic!("a word is missing"),
    }
}

const fn lesson(lesson: Lesson) -> &'static str {
    match lesson {
        Lesson::Success => "success",
        Lesson::Failure => "failure",
        Lesson::Gate => "gate",
        Lesson::ShutKey => "shut the key",
        Lesson::DoubtKey => "doubt the key",
        Lesson::ShutTarget => "shut the target",
        Lesson::Nothing => "nothing",
        _ => panic!("a word is missing"),
    }
}

const fn elsewhere(elsewhere: Elsewhere) -> &'static str {
    match elsewhere {
        Elsewhere::Yes => "yes",
        Elsewhere::LargerWindow => "larger window",
        Elsewhere::IfAllowed => "if allowed",
        Elsewhere::No => "no",
        _ => panic!("a word is missing"),
    }
}

/// The page is the tables: neither changes alone. With `UPDATE_PAGES` set, it is written anew.
#[test]
fn the_page_shows_the_tables() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/PROVIDERS.md");
    if std::env::var_os("UPDATE_PAGES").is_some() {
        std::fs::write(path, page()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap();
    let new = page();
    let mut lines = new.lines().zip(written.lines());
    assert_eq!(lines.find(|(new, old)| new != old), None);
    assert_eq!(new.len(), written.len());
}
