//! A stack with a cache on top.

use std::fmt;

use tower_ai_cache::{Cache, CacheLayer};
use tower_ai_core::Kept;
use tower_layer::Layer;

use super::builder::StackBuilder;
use super::invalid::InvalidStack;
use super::service::Stack;

/// A [`StackBuilder`] whose stack gets a cache on top; made by [`StackBuilder::cached`].
#[must_use = "a builder does nothing until `build`"]
pub struct CachedBuilder<P, A, K: Kept> {
    stack: StackBuilder<P>,
    cache: CacheLayer<A, K>,
}

impl<P> StackBuilder<P> {
    /// Puts a cache on top of the stack, where a hit costs none of what is below: no budget, no deadline, no permit.
    /// The last choice before `build`. For HTTP, `A` and `K` are `HttpAsk` and `HttpKeep` of
    /// [`tower_ai_cache::http`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use bytes::Bytes;
    /// use http_body_util::{BodyExt, Full};
    /// use tower::{ServiceExt, service_fn};
    /// use tower_ai::cache::CacheLayer;
    /// use tower_ai::cache::http::{HttpAsk, HttpKeep};
    /// use tower_ai::http::TargetLayer;
    /// use tower_ai::{BoxError, CacheUse, Scope, Served, Stack, Target};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// # let client = service_fn(|_request| std::future::ready(
    /// #     http::Response::builder()
    /// #         .header("content-type", "application/json")
    /// #         .body(Full::<Bytes>::from(r#"{"choices":[{"finish_reason":"stop","message":{"content":"yes"}}]}"#)),
    /// # ));
    /// let target = Target::builder("openai").endpoint("https://api.openai.com/v1").build()?;
    /// let cache = CacheLayer::new(HttpAsk::new(Scope::tenant("acme")), HttpKeep::new())
    ///     .stale_if_error(Duration::from_secs(86_400));
    /// let stack = Stack::builder().target(TargetLayer::new(target)?).cached(cache).build(client)?;
    ///
    /// for how in [CacheUse::Miss, CacheUse::Exact] {
    ///     let request = http::Request::post("/v1/chat/completions")
    ///         .header("content-type", "application/json")
    ///         .body(Full::<Bytes>::from(
    ///             r#"{"model":"m","messages":[{"role":"user","content":"Which documents prove an identity?"}]}"#,
    ///         ))?;
    ///     let response = stack.clone().oneshot(request).await?;
    ///     let note = response.extensions().get::<Served>().and_then(Served::cache).expect("a note");
    ///     assert_eq!(note.how, how);
    ///     response.into_body().collect().await?;
    /// }
    /// assert_eq!(stack.handle().entries(), 1);
    /// assert_eq!(stack.get_ref().handle().breakers().count(), 1);
    /// # Ok::<(), BoxError>(()) }).unwrap();
    /// ```
    pub const fn cached<A, K: Kept>(self, cache: CacheLayer<A, K>) -> CachedBuilder<P, A, K> {
        CachedBuilder { stack: self, cache }
    }
}

impl<P, A, K: Kept> CachedBuilder<P, A, K> {
    /// Builds the stack over an HTTP client, and the cache over it.
    ///
    /// # Errors
    ///
    /// As [`StackBuilder::build`].
    pub fn build<S: Clone>(self, client: S) -> Result<Cache<Stack<S, P>, A, K>, InvalidStack> {
        Ok(self.cache.layer(self.stack.build(client)?))
    }
}

impl<P, A, K: Kept> fmt::Debug for CachedBuilder<P, A, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedBuilder")
            .field("stack", &self.stack)
            .field("cache", &self.cache)
            .finish()
    }
}
