//! The figures for people.

use crate::jobs::Row;
use crate::scenario::{self, Kind};
use crate::tally::NAMES;

/// Prints a block for each scenario: a line per rule, the rates side by side.
pub(crate) fn print(rows: &[Row]) {
    let mut held_out = false;
    for block in rows.chunk_by(|a, b| a.scenario.id == b.scenario.id) {
        let scenario = &block[0].scenario;
        if scenario.hold_out && !held_out {
            held_out = true;
            println!("\n==== Hold-out set: no constant was chosen with these ====");
        }
        let rates: Vec<String> = scenario.rates.iter().map(f64::to_string).collect();
        println!(
            "\n{}  {} ({}); at {} calls a second",
            scenario.id,
            scenario.about,
            scenario::setting(scenario),
            rates.join(" / ")
        );
        print_block(block);
    }
}

fn print_block(rows: &[Row]) {
    let scenario = &rows[0].scenario;
    let columns = columns(scenario.kind, scenario.judged.0 > 0.0);
    let mut lines = vec![vec![String::new()]];
    lines[0].extend(columns.iter().map(|(_, title)| (*title).to_owned()));
    for row in rows {
        let mut line = vec![row.rule.to_owned()];
        line.extend(columns.iter().map(|(name, _)| values(row, name)));
        lines.push(line);
    }
    let width = |column: usize| {
        let cells = lines.iter().map(|line| line[column].len());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..=columns.len()).map(width).collect();
    for line in &lines {
        let cells = line.iter().zip(&widths);
        let cells: Vec<String> = cells.map(|(cell, &w)| format!("{cell:<w$}")).collect();
        println!("{}", cells.join("   ").trim_end());
    }
}

/// The figures of a row at all rates.
fn values(row: &Row, name: &str) -> String {
    let index = NAMES.iter().position(|known| *known == name);
    let cells = row.cells.iter().map(|cell| {
        let value = index.and_then(|index| cell.figures.values()[index]);
        value.map_or("-".to_owned(), short)
    });
    cells.collect::<Vec<_>>().join(" / ")
}

/// A number in few characters.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        ..0.1 => format!("{value:.2}"),
        ..10.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

const fn columns(kind: Kind, cold: bool) -> &'static [(&'static str, &'static str)] {
    match kind {
        Kind::Outage if cold => &[
            ("doomed", "overload failures"),
            ("wasted_pct", "wasted %"),
            ("lost_pct", "lost %"),
            ("recover_s", "recover s"),
            ("goodput_pct", "goodput %"),
        ],
        Kind::Outage => &[
            ("detect_s", "detect s"),
            ("doomed", "doomed calls"),
            ("wasted_pct", "wasted %"),
            ("lost_pct", "lost %"),
            ("recover_s", "recover s"),
            ("goodput_pct", "goodput %"),
        ],
        Kind::Healthy => &[
            ("false_trips_per_day", "false trips per day"),
            ("rejected_healthy_pct", "rejected %"),
            ("goodput_pct", "goodput %"),
        ],
        Kind::Limit => &[
            ("goodput_pct", "goodput, % of capacity"),
            ("wasted_pct", "429s, % of calls"),
        ],
    }
}

/// What the words mean.
pub(crate) const LEGEND: &str = "
detect   seconds until at least a tenth of the calls is rejected; - is never
doomed   wasted calls until then; in S6 calls that failed by overload after the outage
wasted   attempts at sick targets that fail or take over 30 s, per call that came
lost     calls that were rejected, would have been answered, and went nowhere else
recover  seconds from the end of the trouble to the first of 20 admitted calls in a row; - is
         never, or nothing to come back from
goodput  calls answered within 30 s, by whatever target
Medians over the seeds for times and counts, means for shares.";
