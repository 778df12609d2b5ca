//! One place a call can go.

mod builder;
mod ids;
mod invalid;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use tokio::time::Instant;

use crate::{Availability, Health, Key, KeyRing, Mode};

pub use self::builder::TargetBuilder;
pub(crate) use self::ids::TargetIds;
pub use self::invalid::{InvalidTarget, TargetRule};

/// One place a call can go: provider, endpoint, model and key, with what policies want to know of it.
///
/// A cheap handle: clones are the same target and share its [`Health`]. Only the name is mandatory;
/// a target that stands for any tower service needs no more.
///
/// # Examples
///
/// ```
/// use tower_ai_core::{Key, Target};
///
/// let target = Target::builder("gpt-main")
///     .provider("openai")
///     .endpoint("https://api.openai.com/v1")
///     .model("gpt-5-mini")
///     .key(Key::named("openai-main"))
///     .region("us")
///     .context_window(400_000)
///     .tag("data-policy", "no-training")
///     .build()?;
///
/// assert_eq!(target.domain(), "openai", "a provider is its own failure domain unless told otherwise");
/// assert_eq!(target.tag("data-policy"), Some("no-training"));
/// # Ok::<(), tower_ai_core::InvalidTarget>(())
/// ```
#[derive(Clone)]
pub struct Target {
    inner: Arc<Inner>,
}

struct Inner {
    id: u32,
    spec: Spec,
    endpoint: Option<Uri>,
    keys: Option<KeyRing>,
    health: Health,
}

#[derive(Clone, Debug, Default)]
struct Spec {
    name: String,
    provider: Option<String>,
    model: Option<String>,
    key: Option<Key>,
    domain: Option<String>,
    region: Option<String>,
    context_window: Option<u32>,
    cost: Option<f64>,
    weight: Option<u32>,
    capacity: Option<u32>,
    tags: Vec<(String, String)>,
}

impl Target {
    /// Makes a target of which only the name is known.
    ///
    /// # Errors
    ///
    /// Fails if the name is empty.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidTarget> {
        Self::builder(name).build()
    }

    /// Begins the description of a target; its name is what logs, errors and reports call it.
    pub fn builder(name: impl Into<String>) -> TargetBuilder {
        TargetBuilder::new(name.into())
    }

    /// What logs, errors and reports call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.spec.name
    }

    /// The company or server behind it.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        self.inner.spec.provider.as_deref()
    }

    /// The base URL.
    #[must_use]
    pub fn endpoint(&self) -> Option<&Uri> {
        self.inner.endpoint.as_ref()
    }

    /// The model to ask for; `None` keeps the caller's.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.inner.spec.model.as_deref()
    }

    /// The identity of the key it is called with; `None` too if it has [several](Self::keys).
    #[must_use]
    pub fn key(&self) -> Option<&Key> {
        self.inner.spec.key.as_ref()
    }

    /// The keys it is called with, if it has several.
    #[must_use]
    pub fn keys(&self) -> Option<&KeyRing> {
        self.inner.keys.as_ref()
    }

    /// What fails together with it: the domain it was given, else its provider, else its name.
    #[must_use]
    pub fn domain(&self) -> &str {
        let spec = &self.inner.spec;
        let given = spec.domain.as_deref().or(spec.provider.as_deref());
        given.unwrap_or(&spec.name)
    }

    /// Where it stands.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.inner.spec.region.as_deref()
    }

    /// The tokens that fit, prompt and answer together.
    #[must_use]
    pub fn context_window(&self) -> Option<u32> {
        self.inner.spec.context_window
    }

    /// What a million tokens cost, in the application's own currency.
    #[must_use]
    pub fn cost(&self) -> Option<f64> {
        self.inner.spec.cost
    }

    /// Its share of the calls beside others, where they are spread by weight; 1 unless told otherwise.
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.inner.spec.weight.unwrap_or(1)
    }

    /// How many calls it takes at a time; `None` is no limit.
    #[must_use]
    pub fn capacity(&self) -> Option<u32> {
        self.inner.spec.capacity
    }

    /// The value of a tag.
    #[must_use]
    pub fn tag(&self, name: &str) -> Option<&str> {
        let tags = &self.inner.spec.tags;
        let found = tags.iter().find(|(known, _)| known == name)?;
        Some(&found.1)
    }

    /// What is known of its health.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.inner.health
    }

    /// Whether it and its key take calls, as far as can be told without a clock.
    #[must_use]
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.health().is_closed()
            && self.key().is_none_or(|key| !key.may_be_shut())
            && self.keys().is_none_or(|keys| !keys.may_be_away())
    }

    /// Whether to send a call now, by its health and its key's.
    #[must_use]
    pub fn availability(&self, now: Instant) -> Availability {
        let shut = self.shut(now);
        match (shut, self.health().availability(now)) {
            (None, availability) => availability,
            (Some(wait), Availability::Away(other)) => Availability::Away(wait.max(other)),
            (Some(wait), _) => Availability::Away(wait),
        }
    }

    /// Whether nothing but an open circuit keeps calls away: no server's wait, and no shut key.
    ///
    /// A router that has nowhere else to go may ask the breaker of such a target: one that is only partly sick
    /// answers more calls than none.
    #[must_use]
    pub fn is_only_open(&self, now: Instant) -> bool {
        self.health().mode() == Mode::Open
            && !self.health().is_gated(now)
            && self.shut(now).is_none()
    }

    /// How long its key, or all of its keys, are shut still.
    fn shut(&self, now: Instant) -> Option<Duration> {
        let all = self.keys().and_then(|keys| keys.away(now));
        all.or_else(|| self.key().and_then(|key| key.wait(now)))
    }
}

/// Two handles are equal if they are the same target.
impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Eq for Target {}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spec {
            name,
            provider,
            model,
            key,
            ..
        } = &self.inner.spec;
        f.debug_struct("Target")
            .field("name", name)
            .field("provider", provider)
            .field("model", model)
            .field("key", key)
            .field("domain", &self.domain())
            .field("mode", &self.health().mode())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn nonsense_is_refused_with_the_rule() {
        let rule = |builder: TargetBuilder| builder.build().unwrap_err().rule();
        assert_eq!(rule(Target::builder(" ")), TargetRule::Name);
        for url in ["", "not a url", "ftp://host", "/v1", "api.openai.com"] {
            assert_eq!(
                rule(Target::builder("t").endpoint(url)),
                TargetRule::Endpoint,
                "{url}"
            );
        }
        assert_eq!(
            rule(Target::builder("t").context_window(0)),
            TargetRule::ContextWindow
        );
        assert_eq!(rule(Target::builder("t").cost(f64::NAN)), TargetRule::Cost);
        assert_eq!(
            rule(Target::builder("t").weight(1_000_001)),
            TargetRule::Weight
        );
        assert_eq!(rule(Target::builder("t").capacity(0)), TargetRule::Capacity);
    }

    #[test]
    fn keys_have_names_of_their_own() {
        let of = |names: &[&'static str]| {
            let keys = names.iter().map(|name| Key::named(*name));
            Target::builder("t").keys(keys).build()
        };
        for names in [&["a", "a"][..], &[]] {
            assert_eq!(of(names).unwrap_err().rule(), TargetRule::Keys);
        }
        let one = of(&["a"]).unwrap();
        assert!(one.keys().is_none() && one.key().is_some());
        let two = of(&["a", "b"]).unwrap();
        assert!(two.keys().is_some() && two.key().is_none());
    }

    #[test]
    fn a_target_is_away_only_while_none_of_its_keys_is_open() {
        let target = Target::builder("t").keys(["a", "b"].map(Key::named));
        let target = target.build().unwrap();
        let (now, tuning) = (Instant::now(), crate::Tuning::new());
        let keys = target.keys().unwrap();
        let wait = Some(Duration::from_secs(3));
        let limited = crate::Outcome::RateLimited { wait };
        keys.settle(0, limited, now, &tuning);
        assert!(target.is_closed());
        keys.settle(1, limited, now, &tuning);
        assert!(!target.is_closed() && !target.is_only_open(now));
        let away = Availability::Away(Duration::from_secs(3));
        assert_eq!(target.availability(now), away);
        let later = now + Duration::from_secs(3);
        assert_eq!(target.availability(later), Availability::Available);
        assert!(target.is_closed());
    }

    #[test]
    fn only_a_circuit_is_worth_asking_again() {
        let (key, now) = (Key::named("k"), Instant::now());
        let target = Target::builder("t").key(key.clone()).build().unwrap();
        assert!(!target.is_only_open(now), "closed");
        target.health().set_mode(Mode::Open, None);
        assert!(target.is_only_open(now));
        target.health().gate(now + Duration::from_secs(1));
        assert!(!target.is_only_open(now));
        let later = now + Duration::from_secs(2);
        assert!(target.is_only_open(later));
        key.shut(later + Duration::from_secs(1));
        assert!(!target.is_only_open(later));
    }

    #[test]
    fn a_shut_key_keeps_calls_from_every_target_that_has_it() {
        let (key, now) = (Key::named("k"), Instant::now());
        let a = Target::builder("a").key(key.clone()).build().unwrap();
        let b = Target::builder("b").key(key.clone()).build().unwrap();
        assert!(a.is_closed() && b.is_closed());
        key.shut(now + Duration::from_secs(9));
        assert!(!a.is_closed());
        assert_eq!(
            b.availability(now),
            Availability::Away(Duration::from_secs(9))
        );
    }
}
