//! Holds scores and findings to what is promised of the stack.

use tower_ai_drill::{Commit, Finding, Score, Verdict};

/// The contender that is held to its figures.
pub(crate) const HELD: &str = "tower-ai";
/// How often what was missed on a late machine is tried again.
pub(crate) const AGAIN: usize = 2;

/// The table of the docs: which mode answers in which scenario.
const MODES: &str = include_str!("../../crates/tower-ai/docs/modes.md");

/// The figures of a score that are out of bounds.
pub(crate) fn misses(score: &Score) -> Vec<String> {
    let back = score.back_after_s.unwrap_or(f64::INFINITY);
    let figures = [
        ("answered_share", score.answered_share, -1.0, 0.995),
        ("attempts", score.attempts, 1.0, 1.2),
        ("to_sick", score.to_sick, 1.0, 0.03),
        ("back_after_s", back, 1.0, 30.0),
        ("broken", score.broken as f64, 1.0, 0.0),
    ];
    let missed = figures
        .into_iter()
        .filter(|(_, value, sign, bound)| sign * (value - bound) > 0.0);
    missed
        .map(|(name, value, sign, bound)| {
            let wanted = if sign > 0.0 { "at most" } else { "at least" };
            format!("{name} is {value:.4}, and must be {wanted} {bound}")
        })
        .collect()
}

/// Whether a finding is a pass, and, of one mode, what the docs' table says of it.
pub(crate) fn holds(id: &str, mode: Option<Commit>, finding: &Finding) -> bool {
    let documented = mode.is_none_or(|mode| documented(id, mode) == Some(rescued(finding)));
    finding.verdict == Verdict::Pass && documented
}

/// What callers got, in the words of the table.
pub(crate) fn rescued(finding: &Finding) -> &'static str {
    if finding.answered >= 0.99 {
        "answer"
    } else if finding.answered > 0.0 {
        "some"
    } else {
        "error"
    }
}

/// What the table says.
fn documented(id: &str, mode: Commit) -> Option<&'static str> {
    let column = match mode {
        Commit::FirstContent => 2,
        Commit::Complete => 3,
        _ => 4,
    };
    let rows = MODES.lines().map(|line| line.trim_matches(['|', ' ']));
    let mut rows = rows.map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let row = rows.find(|cells| cells.first() == Some(&id))?;
    row.get(column).copied()
}
