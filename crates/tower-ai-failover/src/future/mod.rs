//! The future of a call that may move from target to target.

mod second;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower_ai_core::error::{Elapsed, Reason, Shed};
use tower_ai_core::{Attempt, BoxError, Carry, Classify, Deadline, Outcome, Report, Target, Tried};
use tower_service::Service;

use self::second::Second;
use crate::detour::Detour;
use crate::policy::Policy;
use crate::router::Order;
use crate::run::{Run, View, attempt_limit};
use crate::service::{Failover, Settings};
use crate::slot::{Claim, Slot};
use crate::timed::TimedHead;
use crate::timer::Timer;

pin_project! {
    /// The response future of [`Failover`].
    ///
    /// # Cancel safety
    ///
    /// Dropping it at any point drops the attempts that are under way and makes no other.
    pub struct ResponseFuture<S, C, K, P, Req>
    where
        S: Service<Req>,
    {
        failover: Failover<S, C, K, P>,
        request: Option<Req>,
        // Where the router itself sets a deadline.
        began: Option<Instant>,
        number: u8,
        // Whether the call has had its hedge, or can have none.
        hedged: bool,
        // Boxed, as few calls need it: every byte here is moved with each call.
        detour: Option<Box<Detour<S::Response>>>,
        timed: Option<TimedHead>,
        second: Option<Pin<Box<Second<S, S::Future>>>>,
        #[pin]
        timer: Option<Timer>,
        #[pin]
        state: State<S, S::Future>,
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
    #[inline]
    pub(crate) fn new(failover: Failover<S, C, K, P>, request: Req) -> Self
    where
        K: Carry<Req>,
    {
        let outer = failover.carry.get(&request);
        let settings = &failover.shared.settings;
        if let Some(budget) = &settings.budget
            && !outer.is_some_and(|attempt| attempt.deposited())
        {
            budget.deposit();
        }
        let resumed = outer.and_then(|attempt| Run::resumed(&settings.router, &attempt));
        let began = settings
            .limit
            .map(|_| outer.map_or_else(Instant::now, |attempt| attempt.started()));
        Self {
            failover,
            request: Some(request),
            began,
            number: 0,
            hedged: false,
            detour: resumed.map(Detour::new),
            timed: None,
            second: None,
            timer: None,
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

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let this = self.as_mut().project();
            let result = match this.state.project() {
                StateProj::Choosing => {
                    if is_under_way(this.second) {
                        if let Poll::Ready(response) = self.as_mut().poll_second(cx) {
                            return Poll::Ready(Ok(response));
                        }
                        if is_under_way(self.as_mut().project().second) {
                            return Poll::Pending;
                        }
                    }
                    match self.as_mut().choose() {
                        Some(result) => return Poll::Ready(result),
                        None => continue,
                    }
                }
                StateProj::Readying { service } => match service.poll_ready(cx) {
                    Poll::Ready(Ok(())) => match self.as_mut().send() {
                        Ok(()) => continue,
                        Err(busy) => Err(busy.into()),
                    },
                    Poll::Ready(Err(error)) => Err(error.into()),
                    Poll::Pending => {
                        ready!(self.as_mut().poll_limit(cx));
                        Err(Shed::new(Reason::NotReady, None).into())
                    }
                },
                StateProj::Called { future } => match future.poll(cx) {
                    // In place: to move the result on is what costs most of a call that succeeds.
                    Poll::Ready(Ok(mut response)) => {
                        let classify = &this.failover.classify;
                        if classify.classify(Ok(&response)).is_success() {
                            self.report(&mut response);
                            return Poll::Ready(Ok(response));
                        }
                        Ok(response)
                    }
                    Poll::Ready(Err(error)) => Err(error.into()),
                    Poll::Pending => {
                        if let Poll::Ready(response) = self.as_mut().poll_second(cx) {
                            return Poll::Ready(Ok(response));
                        }
                        let limit = ready!(self.as_mut().poll_limit(cx));
                        Err(Elapsed::new("the head of the answer", limit).into())
                    }
                },
            };
            if let Some(result) = self.as_mut().take_failure(result) {
                return Poll::Ready(result);
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
    #[inline]
    fn choose(self: Pin<&mut Self>) -> Option<Result<S::Response, BoxError>> {
        let mut this = self.project();
        let view = view(this.failover, this.request.as_ref());
        let chosen = match (this.request.as_ref(), &mut *this.detour) {
            (None, _) => None,
            (Some(request), Some(detour)) => detour.run.next(&view, request, Instant::now()),
            (Some(request), None) => Run::first(&view, request).or_else(|| {
                let detour = this.detour.insert(Detour::new(Run::default()));
                detour.run.next(&view, request, Instant::now())
            }),
        };
        let Some(number) = chosen else {
            return Some(Detour::finish(this.detour.take(), &this.failover.carry));
        };
        *this.number = number;
        this.timer.set(None);
        let service = this.failover.shared.services[usize::from(number)].clone();
        this.state.set(State::Readying { service });
        None
    }

    /// Sends the request to the target, whose service is ready, unless it has no room any more.
    #[inline]
    fn send(self: Pin<&mut Self>) -> Result<(), Shed> {
        let mut this = self.project();
        let StateProj::Readying { service } = this.state.as_mut().project() else {
            return Ok(());
        };
        let failover = &*this.failover;
        let view = view(failover, this.request.as_ref());
        let claim = match view.router.has_capacities() {
            true => Some(claim(&view, *this.number)?),
            false => None,
        };
        let Some(request) = this.request.take() else {
            return Ok(());
        };
        this.timer.set(None);
        let carries = failover.carry.carries();
        let outer = failover.carry.get(&request);
        let deadline = deadline(&failover.shared.settings, *this.began, outer.as_ref());
        // While nothing is carried and no deadline is set, the clock is not read.
        let told = (carries || deadline.is_some()).then(|| {
            let first = Run::of_first(*this.number);
            let run = this.detour.as_ref().map_or(&first, |detour| &detour.run);
            let (others, now) = (run.has_others(&view, &request), Instant::now());
            if let Some(deadline) = deadline {
                let limit = attempt_limit(view.tuning, deadline, others, now);
                this.timer.set(Some(Timer::start(limit, now)));
            }
            let attempt = run.attempt(outer, others, now);
            deadline.map_or(attempt, |deadline| attempt.with_deadline(deadline))
        });
        let may_go_on = match this.detour {
            Some(detour) => detour.run.may_go_on(view.router),
            None => view.router.len() > 1,
        };
        let mut request = if may_go_on {
            this.request.insert(request).clone()
        } else {
            request
        };
        if let (true, Some(attempt)) = (carries, told) {
            failover.carry.set(&mut request, attempt);
        }
        let slot = || view.router.slot(*this.number);
        if is_timed(&failover.shared.settings, slot) {
            let slot = slot();
            let streamed = outer.is_some_and(|attempt| attempt.streamed());
            *this.timed = Some(TimedHead::begin(&slot.target, *this.number, streamed));
        }
        let future = service.call(request);
        drop(claim);
        this.state.set(State::Called { future });
        Ok(())
    }

    /// Resolves with the limit once the time for what is awaited is over. Without a deadline the clock
    /// starts when it is first seen waiting; a service that answers at once costs none.
    fn poll_limit(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Duration> {
        let mut this = self.project();
        if this.timer.is_none() {
            let tuning = &this.failover.shared.settings.tuning;
            let limit = match this.state.project() {
                StateProj::Called { .. } => tuning.attempt_timeout,
                _ => tuning.ready_timeout,
            };
            this.timer.set(Some(Timer::start(limit, Instant::now())));
        }
        match this.timer.as_mut().as_pin_mut() {
            Some(timer) => timer.poll(cx),
            None => Poll::Pending,
        }
    }

    /// Says beside a good answer who gave it.
    #[inline]
    fn report(self: Pin<&mut Self>, response: &mut S::Response) {
        let this = self.project();
        let failover = &*this.failover;
        let settings = &failover.shared.settings;
        if let Some(timed) = this.timed.take() {
            timed.answered(settings.tuning.latency_decay, settings.hedging.as_deref());
            // Whatever has a second attempt is timed.
            if let (Some(second), Some(detour)) = (this.second.take(), &mut *this.detour) {
                second.lost(&settings.router, &mut detour.run);
            }
        }
        failover.carry.report(response, |served| {
            let here = u32::from(served.attempts() == 0);
            if let Some(detour) = this.detour.take() {
                served.add_attempts(detour.run.sent);
                served.add_tried(detour.run.tried);
            }
            served.add_attempts(here);
            served.set_target(settings.router.slot(*this.number).target.clone());
        });
    }

    /// Learns from an attempt that was no success: returns the call's end, or `None` to choose another target.
    #[cold]
    fn take_failure(
        self: Pin<&mut Self>,
        result: Result<S::Response, BoxError>,
    ) -> Option<Result<S::Response, BoxError>> {
        let mut this = self.project();
        let (failover, view) = (&*this.failover, view(this.failover, None));
        let outcome = failover.classify.classify(result.as_ref());
        let target = &view.router.slot(*this.number).target;
        let (now, timer) = (Instant::now(), this.timer.as_ref().get_ref());
        let took = timer
            .as_ref()
            .map_or(Duration::ZERO, |timer| now - timer.since);
        // The future goes first: what it holds is released before the next attempt.
        this.state.set(State::Choosing);
        this.timer.set(None);
        if let (Some(timed), Outcome::TimedOut) = (this.timed.take(), outcome) {
            timed.given_up(failover.shared.settings.hedging.as_deref());
        }
        // One that is still waiting for its time waits anew, beside the next attempt.
        if !is_under_way(this.second) {
            *this.second = None;
        }
        let first = || Detour::new(Run::of_first(*this.number));
        let detour = this.detour.get_or_insert_with(first);
        if outcome.was_sent() {
            let below = result.as_ref().ok();
            let served = below.and_then(|response| failover.carry.served(response));
            detour.run.sent += served.map_or(1, |served| served.attempts().max(1));
        }
        tracing::debug!(
            target_name = target.name(),
            outcome = outcome.name(),
            ?took,
            "attempt failed"
        );
        let request = this.request.as_ref();
        let may_try_refused = |refused: &Target| {
            request.is_some_and(|request| failover.policy.may_try_refused(request, refused))
        };
        let (run, tried) = (&mut detour.run, Tried::new(target.clone(), outcome, took));
        let drawn = std::mem::take(&mut run.drawn);
        let go_on = run.learn(&view, *this.number, tried, drawn, may_try_refused);
        detour.keep(result);
        let in_time = request.is_some_and(|request| {
            let outer = failover.carry.get(request);
            let deadline = deadline(&failover.shared.settings, *this.began, outer.as_ref());
            deadline.is_none_or(|deadline| !deadline.is_over(now))
        });
        if go_on && in_time {
            return None;
        }
        Some(Detour::finish(this.detour.take(), &failover.carry))
    }
}

#[inline]
fn view<'a, S, C, K, P, Req>(
    failover: &'a Failover<S, C, K, P>,
    request: Option<&Req>,
) -> View<'a, P>
where
    K: Carry<Req>,
{
    let settings = &failover.shared.settings;
    let class = request.map(|request| settings.router.class(|| failover.carry.priority(request)));
    View {
        router: &settings.router,
        policy: &failover.policy,
        budget: settings.budget.as_ref(),
        order: settings.order,
        chance: &settings.chance,
        class: class.unwrap_or_default(),
        tuning: &settings.tuning,
    }
}

/// Whether the router itself counts and times the attempts at a target.
#[inline]
fn is_timed<'a>(settings: &Settings, slot: impl FnOnce() -> &'a Slot) -> bool {
    let by_latency = settings.order == Order::LeastLatency;
    if settings.hedging.is_some() {
        return true;
    }
    if !by_latency && !settings.router.has_capacities() {
        return false;
    }
    let target = &slot().target;
    (by_latency || target.capacity().is_some()) && !target.health().is_followed()
}

#[inline]
fn is_under_way<S, F>(second: &Option<Pin<Box<Second<S, F>>>>) -> bool {
    second.as_ref().is_some_and(|second| second.is_under_way())
}

/// Holds a place at a target for a call that is about to be sent.
#[cold]
fn claim<'a, P>(view: &View<'a, P>, number: u8) -> Result<Claim<'a>, Shed> {
    let slot = view.router.slot(number);
    slot.claim(view.class).ok_or_else(|| {
        let wait = slot.wait(view.class, Instant::now(), view.tuning);
        Shed::new(Reason::Busy, Some(wait))
    })
}

/// The earlier of the router's own deadline and the one that the call carries.
#[inline]
fn deadline(
    settings: &Settings,
    began: Option<Instant>,
    outer: Option<&Attempt>,
) -> Option<Deadline> {
    let own = settings.limit.zip(began);
    let own = own.map(|(limit, began)| Deadline::after(began, limit));
    let carried = outer.and_then(Attempt::deadline);
    match (own, carried) {
        (Some(own), Some(carried)) => Some(own.min(carried)),
        (own, carried) => own.or(carried),
    }
}

impl<S, C, K, P, Req> fmt::Debug for ResponseFuture<S, C, K, P, Req>
where
    S: Service<Req>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}
