//! The future of a call that may move from target to target.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep};
use tower_ai_core::error::{AllFailed, Elapsed, Reason, Shed};
use tower_ai_core::{Attempt, BoxError, Carry, Classify, Deadline, Report};
use tower_service::Service;

use crate::policy::Policy;
use crate::router::Order;
use crate::run::{Run, View};
use crate::service::Failover;
use crate::timed::TimedHead;

pin_project! {
    /// The response future of [`Failover`].
    ///
    /// # Cancel safety
    ///
    /// Dropping it at any point drops the attempt that is under way and makes no other.
    pub struct ResponseFuture<S, C, K, P, Req>
    where
        S: Service<Req>,
    {
        failover: Failover<S, C, K, P>,
        request: Option<Req>,
        outer: Option<Attempt>,
        run: Run,
        number: u8,
        others: bool,
        // When the attempt was first seen waiting; a service that answers at once costs no clock.
        since: Option<Instant>,
        // The first answer of a target: what the caller gets if no other does better.
        answer: Option<S::Response>,
        error: Option<BoxError>,
        timed: Option<TimedHead>,
        #[pin]
        timer: Timer,
        #[pin]
        state: State<S, S::Future>,
    }
}

pin_project! {
    // The time limit of what is awaited, started when it is first seen waiting.
    struct Timer {
        #[pin]
        sleep: Option<Sleep>,
        limit: Duration,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, F> {
        // The next target is to be chosen.
        Choosing,
        // The chosen target's service is polled until it is ready.
        Readying { service: S },
        // The attempt is under way.
        Called { #[pin] future: F },
    }
}

impl<S, C, K, P, Req> ResponseFuture<S, C, K, P, Req>
where
    S: Service<Req>,
{
    pub(crate) fn new(failover: Failover<S, C, K, P>, request: Req) -> Self
    where
        K: Carry<Req>,
    {
        let outer = failover.carry.get(&request);
        let shared = &failover.shared;
        if let Some(budget) = &shared.budget
            && !outer.is_some_and(|attempt| attempt.deposited())
        {
            budget.deposit();
        }
        let own = shared.limit.map(|limit| {
            let start = outer.map_or_else(Instant::now, |attempt| attempt.started());
            Deadline::after(start, limit)
        });
        let carried = outer.and_then(|attempt| attempt.deadline());
        let deadline = match (own, carried) {
            (Some(own), Some(carried)) => Some(own.min(carried)),
            (own, carried) => own.or(carried),
        };
        Self {
            failover,
            request: Some(request),
            outer,
            run: Run::within(deadline),
            number: 0,
            others: false,
            since: None,
            answer: None,
            error: None,
            timed: None,
            timer: Timer {
                sleep: None,
                limit: Duration::ZERO,
            },
            state: State::Choosing,
        }
    }
}

impl<S, C, K, P, Req> Future for ResponseFuture<S, C, K, P, Req>
where
    S: Service<Req> + Clone,
    S::Error: Into<BoxError>,
    Req: Clone,
    C: Classify<S::Response, BoxError> + Clone,
    K: Carry<Req> + Report<S::Response> + Clone,
    P: Policy<Req> + Clone,
{
    type Output = Result<S::Response, BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let this = self.as_mut().project();
            let result = match this.state.project() {
                StateProj::Choosing => match self.as_mut().choose() {
                    Some(result) => return Poll::Ready(result),
                    None => continue,
                },
                StateProj::Readying { service } => match service.poll_ready(cx) {
                    Poll::Ready(Ok(())) => {
                        self.as_mut().send();
                        continue;
                    }
                    Poll::Ready(Err(error)) => Err(error.into()),
                    Poll::Pending => {
                        ready!(self.as_mut().poll_limit(cx));
                        Err(Shed::new(Reason::NotReady, None).into())
                    }
                },
                StateProj::Called { future } => match future.poll(cx) {
                    Poll::Ready(result) => result.map_err(Into::into),
                    Poll::Pending => {
                        let limit = ready!(self.as_mut().poll_limit(cx));
                        Err(Elapsed::new("the head of the answer", limit).into())
                    }
                },
            };
            if let Some(response) = self.as_mut().take_result(result) {
                return Poll::Ready(response);
            }
        }
    }
}

impl<S, C, K, P, Req> ResponseFuture<S, C, K, P, Req>
where
    S: Service<Req> + Clone,
    S::Error: Into<BoxError>,
    Req: Clone,
    C: Classify<S::Response, BoxError> + Clone,
    K: Carry<Req> + Report<S::Response> + Clone,
    P: Policy<Req> + Clone,
{
    /// Chooses a target and takes a clone of its service, or ends the call.
    fn choose(self: Pin<&mut Self>) -> Option<Result<S::Response, BoxError>> {
        let mut this = self.project();
        let view = view(this.failover);
        let chosen = match this.request.as_ref() {
            Some(request) => this.run.next(&view, request),
            None => None,
        };
        let Some(number) = chosen else {
            return Some(finish(
                this.run,
                this.answer.take(),
                this.error.take(),
                &this.failover.carry,
            ));
        };
        *this.number = number;
        *this.since = None;
        this.timer.as_mut().start(view.tuning.ready_timeout);
        let service = this.failover.services[usize::from(number)].clone();
        this.state.set(State::Readying { service });
        None
    }

    /// Sends the request to the target, whose service is ready.
    fn send(self: Pin<&mut Self>) {
        let mut this = self.project();
        let StateProj::Readying { service } = this.state.as_mut().project() else {
            return;
        };
        let Some(request) = this.request.take() else {
            return;
        };
        let view = view(this.failover);
        // While nothing is carried and no deadline is set, the clock is not read.
        let carries = this.failover.carry.carries();
        *this.others =
            (carries || this.run.deadline.is_some()) && this.run.has_others(&view, &request);
        let mut request = if this.run.may_go_on(view.router) {
            this.request.insert(request).clone()
        } else {
            request
        };
        if carries {
            let attempt = this.run.attempt(*this.outer, *this.others, Instant::now());
            this.failover.carry.set(&mut request, attempt);
        }
        let limit = match this.run.deadline {
            None => view.tuning.attempt_timeout,
            Some(_) => this
                .run
                .attempt_limit(view.tuning, *this.others, Instant::now()),
        };
        this.timer.as_mut().start(limit);
        let target = &view.router.slot(*this.number).target;
        if view.order == Order::LeastLatency && !target.health().is_followed() {
            *this.timed = Some(TimedHead::begin(target));
        }
        let future = service.call(request);
        this.state.set(State::Called { future });
    }

    /// Resolves with the limit once the time for what is awaited is over.
    fn poll_limit(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Duration> {
        let this = self.project();
        let mut timer = this.timer.project();
        let limit = *timer.limit;
        if timer.sleep.is_none() {
            this.since.get_or_insert_with(Instant::now);
            timer.sleep.set(Some(sleep(limit)));
        }
        match timer.sleep.as_mut().as_pin_mut() {
            Some(sleep) => sleep.poll(cx).map(|()| limit),
            None => Poll::Pending,
        }
    }

    /// Takes the result of an attempt: ends the call with it, or goes on to choose another target.
    fn take_result(
        self: Pin<&mut Self>,
        result: Result<S::Response, BoxError>,
    ) -> Option<Result<S::Response, BoxError>> {
        let mut this = self.project();
        let failover = &*this.failover;
        let outcome = failover.classify.classify(result.as_ref());
        let target = &failover.shared.router.slot(*this.number).target;
        // The future goes first: what it holds is released before the next attempt.
        this.state.set(State::Choosing);
        this.timer.as_mut().project().sleep.set(None);
        if let Some(timed) = this.timed.take()
            && outcome.is_success()
        {
            timed.observe(failover.shared.tuning.latency_decay);
        }
        if outcome.is_success()
            && let Ok(mut response) = result
        {
            failover.carry.report(&mut response, |served| {
                let here = u32::from(served.attempts() == 0);
                served.add_attempts(this.run.sent + here);
                served.add_tried(this.run.tried.drain(..));
                served.set_target(target.clone());
            });
            return Some(Ok(response));
        }
        let now = Instant::now();
        let took = this.since.map_or(Duration::ZERO, |since| now - since);
        let view = view(failover);
        if outcome.was_sent() {
            let below = result.as_ref().ok();
            let served = below.and_then(|response| failover.carry.served(response));
            this.run.sent += served.map_or(1, |served| served.attempts().max(1));
        }
        tracing::debug!(
            target_name = target.name(),
            outcome = outcome.name(),
            ?took,
            "attempt failed"
        );
        let request = this.request.as_ref();
        let go_on = this
            .run
            .learn(&view, *this.number, outcome, took, |refused| {
                request.is_some_and(|request| failover.policy.may_try_refused(request, refused))
            });
        match result {
            Ok(response) => {
                this.answer.get_or_insert(response);
            }
            Err(error) => *this.error = Some(error),
        }
        if go_on && this.request.is_some() && this.run.in_time(now) {
            return None;
        }
        Some(finish(
            this.run,
            this.answer.take(),
            this.error.take(),
            &failover.carry,
        ))
    }
}

fn view<S, C, K, P>(failover: &Failover<S, C, K, P>) -> View<'_, P> {
    let shared = &failover.shared;
    View {
        router: &shared.router,
        policy: &failover.policy,
        budget: shared.budget.as_ref(),
        order: shared.order,
        tuning: &shared.tuning,
    }
}

/// The end of a call that no target answered well: the first answer if there is one, else an error.
fn finish<Res, K: Report<Res>>(
    run: &mut Run,
    answer: Option<Res>,
    error: Option<BoxError>,
    carry: &K,
) -> Result<Res, BoxError> {
    let tried = std::mem::take(&mut run.tried);
    if let Some(mut response) = answer {
        carry.report(&mut response, |served| {
            let below = served.attempts();
            served.add_attempts(run.sent.saturating_sub(below));
            served.add_tried(tried);
        });
        return Ok(response);
    }
    run.tried = tried;
    let wait = run.soonest(Instant::now());
    let tried = std::mem::take(&mut run.tried);
    tracing::warn!(tried = tried.len(), ?wait, "no target answered");
    Err(Box::new(AllFailed::new(tried, wait, error)))
}

impl Timer {
    /// Sets the limit of what is awaited next; the clock starts when it is first seen waiting.
    fn start(self: Pin<&mut Self>, limit: Duration) {
        let mut this = self.project();
        this.sleep.set(None);
        *this.limit = limit;
    }
}

impl<S, C, K, P, Req> fmt::Debug for ResponseFuture<S, C, K, P, Req>
where
    S: Service<Req>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("run", &self.run)
            .finish_non_exhaustive()
    }
}
