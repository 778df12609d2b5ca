//! One check of a hit, in the background.

use std::future::poll_fn;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, timeout};
use tower_ai_core::{BoxError, Chance, Keep, Recorder};
use tower_service::Service;
use tracing::Instrument;

use crate::hit::Hit;
use crate::state::{Lookup, State};
use crate::verify::{Check, Verify};

/// The checks of one cache.
pub(crate) struct Checks<T> {
    pub(crate) verify: Verify<T>,
    permits: Arc<Semaphore>,
    chance: Chance,
}

impl<T> Checks<T> {
    pub(crate) fn new(verify: Verify<T>) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(verify.at_a_time)),
            chance: verify.seed.map_or_else(Chance::new, Chance::seeded),
            verify,
        }
    }

    fn is_drawn(&self) -> bool {
        self.chance.unit() < self.verify.share
    }
}

/// Checks a hit by meaning, if chance, concurrency and budget say so. Returns at once.
pub(crate) fn check<S, Req, K>(
    mut inner: S,
    request: Req,
    state: &Arc<State<K::Stored>>,
    keep: &Arc<K>,
    lookup: &Arc<Lookup>,
    hit: &Hit<K::Stored>,
    vector: Vec<f32>,
) where
    S: Service<Req> + Send + 'static,
    S::Response: Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    Req: Send + 'static,
    K: Keep<S::Response> + Send + Sync + 'static,
    K::Response: Send + 'static,
{
    let (Some(checks), Some(matcher)) = (&state.checks, &state.matcher) else {
        return;
    };
    let Some(score) = hit.score().filter(|_| checks.is_drawn()) else {
        return;
    };
    let Ok(runtime) = Handle::try_current() else {
        return;
    };
    let Ok(permit) = Arc::clone(&checks.permits).try_acquire_owned() else {
        return;
    };
    if checks
        .verify
        .budget
        .as_ref()
        .is_some_and(|budget| !budget.withdraw())
    {
        return;
    }
    let era = matcher.routes.check(lookup.route);
    let (state, keep, lookup) = (Arc::clone(state), Arc::clone(keep), Arc::clone(lookup));
    let entry = Arc::clone(&hit.entry);
    let task = async move {
        let _permit = permit;
        let (Some(checks), Some(matcher)) = (&state.checks, &state.matcher) else {
            return;
        };
        let judged = async {
            let live = record(&mut inner, request, &*keep, state.settings.limits.answer).await?;
            let check = Check {
                asked: lookup.question.text().into(),
                matched: entry.text.clone(),
                kept: entry.stored.clone(),
                live: live.clone(),
                score,
            };
            let right = checks.verify.judge.judge(check).await.ok()?;
            Some((live, right))
        };
        let judged = timeout(checks.verify.limit, judged).await.ok().flatten();
        let wrong = judged.as_ref().map(|(_, right)| !right);
        let name = matcher.routes.name(lookup.route);
        if wrong == Some(true) {
            tracing::warn!(route = name, score, entry = entry.id, "a hit was wrong");
        }
        if let Some(threshold) = matcher.routes.verdict(era, wrong) {
            tracing::warn!(
                route = name,
                threshold,
                "too many wrong hits: the threshold rises"
            );
        }
        // What it should have been, for whoever asks it again.
        if let Some((live, false)) = judged {
            let weight = keep.weigh(&live);
            state.keep(&lookup, live, weight, Some(&vector), Instant::now());
        }
    };
    runtime.spawn(task.in_current_span());
}

/// Asks the inner service and reads its answer to the end. `None` if it is not whole and good.
async fn record<S, Req, K>(inner: &mut S, request: Req, keep: &K, limit: usize) -> Option<K::Stored>
where
    S: Service<Req>,
    S::Error: Into<BoxError>,
    K: Keep<S::Response>,
    K::Response: Send + 'static,
{
    poll_fn(|cx| inner.poll_ready(cx)).await.ok()?;
    let result = inner.call(request).await.map_err(Into::into);
    if !keep.outcome(result.as_ref()).is_success() {
        return None;
    }
    let (send, recorded) = oneshot::channel();
    let recorder = Recorder::new(limit, move |result| {
        // Nobody listens when the check is out of time.
        let _ = send.send(result.ok());
    });
    let response = keep.live(result.ok()?, Some(recorder));
    keep.drain(response).await;
    recorded.await.ok().flatten()
}
