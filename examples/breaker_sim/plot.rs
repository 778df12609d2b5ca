//! Plots: the share of rejected calls over time, one picture for each scenario, one panel for each rate.

use std::fmt::{self, Write};
use std::path::Path;

use crate::jobs::Row;
use crate::rules::OURS;
use crate::scenario;
use crate::tally::BINS;

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 50.0;
const TOP: f64 = 60.0;
const GAP: f64 = 40.0;
const LEGEND: f64 = 150.0;

/// Colours that remain apart for most eyes; the first is for the real breaker.
const COLOURS: [&str; 11] = [
    "#d62728", "#1f77b4", "#9467bd", "#8c564b", "#2ca02c", "#98df8a", "#ff7f0e", "#17becf",
    "#7f7f7f", "#e377c2", "#c7c7c7",
];

/// Writes `SCENARIO.svg` for each scenario.
pub(crate) fn write(rows: &[Row], directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    for chunk in rows.chunk_by(|a, b| a.scenario.id == b.scenario.id) {
        let name = chunk[0].scenario.id.replace('+', "_plus_");
        let svg = picture(chunk).map_err(std::io::Error::other)?;
        std::fs::write(directory.join(format!("{name}.svg")), svg)?;
    }
    Ok(())
}

fn picture(rows: &[Row]) -> Result<String, fmt::Error> {
    let scenario = &rows[0].scenario;
    let panels = rows[0].cells.len() as f64;
    let (width, height) = (LEFT + WIDTH + LEGEND, TOP + panels * (HEIGHT + GAP));
    let mut svg = String::new();
    writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="white"/>
<text x="{LEFT}" y="20" font-size="14">{}: {} ({})</text>
<text x="{LEFT}" y="38">share of rejected calls over seconds of trouble, which is grey</text>"#,
        scenario.id,
        scenario.about,
        scenario::setting(scenario),
    )?;
    for index in 0..rows[0].cells.len() {
        panel(&mut svg, rows, index)?;
    }
    for (row, colour) in rows.iter().zip(COLOURS) {
        let y = TOP + 14.0 * (1 + rows.iter().position(|r| r.rule == row.rule).unwrap_or(0)) as f64;
        let x = LEFT + WIDTH + 12.0;
        writeln!(
            svg,
            r#"<text x="{x}" y="{y}" fill="{colour}">{}</text>"#,
            row.rule
        )?;
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn panel(svg: &mut String, rows: &[Row], index: usize) -> fmt::Result {
    // A quick run is shorter at high rates.
    let trouble = rows[0].cells[index].trouble;
    let (from, to) = rows[0].cells[index].span;
    let x = |t: f64| LEFT + WIDTH * (t - from) / (to - from);
    let top = TOP + index as f64 * (HEIGHT + GAP);
    let bottom = top + HEIGHT;
    let (sick, well) = (x(0.0), x(trouble));
    writeln!(
        svg,
        r##"<rect x="{sick:.1}" y="{top}" width="{:.1}" height="{HEIGHT}" fill="#eeeeee"/>
<path d="M{LEFT} {top}V{bottom}H{}" fill="none" stroke="black"/>
<text x="{LEFT}" y="{}">{} calls a second</text>
<text x="{}" y="{}" text-anchor="end">100 %</text><text x="{}" y="{bottom}" text-anchor="end">0</text>"##,
        well - sick,
        LEFT + WIDTH,
        top - 4.0,
        rows[0].cells[index].rate,
        LEFT - 4.0,
        top + 8.0,
        LEFT - 4.0,
    )?;
    let mut last = f64::NEG_INFINITY;
    for mark in [0.0, trouble / 2.0, trouble, to] {
        let at = x(mark);
        if at - last < 40.0 {
            continue;
        }
        last = at;
        writeln!(
            svg,
            r#"<text x="{at:.1}" y="{}" text-anchor="middle">{mark:.0} s</text>"#,
            bottom + 13.0
        )?;
    }
    // The real breaker last, so that it lies on top.
    for (row, colour) in rows.iter().zip(COLOURS).rev() {
        let stroke = if row.rule == OURS { 2.2 } else { 1.0 };
        let bins = &row.cells[index].bins;
        write!(
            svg,
            r#"<polyline fill="none" stroke="{colour}" stroke-width="{stroke}" points=""#
        )?;
        for (bin, (all, rejected)) in bins.iter().enumerate().filter(|(_, (all, _))| *all > 0) {
            let share = f64::from(*rejected) / f64::from(*all);
            let at = LEFT + WIDTH * (bin as f64 + 0.5) / BINS as f64;
            write!(svg, "{at:.1},{:.1} ", bottom - HEIGHT * share)?;
        }
        svg.push_str("\"/>\n");
    }
    Ok(())
}
