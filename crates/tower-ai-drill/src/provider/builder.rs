//! What a provider is to be.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::Instant;

use super::{Capacity, Provider, Shared, accept};
use crate::{Dialect, Domain, Log, Pace, Scale, Script};

/// The attempts that a log keeps by default.
const LOG_LIMIT: usize = 1_000_000;

/// Describes a [`Provider`] before it starts.
#[derive(Clone, Debug)]
#[must_use = "nothing listens until `start`"]
pub struct Builder {
    name: Arc<str>,
    dialect: Dialect,
    model: Option<String>,
    key: Option<String>,
    window: Option<u64>,
    prefill: bool,
    pace: Pace,
    capacity: Option<Capacity>,
    scale: Scale,
    seed: u64,
    epoch: Option<Instant>,
    script: Script,
    domain: Option<(String, Domain)>,
    log_limit: usize,
}

impl Builder {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            dialect: Dialect::OpenAi,
            model: None,
            key: None,
            window: None,
            prefill: true,
            pace: Pace::default(),
            capacity: None,
            scale: Scale::ONE,
            seed: 0,
            epoch: None,
            script: Script::well(),
            domain: None,
            log_limit: LOG_LIMIT,
        }
    }

    /// Sets the dialect. Defaults to OpenAI's.
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Sets the model that it says answered. Defaults to its name with `-1`.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Sets the only key it takes. Defaults to taking every key, and none.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sets the words that a prompt may have. Defaults to no limit.
    pub fn window(mut self, words: u64) -> Self {
        self.window = Some(words);
        self
    }

    /// Refuses prompts that end with an assistant's turn. Defaults to going on with that turn.
    pub fn without_prefill(mut self) -> Self {
        self.prefill = false;
        self
    }

    /// Sets the pace of its answers. Defaults to [`Pace::default`].
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// Limits how many answers it works on at a time. Defaults to no limit.
    pub fn capacity(mut self, capacity: Capacity) -> Self {
        self.capacity = Some(capacity);
        self
    }

    /// Sets the time scale of its script and its pace. Defaults to [`Scale::ONE`].
    pub fn scale(mut self, scale: Scale) -> Self {
        self.scale = scale;
        self
    }

    /// Sets the seed of its chance. Defaults to 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets when its script's time starts. Defaults to when it starts itself.
    pub fn epoch(mut self, epoch: Instant) -> Self {
        self.epoch = Some(epoch);
        self
    }

    /// Sets its script. Defaults to [`Script::well`].
    pub fn script(mut self, script: Script) -> Self {
        self.script = script;
        self
    }

    /// Puts it into a domain, whose script goes before its own. Defaults to none.
    pub fn domain(mut self, name: impl Into<String>, domain: &Domain) -> Self {
        self.domain = Some((name.into(), domain.clone()));
        self
    }

    /// Sets how many attempts its log keeps. Defaults to a million.
    pub fn log_limit(mut self, attempts: usize) -> Self {
        self.log_limit = attempts;
        self
    }

    /// Starts to listen, on a port that the system chooses.
    ///
    /// # Errors
    ///
    /// What the system says if it gives no port.
    pub async fn start(self) -> io::Result<Provider> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(self.into_shared());
        let accepting = tokio::spawn(accept::run(listener, Arc::clone(&shared)));
        Ok(Provider {
            shared,
            url,
            accepting,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The share of attempts that it breaks at a time, by its own script and its domain's.
    pub(crate) fn share_at(&self, time: Duration) -> f64 {
        let domain = self.domain.as_ref();
        let domain = domain.map_or(0.0, |(_, domain)| domain.running().share_at(time));
        1.0 - (1.0 - domain) * (1.0 - self.script.share_at(time))
    }

    fn into_shared(self) -> Shared {
        let (domain_name, domain) = self.domain.unzip();
        Shared {
            model: self.model.unwrap_or_else(|| format!("{}-1", self.name)),
            name: self.name,
            dialect: self.dialect,
            key: self.key,
            window: self.window,
            prefill: self.prefill,
            pace: self.pace,
            // A builder may start several providers: each has workers of its own.
            capacity: self.capacity.map(|capacity| capacity.anew()),
            scale: self.scale,
            seed: self.seed,
            epoch: self.epoch.unwrap_or_else(Instant::now),
            script: Domain::new(self.script),
            domain,
            domain_name,
            log: Log::new(self.log_limit),
        }
    }
}
