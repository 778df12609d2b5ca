//! Where the real breaker is not the best.

use crate::jobs::{Cell, Row};
use crate::rules::{NONE, OURS};
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

/// Prints every cell in which a peer is better than the real breaker.
pub(crate) fn print(rows: &[Row]) {
    let (mut cells, mut below) = (0, 0);
    for ours in rows.iter().filter(|row| row.rule == OURS) {
        let peers = || {
            rows.iter().filter(|row| {
                row.scenario.id == ours.scenario.id && ![OURS, NONE].contains(&row.rule)
            })
        };
        if peers().next().is_none() {
            continue;
        }
        for (index, cell) in ours.cells.iter().enumerate() {
            for measure in &MEASURES {
                let peers = peers().map(|row| (row.rule, &row.cells[index]));
                let Some(better) = better(measure, cell, peers.collect()) else {
                    continue;
                };
                cells += 1;
                if let Some((rule, peer)) = better {
                    if below == 0 {
                        println!("\nCells in which a peer is better:");
                    }
                    below += 1;
                    print_cell(ours, measure, cell, rule, peer);
                }
            }
        }
    }
    if cells > 0 {
        println!("\nA peer is better in {below} of {cells} cells.");
    }
}

/// The best peer, if it is better; `None` if the cell has no such figure.
fn better<'a>(
    measure: &Measure,
    ours: &Cell,
    peers: Vec<(&'a str, &'a Cell)>,
) -> Option<Option<(&'a str, &'a Cell)>> {
    let value = |cell: &Cell| (measure.value)(&cell.figures);
    let best = peers
        .into_iter()
        .filter(|(_, cell)| value(cell).is_some())
        .min_by(|(_, a), (_, b)| {
            value(a)
                .partial_cmp(&value(b))
                .unwrap_or(std::cmp::Ordering::Equal)
        });
    match (best, value(ours)) {
        (None, None) => None,
        (Some(best), Some(ours)) => {
            let least = value(best.1).unwrap_or(f64::INFINITY);
            Some((ours > least + measure.tolerance).then_some(best))
        }
        (best, _) => Some(best.filter(|_| value(ours).is_none())),
    }
}

fn print_cell(row: &Row, measure: &Measure, ours: &Cell, rule: &str, peer: &Cell) {
    let value = |cell: &Cell| (measure.value)(&cell.figures).map_or("never".to_owned(), short);
    let goodput = |cell: &Cell| cell.figures.goodput_pct.map_or("-".to_owned(), short);
    println!(
        "{:<5} {:>4}/s  {:<18} {:>6}, {rule} {} (goodput {} %, {} %)",
        row.scenario.id,
        ours.rate,
        measure.name,
        value(ours),
        value(peer),
        goodput(ours),
        goodput(peer),
    );
}
