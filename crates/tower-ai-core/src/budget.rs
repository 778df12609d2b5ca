//! The shared allowance of extra attempts.

use std::fmt;
use std::sync::Arc;

#[cfg(loom)]
use loom::sync::atomic::{AtomicI64, Ordering};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicI64, Ordering};

/// Fixed-point unit: one extra attempt.
const ONE: i64 = 1_000_000;

/// Bounds the extra attempts of many calls together: retries, failovers after a failure, hedges.
///
/// Retries answer most calls when few attempts fail, and multiply the load when most do; the extra
/// load then keeps the target down (a *retry storm*). A budget ends that: each call pays a part of an
/// extra attempt in, each extra attempt draws a whole one. Clones share one bucket, so one budget
/// serves retry, failover and hedging of one application, and over any run
///
/// ```text
/// extra attempts <= burst (+ burst of debt) + max_extra_load x calls
/// ```
///
/// There are two ways to draw. [`withdraw`](Self::withdraw) needs a whole token: for what only
/// repeats a failed attempt. [`charge`](Self::charge) always succeeds and may go into debt, by at
/// most one bucket: for the first attempt in a failure domain that has not failed yet, so that a
/// budget never makes a call fail that a well target would have answered.
///
/// There is no clock in it: a token bucket that only calls refill needs none, and a client that
/// makes a call an hour keeps its burst.
///
/// # Default
///
/// 20 % extra load, burst 10.
///
/// # Clone
///
/// Clones share the bucket.
///
/// # Examples
///
/// ```
/// use tower_ai_core::Budget;
///
/// let budget = Budget::new(0.2, 1)?;
/// assert!(budget.withdraw(), "the burst");
/// assert!(!budget.withdraw(), "nothing left");
/// for _ in 0..5 {
///     budget.deposit();
/// }
/// assert!(budget.withdraw(), "five calls pay for one retry");
/// # Ok::<(), tower_ai_core::InvalidBudget>(())
/// ```
#[derive(Clone, Debug)]
pub struct Budget {
    bucket: Arc<Bucket>,
    deposits: bool,
}

#[derive(Debug)]
struct Bucket {
    balance: AtomicI64,
    deposit: i64,
    capacity: i64,
}

impl Budget {
    /// Makes a budget of `max_extra_load` extra attempts per call (0.2 is 20 %), with a bucket of
    /// `burst` attempts, which is full at first.
    ///
    /// # Errors
    ///
    /// Fails unless `max_extra_load` is a number from 0 to 10 and `burst` is from 1 to 1,000,000.
    pub fn new(max_extra_load: f64, burst: u32) -> Result<Self, InvalidBudget> {
        if !(0.0..=10.0).contains(&max_extra_load) {
            return Err(InvalidBudget::ExtraLoad);
        }
        if !(1..=1_000_000).contains(&burst) {
            return Err(InvalidBudget::Burst);
        }
        #[expect(clippy::cast_possible_truncation, reason = "from 0 to 10 ONE")]
        let deposit = (max_extra_load * ONE as f64).floor() as i64;
        let capacity = i64::from(burst) * ONE;
        Ok(Self {
            bucket: Arc::new(Bucket {
                balance: AtomicI64::new(capacity),
                deposit,
                capacity,
            }),
            deposits: true,
        })
    }

    /// A handle on the same bucket that draws but does not pay in.
    ///
    /// Only the outermost layer that holds a budget pays in, once per call; give this one to the layers below
    /// it where no [`Carry`](crate::Carry) tells them so.
    #[must_use]
    pub fn without_deposit(&self) -> Self {
        Self {
            bucket: Arc::clone(&self.bucket),
            deposits: false,
        }
    }

    /// Pays in for one call.
    pub fn deposit(&self) {
        if !self.deposits {
            return;
        }
        let Bucket {
            balance,
            deposit,
            capacity,
        } = &*self.bucket;
        if balance.load(Ordering::Relaxed) >= *capacity {
            return;
        }
        let _full = balance.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
            (now < *capacity).then(|| (now + deposit).min(*capacity))
        });
    }

    /// Draws one extra attempt if the balance covers it.
    #[must_use = "without a token there is no extra attempt"]
    pub fn withdraw(&self) -> bool {
        self.bucket
            .balance
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
                (now >= ONE).then(|| now - ONE)
            })
            .is_ok()
    }

    /// Draws one extra attempt in any case, into a debt of at most one bucket.
    pub fn charge(&self) {
        let floor = -self.bucket.capacity;
        let _floor =
            self.bucket
                .balance
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
                    (now > floor).then(|| (now - ONE).max(floor))
                });
    }

    /// Gives back what was drawn for an attempt that was not sent.
    pub fn refund(&self) {
        let capacity = self.bucket.capacity;
        let _full = self
            .bucket
            .balance
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
                (now < capacity).then(|| (now + ONE).min(capacity))
            });
    }

    /// The extra attempts that are left; negative in debt.
    #[must_use]
    pub fn balance(&self) -> f64 {
        self.bucket.balance.load(Ordering::Relaxed) as f64 / ONE as f64
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(0.2, 10).expect("20 % and 10 are within the limits")
    }
}

/// Lets tower's own retry policies draw from our budget.
#[cfg(feature = "tower")]
impl tower::retry::budget::Budget for Budget {
    fn deposit(&self) {
        Self::deposit(self);
    }

    fn withdraw(&self) -> bool {
        Self::withdraw(self)
    }
}

/// A budget that cannot be: which rule it broke.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidBudget {
    /// The extra load is not a number from 0 to 10.
    ExtraLoad,
    /// The burst is not from 1 to 1,000,000.
    Burst,
}

impl fmt::Display for InvalidBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExtraLoad => "a budget's extra load must be a number from 0 to 10",
            Self::Burst => "a budget's burst must be from 1 to 1,000,000 attempts",
        })
    }
}

impl std::error::Error for InvalidBudget {}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nonsense_is_refused_with_the_rule() {
        for load in [f64::NAN, -0.1, f64::INFINITY, 10.1] {
            assert_eq!(Budget::new(load, 10).unwrap_err(), InvalidBudget::ExtraLoad);
        }
        for burst in [0, 1_000_001] {
            assert_eq!(Budget::new(0.2, burst).unwrap_err(), InvalidBudget::Burst);
        }
    }

    #[test]
    fn a_handle_without_deposit_shares_the_bucket() {
        let budget = Budget::new(1.0, 1).unwrap();
        let below = budget.without_deposit();
        assert!(below.withdraw());
        below.deposit();
        assert!(!budget.withdraw());
        budget.deposit();
        assert!(below.withdraw());
    }

    #[test]
    fn a_refund_gives_back_one_attempt_and_no_more_than_the_bucket_holds() {
        let budget = Budget::new(0.2, 2).unwrap();
        assert!(budget.withdraw());
        budget.refund();
        budget.refund();
        assert!((budget.balance() - 2.0).abs() < 1e-9);
    }

    #[test]
    fn debt_ends_at_one_bucket() {
        let budget = Budget::new(0.2, 3).unwrap();
        for _ in 0..100 {
            budget.charge();
        }
        assert!((budget.balance() + 3.0).abs() < 1e-9);
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Deposit,
        Withdraw,
        Charge,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            Just(Step::Deposit),
            Just(Step::Withdraw),
            Just(Step::Charge)
        ];
        proptest::collection::vec(step, 0..2000)
    }

    proptest! {
        /// The law that the docs state, for any history; and the balance stays within its bounds.
        #[test]
        fn withdrawals_are_bounded_by_calls(load in 0.0..2.0_f64, burst in 1..20_u32, steps in steps()) {
            let budget = Budget::new(load, burst).unwrap();
            let (mut calls, mut drawn) = (0_u32, 0_u32);
            for step in steps {
                match step {
                    Step::Deposit => { budget.deposit(); calls += 1; }
                    Step::Withdraw => drawn += u32::from(budget.withdraw()),
                    Step::Charge => budget.charge(),
                }
                prop_assert!(budget.balance() <= f64::from(burst));
                prop_assert!(budget.balance() >= -f64::from(burst));
            }
            prop_assert!(f64::from(drawn) <= f64::from(burst) + load * f64::from(calls) + 1e-6);
        }
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::thread;

    use super::*;

    #[test]
    fn two_threads_draw_no_token_twice() {
        loom::model(|| {
            let budget = Budget::new(0.5, 1).unwrap();
            let other = budget.clone();
            let there = thread::spawn(move || {
                other.deposit();
                u32::from(other.withdraw()) + u32::from(other.withdraw())
            });
            let here = u32::from(budget.withdraw());
            budget.deposit();
            let drawn = here + there.join().unwrap() + u32::from(budget.withdraw());
            assert!(
                (1..=2).contains(&drawn),
                "one in the bucket, one paid in: {drawn}"
            );
        });
    }

    #[test]
    fn debt_and_deposit_race_within_bounds() {
        loom::model(|| {
            let budget = Budget::new(0.5, 1).unwrap();
            let other = budget.clone();
            let there = thread::spawn(move || {
                other.charge();
                other.charge();
            });
            budget.charge();
            budget.deposit();
            there.join().unwrap();
            assert!((-1.0..=1.0).contains(&budget.balance()));
        });
    }
}
