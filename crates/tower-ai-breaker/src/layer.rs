//! The layer.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tower_ai_core::{AtOnce, NoCarry, Target, Tuning};
use tower_layer::Layer;

use crate::circuit::Circuit;
use crate::error::InvalidBreaker;
use crate::failure_rate::FailureRate;
use crate::handle::BreakerHandle;
use crate::keyed::KeyedBreakerLayer;
use crate::rules::Settings;
use crate::service::Breaker;

/// Puts a circuit breaker in front of a service. See the [crate docs](crate).
///
/// One layer value is one circuit: every service that it makes, every clone of those, and every clone of the
/// layer share it. [`for_target`](Self::for_target) makes a circuit of its own with the same settings. The
/// setters of what the circuit does begin a new circuit; call them before [`handle`](Self::handle) and
/// [`layer`](Layer::layer).
///
/// # Default
///
/// [`adaptive`](Self::adaptive).
#[derive(Clone, Debug)]
pub struct BreakerLayer<F = AtOnce, K = NoCarry> {
    circuit: Arc<Circuit>,
    follow: F,
    carry: K,
}

impl BreakerLayer {
    /// Makes a breaker that learns what is normal for its target, and opens when failures or slow first contents
    /// are clearly more than that.
    #[must_use]
    pub fn adaptive() -> Self {
        Self::with(Settings::adaptive())
    }

    /// Makes a breaker with the plain rule: opens after so many failures in a row.
    ///
    /// It sees no partial failure and no slowness. It comes back by the same ramp as the adaptive one.
    ///
    /// # Errors
    ///
    /// Fails unless `failures` is from 1 to 1,000,000.
    pub fn consecutive_failures(failures: u32) -> Result<Self, InvalidBreaker> {
        Ok(Self::with(Settings::adaptive().consecutive(failures)?))
    }

    /// Makes a breaker with the plain rule of resilience4j: opens when too large a share of the calls in a sliding
    /// window failed, or was slow. See [`FailureRate`].
    ///
    /// Each outcome takes the circuit's lock and reads the clock: some twice the work of the adaptive rule.
    #[must_use]
    pub fn failure_rate(rule: FailureRate) -> Self {
        Self::with(Settings {
            failure_rate: Some(rule),
            ..Settings::adaptive()
        })
    }

    fn with(settings: Settings) -> Self {
        Self {
            circuit: Circuit::new(settings, None),
            follow: AtOnce::default(),
            carry: NoCarry,
        }
    }
}

impl Default for BreakerLayer {
    fn default() -> Self {
        Self::adaptive()
    }
}

impl<F, K> BreakerLayer<F, K> {
    /// Sets how often a day, on average, it may open on a target that is as well as usual. Defaults to 1.
    ///
    /// The one knob: less is slower to open (each tenth of it costs about one more failure), more is quicker.
    /// The plain rules have no use for it.
    ///
    /// # Errors
    ///
    /// Fails unless it is a number from 0.000001 to 1000.
    pub fn false_trips_per_day(self, trips: f64) -> Result<Self, InvalidBreaker> {
        let settings = self.circuit.settings().false_trips(trips)?;
        Ok(self.again(settings))
    }

    /// Sets the longest time between two probes of a target that is down. Defaults to 15 s, growing to 60 s in an
    /// outage that is twenty minutes old.
    ///
    /// A server's wait is kept to up to this limit. Rate limits are no matter of health and have limits of their
    /// own, in [`Tuning`].
    ///
    /// # Errors
    ///
    /// Fails unless it is from 1 ms to 24 h.
    pub fn longest_open(self, longest: Duration) -> Result<Self, InvalidBreaker> {
        let settings = self.circuit.settings().longest_open(longest)?;
        Ok(self.again(settings))
    }

    /// Only observes: reports what it would do, and rejects nothing. Defaults to off.
    ///
    /// Mode, evidence, transitions and the count of rejected calls are those of a breaker that rejects; the
    /// calls that it would have rejected teach it nothing. The [`Health`](tower_ai_core::Health) and
    /// [`Key`](tower_ai_core::Key) of its target stay untouched, but for latency and attempts under way.
    #[must_use]
    pub fn observe_only(self) -> Self {
        let settings = Settings {
            observe_only: true,
            ..*self.circuit.settings()
        };
        self.again(settings)
    }

    /// Sets every duration. Defaults to [`Tuning::new`].
    #[must_use]
    pub fn tuning(self, tuning: Tuning) -> Self {
        let settings = Settings {
            tuning,
            ..*self.circuit.settings()
        };
        self.again(settings)
    }

    /// Makes its random choices repeatable. Targets draw different numbers from one seed. Defaults to a seed
    /// that no other process has.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        let settings = Settings {
            seed: Some(seed),
            ..*self.circuit.settings()
        };
        self.again(settings)
    }

    /// Sets the moment from which it counts time. Defaults to the moment at which it is made.
    ///
    /// For those who keep their own time, as simulations do with [`BreakerHandle::admit_at`]: with a
    /// [`seed`](Self::seed), the same calls at the same distances from `start` bring the same decisions. Moments
    /// before it count as the start.
    #[must_use]
    pub fn starting_at(self, start: Instant) -> Self {
        let settings = Settings {
            epoch: Some(start),
            ..*self.circuit.settings()
        };
        self.again(settings)
    }

    /// Sets how a response is followed until its outcome is known. Defaults to [`AtOnce`], for plain responses.
    #[must_use]
    pub fn follow<G>(self, follow: G) -> BreakerLayer<G, K> {
        BreakerLayer {
            circuit: self.circuit,
            follow,
            carry: self.carry,
        }
    }

    /// Sets how the [`Attempt`](tower_ai_core::Attempt) travels with a request. Defaults to [`NoCarry`]: then
    /// each call starts when it comes, and there is never another target.
    #[must_use]
    pub fn carry<L>(self, carry: L) -> BreakerLayer<F, L> {
        BreakerLayer {
            circuit: self.circuit,
            follow: self.follow,
            carry,
        }
    }

    /// Makes a layer with the same settings and a circuit of its own, which is that of this target: it writes
    /// the target's [`Health`](tower_ai_core::Health) and shuts its [`Key`](tower_ai_core::Key).
    #[must_use]
    pub fn for_target(&self, target: &Target) -> Self
    where
        F: Clone,
        K: Clone,
    {
        Self {
            circuit: Circuit::new(*self.circuit.settings(), Some(target.clone())),
            follow: self.follow.clone(),
            carry: self.carry.clone(),
        }
    }

    /// Makes a layer with the same settings, and a circuit for each key that `key` finds in a request: a model, a
    /// region, a tenant. See [`KeyedBreakerLayer`], and set everything else first.
    ///
    /// The circuits of keys belong to no [`Target`]: their health is read by the handle.
    #[must_use]
    pub fn keyed<Req, Key, G>(self, key: G) -> KeyedBreakerLayer<Key, G, F, K>
    where
        G: Fn(&Req) -> Key,
        Key: Eq + Hash,
    {
        KeyedBreakerLayer::new(*self.circuit.settings(), key, self.follow, self.carry)
    }

    /// Returns a handle that reads and steers the circuit.
    #[must_use]
    pub fn handle(&self) -> BreakerHandle {
        BreakerHandle::new(Arc::clone(&self.circuit))
    }

    fn again(self, settings: Settings) -> Self {
        let target = self.circuit.target().cloned();
        Self {
            circuit: Circuit::new(settings, target),
            ..self
        }
    }
}

impl<S, F, K> Layer<S> for BreakerLayer<F, K>
where
    F: Clone,
    K: Clone,
{
    type Service = Breaker<S, F, K>;

    fn layer(&self, inner: S) -> Self::Service {
        Breaker::new(
            inner,
            Arc::clone(&self.circuit),
            self.follow.clone(),
            self.carry.clone(),
        )
    }
}
