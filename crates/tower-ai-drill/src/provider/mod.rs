//! Fake providers on sockets of their own.

mod accept;
mod builder;
mod bytes;
mod capacity;
mod plain;
mod refuse;
mod serve;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

pub use builder::Builder;
pub use capacity::Capacity;
pub use serve::CALL_HEADER;

use crate::draw::fnv1a;
use crate::script::Cast;
use crate::{Dialect, Domain, Endpoint, Fault, Log, Pace, Scale, Script};

/// A fake provider that listens on a port of the loopback interface, until it is dropped.
///
/// It answers every prompt with tokens that anyone can check ([`is_whole`](crate::is_whole)), in
/// its own name and with usage, unless its script has it break. What it did to whom is in its
/// [log](Log).
///
/// # Examples
///
/// ```
/// use tower_ai_drill::{Fault, Provider, Script};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// let provider = Provider::builder("alpha").script(Script::first(1, Fault::Reset)).start().await?;
/// assert!(provider.url().starts_with("http://127.0.0.1:"));
///
/// provider.set_script(Script::always(Fault::Unauthorized));
/// assert!(provider.log().is_empty());
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Provider {
    shared: Arc<Shared>,
    url: String,
    accepting: JoinHandle<()>,
}

impl Provider {
    /// Starts to describe a provider: OpenAI's dialect, well, at the default pace.
    pub fn builder(name: impl Into<Arc<str>>) -> Builder {
        Builder::new(name.into())
    }

    /// Its base URL, without a path.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The dialect it speaks.
    pub fn dialect(&self) -> Dialect {
        self.shared.dialect
    }

    /// What it saw and did so far.
    pub fn log(&self) -> &Log {
        &self.shared.log
    }

    /// The number of attempts it is busy with.
    pub fn in_flight(&self) -> usize {
        self.shared.log.running()
    }

    /// Has it follow another script from now on. Time still counts from its start.
    pub fn set_script(&self, script: Script) {
        self.shared.script.set_script(script);
    }

    /// Where a client finds it.
    pub fn endpoint(&self) -> Endpoint {
        let mut endpoint = Endpoint::new(self.name(), self.url(), self.dialect());
        endpoint.model.clone_from(&self.shared.model);
        endpoint.window = self.shared.window;
        endpoint.domain.clone_from(&self.shared.domain_name);
        if let Some(key) = &self.shared.key {
            endpoint.key.clone_from(key);
        }
        endpoint
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        // The connections' tasks are owned by this one.
        self.accepting.abort();
    }
}

/// What all connections of a provider share.
#[derive(Debug)]
struct Shared {
    name: Arc<str>,
    dialect: Dialect,
    model: String,
    key: Option<String>,
    window: Option<u64>,
    prefill: bool,
    pace: Pace,
    capacity: Option<Capacity>,
    scale: Scale,
    seed: u64,
    epoch: Instant,
    script: Domain,
    domain: Option<Domain>,
    domain_name: Option<String>,
    log: Log,
}

impl Shared {
    /// The outage time since the start.
    fn time(&self) -> Duration {
        let wall = Instant::now().saturating_duration_since(self.epoch);
        self.scale.to_outage(wall)
    }

    /// What the scripts have it do to an attempt: its domain's first, then its own.
    fn scripted(&self, cast: &Cast<'_>) -> Option<Fault> {
        let time = self.time();
        let domain = self.domain.as_ref();
        domain
            .and_then(|domain| domain.running().fault(time, cast))
            .or_else(|| self.script.running().fault(time, cast))
    }

    fn is_closed(&self) -> bool {
        let time = self.time();
        self.script.running().is_closed_at(time)
            || self
                .domain
                .as_ref()
                .is_some_and(|domain| domain.running().is_closed_at(time))
    }

    /// Whether the listener may have to be closed by the scripts that there are now.
    fn ever_closes(&self) -> bool {
        let domain = self.domain.as_ref();
        self.script.running().ever_closes()
            || domain.is_some_and(|domain| domain.running().ever_closes())
    }

    /// A number for an answer's id, other for each attempt.
    fn answer_id(&self, cast: &Cast<'_>) -> u64 {
        fnv1a(cast.call.as_bytes()) ^ u64::from(cast.attempt) ^ fnv1a(self.name.as_bytes())
    }
}
