//! The plots of an outage.

use super::html::{clock, esc, num, percent};
use super::plot::{Row, Story, bound, ticks, y};
use crate::{Account, Step};

/// The colours of targets, and the names of the states that have a colour of their own.
const TARGETS: usize = 6;
const STATES: [(&str, f64); 6] = [
    ("closed", 0.3),
    ("shedding", 0.65),
    ("ramping", 0.65),
    ("half-open", 0.65),
    ("half open", 0.65),
    ("open", 1.0),
];

/// Answered calls, as a share of all, for each contender on the same axes.
pub(super) fn answered(story: &Story<'_>) -> String {
    let share = |step: &Step| (step.calls > 0).then(|| step.answered as f64 / step.calls as f64);
    let shapes = lines(story, share);
    let row = Row {
        name: None,
        shapes,
        ticks: vec![(0.0, "0".into()), (0.5, "50".into()), (1.0, "100 %".into())],
        height: 240,
        said: "The share of calls answered over time, one line for each client.".into(),
    };
    let note = format!(
        "The share of calls made at each moment that got a whole, right answer in time. {} Shaded: something is broken.",
        story
            .focus()
            .map_or(String::new(), |(name, account)| worst(name, account)),
    );
    let figure = story.figure(
        "answered",
        "Calls answered",
        &note,
        &contenders(story),
        &[row],
    );
    figure + &story.phase_key()
}

/// The worst moment of a contender, in a sentence.
fn worst(name: &str, account: &Account) -> String {
    let course = &account.course;
    let share = |step: &Step| step.answered as f64 / step.calls.max(1) as f64;
    let steps = course.steps.iter().enumerate();
    let steps = steps.filter(|(_, step)| step.calls > 0);
    let Some((index, step)) = steps.min_by(|a, b| share(a.1).total_cmp(&share(b.1))) else {
        return String::new();
    };
    if step.answered == step.calls {
        return format!("<strong>{}</strong> never missed one.", esc(name));
    }
    let time = std::time::Duration::from_secs_f64(index as f64 * course.step_s);
    format!(
        "<strong>{}</strong> at its worst, around {}: {}.",
        esc(name),
        clock(time),
        percent(share(step)),
    )
}

/// Calls without an answer, per second, a plot for each contender.
pub(super) fn unanswered(story: &Story<'_>) -> String {
    let most = |account: &Account| {
        let steps = account.course.steps.iter();
        steps.map(|step| step.calls).max().unwrap_or(0) as f64 / account.course.step_s
    };
    let accounts = story.accounts.iter();
    let top = bound(
        accounts
            .map(|(_, account)| most(account))
            .fold(0.0, f64::max),
    );
    let row = |(index, (name, account)): (usize, &(String, Account))| {
        let course = &account.course;
        let rate = |calls: usize| calls as f64 / course.step_s / top;
        let layers = [
            (
                "calls",
                story.area(course, |step| Some((0.0, rate(step.calls)))),
            ),
            (
                "failed",
                story.area(course, |step| span(rate(step.failed), 0.0)),
            ),
            (
                "late",
                story.area(course, |step| span(rate(step.late), rate(step.failed))),
            ),
            (
                "broken",
                story.area(course, |step| {
                    span(rate(step.broken), rate(step.failed + step.late))
                }),
            ),
        ];
        let shapes = layers.map(|(class, path)| format!("<path class=\"{class}\" d=\"{path}\"/>"));
        let lost = account.score.calls - account.score.answered;
        Row {
            name: Some((format!("{name}: {lost} lost"), story.colour(index))),
            shapes: shapes.concat(),
            ticks: ticks(top, ""),
            height: 96,
            said: format!("Calls of {name} over time, and those that were not answered: {lost}."),
        }
    };
    let rows: Vec<Row> = story.accounts.iter().enumerate().map(row).collect();
    let legend = [
        ("var(--calls)", "calls made"),
        ("var(--failed)", "told an error"),
        ("var(--late)", "left waiting"),
        ("var(--broken)", "given a broken answer"),
    ];
    let legend = legend.map(|(colour, name)| (colour.to_owned(), name.to_owned()));
    story.figure(
        "unanswered",
        "Calls lost",
        "Calls a second, and those of them whose users got no answer. The less colour the better; the same axes for all.",
        &legend,
        &rows,
    )
}

/// A layer of a stack; none where it is empty.
fn span(height: f64, from: f64) -> Option<(f64, f64)> {
    (height > 0.0).then_some((from, from + height))
}

/// Attempts per call, for each contender on the same axes.
pub(super) fn attempts(story: &Story<'_>) -> String {
    let per_call = |step: &Step| {
        let attempts: usize = step.attempts.iter().sum();
        (step.calls > 0).then(|| attempts as f64 / step.calls as f64)
    };
    let accounts = story.accounts.iter();
    let steps = accounts.flat_map(|(_, account)| &account.course.steps);
    let top = bound(steps.filter_map(per_call).fold(1.0, f64::max));
    let row = Row {
        name: None,
        shapes: lines(story, |step| per_call(step).map(|attempts| attempts / top)),
        ticks: ticks(top, ""),
        height: 150,
        said: "Attempts per call over time, one line for each client.".into(),
    };
    story.figure(
        "attempts",
        "Attempts per call",
        "What users' calls became for the providers. One is the least; a client that repeats what cannot succeed adds load where it hurts, and to the bill.",
        &contenders(story),
        &[row],
    )
}

/// Where the attempts of the contender that the page is about went.
pub(super) fn shares(story: &Story<'_>) -> String {
    let Some((name, account)) = story.focus() else {
        return String::new();
    };
    let course = &account.course;
    let mut shapes = String::new();
    for target in 0..course.targets.len() {
        let share = |step: &Step| {
            let all: usize = step.attempts.iter().sum();
            let below: usize = step.attempts[..target].iter().sum();
            let share = |count: usize| count as f64 / all as f64;
            (all > 0).then(|| (share(below), share(below + step.attempts[target])))
        };
        let (class, path) = (target % TARGETS, story.area(course, share));
        shapes +=
            &format!("<path class=\"target\" style=\"fill:var(--target-{class})\" d=\"{path}\"/>");
    }
    let targets = course.targets.iter().enumerate();
    let legend: Vec<_> = targets
        .map(|(index, name)| (format!("var(--target-{})", index % TARGETS), name.clone()))
        .collect();
    let row = Row {
        name: None,
        shapes,
        ticks: vec![(0.0, "0".into()), (0.5, "50".into()), (1.0, "100 %".into())],
        height: 170,
        said: format!("The share of the attempts of {name} that each target got over time."),
    };
    story.figure(
        "shares",
        "Where the attempts went",
        &format!(
            "The share of <strong>{}</strong>’s attempts that each provider got, the preferred one at the bottom. It leaves what is sick, and comes back to what is well.",
            esc(name)
        ),
        &legend,
        &[row],
    )
}

/// What the contender thought of its targets, below what was true.
pub(super) fn states(story: &Story<'_>) -> String {
    let Some((name, account)) = story.focus() else {
        return String::new();
    };
    let course = &account.course;
    if course.states.is_empty() {
        return String::new();
    }
    let rect = |from: f64, to: f64, top: f64, bottom: f64, style: &str| {
        let (x, width) = (story.x(from), story.x(to) - story.x(from));
        format!(
            "<rect style=\"fill:{style}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
            num(x),
            num(y(top)),
            num(width.max(0.6)),
            num(1000.0 * (top - bottom)),
        )
    };
    let mut seen: Vec<&str> = Vec::new();
    let mut rows = Vec::new();
    for (target, named) in course.targets.iter().enumerate() {
        let mut shapes = String::new();
        for window in story.drill.outage().sick(named) {
            let (from, to) = (window.start.as_secs_f64(), window.end.as_secs_f64());
            shapes += &rect(from, to, 0.96, 0.82, "var(--sick)");
        }
        for spell in course.states.iter().filter(|spell| spell.target == target) {
            if !seen.contains(&spell.state) {
                seen.push(spell.state);
            }
            let (height, colour) = state(spell.state);
            shapes += &rect(spell.from_s, spell.to_s, 0.74 * height, 0.0, &colour);
        }
        let colour = format!("var(--target-{})", target % TARGETS);
        rows.push(Row {
            name: Some((named.clone(), colour)),
            shapes,
            ticks: Vec::new(),
            height: 62,
            said: format!("When {named} was sick, and in which states {name} held it."),
        });
    }
    let mut legend = vec![("var(--sick)".to_owned(), "sick by the script".to_owned())];
    legend.extend(seen.iter().map(|name| (state(name).1, (*name).to_owned())));
    story.figure(
        "states",
        "What it thought of its providers",
        &format!(
            "Above: when a provider broke at least half of its calls. Below: the state in which <strong>{}</strong> held it; the taller, the more is kept away. The two should agree, and the lower end soon after the upper.",
            esc(name)
        ),
        &legend,
        &rows,
    )
}

/// The height and the colour of a state.
fn state(name: &str) -> (f64, String) {
    let known = STATES.iter().position(|(known, _)| *known == name);
    match known {
        Some(index) => (
            STATES[index].1,
            format!("var(--state-{})", STATES[index].0.replace(' ', "-")),
        ),
        None => (0.65, "var(--state-other)".to_owned()),
    }
}

/// The waits of answered calls, a plot for each contender.
pub(super) fn waits(story: &Story<'_>) -> String {
    let accounts = story.accounts.iter();
    let steps = accounts.flat_map(|(_, account)| &account.course.steps);
    let top = bound(steps.filter_map(|step| step.p99_ms).fold(1.0, f64::max) / 1e3);
    let row = |(index, (name, account)): (usize, &(String, Account))| {
        let course = &account.course;
        let share = |ms: Option<f64>| ms.map(|ms| ms / 1e3 / top);
        let band = story.area(course, |step| share(step.p50_ms).zip(share(step.p99_ms)));
        let median = story.line(course, |step| share(step.p50_ms));
        let colour = story.colour(index);
        Row {
            name: Some((name.clone(), colour.clone())),
            shapes: format!(
                "<path class=\"band\" style=\"fill:{colour}\" d=\"{band}\"/><path class=\"line\" style=\"stroke:{colour}\" d=\"{median}\"/>"
            ),
            ticks: ticks(top, " s"),
            height: 96,
            said: format!("How long answered calls of {name} took over time: median and p99."),
        }
    };
    let rows: Vec<Row> = story.accounts.iter().enumerate().map(row).collect();
    story.figure(
        "waits",
        "Wait for the whole answer",
        "Of calls that were answered. Line: the median; band: up to the slowest in a hundred. Gaps: nobody was answered.",
        &[],
        &rows,
    )
}

/// One line for each contender, the last one on top.
fn lines(story: &Story<'_>, value: impl Fn(&Step) -> Option<f64>) -> String {
    let accounts = story.accounts.iter().enumerate();
    accounts
        .map(|(index, (_, account))| {
            let path = story.line(&account.course, &value);
            let (colour, class) = (story.colour(index), dash(story, index));
            format!("<path class=\"line {class}\" style=\"stroke:{colour}\" d=\"{path}\"/>")
        })
        .collect()
}

/// How a contender's line is drawn, so that colour is not all that tells it apart.
fn dash(story: &Story<'_>, contender: usize) -> &'static str {
    match contender {
        last if last + 1 == story.accounts.len() => "focus",
        even if even % 2 == 0 => "dotted",
        _ => "dashed",
    }
}

fn contenders(story: &Story<'_>) -> Vec<(String, String)> {
    let accounts = story.accounts.iter().enumerate();
    accounts
        .map(|(index, (name, _))| (story.colour(index), name.clone()))
        .collect()
}
