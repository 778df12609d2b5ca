//! Measures how often the cache answers, and how often wrongly.
//!
//! ```sh
//! cargo run --release --features minilm --example cache_eval -- --data DIR --model DIR [--json FILE]
//! ```
//!
//! `--data` holds `banking77` and `clinc150`; `--model` the weights of all-MiniLM-L6-v2 (see the docs of
//! `tower_ai_cache::minilm`). `--vectors DIR` keeps the vectors for the next run; `--pairs FILE.tsv` takes
//! labelled pairs (`question1`, `question2`, `is_duplicate`) instead, `--stream FILE.csv` any labelled stream
//! (`text,label`) instead. Intent equality is not answer equality: two
//! questions of one intent may need two answers, and two of different intents may share one.

mod data;
mod edits;
mod rules;
mod stream;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;

use serde_json::{Value, json};
use tower_ai_cache::minilm::MiniLm;

use self::data::{Query, Vectors};
use self::rules::Rule;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const MODEL: &str = "all-MiniLM-L6-v2";

/// The texts of the edit suite.
const EDITED: usize = 1000;

fn main() -> Result<()> {
    let mut args = BTreeMap::new();
    let mut rest = std::env::args().skip(1);
    while let Some(name) = rest.next() {
        let value = rest.next().ok_or("every argument has a value")?;
        args.insert(
            name.trim_start_matches('-').to_owned(),
            PathBuf::from(value),
        );
    }
    let model = args
        .get("model")
        .ok_or("--model DIR: the weights are needed")?;
    let vectors = Vectors::new(MiniLm::load(model, 2)?, args.get("vectors").cloned());
    if let Some(pairs) = args.get("pairs") {
        return stream::pairs(&data::pairs(pairs)?, &vectors);
    }
    if let Some(file) = args.get("stream") {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let rules = streamed(&name, &data::stream(file)?, &vectors, &BTreeMap::new())?;
        return write(&args, &json!({ name: { MODEL: rules } }));
    }
    let dir = args
        .get("data")
        .ok_or("--data DIR: the data sets are needed")?;
    let banking = data::banking77(&dir.join("banking77"))?;
    let passed = edit_suite(&banking, &vectors)?;
    let mut report = serde_json::Map::new();
    for (name, queries) in [
        ("banking77", banking),
        ("clinc150", data::clinc150(&dir.join("clinc150"))?),
    ] {
        let rules = streamed(name, &queries, &vectors, &passed)?;
        report.insert(name.to_owned(), json!({ MODEL: rules }));
    }
    write(&args, &Value::Object(report))
}

fn write(args: &BTreeMap<String, PathBuf>, report: &Value) -> Result<()> {
    if let Some(file) = args.get("json") {
        std::fs::write(file, serde_json::to_string_pretty(report)?)?;
    }
    Ok(())
}

/// A stream under each rule, and the shares of edits beside it where there are some.
fn streamed(
    name: &str,
    queries: &[Query],
    vectors: &Vectors,
    passed: &BTreeMap<String, Value>,
) -> Result<Value> {
    let vectors = vectors.of(name, queries.iter().map(|query| query.text.as_str()))?;
    println!("\n{name}: {} requests", queries.len());
    println!(
        "{:<16}{:>9}{:>11}{:>11}{:>9}",
        "rule", "hits", "wrong/hit", "wrong/req", "recall"
    );
    let mut rules = serde_json::Map::new();
    for rule in Rule::all() {
        let counts = stream::run(queries, &vectors, rule);
        counts.print(&rule.name());
        let mut row = counts.json();
        if let Some(passed) = passed.get(&rule.name()) {
            row["edits_passed"] = passed.clone();
        }
        rules.insert(rule.name(), row);
    }
    Ok(Value::Object(rules))
}

/// The share of near-miss edits that each rule serves, by kind.
fn edit_suite(queries: &[Query], vectors: &Vectors) -> Result<BTreeMap<String, Value>> {
    let edits = edits::suite(queries, EDITED);
    let texts = edits.iter().flat_map(|edit| [&*edit.from, &*edit.to]);
    let vectors = vectors.of("edits", texts)?;
    let mut all = BTreeMap::new();
    println!(
        "edits served (of {} over {} kinds)",
        edits.len(),
        edits::KINDS.len()
    );
    for rule in Rule::all() {
        let mut shares = serde_json::Map::new();
        for kind in edits::KINDS {
            let of_kind = |(_, edit): &(usize, &edits::Edit)| edit.kind == kind;
            let chosen: Vec<_> = edits.iter().enumerate().filter(of_kind).collect();
            let served = |(i, edit): &&(usize, &edits::Edit)| {
                let score = stream::cosine(&vectors[2 * i], &vectors[2 * i + 1]);
                rule.takes(&edit.to, &edit.from, score) && rule.caches(&edit.to)
            };
            let share = chosen.iter().filter(served).count() as f64 / chosen.len().max(1) as f64;
            shares.insert(kind.to_owned(), json!(share));
        }
        let line: Vec<_> = shares
            .iter()
            .map(|(kind, share)| format!("{kind} {:.1}%", share.as_f64().unwrap_or(0.0) * 100.0))
            .collect();
        println!("{:<16}{}", rule.name(), line.join("  "));
        all.insert(rule.name(), Value::Object(shares));
    }
    Ok(all)
}
