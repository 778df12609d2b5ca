//! Sampling, and what the samples say.

use std::time::Duration;

use super::clock::cpu_time;
use super::{Case, Mode};

/// What the samples of one case say. All times are nanoseconds per call.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timing {
    pub(crate) ns: f64,
    pub(crate) over_bare: f64,
    pub(crate) ratio_to_bare: f64,
    /// The middle half of the samples, in percent of the median.
    pub(crate) spread_pct: f64,
}

/// How many rounds, and how long each sample is.
const fn plan(mode: Mode) -> (usize, Duration) {
    match mode {
        Mode::Full => (41, Duration::from_millis(5)),
        Mode::Quick => (9, Duration::from_millis(2)),
        Mode::Smoke | Mode::List | Mode::Instructions(_) => (1, Duration::ZERO),
    }
}

/// Measures all cases in rounds.
pub(crate) fn interleaved(cases: &mut [Case], mode: Mode) -> Vec<Timing> {
    let (rounds, sample) = plan(mode);
    let calls: Vec<u64> = cases.iter_mut().map(|case| warm_up(case, sample)).collect();
    let mut samples = vec![Vec::with_capacity(rounds); cases.len()];
    for _ in 0..rounds {
        for ((case, &calls), samples) in cases.iter_mut().zip(&calls).zip(&mut samples) {
            let took = cpu_time(|| (case.run)(calls));
            // One call more than asked for is made, and checked.
            samples.push(took.as_nanos() as f64 / (calls + 1) as f64);
        }
    }
    let baseline = |case: &Case| {
        let found = cases.iter().position(|known| known.name == case.baseline);
        found.map_or(&[][..], |found| &samples[found])
    };
    let timings = cases.iter().zip(&samples);
    timings
        .map(|(case, samples)| timing(samples, baseline(case)))
        .collect()
}

/// Runs a case until a sample takes as long as planned; returns the calls that it then makes.
fn warm_up(case: &mut Case, sample: Duration) -> u64 {
    // The first call may make what is called.
    (case.run)(0);
    let mut calls = 16;
    loop {
        let took = cpu_time(|| (case.run)(calls));
        if took >= sample {
            return calls;
        }
        calls *= 2;
    }
}

/// Sums up the samples of one case and of its baseline, taken in the same rounds.
pub(crate) fn timing(samples: &[f64], bare: &[f64]) -> Timing {
    let ns = median(samples);
    let differences: Vec<f64> = samples.iter().zip(bare).map(|(a, b)| a - b).collect();
    let sorted = sorted(samples);
    let quarter = |n: usize| sorted[(sorted.len() - 1) * n / 4];
    Timing {
        ns,
        over_bare: median(&differences),
        ratio_to_bare: ns / median(bare),
        spread_pct: (quarter(3) - quarter(1)) / ns * 100.0,
    }
}

/// The middle of some figures; not a number if there are none.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let sorted = sorted(figures);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn sorted(figures: &[f64]) -> Vec<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}
