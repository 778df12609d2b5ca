//! The figures for programs.

use serde_json::{Map, Value};

use crate::jobs::Row;
use crate::tally::NAMES;

/// `{SCENARIO: {RULE: {RATE: {FIGURE: number or null}}}}`.
pub(crate) fn report(rows: &[Row]) -> Value {
    let mut report = Map::new();
    for row in rows {
        let rates = row.cells.iter().map(|cell| {
            let values = cell.figures.values().map(Value::from);
            let figures = NAMES.map(str::to_owned).into_iter().zip(values);
            (cell.rate.to_string(), Value::Object(figures.collect()))
        });
        let rates = Value::Object(rates.collect());
        let rules = report
            .entry(row.scenario.id)
            .or_insert_with(|| Value::Object(Map::new()));
        rules[row.rule] = rates;
    }
    Value::Object(report)
}
