//! Reads an answer, and goes on with it elsewhere once it breaks off.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep, sleep_until};
use tower_ai_core::error::{AllFailed, cause_ref, outcome_of};
use tower_ai_core::{
    Attempt, BoxError, Carry, Deadline, Elsewhere, HttpCarry, Joint, Outcome, Sequel, Served,
    Splice, Target,
};
use tower_ai_stream::{Broken, Ending};
use tower_service::Service;

use super::future::{Plan, is_stream};
use super::layer::Settings;
use super::prefill::Prefilled;
use super::splicer::Splicer;
use crate::{Head, ReplayBody};

/// The trailer of an answer that was put together: who went on with whose, and how.
const SPLICED: HeaderName = HeaderName::from_static("x-tower-ai-spliced");

/// An answer and all that is needed to go on with it.
pub(super) struct Work<S, B, R>
where
    S: Service<Request<ReplayBody<B>>>,
{
    service: S,
    request: Request<ReplayBody<B>>,
    settings: Settings,
    splicer: Splicer,
    phase: Phase<S, B, R>,
    /// Who says what is being read.
    speaker: Option<Target>,
    /// Targets whose answers to this call have broken off.
    broken: Vec<Target>,
    sequel: Sequel,
    /// What is noted beside an answer that is joined to the first.
    joined: Option<Served>,
    splices: Vec<Splice>,
    attempts: u32,
    prefills: bool,
    /// The failure that is being made good.
    failure: Option<Failure>,
    sleep: Option<Pin<Box<Sleep>>>,
    trailers: Option<HeaderMap>,
    error: Option<BoxError>,
}

enum Phase<S, B, R>
where
    S: Service<Request<ReplayBody<B>>>,
{
    /// Not begun.
    Idle,
    /// An answer is read: the first, or one that is joined to it.
    Reading(Pin<Box<R>>, Option<Joint>),
    /// It broke off; the body of the request is waited for.
    Recalling,
    /// The service is polled until it is ready.
    Readying(S, Box<Request<ReplayBody<B>>>),
    /// Another target is asked.
    Asked(Pin<Box<S::Future>>),
    /// What was said last is the end.
    Over,
}

/// How an answer broke off.
struct Failure {
    why: Outcome,
    from: Option<Target>,
    by: Instant,
    /// The bytes of text that came before.
    after: usize,
    /// The events that tell of it, which the caller gets if it cannot be made good; and the error behind them.
    held: Vec<Bytes>,
    error: Option<BoxError>,
}

impl<S, B, R> Work<S, B, R>
where
    S: Service<Request<ReplayBody<B>>>,
{
    /// Watches over the answer whose head this is.
    pub(super) fn new(plan: Plan<S, B>, head: &mut Extensions) -> Option<Self> {
        let splicer = Splicer::new(plan.format, plan.settings.text_limit)?;
        let served: &mut Served = head.get_or_insert_default();
        Some(Self {
            service: plan.service,
            request: plan.request,
            settings: plan.settings,
            splicer,
            phase: Phase::Idle,
            speaker: served.target().cloned(),
            broken: Vec::new(),
            sequel: served.sequel(),
            joined: None,
            splices: Vec::new(),
            attempts: 0,
            prefills: true,
            failure: None,
            sleep: None,
            trailers: None,
            error: None,
        })
    }

    pub(super) fn reading(mut self, body: R) -> Self {
        self.phase = Phase::Reading(Box::pin(body), None);
        self
    }
}

impl<S, B, R> Work<S, B, R>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            if let Some(data) = self.splicer.pop() {
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
            if matches!(self.phase, Phase::Over) {
                let trailers = self.trailers.take().map(|map| Ok(Frame::trailers(map)));
                return Poll::Ready(trailers.or_else(|| self.error.take().map(Err)));
            }
            if self.poll_phase(cx).is_pending() {
                ready!(self.poll_limit(cx));
                self.give_up();
            }
        }
    }

    pub(super) fn is_end_stream(&self) -> bool {
        match &self.phase {
            Phase::Over => {
                self.splicer.is_idle() && self.trailers.is_none() && self.error.is_none()
            }
            Phase::Reading(body, None) => body.is_end_stream() && self.splicer.is_idle(),
            _ => false,
        }
    }

    /// Resolves once nobody has gone on with the answer in time.
    fn poll_limit(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(failure) = &self.failure else {
            return Poll::Pending;
        };
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(failure.by)));
        sleep.as_mut().poll(cx)
    }

    fn poll_phase(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.phase {
            Phase::Reading(body, _) => match ready!(body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => self.take(frame),
                Some(Err(error)) => self.broke(Some(error.into())),
                None => self.end(),
            },
            Phase::Recalling => {
                let body = ready!(self.request.body().poll_whole(cx));
                self.recalled(body.ok().flatten());
            }
            Phase::Readying(service, _) => {
                let ready = ready!(service.poll_ready(cx));
                match (ready, std::mem::replace(&mut self.phase, Phase::Over)) {
                    (Ok(()), Phase::Readying(mut service, request)) => {
                        self.phase = Phase::Asked(Box::pin(service.call(*request)));
                    }
                    _ => self.give_up(),
                }
            }
            Phase::Asked(future) => {
                let result = ready!(future.as_mut().poll(cx));
                self.answered(result.map_err(Into::into));
            }
            Phase::Idle | Phase::Over => {}
        }
        Poll::Ready(())
    }

    // === reading ===

    fn take(&mut self, frame: Frame<Bytes>) {
        match frame.into_data() {
            Ok(data) => {
                let pushed = self.splicer.push(data);
                self.note_joined();
                if pushed.is_err() {
                    self.diverged();
                }
            }
            Err(frame) => self.trailers = frame.into_trailers().ok(),
        }
    }

    /// The answer came to its end, as far as its bytes tell.
    fn end(&mut self) {
        if self.splicer.failed().is_some() {
            return self.broke(None);
        }
        if self.splicer.close().is_err() {
            return self.diverged();
        }
        self.note_joined();
        self.note_skipped();
        self.phase = Phase::Over;
        if let Some(value) = spliced(&self.splices) {
            let trailers = self.trailers.get_or_insert_default();
            trailers.insert(SPLICED, value);
        }
    }

    /// Once a word of another answer is out, the failure before it is made good.
    fn note_joined(&mut self) {
        let Phase::Reading(_, Some(joint)) = &self.phase else {
            return;
        };
        if !self.splicer.is_joined() {
            return;
        }
        let Some(failure) = self.failure.take() else {
            return;
        };
        self.sleep = None;
        let to = self.speaker.clone();
        let splice = Splice::new(failure.from, to, failure.why, *joint, failure.after);
        tracing::info!(
            why = failure.why.name(),
            joint = joint.name(),
            target_name = self.speaker.as_ref().map(Target::name),
            "went on with an answer that broke off"
        );
        self.sequel.add_splice(splice.clone());
        self.splices.push(splice);
    }

    /// What was left out of an answer that was joined is left out of the whole.
    fn note_skipped(&mut self) {
        let served = self.joined.take();
        if let Some(served) = served.filter(|_| self.splicer.is_joined()) {
            self.sequel.add_skipped(served.skipped());
        }
    }

    // === going on ===

    fn broke(&mut self, error: Option<BoxError>) {
        self.note_skipped();
        let told = error.as_deref().map(|error| outcome_of(error));
        let why = self.splicer.failed().or(told).unwrap_or(Outcome::Fault);
        let held = self.splicer.take_failure();
        let is_first = self.failure.is_none();
        if is_first {
            let by = Instant::now().checked_add(self.settings.within);
            self.failure = Some(Failure {
                why,
                from: self.speaker.clone(),
                by: by.unwrap_or_else(Instant::now),
                after: self.splicer.text_len(),
                held,
                error,
            });
        }
        self.broken.extend(self.speaker.take());
        self.phase = Phase::Recalling;
        let may_go_on = why.advice().elsewhere == Elsewhere::Yes;
        if !may_go_on || !self.splicer.is_spliceable() || self.attempts >= self.settings.attempts {
            self.give_up();
        }
    }

    /// What goes on does not say what it must.
    fn diverged(&mut self) {
        if self.failure.is_none() {
            // It did, and then came what cannot be read.
            let error = Broken::new(Ending::Garbled);
            return self.broke(Some(error.into()));
        }
        match &self.phase {
            Phase::Reading(_, Some(Joint::Prefill)) => self.begin_anew(),
            _ => self.give_up(),
        }
    }

    /// Asks for the whole answer again, where the beginning was not to be had.
    fn begin_anew(&mut self) {
        self.prefills = false;
        match self.settings.restarts && self.attempts < self.settings.attempts {
            true => self.phase = Phase::Recalling,
            false => self.give_up(),
        }
    }

    /// The request is at hand again, if it is.
    fn recalled(&mut self, body: Option<Bytes>) {
        let Some(body) = body.filter(|body| self.splicer.allows(body)) else {
            return self.give_up();
        };
        let Some(failure) = &self.failure else {
            return self.give_up();
        };
        let (now, by) = (Instant::now(), Deadline::at(failure.by));
        let known = HttpCarry.get(&self.request);
        let attempt = known.unwrap_or_else(|| Attempt::begin(now)).resume(now, by);
        let attempt = self.broken.iter().fold(attempt, Attempt::avoiding);
        let mut request = Request::new(ReplayBody::from(body));
        *request.method_mut() = self.request.method().clone();
        *request.uri_mut() = self.request.uri().clone();
        *request.version_mut() = self.request.version();
        *request.headers_mut() = self.request.headers().clone();
        *request.extensions_mut() = self.request.extensions().clone();
        HttpCarry.set(&mut request, attempt);
        if let Some(resume) = self.splicer.resume().filter(|_| self.prefills) {
            request.extensions_mut().insert(resume);
        }
        self.attempts += 1;
        self.phase = Phase::Readying(self.service.clone(), Box::new(request));
    }

    fn answered(&mut self, result: Result<Response<R>, BoxError>) {
        let response = match result {
            Ok(response) => response,
            Err(error) => {
                let tried = cause_ref::<AllFailed>(&*error).map_or(&[][..], AllFailed::tried);
                let sent = tried.iter().filter(|tried| tried.outcome.was_sent());
                self.count(sent.count());
                return self.refused(tried.iter().any(|tried| tried.outcome == Outcome::Invalid));
            }
        };
        let served = response.extensions().get::<Served>();
        self.count(served.map_or(1, |served| served.attempts() as usize));
        if !is_stream(&response) {
            let tried = served.map_or(&[][..], Served::tried);
            let is_invalid = Head::of(&response).outcome() == Outcome::Invalid
                || tried.iter().any(|tried| tried.outcome == Outcome::Invalid);
            return self.refused(is_invalid);
        }
        self.speaker = served.and_then(Served::target).cloned();
        self.joined = served.cloned();
        let (joint, kept) = match response.extensions().get::<Prefilled>() {
            Some(prefilled) => (Joint::Prefill, prefilled.kept),
            None => (Joint::Restart, 0),
        };
        if joint == Joint::Restart && !self.settings.restarts && self.splicer.text_len() > 0 {
            return self.give_up();
        }
        self.splicer.begin(kept);
        self.phase = Phase::Reading(Box::pin(response.into_body()), Some(joint));
    }

    /// Nobody goes on; a prefill that was not taken is no reason to give up.
    fn refused(&mut self, is_invalid: bool) {
        match is_invalid && self.prefills {
            true => self.begin_anew(),
            false => self.give_up(),
        }
    }

    fn count(&self, attempts: usize) {
        let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
        self.sequel.add_attempts(attempts);
    }

    /// The caller gets the failure as it came.
    fn give_up(&mut self) {
        self.phase = Phase::Over;
        self.sleep = None;
        if let Some(failure) = self.failure.take() {
            self.splicer.give_back(failure.held);
            self.error = failure.error;
        }
    }
}

/// What the trailer says: `first>second;prefill`, one for each splice.
fn spliced(splices: &[Splice]) -> Option<HeaderValue> {
    fn name(target: Option<&Target>) -> &str {
        target.map_or("?", Target::name)
    }
    if splices.is_empty() {
        return None;
    }
    let all = splices.iter().map(|splice| {
        let (from, to) = (name(splice.from.as_ref()), name(splice.to.as_ref()));
        format!("{from}>{to};{}", splice.joint.name())
    });
    HeaderValue::try_from(all.collect::<Vec<_>>().join(", ")).ok()
}
