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

/// Prints every cell in which a peer is better than the real breaker: first those in which a peer is better
/// for nothing, then those in which whoever is better pays for it elsewhere.
pub(crate) fn print(rows: &[Row]) {
    let mut cells = 0;
    let (mut lines, mut bought) = (Vec::new(), Vec::new());
    for ours in rows.iter().filter(|row| row.rule == OURS) {
        for index in 0..ours.cells.len() {
            for measure in &MEASURES {
                let comparison = Comparison {
                    rows,
                    ours,
                    index,
                    measure,
                };
                let Some(better) = comparison.better() else {
                    continue;
                };
                cells += 1;
                match better {
                    Some(peer) if peer.price.is_none() => lines.push(comparison.line(&peer)),
                    Some(peer) => bought.push(comparison.line(&peer)),
                    None => {}
                }
            }
        }
    }
    if cells == 0 {
        return;
    }
    println!("\nA peer is better in {} of {cells} cells:", lines.len());
    lines.iter().for_each(|line| println!("{line}"));
    println!(
        "\nIn {} more, and whoever is better pays for it:",
        bought.len()
    );
    bought.iter().for_each(|line| println!("{line}"));
}

impl<'a> Comparison<'a> {
    fn cell(&self) -> &'a Cell {
        &self.ours.cells[self.index]
    }

    fn value(&self, cell: &Cell) -> f64 {
        (self.measure.value)(&cell.figures).unwrap_or(f64::INFINITY)
    }

    /// The best peer that is better, those without a price first; `None` if nobody has such a figure here.
    fn better(&self) -> Option<Option<Peer<'a>>> {
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
        let better = peers().filter_map(|row| {
            let cell = &row.cells[self.index];
            (self.value(cell) + self.measure.tolerance < ours).then(|| Peer {
                rule: row.rule,
                cell,
                price: self.price(row),
            })
        });
        Some(better.min_by(|a, b| self.order(a, b)))
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

    fn line(&self, peer: &Peer<'_>) -> String {
        let value = |cell: &Cell| {
            let value = self.value(cell);
            if value.is_finite() {
                short(value)
            } else {
                "never".to_owned()
            }
        };
        let price = peer.price.as_ref();
        format!(
            "{:<5}{:>6}/s  {:<18}{:>7}; {} {}{}",
            self.ours.scenario.id,
            self.cell().rate,
            self.measure.name,
            value(self.cell()),
            peer.rule,
            value(peer.cell),
            price.map_or_else(String::new, |price| format!(", but {price}")),
        )
    }
}
