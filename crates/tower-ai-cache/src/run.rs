//! A call that was not found by an equal question.

use std::future::poll_fn;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};
use tower_ai_core::error::Failed;
use tower_ai_core::{
    BoxError, CacheNote, CacheUse, Directive, Keep, Kept, Near, Outcome, Recorder,
};
use tower_service::Service;
use tracing::Instrument;

use crate::check::check;
use crate::error::{Ended, Joined};
use crate::flight::{Arrival, Landing, Pilot, Rider};
use crate::hit::Hit;
use crate::settings::is_shared_failure;
use crate::state::{Exact, Lookup, Similar, State};

/// How often a caller waits for others before it goes alone.
const ROUNDS: usize = 2;

/// One call on its way to the inner service.
pub(crate) struct Call<S, Req, K: Kept> {
    pub(crate) inner: S,
    /// Taken when it is sent.
    pub(crate) request: Option<Req>,
    pub(crate) lookup: Arc<Lookup>,
    pub(crate) state: Arc<State<K::Stored>>,
    pub(crate) keep: Arc<K>,
    pub(crate) stale: Option<Hit<K::Stored>>,
}

/// What came of asking.
struct Answer<Res> {
    result: Result<Res, BoxError>,
    outcome: Outcome,
    near: Option<Near>,
    vector: Option<Vec<f32>>,
}

/// Either an answer of the inner service or one that was kept.
enum Asked<Res, T> {
    Live(Answer<Res>),
    Found(Hit<T>),
}

impl<S, Req, K> Call<S, Req, K>
where
    S: Service<Req> + Clone + Send + 'static,
    S::Response: Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    Req: Send + 'static,
    K: Keep<S::Response> + Send + Sync + 'static,
    K::Response: Send + 'static,
{
    /// Asks with all others who ask the same.
    pub(crate) async fn together(mut self) -> Result<K::Response, BoxError> {
        for _ in 0..ROUNDS {
            let Ok(runtime) = Handle::try_current() else {
                break;
            };
            let rider = self.state.flights.join(self.lookup.key);
            let arrival = if rider.is_first() {
                self.take_off(&rider, &runtime);
                Ok(rider.arrive().await)
            } else {
                timeout(self.state.settings.wait, rider.arrive()).await
            };
            match arrival {
                Err(_elapsed) => break,
                Ok(Arrival::Landed(Landing::Lost)) => {}
                Ok(Arrival::Landed(Landing::Failed(outcome))) => {
                    return Err(Failed::new(outcome, Joined::new()).into());
                }
                Ok(Arrival::Landed(Landing::Found(hit))) => {
                    return Ok(replay(&*self.keep, &hit, Instant::now()));
                }
                Ok(Arrival::Live(answer)) => match answer.downcast::<Answer<S::Response>>() {
                    Ok(answer) => return self.read(*answer, Some(&rider)),
                    Err(_another_type) => rider.land(Landing::Lost),
                },
            }
            if self.request.is_none() {
                return Err(Failed::new(Outcome::Fault, Ended::new()).into());
            }
        }
        self.alone().await
    }

    /// Asks without the others.
    pub(crate) async fn alone(mut self) -> Result<K::Response, BoxError> {
        let Some(flight) = self.ask() else {
            return Err(Failed::new(Outcome::Fault, Ended::new()).into());
        };
        match flight.await {
            Asked::Found(hit) => Ok(replay(&*self.keep, &hit, Instant::now())),
            Asked::Live(answer) => self.read(answer, None),
        }
    }

    /// Begins a flight: looks once more, then asks in a task of its own.
    fn take_off(&mut self, rider: &Rider<K::Stored>, runtime: &Handle) {
        // Whoever recorded the answer put it into the store before the flight was forgotten.
        if let Exact::Fresh(hit) = self.state.exact(&self.lookup, Instant::now()) {
            rider.land(Landing::Found(hit));
            return;
        }
        let Some(asking) = self.ask() else {
            rider.land(Landing::Lost);
            return;
        };
        rider.start(|pilot: Pilot<K::Stored>| {
            let task = async move {
                match asking.await {
                    Asked::Found(hit) => pilot.found(hit),
                    Asked::Live(answer) => pilot.answer(Box::new(answer)),
                }
            };
            runtime.spawn(task.in_current_span()).abort_handle()
        });
    }

    /// Takes the request and sends it. `None` if it has been sent.
    fn ask(
        &mut self,
    ) -> Option<impl Future<Output = Asked<S::Response, K::Stored>> + Send + use<S, Req, K>> {
        let request = self.request.take()?;
        let (inner, keep) = (self.inner.clone(), Arc::clone(&self.keep));
        let (state, stale) = (Arc::clone(&self.state), self.stale.take());
        let lookup = Arc::clone(&self.lookup);
        Some(ask(inner, request, state, keep, lookup, stale))
    }

    /// Passes a live answer on, and records it for the cache and for those who wait.
    fn read(
        &self,
        answer: Answer<S::Response>,
        rider: Option<&Rider<K::Stored>>,
    ) -> Result<K::Response, BoxError> {
        let Answer {
            result,
            outcome,
            near,
            vector,
        } = answer;
        let mut note = CacheNote::new(CacheUse::Miss);
        note.near = near;
        let response = match result {
            Ok(response) => response,
            Err(error) => {
                if let Some(rider) = rider {
                    rider.land(if is_shared_failure(outcome) {
                        Landing::Failed(outcome)
                    } else {
                        Landing::Lost
                    });
                }
                return Err(error);
            }
        };
        let recorder = outcome.is_success().then(|| self.recorder(rider, vector));
        if let (None, Some(rider)) = (&recorder, rider) {
            rider.land(Landing::Lost);
        }
        let mut response = self.keep.live(response, recorder);
        self.keep.note(&mut response, note);
        Ok(response)
    }

    fn recorder(
        &self,
        rider: Option<&Rider<K::Stored>>,
        vector: Option<Vec<f32>>,
    ) -> Recorder<K::Stored> {
        let (state, keep) = (Arc::clone(&self.state), Arc::clone(&self.keep));
        let lookup = Arc::clone(&self.lookup);
        let flight = rider.map(Rider::flight);
        Recorder::new(self.state.settings.limits.answer, move |recorded| {
            let kept = recorded.and_then(|stored| {
                let weight = keep.weigh(&stored);
                let kept = state.keep(&lookup, stored, weight, vector.as_deref(), Instant::now());
                kept.ok_or("its life is over")
            });
            if let Err(reason) = kept {
                tracing::debug!(reason, "answer not kept");
            }
            if let Some((flights, flight)) = flight {
                flights.land(
                    &flight,
                    match kept {
                        Ok(entry) => Landing::Found(Hit::new(entry, CacheUse::Joined)),
                        Err(_) => Landing::Lost,
                    },
                );
            }
        })
    }
}

/// Makes a response of a hit, and notes what it is.
pub(crate) fn replay<Res, K: Keep<Res>>(
    keep: &K,
    hit: &Hit<K::Stored>,
    now: Instant,
) -> K::Response {
    let mut response = keep.replay(&hit.entry.stored);
    keep.note(&mut response, hit.note(now));
    response
}

/// Looks for an equal question where the store has to ask for it, then for one of the same meaning, else asks the
/// inner service; where that fails, a stale answer may stand in.
async fn ask<S, Req, K>(
    mut inner: S,
    request: Req,
    state: Arc<State<K::Stored>>,
    keep: Arc<K>,
    lookup: Arc<Lookup>,
    mut stale: Option<Hit<K::Stored>>,
) -> Asked<S::Response, K::Stored>
where
    S: Service<Req> + Send + 'static,
    S::Response: Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    Req: Send + 'static,
    K: Keep<S::Response> + Send + Sync + 'static,
    K::Response: Send + 'static,
{
    let refresh = lookup.question.directive() == Directive::Refresh;
    match state.exact_later(&lookup).await {
        Exact::Fresh(hit) if !refresh => return Asked::Found(hit),
        Exact::Fresh(hit) | Exact::Stale(hit) => stale = Some(hit.stale()),
        Exact::Nothing => {}
    }
    let (mut vector, similar) = look(&state, &lookup).await;
    if let Some(hit) = similar.fresh {
        let vector = vector.take().unwrap_or_default();
        check(inner, request, &state, &keep, &lookup, &hit, vector);
        return Asked::Found(hit);
    }
    let ready = poll_fn(|cx| inner.poll_ready(cx).map_err(Into::into)).await;
    let result = match ready {
        Ok(()) => inner.call(request).await.map_err(Into::into),
        Err(error) => Err(error),
    };
    let outcome = keep.outcome(result.as_ref());
    if !outcome.is_success()
        && state.settings.stale.is_some()
        && (state.settings.stale_for)(outcome)
        && let Some(hit) = stale.or(similar.stale)
    {
        tracing::warn!(outcome = outcome.name(), "stale answer served");
        return Asked::Found(hit);
    }
    Asked::Live(Answer {
        result,
        outcome,
        near: similar.near,
        vector,
    })
}

/// Looks by meaning, where that is wanted and the text has a vector in time.
async fn look<T: Send + Sync + 'static>(
    state: &State<T>,
    lookup: &Lookup,
) -> (Option<Vec<f32>>, Similar<T>) {
    let Some(matcher) = state.matcher.as_ref().filter(|_| lookup.semantic) else {
        return (None, Similar::default());
    };
    let Some(vector) = matcher.vector(lookup.question.text()).await else {
        return (None, Similar::default());
    };
    let mut similar = state.similar(lookup, &vector).await;
    if lookup.question.directive() == Directive::Refresh {
        similar.fresh = None;
    }
    match (&similar.fresh, similar.near) {
        (Some(hit), _) => {
            let (entry, score) = (hit.entry.id, hit.score());
            tracing::debug!(
                entry,
                score,
                route = matcher.routes.name(lookup.route),
                "semantic hit"
            );
        }
        (None, Some(near)) => tracing::debug!(
            near.score,
            near.guard,
            route = matcher.routes.name(lookup.route),
            "near, but not the same"
        ),
        (None, None) => {}
    }
    (Some(vector), similar)
}
