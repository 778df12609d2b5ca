//! Routes: each with its own threshold, and with the evidence for it.

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::proof::{Evidence, Promise, Proof};
use crate::semantic::Threshold;

/// No risen threshold lies between this and 1: the route is exact only then.
const TOP: f32 = 0.985;

/// All routes of a cache; the first is for questions that name none, or one that is not here.
pub(crate) struct Routes(Box<[Route]>);

/// One route.
pub(crate) struct Route {
    name: Box<str>,
    set: f32,
    /// The threshold as it is now, in bits. It changes under the lock of `record` alone.
    now: AtomicU32,
    hits: AtomicU64,
    record: Mutex<Record>,
}

struct Record {
    proof: Option<Proof>,
    promise: Option<Promise>,
    undecided: u64,
    raised: u32,
}

/// How sure the hits of a route are to be right.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Standing {
    /// Hits are not checked.
    Unchecked,
    /// Too few were checked at this threshold to say.
    Open,
    /// The upper bound on wrong hits is within the target.
    Holds,
    /// Too many hits were wrong at any threshold: only equal questions are answered.
    ExactOnly,
}

/// What is known of the hits of one route.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RouteReport {
    /// Its name; empty for the route of questions that name none.
    pub name: Box<str>,
    /// The threshold now; `None` when only equal questions are answered.
    pub threshold: Option<f32>,
    /// How often the threshold has risen since it was set.
    pub raised: u32,
    /// Hits by meaning since the start.
    pub hits: u64,
    /// The last hits that were judged, at this threshold.
    pub checked: u64,
    /// Those of them that were wrong.
    pub wrong: u64,
    /// Checks without a verdict since the start: the inner service or the judge failed.
    pub undecided: u64,
    /// The upper bound on wrong hits per hit; 1 where nothing was checked.
    pub bound: f64,
    /// What the bound says.
    pub standing: Standing,
}

/// A check that is under way: which route, at which threshold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Era {
    route: usize,
    raised: u32,
}

impl Routes {
    /// `promise` where hits are checked.
    pub(crate) fn new(
        default: Threshold,
        named: &[(Box<str>, Threshold)],
        promise: Option<Promise>,
    ) -> Self {
        let first = Route::new("", default, promise);
        let more = named
            .iter()
            .map(|(name, at)| Route::new(name, *at, promise));
        Self(std::iter::once(first).chain(more).collect())
    }

    /// The number of the route of this name, else of the default.
    pub(crate) fn find(&self, name: Option<&str>) -> usize {
        let Some(name) = name else { return 0 };
        let place = self.0.iter().position(|route| *route.name == *name);
        place.unwrap_or(0)
    }

    pub(crate) fn name(&self, route: usize) -> &str {
        &self.0[route].name
    }

    /// The threshold, and the one for answers that stand in for failed ones: a threshold that has risen counts
    /// for both.
    pub(crate) fn threshold(&self, route: usize, stale: Option<f32>) -> f32 {
        let route = &self.0[route];
        let now = route.threshold();
        match stale {
            Some(stale) if now > route.set => now.max(stale),
            Some(stale) => stale,
            None => now,
        }
    }

    pub(crate) fn count_hit(&self, route: usize) {
        self.0[route].hits.fetch_add(1, Ordering::Relaxed);
    }

    /// Begins a check of a hit of this route.
    pub(crate) fn check(&self, route: usize) -> Era {
        let raised = self.0[route].record().raised;
        Era { route, raised }
    }

    /// Takes what a check said; `None` if it could not say. What was checked at another threshold is dropped.
    /// Returns the new threshold if it had to rise.
    pub(crate) fn verdict(&self, era: Era, wrong: Option<bool>) -> Option<f32> {
        let route = &self.0[era.route];
        let mut record = route.record();
        let Some(wrong) = wrong else {
            record.undecided += 1;
            return None;
        };
        if record.raised != era.raised {
            return None;
        }
        let proof = record.proof.as_mut()?;
        proof.record(wrong);
        if proof.evidence() != Evidence::Broken {
            return None;
        }
        record.raised += 1;
        record.proof = record.promise.map(Proof::new);
        let risen = risen(route.threshold());
        route.now.store(risen.to_bits(), Ordering::Release);
        Some(risen)
    }

    /// Sets a route back to its threshold and forgets what is known of it. Returns whether it is there.
    pub(crate) fn reset(&self, name: &str) -> bool {
        let Some(route) = self.0.iter().find(|route| *route.name == *name) else {
            return false;
        };
        let mut record = route.record();
        record.raised += 1;
        record.proof = record.promise.map(Proof::new);
        route.now.store(route.set.to_bits(), Ordering::Release);
        true
    }

    pub(crate) fn reports(&self) -> Vec<RouteReport> {
        self.0.iter().map(Route::report).collect()
    }
}

/// Halfway to 1, then exact only.
fn risen(threshold: f32) -> f32 {
    let risen = threshold + (1.0 - threshold) / 2.0;
    if risen > TOP { f32::INFINITY } else { risen }
}

impl Route {
    fn new(name: &str, threshold: Threshold, promise: Option<Promise>) -> Self {
        let set = threshold.cosine();
        Self {
            name: name.into(),
            set,
            now: AtomicU32::new(set.to_bits()),
            hits: AtomicU64::new(0),
            record: Mutex::new(Record {
                proof: promise.map(Proof::new),
                promise,
                undecided: 0,
                raised: 0,
            }),
        }
    }

    fn threshold(&self) -> f32 {
        f32::from_bits(self.now.load(Ordering::Acquire))
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self) -> RouteReport {
        let record = self.record();
        let threshold = self.threshold();
        let proof = record.proof.as_ref();
        let evidence = proof.map(Proof::evidence);
        RouteReport {
            name: self.name.clone(),
            threshold: threshold.is_finite().then_some(threshold),
            raised: record.raised,
            hits: self.hits.load(Ordering::Relaxed),
            checked: proof.map_or(0, Proof::checked),
            wrong: proof.map_or(0, Proof::wrong),
            undecided: record.undecided,
            bound: proof.map_or(1.0, Proof::upper),
            standing: match evidence {
                _ if !threshold.is_finite() => Standing::ExactOnly,
                None => Standing::Unchecked,
                Some(Evidence::Holds) => Standing::Holds,
                Some(_) => Standing::Open,
            },
        }
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.reports()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMISE: Promise = Promise {
        target: 0.1,
        confidence: 0.9,
    };

    fn routes() -> Routes {
        let faq = ("faq".into(), Threshold::Balanced);
        let legal = ("legal".into(), Threshold::ExactOnly);
        Routes::new(Threshold::Strict, &[faq, legal], Some(PROMISE))
    }

    #[test]
    fn every_route_has_its_threshold_and_unknown_ones_the_default() {
        let routes = routes();
        for (name, threshold) in [
            (None, 0.95),
            (Some("faq"), 0.92),
            (Some("legal"), f32::INFINITY),
            (Some("other"), 0.95),
        ] {
            let route = routes.find(name);
            assert!(routes.threshold(route, None) == threshold, "{name:?}");
        }
    }

    #[test]
    fn wrong_hits_raise_a_threshold_by_halves_until_only_exact_ones_are_left() {
        let routes = routes();
        let faq = routes.find(Some("faq"));
        let mut seen = Vec::new();
        while let Some(threshold) = routes.reports()[faq].threshold {
            if let Some(risen) = routes.verdict(routes.check(faq), Some(true)) {
                assert!(risen > threshold);
                seen.push(risen);
            }
        }
        assert_eq!(seen.len(), 3);
        assert!((seen[0] - 0.96).abs() < 1e-6 && (seen[1] - 0.98).abs() < 1e-6);
        let report = &routes.reports()[faq];
        assert_eq!((report.standing, report.raised), (Standing::ExactOnly, 3));
        assert_eq!(routes.reports()[0].raised, 0, "routes stand alone");

        assert!(routes.reset("faq") && !routes.reset("nobody"));
        let report = &routes.reports()[faq];
        assert_eq!((report.standing, report.checked), (Standing::Open, 0));
        assert_eq!(report.threshold, Some(0.92));
    }

    #[test]
    fn a_check_begun_at_another_threshold_does_not_count() {
        let routes = routes();
        let old = routes.check(0);
        while routes.verdict(routes.check(0), Some(true)).is_none() {}
        assert_eq!(routes.verdict(old, Some(true)), None);
        assert_eq!(routes.reports()[0].checked, 0);
        assert_eq!(routes.verdict(old, None), None);
        assert_eq!(routes.reports()[0].undecided, 1);
    }

    #[test]
    fn a_risen_threshold_holds_for_stale_answers_too() {
        let routes = routes();
        assert_eq!(routes.threshold(0, Some(0.9)), 0.9);
        while routes.verdict(routes.check(0), Some(true)).is_none() {}
        assert!(routes.threshold(0, Some(0.9)) > 0.95);
    }

    #[test]
    fn right_hits_prove_a_route() {
        let routes = routes();
        while routes.reports()[0].standing == Standing::Open {
            assert_eq!(routes.verdict(routes.check(0), Some(false)), None);
        }
        let report = &routes.reports()[0];
        assert_eq!(report.standing, Standing::Holds);
        assert!(report.bound <= PROMISE.target && report.wrong == 0);
    }
}
