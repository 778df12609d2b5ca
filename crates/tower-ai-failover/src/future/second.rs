//! The second attempt of a call: the hedge.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower_ai_core::error::{Elapsed, Reason, Shed};
use tower_ai_core::{BoxError, Carry, Classify, Outcome, Report, Tried};
use tower_service::Service;

use super::{ResponseFuture, State, claim, deadline, is_timed, view};
use crate::detour::Detour;
use crate::policy::Policy;
use crate::router::Router;
use crate::run::{Run, attempt_limit};
use crate::service::Failover;
use crate::timed::TimedHead;
use crate::timer::Timer;

pin_project! {
    /// A second attempt, from the wait before it to its answer.
    pub(super) struct Second<S, F> {
        number: u8,
        timed: Option<TimedHead>,
        // The wait before it, then the limit of what is awaited.
        #[pin]
        timer: Timer,
        #[pin]
        state: SecondState<S, F>,
    }
}

pin_project! {
    #[project = SecondProj]
    enum SecondState<S, F> {
        // The first attempt has time still.
        Waiting,
        // The chosen target's service is polled until it is ready.
        Readying { service: S },
        // The attempt is under way.
        Called { #[pin] future: F },
    }
}

impl<S, F> Second<S, F> {
    fn after(delay: Duration) -> Pin<Box<Self>> {
        Box::pin(Self {
            number: 0,
            timed: None,
            timer: Timer::start(delay, Instant::now()),
            state: SecondState::Waiting,
        })
    }

    pub(super) const fn is_under_way(&self) -> bool {
        !matches!(self.state, SecondState::Waiting)
    }

    /// Notes that the first attempt was faster; the caller drops this.
    pub(super) fn lost(&self, router: &Router, run: &mut Run) {
        if let SecondState::Called { .. } = self.state {
            let target = router.slot(self.number).target.clone();
            let took = Instant::now() - self.timer.since;
            run.sent += 1;
            run.tried.push(Tried::new(target, Outcome::Cancelled, took));
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
    /// Drives the second attempt, once it is time for one. Resolves with its answer if that is a good one; else it
    /// is pending, and the first attempt goes on alone.
    #[inline]
    pub(super) fn poll_second(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<S::Response> {
        match &self.failover.shared.settings.hedging {
            None => Poll::Pending,
            Some(_) => self.poll_hedge(cx),
        }
    }

    #[inline(never)]
    fn poll_hedge(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<S::Response> {
        if !self.as_mut().arm() {
            return Poll::Pending;
        }
        loop {
            let this = self.as_mut().project();
            let Some(second) = this.second else {
                return Poll::Pending;
            };
            let second = second.as_mut().project();
            let result = match second.state.project() {
                SecondProj::Waiting => {
                    ready!(second.timer.poll(cx));
                    self.as_mut().choose_second();
                    continue;
                }
                SecondProj::Readying { service } => match service.poll_ready(cx) {
                    Poll::Ready(Ok(())) => match self.as_mut().send_second() {
                        Ok(()) => continue,
                        Err(busy) => Err(busy.into()),
                    },
                    Poll::Ready(Err(error)) => Err(error.into()),
                    Poll::Pending => {
                        ready!(second.timer.poll(cx));
                        Err(Shed::new(Reason::NotReady, None).into())
                    }
                },
                SecondProj::Called { future } => match future.poll(cx) {
                    Poll::Ready(Ok(response)) => {
                        let outcome = this.failover.classify.classify(Ok(&response));
                        if outcome.is_success() {
                            return Poll::Ready(self.second_won(response));
                        }
                        Ok(response)
                    }
                    Poll::Ready(Err(error)) => Err(error.into()),
                    Poll::Pending => {
                        let limit = ready!(second.timer.poll(cx));
                        Err(Elapsed::new("the head of the answer", limit).into())
                    }
                },
            };
            self.as_mut().second_failed(result);
        }
    }

    /// Sets the time of the hedge, once for each attempt that waits. Returns whether there is, or may be, one.
    fn arm(self: Pin<&mut Self>) -> bool {
        let this = self.project();
        if this.second.is_some() {
            return true;
        }
        let failover: &Failover<_, _, _, _> = this.failover;
        let may_hedge = |request: &Req| failover.policy.may_hedge(request);
        if *this.hedged || !this.request.as_ref().is_some_and(may_hedge) {
            return false;
        }
        let streamed = this.timed.as_ref().is_some_and(TimedHead::streamed);
        let hedging = failover.shared.settings.hedging.as_ref();
        let delay = hedging.and_then(|hedging| hedging.delay(*this.number, streamed));
        *this.second = delay.map(Second::after);
        *this.hedged = this.second.is_none();
        this.second.is_some()
    }

    /// Chooses and pays for the target of the second attempt, or does without.
    fn choose_second(self: Pin<&mut Self>) {
        let this = self.project();
        *this.hedged = true;
        let failover = &*this.failover;
        let first = || Detour::new(Run::of_first(*this.number));
        let run = &mut this.detour.get_or_insert_with(first).run;
        let chosen = this.request.as_ref().and_then(|request| {
            let view = view(failover, Some(request));
            run.hedge(&view, request, *this.number, Instant::now())
        });
        let Some((number, second)) = chosen.zip(this.second.as_mut()) else {
            *this.second = None;
            return;
        };
        let mut second = second.as_mut().project();
        *second.number = number;
        let limit = failover.shared.settings.tuning.ready_timeout;
        second.timer.set(Timer::start(limit, Instant::now()));
        let service = failover.shared.services[usize::from(number)].clone();
        second.state.set(SecondState::Readying { service });
    }

    /// Sends a copy of the request to the second target, whose service is ready.
    fn send_second(self: Pin<&mut Self>) -> Result<(), Shed> {
        let this = self.project();
        let (Some(second), Some(request), Some(detour)) =
            (this.second, this.request.as_ref(), this.detour)
        else {
            return Ok(());
        };
        let mut second = second.as_mut().project();
        let SecondProj::Readying { service } = second.state.as_mut().project() else {
            return Ok(());
        };
        let (failover, number) = (&*this.failover, *second.number);
        let settings = &failover.shared.settings;
        let view = view(failover, Some(request));
        let slot = view.router.slot(number);
        let claim = claim(&view, number)?;
        let now = Instant::now();
        let outer = failover.carry.get(request);
        let others = detour.run.has_others(&view, request);
        let deadline = deadline(settings, *this.began, outer.as_ref());
        let limit = deadline.map_or(view.tuning.attempt_timeout, |deadline| {
            attempt_limit(view.tuning, deadline, others, now)
        });
        let mut request = request.clone();
        if failover.carry.carries() {
            let run = &detour.run;
            let mut attempt = run.attempt(outer, others, now);
            if run.sent == 0 {
                attempt = attempt.next(now);
            }
            let attempt = deadline.map_or(attempt, |deadline| attempt.with_deadline(deadline));
            failover.carry.set(&mut request, attempt);
        }
        let streamed = outer.is_some_and(|attempt| attempt.streamed());
        let timed = || TimedHead::begin(&slot.target, number, streamed);
        *second.timed = is_timed(settings, || slot).then(timed);
        second.timer.set(Timer::start(limit, now));
        tracing::debug!(target_name = slot.target.name(), "hedged");
        let future = service.call(request);
        drop(claim);
        second.state.set(SecondState::Called { future });
        Ok(())
    }

    /// Gives the first attempt up for the answer of the second.
    fn second_won(mut self: Pin<&mut Self>, mut response: S::Response) -> S::Response {
        let mut this = self.as_mut().project();
        let settings = &this.failover.shared.settings;
        let was_under_way = matches!(*this.state, State::Called { .. });
        this.state.set(State::Choosing);
        this.timer.set(None);
        let first = this.timed.take();
        if let (Some(detour), true) = (this.detour.as_mut(), was_under_way) {
            let target = settings.router.slot(*this.number).target.clone();
            let took = first.as_ref().map_or(Duration::ZERO, TimedHead::took);
            detour.run.sent += 1;
            let tried = Tried::new(target, Outcome::Cancelled, took);
            detour.run.tried.push(tried);
            first.inspect(|first| first.given_up(settings.hedging.as_deref()));
        }
        if let Some(mut second) = this.second.take() {
            let second = second.as_mut().project();
            *this.number = *second.number;
            *this.timed = second.timed.take();
        }
        self.report(&mut response);
        response
    }

    /// Learns from a second attempt that was no success. The first goes on; or, if it is over, the call.
    fn second_failed(self: Pin<&mut Self>, result: Result<S::Response, BoxError>) {
        let this = self.project();
        let (Some(second), Some(detour)) = (this.second.take(), this.detour.as_mut()) else {
            return;
        };
        let (failover, number) = (&*this.failover, second.number);
        let view = view(failover, this.request.as_ref());
        let outcome = failover.classify.classify(result.as_ref());
        let took = Instant::now() - second.timer.since;
        if outcome.was_sent() {
            let below = result.as_ref().ok();
            let served = below.and_then(|response| failover.carry.served(response));
            detour.run.sent += served.map_or(1, |served| served.attempts().max(1));
        }
        let target = view.router.slot(number).target.clone();
        tracing::debug!(
            target_name = target.name(),
            outcome = outcome.name(),
            "hedge failed"
        );
        let tried = Tried::new(target, outcome, took);
        // Whether the call goes on is for the first attempt to say.
        detour.run.learn(&view, number, tried, true, |_| false);
        detour.keep(result);
    }
}
