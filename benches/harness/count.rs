//! Counting instead of measuring: exact, so that a change can be refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use super::{Case, Options, Report, Suite};

/// Calls between two readings of the counter.
const CALLS: u64 = 256;

/// The counts of some suites, by the names of their cases.
pub(crate) struct Counts {
    options: Options,
    ours: BTreeMap<String, u64>,
}

impl Counts {
    /// Counts per call what `count` counts while it runs something: allocations.
    pub(crate) fn of(suites: Vec<Suite>, count: impl Fn(&mut dyn FnMut()) -> u64) -> Self {
        let options = Options::from_args();
        let mut ours = BTreeMap::new();
        for suite in suites {
            let (bench, mut cases) = suite.selected(&options);
            let mut report = Report::new(bench);
            for case in &mut cases {
                let allocs = per_call(case, &count);
                report.add_allocs(case, allocs);
                if case.peer.is_none() {
                    ours.insert(format!("{bench}: {}", case.name), allocs);
                }
            }
            report.finish(&options);
        }
        Self { options, ours }
    }

    /// Fails unless the counts are those in the file, or writes them there if asked to.
    pub(crate) fn compare(self, path: &Path) -> ExitCode {
        let lines = self.ours.iter().map(|(case, n)| format!("{n} {case}\n"));
        let counted: String = lines.collect();
        if self.options.bless {
            fs::write(path, counted).expect("a writable file");
            return ExitCode::SUCCESS;
        }
        let expected = fs::read_to_string(path).unwrap_or_default();
        let missing = |text: &str, line: &&str| !text.lines().any(|known| known == *line);
        let new = counted.lines().filter(|line| missing(&expected, line));
        let new: Vec<_> = new.collect();
        for line in &new {
            eprintln!("not in {}: {line}", path.display());
        }
        if new.is_empty() {
            ExitCode::SUCCESS
        } else {
            eprintln!("if it is meant so, run again with --bless");
            ExitCode::FAILURE
        }
    }
}

/// What one call adds, once the first ones are through.
fn per_call(case: &mut Case, count: &impl Fn(&mut dyn FnMut()) -> u64) -> u64 {
    (case.run)(CALLS);
    let few = count(&mut || (case.run)(CALLS));
    let more = count(&mut || (case.run)(3 * CALLS));
    (more - few).div_ceil(2 * CALLS)
}
