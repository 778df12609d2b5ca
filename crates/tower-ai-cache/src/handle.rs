//! Reading and emptying a cache while it runs.

use std::fmt;
use std::sync::Arc;

use crate::routes::RouteReport;
use crate::state::State;

/// Reads and empties a cache while it runs.
///
/// # Examples
///
/// ```
/// use tower::{Layer, ServiceExt, service_fn};
/// use tower_ai_cache::CacheLayer;
/// use tower_ai_core::{Question, Scope, ask_fn, keep_fn};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let ask = ask_fn(|text: &String| Some(Question::new(Scope::shared(), text.clone()).tagged("fees")));
/// let keep = keep_fn(|answer: &String| Some(answer.len()));
/// let cache = CacheLayer::new(ask, keep).layer(service_fn(|_| async {
///     Ok::<_, std::io::Error>("2 euros".to_owned())
/// }));
/// cache.clone().oneshot("What does a transfer abroad cost?".to_owned()).await?;
///
/// let handle = cache.handle();
/// assert_eq!(handle.entries(), 1);
/// handle.invalidate_tag("fees");
/// handle.settle();
/// # assert_eq!(handle.flights(), 0);
/// # Ok::<(), tower_ai_core::BoxError>(()) }).unwrap();
/// ```
pub struct CacheHandle<T> {
    state: Arc<State<T>>,
}

impl<T: Send + Sync + 'static> CacheHandle<T> {
    /// Makes everything that is kept unreachable at once, and what is being asked for now as well: the
    /// policy has changed.
    pub fn invalidate_all(&self) {
        self.state.invalidate_all();
    }

    /// Makes everything with this tag unreachable, and what is being asked for now as well.
    ///
    /// The last 4,096 different tags are told apart; past that, everything goes.
    pub fn invalidate_tag(&self, tag: &str) {
        self.state.invalidate_tag(tag);
    }

    /// Removes one entry by its number, which stands in
    /// [`CacheNote::entry`](tower_ai_core::CacheNote::entry). Looks at every entry.
    pub fn remove(&self, id: u64) -> bool {
        self.state.store.remove_by_id(id)
    }

    /// What is known of the hits by meaning of each route, the default route first. Empty without an embedder.
    #[must_use]
    pub fn routes(&self) -> Vec<RouteReport> {
        let matcher = self.state.matcher.as_ref();
        matcher.map_or_else(Vec::new, |matcher| matcher.routes.reports())
    }

    /// Sets the threshold of a route back to what the application chose, and forgets what was checked: for after the
    /// cause of its wrong hits is gone. The default route has the empty name. Returns whether there is such a route.
    pub fn reset_route(&self, name: &str) -> bool {
        let matcher = self.state.matcher.as_ref();
        matcher.is_some_and(|matcher| matcher.routes.reset(name))
    }

    /// The entries that are kept, those past their time included.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.state.store.settle();
        self.state.store.entries()
    }

    /// The entries that can be found by meaning.
    #[must_use]
    pub fn indexed(&self) -> u64 {
        self.state.store.settle();
        let matcher = self.state.matcher.as_ref();
        matcher.map_or(0, |matcher| matcher.index.len() as u64)
    }

    /// The bytes that entries take, or count as taking.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.state.store.settle();
        self.state.store.bytes()
    }

    /// The calls that others wait for or may join.
    #[must_use]
    pub fn flights(&self) -> usize {
        self.state.flights.len()
    }

    /// Does now what is otherwise done in passing: evicts, and frees what was removed.
    pub fn settle(&self) {
        self.state.store.settle();
    }
}

impl<T> CacheHandle<T> {
    pub(crate) const fn new(state: Arc<State<T>>) -> Self {
        Self { state }
    }
}

impl<T> Clone for CacheHandle<T> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.state))
    }
}

impl<T> fmt::Debug for CacheHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheHandle")
            .field("state", &self.state)
            .finish()
    }
}
