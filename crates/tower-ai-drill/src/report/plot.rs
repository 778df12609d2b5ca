//! Plots: what all have in common.
//!
//! A plot's shapes are SVG in a box of 1000 by 1000 that is stretched to the page's width; all
//! text is HTML beside or above it, and so keeps its size on a narrow screen.

use std::ops::Range;
use std::time::Duration;

use serde_json::json;

use super::html::{clock, count, esc, json, num};
use crate::{Account, Course, Drill, Step};

/// The side of the box that plots are drawn in.
const BOX: f64 = 1000.0;

/// One outage, its contenders, and what is drawn of both.
#[derive(Debug)]
pub(super) struct Story<'a> {
    pub(super) drill: &'a Drill,
    pub(super) accounts: &'a [(String, Account)],
    length: f64,
}

/// One plot of several that share the time below and, mostly, the scale beside.
#[derive(Debug)]
pub(super) struct Row {
    /// What it is about, and the colour of that.
    pub(super) name: Option<(String, String)>,
    /// The shapes.
    pub(super) shapes: String,
    /// The labels beside, from 0 at the bottom to 1.
    pub(super) ticks: Vec<(f64, String)>,
    /// Pixels.
    pub(super) height: u32,
    /// For those who do not see it.
    pub(super) said: String,
}

impl<'a> Story<'a> {
    pub(super) fn new(drill: &'a Drill, accounts: &'a [(String, Account)]) -> Self {
        let length = drill.outage().length().as_secs_f64().max(1.0);
        Self {
            drill,
            accounts,
            length,
        }
    }

    pub(super) fn seed(&self) -> u64 {
        self.drill.seeded()
    }

    pub(super) fn title(&self) -> String {
        let minutes = self.length / 60.0;
        let targets = self.drill.outage().targets().count();
        format!("{} minutes of a bad day, {targets} providers", num(minutes))
    }

    /// What happened here, in two sentences.
    pub(super) fn lede(&self) -> String {
        let calls = self.accounts.iter().map(|(_, account)| account.score.calls);
        let clients = match self.accounts.len() {
            1 => "One client".to_owned(),
            clients => format!("{clients} clients, each with providers of its own,"),
        };
        let factor = self.drill.time_scale().factor();
        let scale = if factor == 1.0 {
            String::new()
        } else {
            format!(" Time ran {} times as fast as it is shown.", num(factor))
        };
        format!(
            "{clients} made the same {} calls over real sockets while the providers broke by the same script.{scale}",
            count(calls.max().unwrap_or(0)),
        )
    }

    /// The contender that the page is about.
    pub(super) fn focus(&self) -> Option<&(String, Account)> {
        self.accounts.last()
    }

    /// The colour of a contender: the last one's is the strongest.
    pub(super) fn colour(&self, contender: usize) -> String {
        if contender + 1 == self.accounts.len() {
            "var(--focus)".to_owned()
        } else {
            format!("var(--other-{})", contender % 4)
        }
    }

    /// The place in the box of a time in seconds.
    pub(super) fn x(&self, time: f64) -> f64 {
        BOX * (time / self.length).clamp(0.0, 1.0)
    }

    /// A line through the middles of steps; broken where there is no value.
    pub(super) fn line(&self, course: &Course, value: impl Fn(&Step) -> Option<f64>) -> String {
        let mut path = String::new();
        let mut pen = 'M';
        for (index, step) in course.steps.iter().enumerate() {
            match value(step) {
                None => pen = 'M',
                Some(value) => {
                    let x = self.x((index as f64 + 0.5) * course.step_s);
                    path += &format!("{pen}{} {}", num(x), num(y(value)));
                    pen = 'L';
                }
            }
        }
        path
    }

    /// The area between two values of each step, as a histogram.
    pub(super) fn area(
        &self,
        course: &Course,
        between: impl Fn(&Step) -> Option<(f64, f64)>,
    ) -> String {
        let mut path = String::new();
        let steps: Vec<_> = course.steps.iter().map(between).collect();
        let mut start = 0;
        while start < steps.len() {
            let run = steps[start..].iter().map_while(|step| *step);
            let run: Vec<(f64, f64)> = run.collect();
            let x = |index: usize| num(self.x((start + index) as f64 * course.step_s));
            for (index, (_, top)) in run.iter().enumerate() {
                let pen = if index == 0 { 'M' } else { 'L' };
                path += &format!("{pen}{} {}H{}", x(index), num(y(*top)), x(index + 1));
            }
            for (index, (bottom, _)) in run.iter().enumerate().rev() {
                path += &format!("L{} {}H{}", x(index + 1), num(y(*bottom)), x(index));
            }
            if !run.is_empty() {
                path.push('Z');
            }
            start += run.len() + 1;
        }
        path
    }

    /// A figure: a title, a sentence, what the colours mean, and plots one above the other.
    pub(super) fn figure(
        &self,
        class: &str,
        title: &str,
        note: &str,
        legend: &[(String, String)],
        rows: &[Row],
    ) -> String {
        let legend: String = legend
            .iter()
            .map(|(colour, name)| {
                format!(
                    "<li><i style=\"background:{colour}\"></i>{}</li>",
                    esc(name)
                )
            })
            .collect();
        let legend = if legend.is_empty() {
            legend
        } else {
            format!("<ul class=\"legend\">{legend}</ul>\n")
        };
        let mut html = format!(
            "<figure class=\"{class}\">\n<figcaption><h2>{}</h2><p>{note}</p></figcaption>\n{legend}",
            esc(title),
        );
        html += &format!("<div class=\"phases\">{}</div>\n", self.phase_names());
        html.extend(rows.iter().map(|row| self.row(row)));
        html += &format!("<div class=\"times\">{}</div>\n", self.times());
        html + "</figure>\n"
    }

    fn row(&self, row: &Row) -> String {
        let ticks: String = row
            .ticks
            .iter()
            .map(|(at, text)| {
                format!(
                    "<span style=\"bottom:{}%\">{}</span>",
                    num(100.0 * at),
                    esc(text)
                )
            })
            .collect();
        let lines: String = row
            .ticks
            .iter()
            .map(|(at, _)| format!("<path class=\"grid\" d=\"M0 {y}H1000\"/>", y = num(y(*at))))
            .collect();
        let name = row.name.as_ref().map_or(String::new(), |(name, colour)| {
            format!("<b style=\"color:{colour}\">{}</b>", esc(name))
        });
        format!(
            "<div class=\"row\" style=\"--h:{}px\"><div class=\"ticks\">{ticks}</div><div class=\"area\">{name}\
             <svg viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">\
             {}{lines}{}</svg></div></div>\n",
            row.height,
            esc(&row.said),
            self.shades(),
            row.shapes,
        )
    }

    /// The troubled phases as bands.
    fn shades(&self) -> String {
        self.phases()
            .filter(|(_, window)| self.is_troubled(window))
            .map(|(_, window)| {
                let (from, to) = (
                    self.x(window.start.as_secs_f64()),
                    self.x(window.end.as_secs_f64()),
                );
                let (x, width) = (num(from), num(to - from));
                format!(
                    "<rect class=\"shade\" x=\"{x}\" y=\"0\" width=\"{width}\" height=\"1000\"/>"
                )
            })
            .collect()
    }

    fn phase_names(&self) -> String {
        self.phases()
            .enumerate()
            .map(|(index, (name, window))| {
                let share = |time: Duration| num(self.x(time.as_secs_f64()) / 10.0);
                let class = if self.is_troubled(&window) {
                    " class=\"bad\""
                } else {
                    ""
                };
                format!(
                    "<span{class} style=\"left:{}%;width:{}%\"><em>{}</em><small>{}</small></span>",
                    share(window.start),
                    share(window.end - window.start),
                    esc(name),
                    index + 1,
                )
            })
            .collect()
    }

    /// The phases with their numbers, for screens that have no room for names.
    pub(super) fn phase_key(&self) -> String {
        let items: String = self
            .phases()
            .map(|(name, window)| {
                let times = (clock(window.start), clock(window.end));
                format!(
                    "<li>{} <span>{}–{}</span></li>",
                    esc(name),
                    times.0,
                    times.1
                )
            })
            .collect();
        format!("<ol class=\"key\">{items}</ol>\n")
    }

    fn times(&self) -> String {
        let minutes = (self.length / 60.0).floor() as u64;
        let every = minutes.div_ceil(12).max(1);
        (0..=minutes)
            .step_by(usize::try_from(every).unwrap_or(1))
            .map(|minute| {
                let time = Duration::from_secs(60 * minute);
                let at = num(self.x(time.as_secs_f64()) / 10.0);
                format!("<span style=\"left:{at}%\">{}</span>", clock(time))
            })
            .collect()
    }

    fn phases(&self) -> impl Iterator<Item = (&str, Range<Duration>)> {
        self.drill.outage().phases()
    }

    fn is_troubled(&self, window: &Range<Duration>) -> bool {
        self.drill.outage().is_troubled(window)
    }

    /// The values that the script reads out where someone points.
    pub(super) fn data(&self) -> String {
        let phases: Vec<_> = self
            .phases()
            .map(|(name, window)| json!([name, window.end.as_secs_f64()]))
            .collect();
        let runs: Vec<_> = self
            .accounts
            .iter()
            .map(|(name, account)| {
                let steps = account.course.steps.iter().map(|step| {
                    let attempts: usize = step.attempts.iter().sum();
                    json!([
                        step.calls,
                        step.answered,
                        attempts,
                        step.p50_ms.map(f64::round)
                    ])
                });
                json!({ "name": name, "steps": steps.collect::<Vec<_>>() })
            })
            .collect();
        let step = self
            .accounts
            .first()
            .map(|(_, account)| account.course.step_s);
        let value = json!({ "length": self.length, "step": step, "phases": phases, "runs": runs });
        format!(
            "<script type=\"application/json\" class=\"data\">{}</script>\n",
            json(&value)
        )
    }
}

/// The place in the box of a value from 0 to 1.
pub(super) fn y(value: f64) -> f64 {
    BOX * (1.0 - value.clamp(0.0, 1.0))
}

/// A bound for values up to `most` that divides well: 1, 2, 3, 5 or 6 times a power of ten.
pub(super) fn bound(most: f64) -> f64 {
    if most <= 0.0 || !most.is_finite() {
        return 1.0;
    }
    let power = 10_f64.powf(most.log10().floor());
    let steps = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    let step = steps.into_iter().find(|step| step * power >= most * 0.999);
    step.unwrap_or(10.0) * power
}

/// Labels at nothing, the half and all of a bound.
pub(super) fn ticks(bound: f64, unit: &str) -> Vec<(f64, String)> {
    let label = |share: f64| (share, format!("{}{unit}", num(share * bound)));
    vec![label(0.0), label(0.5), label(1.0)]
}
