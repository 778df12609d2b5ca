//! The breaker on one page.
//!
#![doc = include_str!("guide/why.md")]
#![doc = include_str!("guide/plot.svg")]
#![doc = include_str!("guide/how.md")]

#[cfg(all(test, not(loom)))]
mod tests {
    use tower_ai_core::Tuning;

    use crate::chart::{Chart, threshold};
    use crate::rules::Settings;

    const GUIDE: &str = include_str!("guide/how.md");

    /// The cells of the table rows between two headings.
    fn rows(from: &str, to: &str) -> Vec<Vec<&'static str>> {
        let (_, rest) = GUIDE.split_once(from).expect("a heading");
        let (section, _) = rest.split_once(to).expect("the next heading");
        let rows = section.lines().filter(|line| line.starts_with("| "));
        rows.skip(1)
            .map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
            .collect()
    }

    #[test]
    fn the_defaults_are_those_of_the_code() {
        let rows = rows("# Defaults", "# How to read");
        // Debug prints `name: 15s`, and nothing else of a tuning has such a form.
        let tuning = format!("{:?},", Tuning::new()).replace(" }", ",");
        for row in &rows[1..] {
            let name = row[1].trim_start_matches('`').split('`').next();
            let name = name.expect("a name");
            let told = format!(" {name}: {},", row[2]);
            assert!(tuning.contains(&told), "{told} is not in {tuning}");
        }
        assert_eq!(rows[0][2], Settings::adaptive().false_trips.to_string());
        assert_eq!(rows.len(), 20);
    }

    #[test]
    fn so_many_failures_are_an_alarm() {
        let rates = [0.2, 2.0, 20.0, 200.0];
        let rows = rows("# The one knob", "# Defaults");
        assert_eq!(rows.len(), 3);
        for (row, trips) in rows.iter().zip([0.1, 1.0, 10.0]) {
            assert!(row[0].starts_with(&trips.to_string()), "{row:?}");
            for (cell, rate) in row[1..].iter().zip(rates) {
                let enough = threshold(rate * 86_400.0, trips);
                let mut chart = Chart::looking_for(0.6);
                let mut failures = 0;
                while chart.level() < enough {
                    chart.bad(0.01, 1, 0);
                    failures += 1;
                }
                assert_eq!(*cell, failures.to_string(), "{trips} at {rate}/s");
            }
        }
    }

    #[test]
    fn the_plot_can_stand_in_markdown() {
        let plot = include_str!("guide/plot.svg");
        assert!(plot.starts_with("<div>\n<svg ") && plot.ends_with("</svg>\n</div>\n"));
        assert!(plot.lines().all(|line| !line.trim().is_empty()));
    }
}
