//! The pages of the guide that say what the code does are made from the code. `UPDATE_PAGES=1` writes them anew.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use tower_ai::breaker::BreakerLayer;
use tower_ai::failover::Hedge;
use tower_ai::http::{ReplayLayer, TargetLayer};
use tower_ai::retry::RetryPolicy;
use tower_ai::stream::StreamGuardLayer;
use tower_ai::{Again, Budget, Elsewhere, Lesson, Outcome, Priority, Stack, Target, Tuning};

fn here(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The page is what the code says: neither changes alone.
fn hold(page: &str, new: &str) {
    let path = format!("src/guide/{page}");
    if std::env::var_os("UPDATE_PAGES").is_some() {
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(&path), new).expect("it is written");
    }
    let old = here(&path);
    let mut lines = new.lines().zip(old.lines());
    assert_eq!(
        lines.find(|(new, old)| new != old),
        None,
        "{page}: (new, old)"
    );
    assert_eq!(new.len(), old.len(), "{page}");
}

// === defaults ===

const DEFAULTS: &str = "Every default, in one table.

Each value is read off the code by a test. Where a setting is one of [`Tuning`](crate::Tuning), one value sets it in all
layers (`StackBuilder::tuning`), and one factor scales them all. What the breaker makes of its own stands on its own page,
in the docs of `tower_ai::breaker`; the cache is a crate of its own.

# Choices

| layer | setting | set by | default |
|---|---|---|---|
";

/// What `Debug` shows behind a name.
fn shown(debug: &str, name: &str) -> String {
    let name = format!("{name}: ");
    let (_, rest) = debug
        .split_once(&name)
        .unwrap_or_else(|| panic!("no {name:?} in {debug}"));
    let end = rest.find([',', '}', ')', ' ']).unwrap_or(rest.len());
    match rest[..end].trim() {
        "None" => "none".to_owned(),
        "FirstContent" => "its first content".to_owned(),
        "Fail" => "fail".to_owned(),
        value => value.replace("Some(", ""),
    }
}

fn bytes(count: &str) -> String {
    let count: usize = count.parse().expect("a number of bytes");
    match count >> 20 {
        0 => format!("{} KiB", count >> 10),
        mib => format!("{mib} MiB"),
    }
}

fn choices() -> Vec<[String; 4]> {
    let stack = format!("{:?}", Stack::builder());
    let retry = format!("{:?}", RetryPolicy::new());
    let guard = format!("{:?}", StreamGuardLayer::new());
    let hedge = format!("{:?}", Hedge::default());
    let replay = format!("{:?}", ReplayLayer::new());
    let target = Target::builder("t")
        .endpoint("http://h")
        .build()
        .expect("valid");
    let target = format!("{:?}", TargetLayer::new(target).expect("valid"));
    let budget = Budget::default();
    let burst = budget.balance();
    while budget.withdraw() {}
    let empty = budget.balance();
    budget.deposit();
    let share = budget.balance() - empty;
    // Names only what it is made of: that it is the adaptive one.
    assert!(format!("{:?}", BreakerLayer::adaptive()).contains("Closed"));
    let rows = [
        (
            "stack",
            "order of the targets",
            "`StackBuilder::order`",
            shown(&stack, "order").to_lowercase(),
        ),
        (
            "stack",
            "time to the head of the answer, over all attempts",
            "`StackBuilder::deadline`",
            shown(&stack, "deadline"),
        ),
        (
            "stack",
            "how much a call matters",
            "`Attempt::with_priority`",
            format!("{:?}", Priority::default()).to_lowercase(),
        ),
        (
            "budget",
            "extra attempts, of the calls",
            "`Budget::new`",
            format!("{:.0} %", share * 100.0),
        ),
        (
            "budget",
            "and at once",
            "`Budget::new`",
            format!("{burst:.0}"),
        ),
        (
            "replay",
            "kept of a streamed request body",
            "`ReplayLayer::with_limit`",
            bytes(&shown(&replay, "limit")),
        ),
        (
            "failover",
            "hedge",
            "`Failover::hedge`",
            shown_hedge(&hedge),
        ),
        (
            "retry",
            "retries, with one target",
            "`RetryPolicy::max_retries`",
            shown(&retry, "alone"),
        ),
        (
            "retry",
            "retries, beside other targets",
            "`RetryPolicy::max_retries`",
            shown(&retry, "beside"),
        ),
        (
            "retry",
            "time within which a retry may begin",
            "`RetryPolicy::deadline`",
            shown(&retry, "limit"),
        ),
        (
            "stream",
            "an answer is passed on with",
            "`StreamGuardLayer::commit`",
            shown(&guard, "commit"),
        ),
        (
            "stream",
            "an event that cannot be read makes the answer",
            "`StreamGuardLayer::malformed`",
            shown(&guard, "malformed"),
        ),
        (
            "stream",
            "time to the head",
            "`StreamGuardLayer::first_byte`",
            shown(&guard, "first_byte"),
        ),
        (
            "stream",
            "time of the whole answer",
            "`StreamGuardLayer::whole`",
            shown(&guard, "whole"),
        ),
        (
            "stream",
            "least pace",
            "`StreamGuardLayer::least_pace`",
            shown(&guard, "pace"),
        ),
        (
            "stream",
            "held before the first content, events",
            "`StreamGuardLayer::hold`",
            shown(&guard, "hold_events"),
        ),
        (
            "stream",
            "held before the first content, bytes",
            "`StreamGuardLayer::hold`",
            bytes(&shown(&guard, "hold_bytes")),
        ),
        (
            "stream",
            "held of a whole answer",
            "`StreamGuardLayer::hold_whole`",
            bytes(&shown(&guard, "hold_whole")),
        ),
        (
            "target",
            "read of an error body",
            "`TargetLayer::with_error_limit`",
            bytes(&shown(&target, "error_limit")),
        ),
        (
            "target",
            "time for an error body",
            "`TargetLayer::with_error_time`",
            shown(&target, "error_time"),
        ),
    ];
    rows.map(|(layer, what, by, value)| [layer.to_owned(), what.to_owned(), by.to_owned(), value])
        .to_vec()
}

fn shown_hedge(hedge: &str) -> String {
    let (_, rest) = hedge.split_once("Percentile(").expect("a percentile");
    let (share, _) = rest.split_once(')').expect("a number");
    let share: f64 = share.parse().expect("a number");
    format!(
        "never; `Hedge::default()` after the {:.0}th percentile",
        share * 100.0
    )
}

/// `250 ms` and `2.5s` alike.
fn duration(text: &str) -> Duration {
    let at = text.find(|c: char| c.is_alphabetic()).expect("a unit");
    let (number, unit) = text.split_at(at);
    let number: f64 = number.trim().parse().expect("a number");
    let unit = match unit {
        "ms" => 1e-3,
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3600.0,
        other => panic!("{other} is no unit"),
    };
    Duration::from_secs_f64(number * unit)
}

/// Each field of `Tuning`: its docs, and the value that `Debug` shows.
fn tuning() -> Vec<[String; 4]> {
    let source = here("../tower-ai-core/src/tuning.rs");
    let (_, fields) = source
        .split_once("pub struct Tuning {")
        .expect("the fields");
    let (fields, _) = fields.split_once("\n}").expect("their end");
    let values = format!("{:?}", Tuning::new());
    let mut rows = Vec::new();
    let mut docs = String::new();
    for line in fields.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            docs += text;
        } else if let Some(field) = line.strip_prefix("pub ") {
            let name = field.split(':').next().expect("a name");
            let (layer, text) = docs.split_once(": ").expect("a layer");
            let (text, value) = text.split_once(". Defaults to ").expect("a default");
            let value = value.split('.').next().filter(|first| first.contains(' '));
            let value = value.map_or_else(|| docs_value(&docs), str::to_owned);
            assert_eq!(duration(&value), duration(&shown(&values, name)), "{name}");
            rows.push([
                layer.trim().to_lowercase(),
                text.to_owned(),
                format!("`Tuning::{name}`"),
                value,
            ]);
            docs.clear();
        }
    }
    assert_eq!(rows.len(), values.matches(": ").count(), "every field");
    rows
}

/// The value in docs, where it has a point in it.
fn docs_value(docs: &str) -> String {
    let (_, value) = docs.split_once("Defaults to ").expect("a default");
    let end = value.find(". ").unwrap_or(value.len());
    value[..end].trim_end_matches('.').to_owned()
}

#[test]
fn the_page_of_defaults_is_what_the_code_says() {
    let mut page = DEFAULTS.to_owned();
    let row = |page: &mut String, row: [String; 4]| {
        writeln!(page, "| {} |", row.join(" | ")).expect("a string takes all");
    };
    choices().into_iter().for_each(|it| row(&mut page, it));
    page += "\n# Times\n\n| layer | setting | set by | default |\n|---|---|---|---|\n";
    tuning().into_iter().for_each(|it| row(&mut page, it));
    hold("defaults.md", &page);
}

// === outcomes ===

const OUTCOMES: &str = "What each outcome makes each layer do.

An attempt's answer is read once, at its target, and told to all layers as an [`Outcome`](crate::Outcome). What it means
stands in one table, [`Outcome::advice`](crate::Outcome::advice), of which this page is made by a test. What each provider's
answers mean stands in the docs of `tower_ai::http::providers`.

| outcome | retry, at the same target | the breaker | failover, to another target |
|---|---|---|---|
";

const WORDS: &str = "
Retries and moves cost from the [`Budget`](crate::Budget), and none is begun that cannot end before the call's deadline. *Within
patience*: the server named a wait that is within the application's patience (2.5 s while other targets are left, 60 s
else). *Gates*: no calls until the wait is over, and nothing held against the target. *Shut*: no calls for minutes, then a
probe.

";

const fn retries(again: Again) -> &'static str {
    match again {
        Again::Yes => "tries again",
        Again::AtOnce => "tries again at once, with another key",
        Again::IfAlone => "tries again if there is nowhere else",
        Again::IfPatient => "tries again within patience",
        Again::No => "no",
        _ => panic!("a word is missing"),
    }
}

const fn learns(lesson: Lesson) -> &'static str {
    match lesson {
        Lesson::Success => "counts a success",
        Lesson::Failure => "counts a failure",
        Lesson::Gate => "gates the target",
        Lesson::ShutKey => "shuts the key, on all its targets",
        Lesson::DoubtKey => "shuts the key; if it worked minutes ago, counts a failure instead",
        Lesson::ShutTarget => "shuts the target",
        Lesson::Nothing => "counts nothing",
        _ => panic!("a word is missing"),
    }
}

const fn moves(elsewhere: Elsewhere) -> &'static str {
    match elsewhere {
        Elsewhere::Yes => "moves on",
        Elsewhere::LargerWindow => "moves on to a larger context window",
        Elsewhere::IfAllowed => "moves on only where the policy allows it",
        Elsewhere::No => "no",
        _ => panic!("a word is missing"),
    }
}

/// What the docs say of each variant.
fn said_of_outcomes() -> BTreeMap<String, String> {
    let source = here("../tower-ai-core/src/outcome.rs");
    let (_, variants) = source
        .split_once("pub enum Outcome {")
        .expect("the variants");
    let (variants, _) = variants.split_once("\n}").expect("their end");
    let mut said = BTreeMap::new();
    let mut docs = String::new();
    for line in variants.lines() {
        let Some(line) = line
            .strip_prefix("    ")
            .filter(|line| !line.starts_with(' '))
        else {
            continue;
        };
        if let Some(text) = line.strip_prefix("///") {
            docs += text;
        } else if line.starts_with(char::is_uppercase) {
            let name = line.split([' ', ',']).next().expect("a name").to_owned();
            said.insert(name, std::mem::take(&mut docs).trim().to_owned());
        }
    }
    said
}

#[test]
fn the_page_of_outcomes_is_what_the_table_says() {
    let mut page = OUTCOMES.to_owned();
    let said = said_of_outcomes();
    let mut meanings = String::new();
    for outcome in Outcome::ALL {
        let (advice, debug) = (outcome.advice(), format!("{outcome:?}"));
        let name = debug.split(' ').next().expect("a name");
        let (retry, breaker, failover) = (
            retries(advice.again),
            learns(advice.lesson),
            moves(advice.elsewhere),
        );
        writeln!(page, "| `{name}` | {retry} | {breaker} | {failover} |").expect("a string");
        let meaning = said
            .get(name)
            .unwrap_or_else(|| panic!("{name} has no docs"));
        writeln!(meanings, "- `{name}`: {meaning}").expect("a string");
    }
    page += WORDS;
    page += &meanings;
    hold("outcomes.md", &page);
}
