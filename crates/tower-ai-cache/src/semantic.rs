//! Matching by meaning: embedder, index and the rule that decides.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;
use tower_ai_core::BoxError;
use tower_service::Service;

use crate::guard::{Guard, guard};
use crate::index::{FlatIndex, Index};
use crate::proof::Promise;
use crate::routes::Routes;

/// What is less near than this means nothing, whoever says so.
const LEAST: f32 = 0.5;

/// How near the vectors of two texts must be, the guards aside.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Threshold {
    /// A cosine of 0.95: the default.
    Strict,
    /// A cosine of 0.92: more hits, more of them wrong.
    Balanced,
    /// A cosine of one's own, measured on one's own questions; at least 0.5.
    Own(f32),
    /// Nothing is near enough: only equal questions are answered.
    ExactOnly,
}

impl Threshold {
    /// The least cosine of a hit.
    #[must_use]
    pub const fn cosine(self) -> f32 {
        match self {
            Self::Strict => 0.95,
            Self::Balanced => 0.92,
            Self::ExactOnly => f32::INFINITY,
            // What is no number is reached by nothing.
            Self::Own(cosine) if cosine.is_nan() => f32::INFINITY,
            Self::Own(cosine) => cosine.max(LEAST),
        }
    }
}

/// Matches questions by meaning.
///
/// The embedder is any tower service from texts to vectors, so that batching, timeouts and fallbacks of a
/// remote one compose; `MiniLm` (feature `minilm`) runs in process. It is asked only when no equal
/// question was found; one that is slow, fails or is busy makes a miss, never an error.
///
/// # Default
///
/// [`Threshold::Strict`], with all [guards](crate::Guard); 250 ms for the embedder; 8 texts at a time, no more than
/// 256 waiting; the [`FlatIndex`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower::service_fn;
/// use tower_ai_cache::{Semantic, Threshold};
///
/// let embedder = service_fn(|texts: Vec<String>| async move {
///     Ok::<_, std::io::Error>(texts.iter().map(|text| vec![text.len() as f32, 1.0]).collect())
/// });
/// let semantic = Semantic::new(embedder)
///     .threshold(Threshold::Own(0.97))
///     .budget(Duration::from_millis(100));
/// # let _ = semantic;
/// ```
#[derive(Clone)]
pub struct Semantic {
    embed: Arc<dyn Embed>,
    index: Arc<dyn Fn(usize) -> Arc<dyn Index> + Send + Sync>,
    threshold: Threshold,
    routes: Vec<(Box<str>, Threshold)>,
    stale_threshold: Option<Threshold>,
    budget: Duration,
    at_a_time: usize,
}

impl Semantic {
    /// Matches by the vectors of this embedder.
    pub fn new<E>(embedder: E) -> Self
    where
        E: Service<Vec<String>, Response = Vec<Vec<f32>>> + Clone + Send + Sync + 'static,
        E::Error: Into<BoxError>,
        E::Future: Send,
    {
        Self {
            embed: Arc::new(Embedder(embedder)),
            index: Arc::new(|places| Arc::new(FlatIndex::new(places))),
            threshold: Threshold::Strict,
            routes: Vec::new(),
            stale_threshold: None,
            budget: Duration::from_millis(250),
            at_a_time: 8,
        }
    }

    /// Sets how near a hit must be. Defaults to [`Threshold::Strict`].
    #[must_use]
    pub const fn threshold(mut self, threshold: Threshold) -> Self {
        self.threshold = threshold;
        self
    }

    /// The most routes with a threshold of their own; of further ones the default counts.
    pub const MAX_ROUTES: usize = 256;

    /// Sets how near a hit must be for questions of one [route](tower_ai_core::Question::routed). Defaults to the
    /// threshold of all.
    ///
    /// ```
    /// # use tower::service_fn;
    /// # use tower_ai_cache::{Semantic, Threshold};
    /// # let embedder = service_fn(|_texts: Vec<String>| async { Ok::<_, std::io::Error>(vec![vec![1.0]]) });
    /// let semantic = Semantic::new(embedder)
    ///     .route("faq", Threshold::Balanced)
    ///     .route("contracts", Threshold::ExactOnly);
    /// # let _ = semantic;
    /// ```
    #[must_use]
    pub fn route(mut self, name: impl Into<Box<str>>, threshold: Threshold) -> Self {
        let name = name.into();
        self.routes.retain(|(known, _)| *known != name);
        if self.routes.len() < Self::MAX_ROUTES {
            self.routes.push((name, threshold));
        }
        self
    }

    /// Sets how near an answer must be that stands in for a failed one. Defaults to that of any hit.
    #[must_use]
    pub const fn stale_threshold(mut self, threshold: Threshold) -> Self {
        self.stale_threshold = Some(threshold);
        self
    }

    /// Sets the time of the embedder, its queue included. Defaults to 250 ms.
    #[must_use]
    pub const fn budget(mut self, limit: Duration) -> Self {
        self.budget = limit;
        self
    }

    /// Sets how many texts the embedder gets at a time. Defaults to 8.
    #[must_use]
    pub const fn at_a_time(mut self, texts: usize) -> Self {
        self.at_a_time = texts;
        self
    }

    /// Uses another index; `make` gets the most places it should hold. Defaults to [`FlatIndex`].
    #[must_use]
    pub fn index(mut self, make: impl Fn(usize) -> Arc<dyn Index> + Send + Sync + 'static) -> Self {
        self.index = Arc::new(make);
        self
    }

    pub(crate) fn build(&self, most_places: usize, promise: Option<Promise>) -> Matcher {
        Matcher {
            embed: Arc::clone(&self.embed),
            index: (self.index)(most_places),
            routes: Routes::new(self.threshold, &self.routes, promise),
            stale_threshold: self.stale_threshold.map(Threshold::cosine),
            budget: self.budget,
            permits: Semaphore::new(self.at_a_time.max(1)),
            queue: Semaphore::new(QUEUE + self.at_a_time.max(1)),
        }
    }
}

/// The most texts that wait for the embedder; past it a text is a miss at once.
const QUEUE: usize = 256;

/// How many of the nearest are looked at.
pub(crate) const TOP: usize = 5;

/// The semantic tier of one cache.
pub(crate) struct Matcher {
    embed: Arc<dyn Embed>,
    pub(crate) index: Arc<dyn Index>,
    pub(crate) routes: Routes,
    stale_threshold: Option<f32>,
    budget: Duration,
    permits: Semaphore,
    queue: Semaphore,
}

/// What keeps a near text from being a hit.
pub(crate) const BELOW: &str = "threshold";

impl Matcher {
    /// The vector of a text, if the embedder makes one in time.
    pub(crate) async fn vector(&self, text: &str) -> Option<Vec<f32>> {
        let _place = self.queue.try_acquire().ok()?;
        let embed = async {
            let _permit = self.permits.acquire().await?;
            self.embed.embed(text.to_owned()).await
        };
        match timeout(self.budget, embed).await {
            Ok(Ok(vector)) => normalised(vector),
            Ok(Err(error)) => {
                let outcome = tower_ai_core::error::outcome_of(&*error).name();
                tracing::warn!(outcome, "no vector: the embedder failed");
                None
            }
            Err(_elapsed) => {
                tracing::debug!("no vector: the embedder was not in time");
                None
            }
        }
    }

    /// Says what keeps two texts apart, if anything does.
    pub(crate) fn judge(
        &self,
        asked: &str,
        kept: &str,
        score: f32,
        route: usize,
        stale: bool,
    ) -> Result<(), &'static str> {
        let stale = self.stale_threshold.filter(|_| stale);
        if score < self.routes.threshold(route, stale) {
            return Err(BELOW);
        }
        match guard(asked, kept) {
            Some(guard) if !(guard.is_soft() && score >= Guard::SOFT) => Err(guard.name()),
            _ => Ok(()),
        }
    }
}

/// Length 1, or nothing: a vector of zeros or of no numbers is near to everything or to nothing.
fn normalised(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if !length.is_normal() {
        return None;
    }
    vector.iter_mut().for_each(|x| *x /= length);
    Some(vector)
}

/// An embedder of any type.
trait Embed: Send + Sync {
    fn embed(&self, text: String) -> Embedding;
}

type Embedding = Pin<Box<dyn Future<Output = Result<Vec<f32>, BoxError>> + Send>>;

struct Embedder<E>(E);

impl<E> Embed for Embedder<E>
where
    E: Service<Vec<String>, Response = Vec<Vec<f32>>> + Clone + Send + Sync + 'static,
    E::Error: Into<BoxError>,
    E::Future: Send,
{
    fn embed(&self, text: String) -> Embedding {
        let mut embedder = self.0.clone();
        Box::pin(async move {
            let ready = poll_fn(|cx| embedder.poll_ready(cx).map_err(Into::into));
            ready.await?;
            let vectors = embedder.call(vec![text]).await.map_err(Into::into)?;
            vectors.into_iter().next().ok_or_else(|| "no vector".into())
        })
    }
}

impl fmt::Debug for Semantic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semantic")
            .field("threshold", &self.threshold)
            .field("routes", &self.routes)
            .field("stale_threshold", &self.stale_threshold)
            .field("budget", &self.budget)
            .field("at_a_time", &self.at_a_time)
            .finish_non_exhaustive()
    }
}
