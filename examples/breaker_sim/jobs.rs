//! Many runs on all cores, each repeatable on its own.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::rules::Make;
use crate::scenario::{Kind, Scenario};
use crate::tally::{BINS, Figures, Tally, span};
use crate::world::{Seed, World};

/// What one rule did in one scenario, at each rate.
pub(crate) struct Row {
    pub(crate) scenario: Scenario,
    pub(crate) rule: &'static str,
    pub(crate) cells: Vec<Cell>,
}

/// What it did at one rate.
pub(crate) struct Cell {
    pub(crate) rate: f64,
    pub(crate) figures: Figures,
    /// The same of each run alone. The runs of all rules come in the same order, with the same calls.
    pub(crate) runs: Vec<Figures>,
    /// From when to when the bins go, and the end of the trouble.
    pub(crate) span: (f64, f64),
    pub(crate) trouble: f64,
    /// Arrivals and rejected ones over time, of all runs.
    pub(crate) bins: Vec<(u32, u32)>,
}

struct Job {
    row: usize,
    cell: usize,
    seed: u64,
}

/// Runs everything; returns the rows and how many calls were simulated.
pub(crate) fn run(
    scenarios: &[Scenario],
    rules: &[(&'static str, Make)],
    seed: u64,
    quick: bool,
) -> (Vec<Row>, u64) {
    let rows: Vec<(Scenario, &'static str, Make)> = scenarios
        .iter()
        .flat_map(|scenario| {
            let rules = rules.iter();
            rules
                .filter(|(name, _)| !scenario.ours_alone || *name == crate::rules::OURS)
                .map(|&(name, make)| (scenario.clone(), name, make))
        })
        .collect();
    let mut jobs = Vec::new();
    for (row, (scenario, ..)) in rows.iter().enumerate() {
        for (cell, &rate) in scenario.rates.iter().enumerate() {
            for seed in 0..seeds(scenario, rate, quick) {
                jobs.push(Job { row, cell, seed });
            }
        }
    }
    // The longest first, so that no core is left with one at the end.
    jobs.sort_by(|a, b| {
        let size = |job: &Job| {
            let scenario = &rows[job.row].0;
            shortened(scenario, scenario.rates[job.cell], quick).length() * scenario.rates[job.cell]
        };
        size(b).total_cmp(&size(a))
    });
    let tallies = work(&jobs, |job| {
        let (scenario, _, make) = &rows[job.row];
        let rate = scenario.rates[job.cell];
        let scenario = shortened(scenario, rate, quick);
        // One seed for all rules: the same calls come to each.
        let seed = Seed((seed << 32) ^ job.seed);
        World::new(&scenario, *make, rate, seed).run()
    });
    collect(rows, &jobs, tallies, quick)
}

fn work(jobs: &[Job], run: impl Fn(&Job) -> Tally + Sync) -> Vec<Option<Tally>> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Tally>>> = jobs.iter().map(|_| Mutex::new(None)).collect();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(index) else { return };
                    let tally = run(job);
                    if let Ok(mut slot) = results[index].lock() {
                        *slot = Some(tally);
                    }
                    progress(index + 1, jobs.len());
                }
            });
        }
    });
    let results = results.into_iter();
    results
        .map(|slot| slot.into_inner().ok().flatten())
        .collect()
}

/// Tells whoever watches how far it is; the longest runs come first.
fn progress(done: usize, all: usize) {
    if done.is_multiple_of(100) && std::io::stderr().is_terminal() {
        eprint!("\r{done} of {all} runs");
    }
}

fn collect(
    rows: Vec<(Scenario, &'static str, Make)>,
    jobs: &[Job],
    tallies: Vec<Option<Tally>>,
    quick: bool,
) -> (Vec<Row>, u64) {
    let mut runs: Vec<Vec<Vec<Tally>>> = rows
        .iter()
        .map(|(scenario, ..)| vec![Vec::new(); scenario.rates.len()])
        .collect();
    let mut calls = 0;
    for (job, tally) in jobs.iter().zip(tallies) {
        if let Some(tally) = tally {
            calls += tally.calls;
            runs[job.row][job.cell].push(tally);
        }
    }
    let rows = rows
        .into_iter()
        .zip(runs)
        .map(|((scenario, rule, _), runs)| {
            let cells = scenario.rates.iter().zip(runs);
            let cells = cells.map(|(&rate, runs)| {
                let scenario = shortened(&scenario, rate, quick);
                let alone = |run| Figures::of(&scenario, rate, std::slice::from_ref(run));
                Cell {
                    rate,
                    figures: Figures::of(&scenario, rate, &runs),
                    runs: runs.iter().map(alone).collect(),
                    span: span(&scenario),
                    trouble: scenario.trouble,
                    bins: sum(&runs),
                }
            });
            let cells = cells.collect();
            Row {
                scenario,
                rule,
                cells,
            }
        });
    (rows.collect(), calls)
}

fn sum(runs: &[Tally]) -> Vec<(u32, u32)> {
    let mut sums = vec![(0, 0); BINS];
    for run in runs {
        for (sum, bin) in sums.iter_mut().zip(&run.bins) {
            sum.0 += bin.0;
            sum.1 += bin.1;
        }
    }
    sums
}

/// Whether so many calls of trouble are left to those who have more than a minute.
pub(crate) fn is_long(kind: Kind, calls: f64) -> bool {
    kind != Kind::Healthy && calls > 130_000.0
}

/// Many seeds where runs are short, few where one has many calls already: times at low rates are mostly those
/// between two calls, and spread as widely.
fn seeds(scenario: &Scenario, rate: f64, quick: bool) -> u64 {
    let (full, few) = match rate {
        ..0.5 => (600, 60),
        ..5.0 => (120, 12),
        ..50.0 => (20, 2),
        _ => (5, 1),
    };
    match (scenario.kind, quick) {
        (Kind::Healthy, _) => 1,
        (_, false) if scenario.length() > 5000.0 => full / 5,
        (_, false) => full,
        (_, true) if scenario.length() > 3000.0 => (few / 3).max(1),
        (_, true) => few,
    }
}

/// Less time with many calls, if there is little time to run them.
fn shortened(scenario: &Scenario, rate: f64, quick: bool) -> Scenario {
    const HEALTHY_CALLS: f64 = 80_000.0;
    let mut scenario = scenario.clone();
    if !quick {
        return scenario;
    }
    if scenario.kind == Kind::Healthy {
        let most = HEALTHY_CALLS / rate;
        if most < scenario.trouble {
            scenario = scenario.lasting(most);
        }
    } else if rate >= 10.0 {
        let (warm, after) = if rate > 50.0 {
            (150.0, 60.0)
        } else {
            (200.0, 150.0)
        };
        scenario.warm = scenario.warm.min(warm);
        if scenario.judged.1 <= scenario.trouble {
            scenario.after = scenario.after.min(after);
        }
    }
    scenario
}
