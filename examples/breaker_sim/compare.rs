//! Where the real breaker is not the best.

use std::cmp::Ordering;

use crate::jobs::{Cell, Row};
use crate::rules::{NONE, OURS};
use crate::scenario::Kind;
use crate::table::short;
use crate::tally::Figures;

/// A figure of which less is better.
struct Measure {
    name: &'static str,
    value: fn(&Figures) -> Option<f64>,
    /// Differences up to this are none.
    tolerance: f64,
}

const MEASURES: [Measure; 4] = [
    Measure {
        name: "doomed calls",
        value: |figures| figures.doomed,
        tolerance: 0.5,
    },
    Measure {
        name: "wasted %",
        value: |figures| figures.wasted_pct,
        tolerance: 0.05,
    },
    Measure {
        name: "recovery s",
        value: |figures| figures.recover_s,
        tolerance: 0.5,
    },
    Measure {
        name: "false trips a day",
        value: |figures| figures.false_trips_per_day,
        tolerance: 0.005,
    },
];

/// A peer in the same cell, and what its figure was bought with, if anything.
struct Peer<'a> {
    rule: &'a str,
    cell: &'a Cell,
    price: Option<String>,
}

/// All rows of a run, and the cell in which the real breaker stands now.
struct Comparison<'a> {
    rows: &'a [Row],
    ours: &'a Row,
    index: usize,
    measure: &'a Measure,
}

/// How a tie is told from a difference, for all rules alike.
pub(crate) const LEGEND: &str = "A peer is better in a cell if its figure is lower by more than half a call, 0.05 %, half a second or 0.005
trips a day, and not by chance: of the runs (same seeds, same calls) that differ, so many more are better than worse
that a sign test says so at two standard deviations. Where there is one run, its figure stands.
A peer pays for it if it trips more than twice a day on healthy traffic at that rate, answers 1 % of the calls
less, wastes half as much again and 1 % more, or is back half as late again and 5 s later.";

/// What became of the comparison.
#[derive(Debug, Default)]
struct Outcome {
    cells: usize,
    /// Cells in which a peer has a lower figure, whatever the spread and whatever the price.
    lower: usize,
    /// Those of them in which it is within the spread.
    ties: usize,
    /// A peer is better and pays nothing.
    behind: Vec<Line>,
    /// Whoever is better pays for it.
    bought: Vec<Line>,
}

/// One cell in which a peer is better.
#[derive(Debug)]
struct Line {
    scenario: &'static str,
    rate: f64,
    figure: &'static str,
    ours: String,
    peer: String,
    theirs: String,
    price: String,
}

fn compare(rows: &[Row]) -> Outcome {
    let mut outcome = Outcome::default();
    for ours in rows.iter().filter(|row| row.rule == OURS) {
        for (index, measure) in
            (0..ours.cells.len()).flat_map(|index| MEASURES.iter().map(move |m| (index, m)))
        {
            let comparison = Comparison {
                rows,
                ours,
                index,
                measure,
            };
            let Some((lower, better)) = comparison.better() else {
                continue;
            };
            outcome.cells += 1;
            outcome.lower += usize::from(lower);
            match better {
                Some(peer) if peer.price.is_none() => outcome.behind.push(comparison.line(&peer)),
                Some(peer) => outcome.bought.push(comparison.line(&peer)),
                None => outcome.ties += usize::from(lower),
            }
        }
    }
    outcome
}

/// Prints every cell in which a peer is better than the real breaker: first those in which a peer is better
/// for nothing, then those in which whoever is better pays for it elsewhere.
pub(crate) fn print(rows: &[Row]) {
    let Outcome {
        cells,
        lower,
        ties,
        behind,
        bought,
    } = compare(rows);
    if cells == 0 {
        return;
    }
    println!(
        "\nA peer has a lower figure in {lower} of {cells} cells, in {ties} of them by chance.\n{LEGEND}\n\nBetter, \
         and for nothing, in {}:",
        behind.len()
    );
    behind.iter().for_each(|line| println!("{line}"));
    println!(
        "\nBetter in {} more, and whoever is better pays for it:",
        bought.len()
    );
    bought.iter().for_each(|line| println!("{line}"));
}

/// The same as a page of the docs.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let outcome = compare(rows);
    let mut page = format!(
        "A peer has a lower figure in {} of {} cells, in {} of them by chance.\n\n{LEGEND}\n",
        outcome.lower, outcome.cells, outcome.ties
    );
    for (title, lines) in [
        ("A peer is better, and pays nothing", &outcome.behind),
        ("A peer is better, and pays for it", &outcome.bought),
    ] {
        page += &format!(
            "\n## {title}: {} cells\n\n| scenario | calls/s | figure | ours | peer | theirs | price |\n|---|---|---|---|---|---|---|\n",
            lines.len()
        );
        for line in lines {
            page += &format!(
                "| {} | {} | {} | {} | {} | {} | {} |\n",
                line.scenario,
                line.rate,
                line.figure,
                line.ours,
                line.peer,
                line.theirs,
                line.price
            );
        }
    }
    page
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:<5}{:>6}/s  {:<18}{:>7}; {} {}",
            self.scenario, self.rate, self.figure, self.ours, self.peer, self.theirs
        )?;
        if !self.price.is_empty() {
            write!(f, ", but {}", self.price)?;
        }
        Ok(())
    }
}

/// Whether the first of these figures are lower than the second, and not by chance.
fn is_lower(theirs: &[f64], ours: &[f64], tolerance: f64) -> bool {
    let pairs = || theirs.iter().zip(ours);
    let better = pairs().filter(|&(t, o)| t + tolerance < *o).count() as f64;
    let worse = pairs().filter(|&(t, o)| o + tolerance < *t).count() as f64;
    if theirs.len() < 2 {
        return better > worse;
    }
    better > worse && (better - worse).powi(2) > 4.0 * (better + worse)
}

impl<'a> Comparison<'a> {
    fn cell(&self) -> &'a Cell {
        &self.ours.cells[self.index]
    }

    fn value(&self, cell: &Cell) -> f64 {
        (self.measure.value)(&cell.figures).unwrap_or(f64::INFINITY)
    }

    /// Whether anybody's figure is lower, and the best peer that is better, those without a price first; `None` if
    /// nobody has such a figure here.
    fn better(&self) -> Option<(bool, Option<Peer<'a>>)> {
        let id = self.ours.scenario.id;
        let peers = || {
            let rows = self.rows.iter();
            rows.filter(|row| row.scenario.id == id && ![OURS, NONE].contains(&row.rule))
        };
        let known = |row: &Row| self.value(&row.cells[self.index]).is_finite();
        if peers().next().is_none() || !(known(self.ours) || peers().any(known)) {
            return None;
        }
        let ours = self.value(self.cell());
        let lower = |row: &&Row| self.value(&row.cells[self.index]) + self.measure.tolerance < ours;
        let better = peers().filter(lower).filter(|row| {
            let theirs = self.values(&row.cells[self.index]);
            is_lower(&theirs, &self.values(self.cell()), self.measure.tolerance)
        });
        let better = better.map(|row| Peer {
            rule: row.rule,
            cell: &row.cells[self.index],
            price: self.price(row),
        });
        let any = peers().any(|row| lower(&row));
        Some((any, better.min_by(|a, b| self.order(a, b))))
    }

    /// The figure of each run.
    fn values(&self, cell: &Cell) -> Vec<f64> {
        let runs = cell.runs.iter();
        runs.map(|run| (self.measure.value)(run).unwrap_or(f64::INFINITY))
            .collect()
    }

    fn order(&self, a: &Peer<'_>, b: &Peer<'_>) -> Ordering {
        let values = || self.value(a.cell).total_cmp(&self.value(b.cell));
        let prices = a.price.is_some().cmp(&b.price.is_some());
        prices.then_with(values)
    }

    /// What a peer pays for its figure: healthy calls, answers in the trouble, wasted calls, or a late return.
    fn price(&self, peer: &Row) -> Option<String> {
        let cell = &peer.cells[self.index];
        let healthy = self.rows.iter().filter(|row| {
            row.rule == peer.rule
                && row.scenario.kind == Kind::Healthy
                && row.scenario.hold_out == peer.scenario.hold_out
        });
        let trips = healthy.filter_map(|row| row.cells[self.index].figures.false_trips_per_day);
        let trips = trips.fold(0.0, f64::max);
        if trips > 2.0 {
            return Some(format!("{} false trips a day", short(trips)));
        }
        let figures = |cell: &Cell| cell.figures.clone();
        let (ours, theirs) = (figures(self.cell()), figures(cell));
        let goodput = (ours.goodput_pct, theirs.goodput_pct);
        if let (Some(ours), Some(theirs)) = goodput
            && ours > theirs + 1.0
        {
            return Some(format!(
                "answers {} %, not {} %",
                short(theirs),
                short(ours)
            ));
        }
        let waste = (ours.wasted_pct, theirs.wasted_pct);
        if let (Some(ours), Some(theirs)) = waste
            && theirs > 1.5 * ours + 1.0
        {
            return Some(format!("wastes {} %, not {} %", short(theirs), short(ours)));
        }
        let back = (ours.recover_s, theirs.recover_s);
        match back {
            (Some(ours), Some(theirs)) if theirs > 1.5 * ours + 5.0 => Some(format!(
                "is back after {} s, not {} s",
                short(theirs),
                short(ours)
            )),
            (Some(_), None) if theirs.detect_s.is_some() => Some("never comes back".to_owned()),
            _ => None,
        }
    }

    fn line(&self, peer: &Peer<'_>) -> Line {
        let value = |cell: &Cell| {
            let value = self.value(cell);
            if value.is_finite() {
                short(value)
            } else {
                "never".to_owned()
            }
        };
        Line {
            scenario: self.ours.scenario.id,
            rate: self.cell().rate,
            figure: self.measure.name,
            ours: value(self.cell()),
            peer: peer.rule.to_owned(),
            theirs: value(peer.cell),
            price: peer.price.clone().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_figure_may_be_chance() {
        let ours = [5.0; 16];
        let mut theirs = [5.0; 16];
        assert!(!is_lower(&theirs, &ours, 0.5), "a tie");
        theirs[..4].fill(3.0);
        assert!(!is_lower(&theirs, &ours, 0.5), "four of four");
        theirs[4] = 3.0;
        assert!(is_lower(&theirs, &ours, 0.5), "five of five");
        theirs[5..8].fill(9.0);
        assert!(!is_lower(&theirs, &ours, 0.5), "five of eight");
    }

    #[test]
    fn differences_within_the_tolerance_are_none() {
        assert!(!is_lower(&[4.6; 9], &[5.0; 9], 0.5));
        assert!(is_lower(&[4.4; 9], &[5.0; 9], 0.5));
    }

    #[test]
    fn never_is_more_than_any_figure() {
        let never = [f64::INFINITY; 9];
        assert!(is_lower(&[100.0; 9], &never, 0.5));
        assert!(!is_lower(&never, &never, 0.5));
    }

    #[test]
    fn one_run_stands() {
        assert!(is_lower(&[0.1], &[0.3], 0.005));
        assert!(!is_lower(&[0.3], &[0.1], 0.005));
    }
}
