//! The cache as a layer.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tower_ai_core::{Kept, Outcome, Question};
use tower_layer::Layer;

use crate::handle::CacheHandle;
use crate::memory::Limits;
use crate::refuse::Rules;
use crate::semantic::Semantic;
use crate::service::{Cache, Shared};
use crate::settings::Settings;
use crate::state::State;
use crate::store::{Gone, Store};
use crate::verify::Verify;

/// Makes a [`Cache`] over a service.
///
/// `A` reads the question off a request, `K` says how an answer is kept. The tenant is part of the
/// question ([`Scope`](tower_ai_core::Scope)), so that it cannot be left out. The state lives in the
/// layer: every service that it makes, and every clone of it, is the same cache.
///
/// # Default
///
/// Exact only; [`Limits`] and [`Rules`] as they stand there; an answer is fresh for an hour; no stale
/// answers; who waits for another's call goes alone after 30 s.
///
/// # Examples
///
/// See the [crate docs](crate).
pub struct CacheLayer<A, K: Kept> {
    ask: Arc<A>,
    keep: Arc<K>,
    settings: Settings<K::Stored>,
    state: Arc<OnceLock<Arc<State<K::Stored>>>>,
}

impl<A, K: Kept> CacheLayer<A, K> {
    /// A cache that reads questions by `ask` and keeps answers by `keep`.
    pub fn new(ask: A, keep: K) -> Self {
        Self {
            ask: Arc::new(ask),
            keep: Arc::new(keep),
            settings: Settings::default(),
            state: Arc::default(),
        }
    }

    /// Sets how much it holds.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        self.change(|settings| settings.limits = limits)
    }

    /// Sets what is not cached.
    #[must_use]
    pub fn rules(self, rules: Rules) -> Self {
        self.change(|settings| settings.rules = rules)
    }

    /// Sets how long answers are fresh. Defaults to an hour.
    #[must_use]
    pub fn ttl(self, ttl: Duration) -> Self {
        self.ttl_fn(move |_, _| Some(ttl))
    }

    /// Sets how long each answer is fresh; one with `None` is not kept.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_ai_cache::CacheLayer;
    /// use tower_ai_core::{Question, Scope, ask_fn, keep_fn};
    ///
    /// let ask = ask_fn(|text: &String| Some(Question::new(Scope::shared(), text.clone())));
    /// let layer = CacheLayer::new(ask, keep_fn(|answer: &String| Some(answer.len())))
    ///     .ttl_fn(|question, _answer| match question.text().contains("price") {
    ///         true => Some(Duration::from_secs(60)),
    ///         false => Some(Duration::from_secs(86_400)),
    ///     });
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn ttl_fn(
        self,
        life: impl Fn(&Question, &K::Stored) -> Option<Duration> + Send + Sync + 'static,
    ) -> Self {
        self.change(|settings| settings.life = Arc::new(life))
    }

    /// Lets an answer that is past its time by no more than `limit` stand in for one that fails. It is
    /// always marked: [`CacheNote::stale`](tower_ai_core::CacheNote::stale). Defaults to off.
    #[must_use]
    pub fn stale_if_error(self, limit: Duration) -> Self {
        self.change(|settings| settings.stale = Some(limit))
    }

    /// Sets which failures a stale answer may stand in for. Defaults to those of a provider's bad day:
    /// fault, timed out, overloaded, rate-limited, warming, exhausted and shed.
    #[must_use]
    pub fn stale_for(self, allow: fn(Outcome) -> bool) -> Self {
        self.change(|settings| settings.stale_for = allow)
    }

    /// Sets how long a call waits for an equal one before it goes alone. Defaults to 30 s.
    #[must_use]
    pub fn wait(self, limit: Duration) -> Self {
        self.change(|settings| settings.wait = limit)
    }

    /// Matches by meaning what no equal question was found for. Defaults to exact only.
    #[must_use]
    pub fn semantic(self, semantic: Semantic) -> Self {
        self.change(|settings| settings.semantic = Some(semantic))
    }

    /// Checks a share of the hits by meaning in the background, and makes routes with too many wrong ones stricter.
    /// Defaults to off; does nothing without [`semantic`](Self::semantic).
    #[must_use]
    pub fn verify(self, verify: Verify<K::Stored>) -> Self {
        self.change(|settings| settings.verify = Some(verify))
    }

    /// Keeps entries in another [`Store`]; `make` gets what the store tells of entries that leave. Defaults to moka,
    /// in memory, within the [`Limits`].
    #[must_use]
    pub fn store(
        self,
        make: impl Fn(Gone<K::Stored>) -> Arc<dyn Store<K::Stored>> + Send + Sync + 'static,
    ) -> Self {
        self.change(|settings| settings.store = Some(Arc::new(make)))
    }

    /// Sets the epoch of policy that the cache starts with: answers of another one are out of reach. Defaults to 0.
    ///
    /// For stores that outlive the process: raise it whenever answers of before must not be given any more.
    #[must_use]
    pub fn epoch(self, epoch: u64) -> Self {
        self.change(|settings| settings.epoch = epoch)
    }

    fn change(mut self, change: impl FnOnce(&mut Settings<K::Stored>)) -> Self {
        change(&mut self.settings);
        // Settings of its own make another cache of it.
        self.state = Arc::default();
        self
    }

    fn state(&self) -> &Arc<State<K::Stored>> {
        let make = || Arc::new(State::new(self.settings.clone()));
        self.state.get_or_init(make)
    }

    /// Returns a handle that reads and empties the cache while it runs.
    #[must_use]
    pub fn handle(&self) -> CacheHandle<K::Stored> {
        CacheHandle::new(Arc::clone(self.state()))
    }
}

impl<S, A, K: Kept> Layer<S> for CacheLayer<A, K> {
    type Service = Cache<S, A, K>;

    fn layer(&self, inner: S) -> Self::Service {
        let shared = Arc::new(Shared {
            ask: Arc::clone(&self.ask),
            keep: Arc::clone(&self.keep),
            state: Arc::clone(self.state()),
        });
        Cache { inner, shared }
    }
}

impl<A, K: Kept> Clone for CacheLayer<A, K> {
    fn clone(&self) -> Self {
        Self {
            ask: Arc::clone(&self.ask),
            keep: Arc::clone(&self.keep),
            settings: self.settings.clone(),
            state: Arc::clone(&self.state),
        }
    }
}

impl<A, K: Kept> fmt::Debug for CacheLayer<A, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheLayer")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
