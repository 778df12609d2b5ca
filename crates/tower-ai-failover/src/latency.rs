//! How long a target's answers take: a histogram, where an average would not do.

use std::array::from_fn;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const BUCKETS: usize = 64;

/// Four buckets for each doubling, from a millisecond to a minute.
const PER_DOUBLING: f64 = 4.0;

/// With so many, all counts are halved: the past fades.
const FULL: u32 = 1024;

/// The latencies of one target, streamed and plain answers apart.
#[derive(Debug)]
pub(crate) struct Latencies {
    lanes: [Histogram; 2],
}

impl Latencies {
    pub(crate) fn new() -> Self {
        Self {
            lanes: from_fn(|_| Histogram::new()),
        }
    }

    pub(crate) fn learn(&self, streamed: bool, took: Duration) {
        self.lanes[usize::from(streamed)].learn(took);
    }

    /// The time within which this share of the answers came, rounded up to the end of a bucket; `None` while too
    /// few are known to tell.
    pub(crate) fn quantile(&self, streamed: bool, share: f64) -> Option<Duration> {
        self.lanes[usize::from(streamed)].quantile(share)
    }
}

#[derive(Debug)]
struct Histogram {
    counts: [AtomicU32; BUCKETS],
    all: AtomicU32,
}

impl Histogram {
    fn new() -> Self {
        Self {
            counts: from_fn(|_| AtomicU32::new(0)),
            all: AtomicU32::new(0),
        }
    }

    fn learn(&self, took: Duration) {
        self.counts[bucket(took)].fetch_add(1, Ordering::Relaxed);
        if self.all.fetch_add(1, Ordering::Relaxed) + 1 == FULL {
            let halved = |count: &AtomicU32| {
                let count =
                    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| Some(n / 2));
                count.unwrap_or_default() / 2
            };
            let left = self.counts.iter().map(halved).sum();
            self.all.store(left, Ordering::Relaxed);
        }
    }

    fn quantile(&self, share: f64) -> Option<Duration> {
        let counts: [u32; BUCKETS] = from_fn(|i| self.counts[i].load(Ordering::Relaxed));
        let all: u32 = counts.iter().sum();
        let enough = (1.0 / (1.0 - share)).max(20.0);
        // Close to a whole number from either side.
        if f64::from(all) + 1e-6 < enough {
            return None;
        }
        let wanted = share * f64::from(all) - 1e-6;
        let mut sum = 0;
        let number = counts.iter().position(|count| {
            sum += count;
            f64::from(sum) >= wanted
        });
        Some(end(number.unwrap_or(BUCKETS - 1)))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "casts saturate, and the index is bounded"
)]
fn bucket(took: Duration) -> usize {
    let millis = took.as_secs_f64() * 1000.0;
    ((millis.log2() * PER_DOUBLING).ceil() as usize).min(BUCKETS - 1)
}

#[expect(clippy::cast_precision_loss, reason = "a small number")]
fn end(bucket: usize) -> Duration {
    Duration::from_secs_f64((bucket as f64 / PER_DOUBLING).exp2() / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_share_of_answers_that_were_faster() {
        let histogram = Histogram::new();
        for millis in 1..=1000 {
            histogram.learn(Duration::from_millis(millis));
        }
        for share in [0.5, 0.9, 0.95, 0.99] {
            let exact = share * 1000.0;
            let found = histogram.quantile(share).unwrap().as_secs_f64() * 1000.0;
            assert!(
                (exact * 0.999..exact * 1.19).contains(&found),
                "{share}: {found} for {exact}"
            );
        }
    }

    #[test]
    fn nothing_is_known_of_a_tail_that_was_not_seen() {
        let histogram = Histogram::new();
        (0..19).for_each(|_| histogram.learn(Duration::from_secs(1)));
        assert_eq!(histogram.quantile(0.5), None);
        histogram.learn(Duration::from_secs(1));
        assert!(histogram.quantile(0.95).is_some());
        assert_eq!(histogram.quantile(0.99), None, "a hundred are needed");
    }

    #[test]
    fn what_was_long_ago_fades() {
        let histogram = Histogram::new();
        (0..2000).for_each(|_| histogram.learn(Duration::from_secs(30)));
        (0..4000).for_each(|_| histogram.learn(Duration::from_millis(100)));
        let usual = histogram.quantile(0.9).unwrap();
        assert!(usual < Duration::from_millis(120), "{usual:?}");
    }

    #[test]
    fn every_time_has_a_bucket() {
        for took in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
            assert!(bucket(took) < BUCKETS);
        }
        assert_eq!(bucket(Duration::from_millis(1)), 0);
        assert_eq!(bucket(Duration::from_millis(2)), 4);
    }
}
