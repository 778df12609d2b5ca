//! The table on the terminal and the file for machines.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::measure::Timing;
use super::{Case, Mode, Options};

/// Above this, the middle half of the samples lies so wide that the median says little.
const WORTHLESS_PCT: f64 = 15.0;

/// The rows of one bench.
pub(crate) struct Report {
    bench: &'static str,
    rows: Vec<Line>,
}

struct Line {
    case: String,
    peer: Option<&'static str>,
    timing: Option<Timing>,
    allocs: Option<u64>,
}

impl Report {
    pub(crate) const fn new(bench: &'static str) -> Self {
        Self {
            bench,
            rows: Vec::new(),
        }
    }

    /// Adds what a case took.
    pub(crate) fn add(&mut self, case: &Case, timing: Timing) {
        self.push(&case.name, case.peer, Some(timing), None);
    }

    /// Adds what a case allocates per call.
    pub(crate) fn add_allocs(&mut self, case: &Case, allocs: u64) {
        self.push(&case.name, case.peer, None, Some(allocs));
    }

    /// Adds a time that was read off the clock on the wall.
    pub(crate) fn add_wall(&mut self, case: &str, took: Duration) {
        let timing = Timing {
            ns: took.as_nanos() as f64,
            over_bare: f64::NAN,
            ratio_to_bare: f64::NAN,
            spread_pct: f64::NAN,
        };
        self.push(case, None, Some(timing), None);
    }

    pub(crate) fn push(
        &mut self,
        case: &str,
        peer: Option<&'static str>,
        timing: Option<Timing>,
        allocs: Option<u64>,
    ) {
        self.rows.push(Line {
            case: case.to_owned(),
            peer,
            timing,
            allocs,
        });
    }

    /// Prints the table, and writes the file if one is asked for.
    pub(crate) fn finish(self, options: &Options) -> ExitCode {
        if options.mode == Mode::Smoke {
            println!("{}: {} cases run", self.bench, self.rows.len());
        } else {
            self.print();
        }
        if let Some(path) = &options.json
            && let Err(error) = self.merge(path)
        {
            eprintln!("{}: {error}", path.display());
            return ExitCode::FAILURE;
        }
        ExitCode::SUCCESS
    }

    fn print(&self) {
        if self.rows.iter().any(|row| row.timing.is_some()) {
            println!(
                "\n{:<58} {:>9} {:>9} {:>7} {:>7} {:>8}",
                self.bench, "ns", "over bare", "x bare", "x ours", "spread"
            );
        } else {
            println!("\n{:<58} {:>9}", self.bench, "per call");
        }
        for row in &self.rows {
            let name = match row.peer {
                Some(peer) => format!("  {}  [{peer}]", row.case),
                None => row.case.clone(),
            };
            if let Some(allocs) = row.allocs {
                println!("{name:<58} {allocs:>9} allocations");
            }
            let Some(timing) = row.timing else { continue };
            let ours = match (row.peer, self.ours(&row.case)) {
                (Some(_), Some(ours)) => format!("{:.1}", timing.ns / ours.ns),
                _ => String::new(),
            };
            let worth = if timing.spread_pct > WORTHLESS_PCT {
                "  too wide to say"
            } else {
                ""
            };
            println!(
                "{name:<58} {:>9.1} {:>9} {:>7} {ours:>7} {:>8}{worth}",
                timing.ns,
                known(timing.over_bare, ""),
                known(timing.ratio_to_bare, ""),
                known(timing.spread_pct, "%"),
            );
        }
    }

    fn ours(&self, case: &str) -> Option<Timing> {
        let found = self
            .rows
            .iter()
            .find(|row| row.peer.is_none() && row.case == case);
        found?.timing
    }

    /// Puts the rows into the file; rows of other benches, and figures that were not taken now, stay.
    fn merge(&self, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
        let mut all: Vec<Map<String, Value>> = match fs::read(path) {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(_) => Vec::new(),
        };
        for row in &self.rows {
            let key = json!([self.bench, row.case, row.peer]);
            let same = |known: &&mut Map<String, Value>| {
                json!([known["bench"], known["case"], known["peer"]]) == key
            };
            let figures = row.figures();
            match all.iter_mut().find(same) {
                Some(known) => known.extend(figures),
                None => all.push(row.named(self.bench, figures)),
            }
        }
        fs::write(path, serde_json::to_string_pretty(&all)? + "\n")?;
        Ok(())
    }
}

/// A figure with its unit; nothing where it was not taken.
fn known(figure: f64, unit: &str) -> String {
    if figure.is_nan() {
        return String::new();
    }
    format!("{figure:.1}{unit}")
}

impl Line {
    /// The figures that were taken.
    fn figures(&self) -> Map<String, Value> {
        let mut figures = Map::new();
        let mut put = |name: &str, value: f64| {
            figures.insert(name.to_owned(), json!((value * 100.0).round() / 100.0));
        };
        if let Some(timing) = self.timing {
            put("ns", timing.ns);
            put("ns_over_bare", timing.over_bare);
            put("ratio_to_bare", timing.ratio_to_bare);
            put("spread_pct", timing.spread_pct);
        }
        if let Some(allocs) = self.allocs {
            figures.insert("allocs".to_owned(), allocs.into());
        }
        figures
    }

    /// A whole row, with null for what was not taken.
    fn named(&self, bench: &str, figures: Map<String, Value>) -> Map<String, Value> {
        let mut row = Map::new();
        row.insert("bench".to_owned(), bench.into());
        row.insert("case".to_owned(), self.case.clone().into());
        row.insert("peer".to_owned(), self.peer.into());
        for name in [
            "ns",
            "ns_over_bare",
            "ratio_to_bare",
            "allocs",
            "spread_pct",
        ] {
            row.insert(name.to_owned(), Value::Null);
        }
        row.extend(figures);
        row
    }
}
