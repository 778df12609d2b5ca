//! Holds a report to what is promised of the stack.

use serde_json::Value;

/// What the stack must reach in the outage: a figure of the report, and its bound.
const FIGURES: &[(&str, Bound)] = &[
    ("answered_share", Bound::Least(0.995)),
    ("attempts", Bound::Most(1.2)),
    ("to_sick", Bound::Most(0.03)),
    ("back_after_s", Bound::Most(30.0)),
    ("broken", Bound::Most(0.0)),
];

enum Bound {
    Least(f64),
    Most(f64),
}

/// Says what the report does not hold: figures of `tower-ai` out of bounds, scenarios that it does not pass.
pub(crate) fn failures(report: &Value) -> Vec<String> {
    let mut failures = Vec::new();
    if let Some(score) = report.pointer("/contenders/tower-ai") {
        failures.extend(FIGURES.iter().filter_map(|figure| broken(score, figure)));
    }
    let scenarios = report.get("scenarios").and_then(Value::as_object);
    for (id, finding) in scenarios.into_iter().flatten() {
        if finding["verdict"] != "pass" {
            failures.push(format!("{id} is {}", finding["verdict"]));
        }
    }
    failures
}

fn broken(score: &Value, (name, bound): &(&str, Bound)) -> Option<String> {
    let value = score[name].as_f64();
    let (holds, wanted) = match bound {
        Bound::Least(least) => (
            value.is_some_and(|value| value >= *least),
            format!("at least {least}"),
        ),
        Bound::Most(most) => (
            value.is_some_and(|value| value <= *most),
            format!("at most {most}"),
        ),
    };
    (!holds).then(|| format!("{name} is {}, and must be {wanted}", score[name]))
}
