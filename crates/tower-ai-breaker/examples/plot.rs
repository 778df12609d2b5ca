//! Draws the plot of the guide: which share of the calls is kept away in a partial outage, over time.
//!
//! ```console
//! cargo run --release -p tower-ai-breaker --example plot > crates/tower-ai-breaker/src/guide/plot.svg
//! ```
//!
//! A simulation in virtual time drives the real breaker: calls come in bursts, twice a second on average; from the
//! second minute on 40 % of them fail, for ten minutes.

#[path = "../tests/support/mod.rs"]
#[allow(dead_code, reason = "it needs a part of it")]
mod support;

use std::fmt::{self, Write};

use support::{Weather, World};
use tower_ai_breaker::BreakerLayer;

const RATE: f64 = 2.0;
const USUAL: f64 = 0.01;
const SICK: f64 = 0.4;
/// Seconds: learning, which is not shown; then well, sick, and well again.
const WARM_UP: f64 = 600.0;
const WELL: f64 = 120.0;
const OUTAGE: f64 = 600.0;
const AFTER: f64 = 180.0;
/// Each point is the mean over so many seconds and runs.
const BIN: f64 = 10.0;
const RUNS: u64 = 100;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 48.0;
const TOP: f64 = 28.0;

fn main() -> fmt::Result {
    let mut svg = String::new();
    draw(&mut svg)?;
    print!("{svg}");
    Ok(())
}

/// The share of calls that were kept away, for each stretch of time.
fn kept_away(others: bool) -> Vec<f64> {
    let shown = WELL + OUTAGE + AFTER;
    let mut bins = vec![(0_u32, 0_u32); (shown / BIN) as usize];
    for seed in 0..RUNS {
        let layer = BreakerLayer::adaptive().seed(seed);
        let mut world = World::new(&layer, RATE, seed);
        world.others = others;
        let mut end = WARM_UP;
        world.run(end, Weather::Errors(USUAL), |_, _| false);
        for (seconds, errors) in [(WELL, USUAL), (OUTAGE, SICK), (AFTER, USUAL)] {
            end += seconds;
            world.run(end, Weather::Errors(errors), |world, admitted| {
                let bin = ((world.now - WARM_UP) / BIN) as usize;
                if let Some((calls, rejected)) = bins.get_mut(bin) {
                    *calls += 1;
                    *rejected += u32::from(!admitted);
                }
                false
            });
        }
    }
    let share = |(calls, rejected)| f64::from(rejected) / f64::from(u32::max(calls, 1));
    bins.into_iter().map(share).collect()
}

fn x(seconds: f64) -> f64 {
    LEFT + (WIDTH - LEFT - 28.0) * seconds / (WELL + OUTAGE + AFTER)
}

fn y(share: f64) -> f64 {
    TOP + (HEIGHT - TOP - 40.0) * (1.0 - share)
}

/// No line of it is empty, so that it can stand in Markdown.
fn draw(svg: &mut String) -> fmt::Result {
    let (left, right) = (x(0.0), x(WELL + OUTAGE + AFTER));
    writeln!(svg, "<div>")?;
    writeln!(
        svg,
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"100%\" role=\"img\" aria-label=\"Share of calls kept away \
         over time\" font-family=\"sans-serif\" font-size=\"12\" fill=\"currentColor\">"
    )?;
    writeln!(
        svg,
        "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"#d33\" fill-opacity=\"0.12\"/>",
        x(WELL),
        y(1.0),
        x(WELL + OUTAGE) - x(WELL),
        y(0.0) - y(1.0)
    )?;
    let label = format!("{:.0} % of the calls fail", 100.0 * SICK);
    let middle = x(WELL + OUTAGE / 2.0);
    writeln!(
        svg,
        "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
        TOP - 8.0
    )?;
    for share in [0.0, 0.5, 1.0] {
        let y = y(share);
        writeln!(
            svg,
            "<path d=\"M{left:.1} {y:.1}H{right:.1}\" stroke=\"currentColor\" stroke-opacity=\"0.2\"/>"
        )?;
        writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{:.0} %</text>",
            LEFT - 6.0,
            y + 4.0,
            100.0 * share
        )?;
    }
    for minute in (0..=15).step_by(3) {
        let x = x(f64::from(minute) * 60.0);
        writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{minute} min</text>",
            y(0.0) + 16.0
        )?;
    }
    let curves = [
        (
            true,
            "#2a7de1",
            "",
            "another target is left: the calls go there",
        ),
        (
            false,
            "#e0861a",
            " stroke-dasharray=\"5 3\"",
            "none is left: a share is shed",
        ),
    ];
    for (i, (others, colour, dashes, label)) in curves.into_iter().enumerate() {
        let mut path = String::new();
        for (bin, share) in kept_away(others).into_iter().enumerate() {
            let command = if bin == 0 { 'M' } else { 'L' };
            let at = (bin as f64 + 0.5) * BIN;
            write!(path, "{command}{:.1} {:.1}", x(at), y(share))?;
        }
        writeln!(
            svg,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dashes}/>"
        )?;
        let (x, y) = (LEFT + 320.0 * i as f64, HEIGHT - 6.0);
        writeln!(
            svg,
            "<path d=\"M{x:.1} {:.1}h24\" stroke=\"{colour}\" stroke-width=\"2\"{dashes}/>",
            y - 4.0
        )?;
        writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{y:.1}\">{label}</text>",
            x + 30.0
        )?;
    }
    writeln!(svg, "</svg>")?;
    writeln!(svg, "</div>")
}
