//! The figures of a page that are text.

use std::collections::BTreeMap;

use super::html::{count, esc, num, percent};
use super::plot::Story;
use crate::{Case, Verdict};

/// How many checks that did not hold are named beside a verdict.
const MISSED: usize = 4;

/// The share of answered calls of each contender, large.
pub(super) fn tiles(story: &Story<'_>) -> String {
    let tiles: String = story
        .accounts
        .iter()
        .enumerate()
        .map(|(index, (name, account))| {
            let score = &account.score;
            let lost = score.calls - score.answered;
            let lost = match lost {
                0 => "no call lost".to_owned(),
                lost => format!("{} calls lost", count(lost)),
            };
            format!(
                "<li style=\"--c:{}\"><h2>{}</h2><p class=\"figure\">{}</p><p>answered; {lost}</p></li>",
                story.colour(index),
                esc(name),
                percent(score.answered_share),
            )
        })
        .collect();
    format!("<ul class=\"tiles\">{tiles}</ul>\n")
}

/// The scores.
pub(super) fn scores(story: &Story<'_>) -> String {
    let rows: String = story
        .accounts
        .iter()
        .map(|(name, account)| {
            let score = &account.score;
            let back = score.back_after_s;
            let back = back.map_or("never".to_owned(), |s| format!("{} s", num(s)));
            let cells = [
                count(score.calls),
                percent(score.answered_share),
                count(score.broken),
                format!("{} s", num(score.p50_ms / 1e3)),
                format!("{} s", num(score.p99_ms / 1e3)),
                format!("{:.2}", score.attempts),
                percent(score.to_sick),
                back,
            ];
            let cells: String = cells
                .iter()
                .map(|cell| format!("<td>{cell}</td>"))
                .collect();
            format!("<tr><th scope=\"row\">{}</th>{cells}</tr>\n", esc(name))
        })
        .collect();
    format!(
        "<section class=\"block\">\n<h2>In figures</h2>\n<p>Times are outage time. <em>Median</em> and <em>p99</em>: \
         the wait for the whole answer, of answered calls. <em>Attempts</em>: per call. <em>To sick</em>: attempts at \
         sick providers, of what a client without protection sends them. <em>Back</em>: until the first provider, \
         healed, has 90 % of its traffic again.</p>\n\
         <div class=\"scroll\"><table class=\"scores\">\n<thead><tr><th></th><th>calls</th><th>answered</th>\
         <th>broken</th><th>median</th><th>p99</th><th>attempts</th><th>to sick</th><th>back</th></tr></thead>\n\
         <tbody>\n{rows}</tbody></table></div>\n</section>\n"
    )
}

/// What callers of lost calls were told.
pub(super) fn told(story: &Story<'_>) -> String {
    let lists: String = story
        .accounts
        .iter()
        .filter(|(_, account)| !account.score.told.is_empty())
        .map(|(name, account)| {
            let items = account.score.told.iter();
            let items: String = items
                .map(|(text, calls)| format!("<li><b>{}</b> {}</li>", count(*calls), esc(text)))
                .collect();
            format!(
                "<details><summary>{}</summary><ul class=\"told\">{items}</ul></details>\n",
                esc(name)
            )
        })
        .collect();
    if lists.is_empty() {
        return String::new();
    }
    format!(
        "<section class=\"block\">\n<h2>What users were told</h2>\n<p>The most frequent errors of lost calls; # stands for a number.</p>\n{lists}</section>\n"
    )
}

/// What the run was made with, and how far the machine can be believed.
pub(super) fn conditions(story: &Story<'_>) -> String {
    let drill = story.drill;
    let scale = drill.time_scale();
    let noises = story.accounts.iter().map(|(_, account)| account.noise);
    let noise = noises
        .max_by(|a, b| a.max_ms.total_cmp(&b.max_ms))
        .unwrap_or_default();
    let (class, verdict) = if noise.spoils(scale) {
        (
            "bad",
            "That is late for clocks so short: parts of this page may tell of the machine and not of the clients. Run it again on a quiet machine, or at a smaller scale.",
        )
    } else {
        ("good", "That is little beside the clocks of this drill.")
    };
    let outage = |ms: f64| num(ms * scale.factor() / 1e3);
    format!(
        "<section class=\"block\">\n<h2>The machine</h2>\n<p>Seed {}; {} calls a second of outage time, {} on the wall; scale {}. \
         Timers of this machine were {} ms late at p99 and {} ms at most: {} s and {} s of outage time. \
         <span class=\"{class}\">{verdict}</span></p>\n</section>\n",
        drill.seeded(),
        num(drill.rate()),
        num(drill.rate() * scale.factor()),
        num(scale.factor()),
        num(noise.p99_ms),
        num(noise.max_ms),
        outage(noise.p99_ms),
        outage(noise.max_ms),
    )
}

/// The verdicts on scenarios: a row for each, a column for each dialect, mode and seed.
pub(super) fn verdicts(cases: &[Case]) -> String {
    let mut columns: Vec<String> = Vec::new();
    let mut rows: Vec<(&Case, BTreeMap<usize, &Case>)> = Vec::new();
    for case in cases {
        let column = column(case);
        let at = columns.iter().position(|known| *known == column);
        let at = at.unwrap_or_else(|| {
            columns.push(column);
            columns.len() - 1
        });
        match rows
            .iter_mut()
            .find(|(row, _)| row.scenario.id() == case.scenario.id())
        {
            Some((_, cells)) => drop(cells.insert(at, case)),
            None => rows.push((case, BTreeMap::from([(at, case)]))),
        }
    }
    let head: String = columns
        .iter()
        .map(|column| format!("<th>{column}</th>"))
        .collect();
    let body: String = rows
        .iter()
        .map(|(row, cells)| {
            let cells: String = (0..columns.len())
                .map(|at| cell(cells.get(&at).copied()))
                .collect();
            let scenario = &row.scenario;
            let (id, about) = (esc(scenario.id()), esc(scenario.about()));
            format!("<tr><th scope=\"row\">{id}<span>{about}</span></th>{cells}</tr>\n")
        })
        .collect();
    let passed = cases
        .iter()
        .filter(|case| case.finding.verdict == Verdict::Pass)
        .count();
    format!(
        "<section class=\"block verdicts\">\n<h1>Scenarios</h1>\n<p class=\"lede\">{passed} of {} passed. One fault each, \
         judged by the providers’ logs and by what callers got.</p>\n\
         <div class=\"scroll\"><table>\n<thead><tr><th></th>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>\n\
         <p><em>pass</em>: all was as it should be. <em>partial</em>: callers were answered, the conduct was not ideal. \
         <em>safe</em>: some got an error, in time and honest. <em>fail</em>: a broken answer, a storm of attempts, or \
         callers left waiting.</p>\n</section>\n",
        cases.len(),
    )
}

fn column(case: &Case) -> String {
    let conditions = &case.conditions;
    format!(
        "{}<span>{}</span><span>seed {}</span>",
        conditions.dialect.name(),
        match conditions.commit {
            Some(mode) => mode.name(),
            None => "each its own mode",
        },
        conditions.seed
    )
}

fn cell(case: Option<&Case>) -> String {
    let Some(case) = case else {
        return "<td></td>".to_owned();
    };
    let verdict = case.finding.verdict.name();
    let missed = case.finding.checks.iter().filter(|(_, holds)| !**holds);
    let missed: Vec<_> = missed.map(|(check, _)| esc(check)).take(MISSED).collect();
    let missed = if missed.is_empty() {
        String::new()
    } else {
        format!("<span>not {}</span>", missed.join(", "))
    };
    format!("<td class=\"{verdict}\">{verdict}{missed}</td>")
}
