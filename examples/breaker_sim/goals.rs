//! The figures that the real breaker is held to.

use crate::jobs::{Cell, Row};
use crate::rules::{NONE, OURS};
use crate::scenario::RATES;
use crate::table::short;
use crate::tally::Figures;

/// A bound on one figure, at each rate of the tuning set.
struct Goal {
    scenario: &'static str,
    /// What is bound; where it ends in "of none", that must have been run too.
    what: &'static str,
    /// The figure, given that of the same cell without any rule.
    value: fn(&Figures, Option<&Figures>) -> Option<f64>,
    most: [f64; 4],
}

impl Goal {
    /// The bound at this rate.
    #[expect(clippy::float_cmp, reason = "the rates are those of a table")]
    fn at(&self, rate: f64) -> f64 {
        let bounds = RATES.iter().zip(self.most);
        let mut bounds = bounds.filter(|(known, _)| **known == rate);
        bounds.next().map_or(f64::INFINITY, |(_, most)| most)
    }
}

const GOALS: [Goal; 9] = [
    Goal {
        scenario: "S1+1",
        what: "doomed calls",
        value: |ours, _| ours.doomed,
        most: [5.0, 8.0, 15.0, 70.0],
    },
    Goal {
        scenario: "S1+1",
        what: "recovery s",
        value: |ours, _| ours.recover_s,
        most: [15.0; 4],
    },
    Goal {
        scenario: "S3+1",
        what: "wasted %",
        value: |ours, _| ours.wasted_pct,
        most: [20.0, 4.0, 1.5, 1.0],
    },
    Goal {
        scenario: "S4",
        what: "goodput lost, % of that of none",
        value: |ours, none| Some(100.0 - share(ours.goodput_pct, none?.goodput_pct)?),
        most: [10.0; 4],
    },
    Goal {
        scenario: "S4",
        what: "429s, % of those of none",
        value: |ours, none| share(ours.wasted_pct, none?.wasted_pct),
        most: [40.0, 15.0, 8.0, 4.0],
    },
    Goal {
        scenario: "H1",
        what: "false trips a day",
        value: |ours, _| ours.false_trips_per_day,
        most: [1.0; 4],
    },
    Goal {
        scenario: "H1",
        what: "rejected %",
        value: |ours, _| ours.rejected_healthy_pct,
        most: [0.1; 4],
    },
    Goal {
        scenario: "H5",
        what: "false trips a day",
        value: |ours, _| ours.false_trips_per_day,
        most: [1.0; 4],
    },
    Goal {
        scenario: "H5",
        what: "rejected %",
        value: |ours, _| ours.rejected_healthy_pct,
        most: [0.1; 4],
    },
];

fn share(ours: Option<f64>, none: Option<f64>) -> Option<f64> {
    Some(100.0 * ours? / none?)
}

/// Prints each goal beside what was reached, as far as it was run.
pub(crate) fn print(rows: &[Row]) {
    let find = |id: &str, rule: &str| {
        let mut rows = rows.iter();
        rows.find(|row| row.scenario.id == id && row.rule == rule)
    };
    let mut title = "\nGoals: reached / at most";
    for goal in &GOALS {
        let Some(ours) = find(goal.scenario, OURS) else {
            continue;
        };
        let none = find(goal.scenario, NONE);
        if goal.what.ends_with("of none") && none.is_none() {
            continue;
        }
        let cell = |(index, cell): (usize, &Cell)| {
            let none = none.map(|none| &none.cells[index].figures);
            let value = (goal.value)(&cell.figures, none);
            let most = goal.at(cell.rate);
            let missed = value.is_none_or(|value| value > most);
            let value = value.map_or("-".to_owned(), short);
            let mark = if missed { " !" } else { "" };
            format!("{:<18}", format!("{value} / {}{mark}", short(most)))
        };
        if !title.is_empty() {
            println!("{title}");
            title = "";
        }
        let cells: String = ours.cells.iter().enumerate().map(cell).collect();
        println!("{:<6}{:<33}{}", goal.scenario, goal.what, cells.trim_end());
    }
}
