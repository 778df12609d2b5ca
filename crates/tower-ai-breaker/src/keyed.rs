//! One circuit for each key of the requests.

use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::Instant;
use tower_ai_core::error::BoxError;
use tower_ai_core::{AtOnce, Attempt, Carry, Follow, Mode, NoCarry};
use tower_layer::Layer;
use tower_service::Service;

use crate::error::InvalidBreaker;
use crate::future::ResponseFuture;
use crate::handle::BreakerHandle;
use crate::permit::Permit;
use crate::registry::Registry;
use crate::ring::Lane;

/// The most circuits that a keyed breaker holds unless told otherwise.
const LIMIT: usize = 1024;

/// Puts a circuit of its own in front of each key of the requests; made by
/// [`BreakerLayer::keyed`](crate::BreakerLayer::keyed).
///
/// For one service behind which there are many things that fail apart: a gateway with models, an SDK client with
/// regions, tenants with keys of their own. Where targets are known beforehand, a layer
/// [`for_target`](crate::BreakerLayer::for_target) each is better: routers then read their health.
///
/// One layer value is one set of circuits, which every service, clone and handle of it shares.
///
/// # Keys
///
/// The function is called once per call; a key that it clones out of the request should be cheap to clone: an
/// enum, a number, an `Arc<str>`. A key is never logged or shown by `Debug`: it may be an API key.
///
/// # Limits
///
/// At most [`limit`](Self::limit) circuits are held, by default 1024, of some 10 kB each (4 kB with a plain
/// rule). A further key takes the place of one that is at rest (closed, not gated, not set by hand) and was not used
/// for long, of 16 that are looked at; an open circuit goes only when none of all of them is at rest. Circuits that
/// took no call for `keys_idle` of the [`Tuning`](tower_ai_core::Tuning) (10 min) are dropped in passing, unless
/// they were set by hand or are open until later. Calls under way when their circuit goes end as if it were there.
///
/// # Cost
///
/// Over the cost of a plain breaker, a call whose key is known pays for its hash, a read lock in one of 32 parts of
/// the table, one count of an `Arc`, and always for one clock read. It allocates nothing, and does not wait for
/// calls with new keys but for the moment in which they enter the table.
///
/// Readiness is that of the inner service: which circuit a call belongs to is known only when it comes.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use tower::{BoxError, Service, ServiceExt};
/// use tower_ai_breaker::BreakerLayer;
/// use tower_ai_core::Mode;
/// use tower_layer::Layer;
///
/// #[derive(Clone)]
/// struct Request {
///     model: Arc<str>,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let layer = BreakerLayer::adaptive().keyed(|request: &Request| Arc::clone(&request.model));
/// let handle = layer.handle();
/// let mut service = layer.layer(tower::service_fn(|request: Request| async move {
///     if &*request.model == "small" { Ok("hello") } else { Err("overloaded") }
/// }));
///
/// let (small, large) = (Request { model: "small".into() }, Request { model: "large".into() });
/// for _ in 0..20 {
///     service.ready().await?.call(small.clone()).await?;
///     let _fails = service.ready().await?.call(large.clone()).await;
/// }
/// let mode = |key| handle.get(key).map(|circuit| circuit.mode());
/// assert_eq!(mode("small"), Some(Mode::Closed));
/// assert_ne!(mode("large"), Some(Mode::Closed), "most of its calls are kept away");
///
/// handle.circuit("large".into()).reset();
/// assert!(handle.modes().iter().all(|(_, mode)| *mode == Mode::Closed));
/// # Ok(())
/// # }
/// ```
pub struct KeyedBreakerLayer<Key, G, F = AtOnce, C = NoCarry> {
    registry: Arc<Registry<Key>>,
    key: G,
    follow: F,
    carry: C,
}

impl<Key, G, F, C> KeyedBreakerLayer<Key, G, F, C> {
    pub(crate) fn new(settings: crate::rules::Settings, key: G, follow: F, carry: C) -> Self {
        Self {
            registry: Registry::new(settings, LIMIT),
            key,
            follow,
            carry,
        }
    }

    /// Sets how many circuits are held at most. Defaults to 1024.
    ///
    /// Begins a new set of circuits: call it before [`handle`](Self::handle) and [`layer`](Layer::layer).
    ///
    /// # Errors
    ///
    /// Fails unless `circuits` is from 1 to 1,000,000.
    pub fn limit(self, circuits: usize) -> Result<Self, InvalidBreaker> {
        if !(1..=1_000_000).contains(&circuits) {
            return Err(InvalidBreaker::KeyLimit);
        }
        Ok(Self {
            registry: Registry::new(*self.registry.settings(), circuits),
            ..self
        })
    }

    /// Returns a handle that reads and steers the circuits.
    #[must_use]
    pub fn handle(&self) -> KeyedHandle<Key> {
        KeyedHandle {
            registry: Arc::clone(&self.registry),
        }
    }
}

impl<S, Key, G, F, C> Layer<S> for KeyedBreakerLayer<Key, G, F, C>
where
    G: Clone,
    F: Clone,
    C: Clone,
{
    type Service = KeyedBreaker<S, Key, G, F, C>;

    fn layer(&self, inner: S) -> Self::Service {
        KeyedBreaker {
            inner,
            registry: Arc::clone(&self.registry),
            key: self.key.clone(),
            follow: self.follow.clone(),
            carry: self.carry.clone(),
        }
    }
}

impl<Key, G: Clone, F: Clone, C: Clone> Clone for KeyedBreakerLayer<Key, G, F, C> {
    fn clone(&self) -> Self {
        Self {
            registry: Arc::clone(&self.registry),
            key: self.key.clone(),
            follow: self.follow.clone(),
            carry: self.carry.clone(),
        }
    }
}

impl<Key, G, F, C> fmt::Debug for KeyedBreakerLayer<Key, G, F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug(f, "KeyedBreakerLayer", &self.registry)
    }
}

/// Sheds the calls whose key's target could not answer them. See [`KeyedBreakerLayer`].
pub struct KeyedBreaker<S, Key, G, F = AtOnce, C = NoCarry> {
    inner: S,
    registry: Arc<Registry<Key>>,
    key: G,
    follow: F,
    carry: C,
}

impl<S, Key, G, F, C> KeyedBreaker<S, Key, G, F, C> {
    /// Returns a handle that reads and steers the circuits.
    #[must_use]
    pub fn handle(&self) -> KeyedHandle<Key> {
        KeyedHandle {
            registry: Arc::clone(&self.registry),
        }
    }

    /// Gets a reference to the inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Gets a mutable reference to the inner service.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Consumes `self`, returning the inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, Key, G, F, C, Req> Service<Req> for KeyedBreaker<S, Key, G, F, C>
where
    S: Service<Req>,
    S::Error: Into<BoxError>,
    Key: Eq + Hash,
    G: Fn(&Req) -> Key,
    F: Follow<S::Response, S::Error> + Clone,
    C: Carry<Req>,
{
    type Response = F::Response<Permit>;
    type Error = BoxError;
    type Future = ResponseFuture<S::Future, F>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // The ready instance is the one that is called. A call that is shed leaves it ready.
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, req: Req) -> Self::Future {
        let attempt = self.carry.get(&req);
        let others = attempt.as_ref().is_some_and(Attempt::others);
        let lane = Lane::of(attempt.as_ref().is_some_and(Attempt::streamed));
        let now = attempt.map_or_else(Instant::now, |attempt| attempt.started());
        let circuit = self.registry.circuit((self.key)(&req), now);
        match circuit.admit(others, lane, || now) {
            Ok(permit) => ResponseFuture::called(self.inner.call(req), permit, self.follow.clone()),
            Err(shed) => ResponseFuture::shed(shed),
        }
    }
}

/// Readiness is the instance's own: a clone has to be polled itself.
impl<S, Key, G, F, C> Clone for KeyedBreaker<S, Key, G, F, C>
where
    S: Clone,
    G: Clone,
    F: Clone,
    C: Clone,
{
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            registry: Arc::clone(&self.registry),
            key: self.key.clone(),
            follow: self.follow.clone(),
            carry: self.carry.clone(),
        }
    }
}

impl<S: fmt::Debug, Key, G, F, C> fmt::Debug for KeyedBreaker<S, Key, G, F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedBreaker")
            .field("inner", &self.inner)
            .field("circuits", &self.registry.len())
            .finish_non_exhaustive()
    }
}

/// Reads the circuits of a keyed breaker, and overrules them one by one.
///
/// # Clone
///
/// Clones are handles of the same circuits.
pub struct KeyedHandle<Key> {
    registry: Arc<Registry<Key>>,
}

impl<Key> KeyedHandle<Key> {
    /// How many circuits there are now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.registry.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many circuits had to go because of the limit. Where it grows steadily, the limit is too small.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.registry.evicted()
    }

    /// The keys of all circuits, in no order, with their modes: one load for each, and no circuit's lock.
    #[must_use]
    pub fn modes(&self) -> Vec<(Key, Mode)>
    where
        Key: Clone,
    {
        self.registry.map(|key, mode| (key.clone(), mode))
    }

    /// A handle of this key's circuit, if there is one. That is no use of it: it may go at any time, and the handle
    /// then shows what it was.
    #[must_use]
    pub fn get<Q>(&self, key: &Q) -> Option<BreakerHandle>
    where
        Key: Borrow<Q> + Eq + Hash,
        Q: Eq + Hash + ?Sized,
    {
        self.registry.get(key).map(BreakerHandle::new)
    }

    /// A handle of this key's circuit, which is made if there is none: to set it by hand before its first call.
    #[must_use]
    pub fn circuit(&self, key: Key) -> BreakerHandle
    where
        Key: Eq + Hash,
    {
        BreakerHandle::new(self.registry.circuit(key, Instant::now()))
    }

    /// Drops this key's circuit, with all that it has learnt; returns whether there was one.
    pub fn remove<Q>(&self, key: &Q) -> bool
    where
        Key: Borrow<Q> + Eq + Hash,
        Q: Eq + Hash + ?Sized,
    {
        self.registry.remove(key)
    }
}

impl<Key> Clone for KeyedHandle<Key> {
    fn clone(&self) -> Self {
        Self {
            registry: Arc::clone(&self.registry),
        }
    }
}

impl<Key> fmt::Debug for KeyedHandle<Key> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug(f, "KeyedHandle", &self.registry)
    }
}

/// Keys are not shown.
fn debug<Key>(f: &mut fmt::Formatter<'_>, name: &str, registry: &Registry<Key>) -> fmt::Result {
    f.debug_struct(name)
        .field("circuits", &registry.len())
        .field("limit", &registry.limit())
        .finish_non_exhaustive()
}
