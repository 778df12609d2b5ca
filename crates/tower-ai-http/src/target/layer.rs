//! The layer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use tower_ai_core::Target;
use tower_layer::Layer;

use super::auth::{Auth, Credential};
use super::config::Config;
use super::error::{InvalidTargetLayer, LayerRule};
use super::service::TargetService;
use crate::{Dialect, Prefill, Secret};

/// Sends calls to one target.
///
/// See the [module docs](crate::target).
///
/// # Default
///
/// The dialect is [guessed](Dialect::of); no key is sent; 64 KiB of an error body are read, for a second.
#[derive(Clone)]
pub struct TargetLayer {
    config: Arc<Config>,
}

impl TargetLayer {
    /// Sends calls to the endpoint of `target`, with its model if it has one.
    ///
    /// # Errors
    ///
    /// Fails if the target has no endpoint, or one with a user name in it.
    pub fn new(target: Target) -> Result<Self, InvalidTargetLayer> {
        let name = target.name().to_owned();
        let config = Config::new(target).map_err(|rule| InvalidTargetLayer::new(&name, rule))?;
        Ok(Self {
            config: Arc::new(config),
        })
    }

    /// Sets the key. Defaults to none; the caller's is not passed on in its place.
    ///
    /// # Errors
    ///
    /// Fails if it is empty, or holds what no header may hold.
    pub fn with_secret(self, secret: &Secret) -> Result<Self, InvalidTargetLayer> {
        let credential = Credential::new(secret).map_err(|rule| self.broken(rule))?;
        Ok(self.with(|config| config.credential = Some(credential)))
    }

    /// Sets the language of the target. Defaults to [`Dialect::of`] it.
    #[must_use]
    pub fn with_dialect(self, dialect: Dialect) -> Self {
        self.with(|config| config.dialect = dialect)
    }

    /// Sets how the target wants its key. Defaults to the way of its dialect.
    #[must_use]
    pub fn with_auth(self, auth: Auth) -> Self {
        self.with(|config| config.auth = Some(auth))
    }

    /// Says whether the target goes on with an answer that was begun elsewhere, and how it is asked to. Defaults to
    /// what it [is known](Prefill::of) to take.
    ///
    /// Only a call that [goes on](crate::splice) with an answer makes use of it.
    #[must_use]
    pub fn with_prefill(self, prefill: impl Into<Option<Prefill>>) -> Self {
        let prefill = prefill.into();
        self.with(|config| config.prefill = prefill)
    }

    /// Adds a header to every call; it replaces the caller's, and the key's.
    ///
    /// # Errors
    ///
    /// Fails if name or value is not valid.
    pub fn with_header(
        self,
        name: impl TryInto<HeaderName>,
        value: impl TryInto<HeaderValue>,
    ) -> Result<Self, InvalidTargetLayer> {
        let (Ok(name), Ok(value)) = (name.try_into(), value.try_into()) else {
            return Err(self.broken(LayerRule::Header));
        };
        Ok(self.with(|config| config.headers.push((name, value))))
    }

    /// Sets how many bytes of an error body are read. Defaults to 64 KiB.
    ///
    /// # Errors
    ///
    /// Fails if it is zero.
    pub fn with_error_limit(self, bytes: usize) -> Result<Self, InvalidTargetLayer> {
        if bytes == 0 {
            return Err(self.broken(LayerRule::ErrorLimit));
        }
        Ok(self.with(|config| config.error_limit = bytes))
    }

    /// Sets for how long an error body is waited for. Defaults to a second.
    #[must_use]
    pub fn with_error_time(self, limit: Duration) -> Self {
        self.with(|config| config.error_time = limit)
    }

    /// The target.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.config.target
    }

    fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(Arc::make_mut(&mut self.config));
        self
    }

    fn broken(&self, rule: LayerRule) -> InvalidTargetLayer {
        InvalidTargetLayer::new(self.target().name(), rule)
    }
}

impl<S> Layer<S> for TargetLayer {
    type Service = TargetService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TargetService::new(inner, Arc::clone(&self.config))
    }
}

impl fmt::Debug for TargetLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TargetLayer")
            .field("target", &self.config.target)
            .field("dialect", &self.config.dialect)
            .finish_non_exhaustive()
    }
}
