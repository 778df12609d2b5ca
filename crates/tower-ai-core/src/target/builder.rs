//! Describes a target, and checks that it can be one.

use std::sync::Arc;

use http::Uri;

use super::{Inner, InvalidTarget, Spec, Target, TargetRule, ids};
use crate::{Health, Key, KeyRing};

/// Describes a [`Target`]; made by [`Target::builder`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct TargetBuilder {
    spec: Spec,
    endpoint: Option<String>,
    keys: Option<Vec<Key>>,
}

impl TargetBuilder {
    pub(super) fn new(name: String) -> Self {
        Self {
            spec: Spec {
                name,
                ..Spec::default()
            },
            endpoint: None,
            keys: None,
        }
    }

    /// Names the company or server behind it.
    pub fn provider(mut self, provider: impl Into<String>) -> Self {
        self.spec.provider = Some(provider.into());
        self
    }

    /// Sets the base URL: scheme and host, with a path prefix if the provider has one.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// Sets the model to ask for. Defaults to the one the caller asks for.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.spec.model = Some(model.into());
        self
    }

    /// Sets the identity of the key it is called with.
    pub fn key(mut self, key: Key) -> Self {
        self.spec.key = Some(key);
        self.keys = None;
        self
    }

    /// Sets the identities of several keys, of which each attempt takes one in turn: see [`KeyRing`]. Replaces what
    /// was set before. One alone is the same as [`key`](Self::key).
    ///
    /// Whoever sends the calls must know the secrets: over HTTP, the target layer.
    pub fn keys(mut self, keys: impl IntoIterator<Item = Key>) -> Self {
        self.keys = Some(keys.into_iter().collect());
        self
    }

    /// Sets what fails together with it: targets with equal domains are expected to go down together.
    /// Defaults to the provider.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.spec.domain = Some(domain.into());
        self
    }

    /// Says where it stands.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.spec.region = Some(region.into());
        self
    }

    /// Sets how many tokens fit, prompt and answer together.
    pub fn context_window(mut self, tokens: u32) -> Self {
        self.spec.context_window = Some(tokens);
        self
    }

    /// Sets what a million tokens cost, in the application's own currency.
    pub fn cost(mut self, per_million_tokens: f64) -> Self {
        self.spec.cost = Some(per_million_tokens);
        self
    }

    /// Sets its share of the calls beside other targets, where they are spread by weight. Defaults to 1; one of 0
    /// takes calls only when the others cannot.
    pub fn weight(mut self, weight: u32) -> Self {
        self.spec.weight = Some(weight);
        self
    }

    /// Sets how many calls it takes at a time: of a smaller backup, as many as it can carry. Defaults to no limit.
    ///
    /// A router sends no more than that, and turns calls of low [`Priority`](crate::Priority) away first.
    pub fn capacity(mut self, calls: u32) -> Self {
        self.spec.capacity = Some(calls);
        self
    }

    /// Adds a tag for the application's own policies.
    pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.spec.tags.push((name.into(), value.into()));
        self
    }

    /// Makes the target.
    ///
    /// # Errors
    ///
    /// Fails if the name is empty, the endpoint is not a URL with scheme and host, the context window is
    /// or capacity is zero, the cost is not a number from zero up, the weight is above 1,000,000, or keys are set and
    /// there are none, more than 64, or two of the same name.
    pub fn build(mut self) -> Result<Target, InvalidTarget> {
        let name = self.spec.name.clone();
        let fail = |rule| InvalidTarget::new(name.clone(), rule);
        if name.trim().is_empty() {
            return Err(fail(TargetRule::Name));
        }
        let endpoint = match self.endpoint.as_deref().map(parse_url) {
            None => None,
            Some(Some(uri)) => Some(uri),
            Some(None) => return Err(fail(TargetRule::Endpoint)),
        };
        if self.spec.context_window == Some(0) {
            return Err(fail(TargetRule::ContextWindow));
        }
        if !self
            .spec
            .cost
            .is_none_or(|cost| cost.is_finite() && cost >= 0.0)
        {
            return Err(fail(TargetRule::Cost));
        }
        if self.spec.weight.is_some_and(|weight| weight > 1_000_000) {
            return Err(fail(TargetRule::Weight));
        }
        if self.spec.capacity == Some(0) {
            return Err(fail(TargetRule::Capacity));
        }
        let keys = match self.keys {
            Some(keys) if !are_distinct(&keys) => return Err(fail(TargetRule::Keys)),
            Some(mut keys) if keys.len() == 1 => {
                self.spec.key = keys.pop();
                None
            }
            Some(keys) => {
                self.spec.key = None;
                Some(KeyRing::new(keys))
            }
            None => None,
        };
        Ok(Target {
            inner: Arc::new(Inner {
                id: ids::fresh(),
                spec: self.spec,
                endpoint,
                keys,
                health: Health::new(),
            }),
        })
    }
}

/// From one to 64 keys with names of their own.
fn are_distinct(keys: &[Key]) -> bool {
    let twice = |(i, key): (usize, &Key)| keys[..i].iter().any(|it| it.name() == key.name());
    (1..=64).contains(&keys.len()) && !keys.iter().enumerate().any(twice)
}

fn parse_url(url: &str) -> Option<Uri> {
    let uri: Uri = url.parse().ok()?;
    let scheme = uri.scheme_str()?;
    let host = uri.host()?;
    (matches!(scheme, "http" | "https") && !host.is_empty()).then_some(uri)
}
