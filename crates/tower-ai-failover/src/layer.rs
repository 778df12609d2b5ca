//! The router as a layer.

use std::fmt;
use std::sync::Arc;

use tower_ai_core::{ByResult, NoCarry, Target};
use tower_layer::Layer;

use crate::InvalidFailover;
use crate::handle::FailoverHandle;
use crate::service::{Failover, Shared};

/// Makes a [`Failover`] over one inner service: `make` builds each target's stack on a clone of it.
///
/// The state of the router lives in the layer: every service that it makes is the same router, as
/// frameworks that call [`Layer::layer`] again and again need it.
///
/// # Examples
///
/// ```
/// use tower::{ServiceBuilder, ServiceExt, util::MapRequest};
/// use tower_ai_core::Target;
/// use tower_ai_failover::FailoverLayer;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let targets = vec![Target::builder("main").model("large").build()?, Target::new("backup")?];
/// let layer = FailoverLayer::new(targets, |target: &Target, inner| {
///     let model = target.model().unwrap_or("small").to_owned();
///     MapRequest::new(inner, move |prompt: String| format!("{model}: {prompt}"))
/// })?;
/// let service = ServiceBuilder::new()
///     .layer(layer)
///     .service_fn(|prompt: String| async move { Ok::<_, std::io::Error>(prompt) });
///
/// assert_eq!(service.oneshot("hi".to_owned()).await?, "large: hi");
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct FailoverLayer<M, C = ByResult, K = NoCarry, P = ()> {
    targets: Arc<[Target]>,
    settings: Failover<(), C, K, P>,
    make: M,
}

impl<M> FailoverLayer<M> {
    /// Routes over these targets, most preferred first; `make` builds the stack of each.
    ///
    /// # Errors
    ///
    /// Fails without a target, with more than 256, and if two have the same name.
    pub fn new<S, T>(targets: Vec<Target>, make: M) -> Result<Self, InvalidFailover>
    where
        M: Fn(&Target, S) -> T,
    {
        let settings = Failover::new(targets.iter().map(|target| (target.clone(), ())))?;
        Ok(Self {
            targets: targets.into(),
            settings,
            make,
        })
    }
}

impl<M, C, K, P> FailoverLayer<M, C, K, P> {
    /// Changes the settings of the router: `|router| router.order(Order::LeastLatency)`.
    pub fn with<D, L, Q>(
        self,
        change: impl FnOnce(Failover<(), C, K, P>) -> Failover<(), D, L, Q>,
    ) -> FailoverLayer<M, D, L, Q> {
        FailoverLayer {
            targets: self.targets,
            settings: change(self.settings),
            make: self.make,
        }
    }

    /// Returns a handle that reads and changes the router while it runs.
    #[must_use]
    pub fn handle(&self) -> FailoverHandle {
        self.settings.handle()
    }
}

impl<S, M, T, C, K, P> Layer<S> for FailoverLayer<M, C, K, P>
where
    S: Clone,
    M: Fn(&Target, S) -> T,
    C: Clone,
    K: Clone,
    P: Clone,
{
    type Service = Failover<T, C, K, P>;

    fn layer(&self, inner: S) -> Self::Service {
        let Failover {
            shared,
            classify,
            carry,
            policy,
        } = self.settings.clone();
        let make = |target| (self.make)(target, inner.clone());
        let services = self.targets.iter().map(make).collect();
        Failover {
            shared: Shared::new(services, shared.settings.clone()),
            classify,
            carry,
            policy,
        }
    }
}

impl<M, C: fmt::Debug, K: fmt::Debug, P> fmt::Debug for FailoverLayer<M, C, K, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailoverLayer")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
