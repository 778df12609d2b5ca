//! The evidence that hits by meaning are right, route by route. Pure: no clock, no lock, no I/O.

use std::collections::VecDeque;

use statrs::function::beta::beta_reg;

/// What is promised of hits, and how surely.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Promise {
    /// The most wrong hits, per hit.
    pub(crate) target: f64,
    /// How sure the bound is.
    pub(crate) confidence: f64,
}

impl Promise {
    /// The checks within which a bound must have come down to the target: four times what a spotless record needs.
    ///
    /// With as many, a route whose true rate is a quarter of the target keeps its threshold more than nine times in ten.
    pub(crate) fn patience(&self) -> usize {
        let least = (1.0 - self.confidence).ln() / (1.0 - self.target).ln();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most 370,000: targets are at least 0.0001, confidences at most 0.9999"
        )]
        let least = least.ceil() as usize;
        4 * least.max(1)
    }
}

/// The verdicts on the last hits of one route at its present threshold, as many as there is [patience](Promise::patience)
/// for.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    promise: Promise,
    patience: usize,
    last: VecDeque<bool>,
    wrong: u64,
}

/// What the evidence says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Evidence {
    /// Too little to say.
    Open,
    /// The bound is within the target.
    Holds,
    /// There are surely more wrong hits than that, or it could not be shown in time that there are not.
    Broken,
}

impl Proof {
    pub(crate) fn new(promise: Promise) -> Self {
        Self {
            promise,
            patience: promise.patience(),
            last: VecDeque::new(),
            wrong: 0,
        }
    }

    /// Takes one verdict.
    pub(crate) fn record(&mut self, wrong: bool) {
        if self.last.len() == self.patience {
            self.wrong -= u64::from(self.last.pop_front() == Some(true));
        }
        self.last.push_back(wrong);
        self.wrong += u64::from(wrong);
    }

    /// Where the bounds lie of the target, without working them out: by the chance of what was seen, were the target
    /// the true rate.
    pub(crate) fn evidence(&self) -> Evidence {
        let (wrong, checked, target) = (self.wrong, self.checked(), self.promise.target);
        let alpha = 1.0 - self.promise.confidence;
        if at_most(wrong, checked, target) <= alpha {
            Evidence::Holds
        } else if self.last.len() == self.patience
            // Looked at after every check, so that it has many chances to be wrong: at a tenth of the doubt.
            || (wrong > 0 && at_least(wrong, checked, target) < 0.1 * alpha)
        {
            Evidence::Broken
        } else {
            Evidence::Open
        }
    }

    /// The upper bound on wrong hits per hit.
    pub(crate) fn upper(&self) -> f64 {
        upper(self.wrong, self.checked(), 1.0 - self.promise.confidence)
    }

    pub(crate) fn checked(&self) -> u64 {
        self.last.len() as u64
    }

    pub(crate) const fn wrong(&self) -> u64 {
        self.wrong
    }
}

/// The one-sided upper bound of Clopper and Pearson (1934): the rate at which `wrong` or fewer among `checked` have a
/// chance of `alpha`.
fn upper(wrong: u64, checked: u64, alpha: f64) -> f64 {
    if wrong >= checked {
        return 1.0;
    }
    bisect(|rate| at_most(wrong, checked, rate) > alpha)
}

/// The one-sided lower bound: the rate at which `wrong` or more have a chance of `alpha`.
#[cfg(test)]
fn lower(wrong: u64, checked: u64, alpha: f64) -> f64 {
    if wrong == 0 {
        return 0.0;
    }
    bisect(|rate| at_least(wrong, checked, rate) <= alpha)
}

/// The chance of at least `least` successes (one or more) in `trials`: an incomplete beta function.
fn at_least(least: u64, trials: u64, rate: f64) -> f64 {
    beta_reg(least as f64, (trials - least + 1) as f64, rate)
}

/// The chance of at most `most` successes, which falls as the rate rises.
fn at_most(most: u64, trials: u64, rate: f64) -> f64 {
    if most >= trials {
        return 1.0;
    }
    at_least(trials - most, trials, 1.0 - rate)
}

/// The greatest number from 0 to 1 for which `holds`, which holds up to it and not beyond.
fn bisect(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use tower_ai_core::Chance;

    use super::*;

    fn is_near(a: f64, b: f64) {
        assert!((a - b).abs() < 5e-7, "{a} {b}");
    }

    /// Both ends of the 95 % intervals that R's `binom.test` prints.
    #[test]
    fn bounds_are_those_that_are_published() {
        for (wrong, checked, from, to) in [
            (1, 100, 0.000_253_146_0, 0.054_459_387_2),
            (10, 100, 0.049_004_69, 0.176_222_60),
            (5, 50, 0.033_275_09, 0.218_135_37),
            (2, 20, 0.012_348_53, 0.316_982_7),
            (7, 20, 0.153_909_2, 0.592_188_5),
        ] {
            is_near(lower(wrong, checked, 0.025), from);
            is_near(upper(wrong, checked, 0.025), to);
        }
    }

    #[test]
    fn at_the_ends_bounds_have_a_closed_form() {
        for checked in [1, 20, 299, 100_000] {
            let none = 1.0 - 0.05_f64.powf(1.0 / checked as f64);
            is_near(upper(0, checked, 0.05), none);
            is_near(lower(checked, checked, 0.05), 1.0 - none);
            is_near(lower(0, checked, 0.05), 0.0);
            is_near(upper(checked, checked, 0.05), 1.0);
        }
        is_near(upper(0, 0, 0.05), 1.0);
    }

    #[test]
    fn a_spotless_record_holds_after_a_quarter_of_the_patience() {
        let mut proof = Proof::new(Promise {
            target: 0.01,
            confidence: 0.95,
        });
        for n in 1..=299 {
            assert_eq!(proof.evidence(), Evidence::Open, "{n}");
            proof.record(false);
        }
        assert_eq!(proof.evidence(), Evidence::Holds);
        assert_eq!(proof.patience, 4 * 299);
    }

    #[test]
    fn evidence_says_where_the_bounds_lie() {
        let promise = Promise {
            target: 0.05,
            confidence: 0.9,
        };
        let chance = Chance::seeded(9);
        for rate in [0.0, 0.02, 0.05, 0.2] {
            let mut proof = Proof::new(promise);
            for _ in 0..proof.patience - 1 {
                proof.record(chance.unit() < rate);
                let least = lower(proof.wrong, proof.checked(), 0.01);
                let expected = if proof.upper() <= 0.05 {
                    Evidence::Holds
                } else if least > 0.05 {
                    Evidence::Broken
                } else {
                    Evidence::Open
                };
                assert_eq!(proof.evidence(), expected);
            }
        }
    }

    #[test]
    fn old_verdicts_are_forgotten() {
        let mut proof = Proof::new(Promise {
            target: 0.1,
            confidence: 0.9,
        });
        for n in 0..1000 {
            proof.record(n % 200 == 0);
        }
        assert_eq!(proof.checked() as usize, proof.patience);
        for _ in 0..proof.patience {
            proof.record(false);
        }
        assert_eq!(proof.wrong(), 0);
    }

    /// What is said of patience, and of how soon a bad route is found, by simulation.
    #[test]
    fn a_good_route_holds_and_a_bad_one_breaks_early() {
        let promise = Promise {
            target: 0.01,
            confidence: 0.95,
        };
        let chance = Chance::seeded(5);
        let run = |rate: f64| {
            let mut proof = Proof::new(promise);
            for n in 1..=promise.patience() {
                proof.record(chance.unit() < rate);
                if proof.evidence() == Evidence::Broken {
                    return (Evidence::Broken, n);
                }
            }
            (proof.evidence(), promise.patience())
        };
        let runs = 100;
        let kept = (0..runs)
            .filter(|_| run(0.0025).0 == Evidence::Holds)
            .count();
        assert!(kept >= 90, "{kept} of {runs} at a quarter of the target");
        let bad: Vec<_> = (0..runs).map(|_| run(0.05)).collect();
        assert!(
            bad.iter()
                .all(|(evidence, _)| *evidence == Evidence::Broken)
        );
        let mean = bad.iter().map(|(_, n)| n).sum::<usize>() / runs;
        assert!(mean < 150, "{mean} checks at five times the target");
    }
}
