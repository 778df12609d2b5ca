//! The layer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use tower_ai_core::{Key, Target, Tuning};
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
    /// Fails if it is empty, or holds what no header may hold, and if the target has several keys.
    pub fn with_secret(self, secret: &Secret) -> Result<Self, InvalidTargetLayer> {
        if self.target().keys().is_some() {
            return Err(self.broken(LayerRule::SecretKeys));
        }
        let credential = Credential::new(secret).map_err(|rule| self.broken(rule))?;
        Ok(self.with(|config| config.credentials = vec![credential]))
    }

    /// Sets the secret of each of the target's [keys](Target::keys), in any order. Each call takes the key whose turn
    /// it is; one that is limited, used up or refused is left out until it is back ([`KeyRing`](tower_ai_core::KeyRing)).
    ///
    /// # Errors
    ///
    /// Fails if a secret is empty, or holds what no header may hold, and unless each key of the target has one secret
    /// and nothing else has.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_ai_core::{Key, Target};
    /// use tower_ai_http::{Secret, TargetLayer};
    ///
    /// let keys = ["team-a", "team-b"].map(Key::named);
    /// let secrets = [Secret::new("sk-1"), Secret::new("sk-2")];
    /// let target = Target::builder("openai")
    ///     .endpoint("https://api.openai.com/v1")
    ///     .keys(keys.clone())
    ///     .build()?;
    /// let layer = TargetLayer::new(target)?.with_secrets(keys.iter().zip(&secrets))?;
    /// # let _ = layer;
    /// # Ok::<(), tower_ai_core::BoxError>(())
    /// ```
    pub fn with_secrets<'a>(
        self,
        secrets: impl IntoIterator<Item = (&'a Key, &'a Secret)>,
    ) -> Result<Self, InvalidTargetLayer> {
        let keys: Vec<Key> = match self.target().keys() {
            Some(keys) => keys.iter().cloned().collect(),
            None => self.target().key().cloned().into_iter().collect(),
        };
        let mut found: Vec<Option<Credential>> = vec![None; keys.len()];
        for (key, secret) in secrets {
            let place = keys.iter().position(|known| known == key);
            let place = place.and_then(|number| found.get_mut(number));
            let Some(place @ None) = place else {
                return Err(self.broken(LayerRule::SecretKeys));
            };
            *place = Some(Credential::new(secret).map_err(|rule| self.broken(rule))?);
        }
        let all: Option<Vec<_>> = found.into_iter().collect();
        let Some(credentials) = all.filter(|all| !all.is_empty()) else {
            return Err(self.broken(LayerRule::SecretKeys));
        };
        Ok(self.with(|config| config.credentials = credentials))
    }

    /// Takes from a [`Tuning`] how long keys are away, where the target has several. Defaults to [`Tuning::new`].
    #[must_use]
    pub fn with_tuning(self, tuning: Tuning) -> Self {
        self.with(|config| config.tuning = tuning)
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
            .field("error_limit", &self.config.error_limit)
            .field("error_time", &self.config.error_time)
            .finish_non_exhaustive()
    }
}
