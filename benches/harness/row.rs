//! A service under measurement, called in both forms.

use std::cell::LazyCell;
use std::future::poll_fn;
use std::hint::black_box;
use std::rc::Rc;

use tokio::runtime::Runtime;
use tower::Service;
use tower::ServiceExt;

use super::{Case, Suite};

/// One row of the table: the work, who does it, and a service that is in the state that `work` names.
pub(crate) struct Row<S, R, C> {
    pub(crate) work: &'static str,
    /// `None` for ours.
    pub(crate) peer: Option<&'static str>,
    pub(crate) service: S,
    /// Makes the n-th request.
    pub(crate) request: R,
    /// Whether a result is what `work` promises.
    pub(crate) check: C,
}

impl Suite {
    /// Adds a row: one case that polls and calls one instance, one that clones the service for each call.
    pub(crate) fn add<S, Req, R, C>(&mut self, row: Row<S, R, C>)
    where
        S: Service<Req> + Clone + 'static,
        R: Fn(u64) -> Req + Copy + 'static,
        C: Fn(&Result<S::Response, S::Error>) -> bool + Copy + 'static,
        Req: 'static,
    {
        let Row {
            work,
            peer,
            service,
            request,
            check,
        } = row;
        let check = move |result| assert!(check(&result), "not in the state it names: {work}");
        let runtime = Rc::clone(&self.runtime);
        self.push(work, "ready", peer, {
            let mut service = service.clone();
            move |calls| ready(&runtime, calls, &mut service, request, check)
        });
        let runtime = Rc::clone(&self.runtime);
        self.push(work, "oneshot", peer, move |calls| {
            oneshot(&runtime, calls, &service, request, check);
        });
    }

    /// Adds a row whose service is made when it is called first: for one that takes long to make, or much memory.
    pub(crate) fn add_lazily<S, M, Req, R, C>(&mut self, row: Row<M, R, C>)
    where
        M: Fn() -> S + 'static,
        S: Service<Req> + Clone + 'static,
        R: Fn(u64) -> Req + Copy + 'static,
        C: Fn(&Result<S::Response, S::Error>) -> bool + Copy + 'static,
        Req: 'static,
    {
        let Row {
            work,
            peer,
            service: make,
            request,
            check,
        } = row;
        let check = move |result| assert!(check(&result), "not in the state it names: {work}");
        let service = Rc::new(LazyCell::new(make));
        let runtime = Rc::clone(&self.runtime);
        self.push(work, "ready", peer, {
            let service = Rc::clone(&service);
            move |calls| {
                let mut service = LazyCell::force(&service).clone();
                ready(&runtime, calls, &mut service, request, check);
            }
        });
        let runtime = Rc::clone(&self.runtime);
        self.push(work, "oneshot", peer, move |calls| {
            oneshot(&runtime, calls, &**service, request, check);
        });
    }

    /// Adds a case of any kind: `run` makes that many calls.
    pub(crate) fn push(
        &mut self,
        work: &str,
        form: &str,
        peer: Option<&'static str>,
        run: impl FnMut(u64) + 'static,
    ) {
        let named = |work: &str| format!("{work}, {form}");
        self.cases.push(Case {
            name: named(work),
            baseline: named(self.baseline),
            peer,
            run: Box::new(run),
        });
    }
}

fn ready<S, Req>(
    runtime: &Runtime,
    calls: u64,
    service: &mut S,
    request: impl Fn(u64) -> Req,
    check: impl Fn(Result<S::Response, S::Error>),
) where
    S: Service<Req>,
{
    runtime.block_on(async {
        for n in 0..calls {
            let ready = poll_fn(|cx| service.poll_ready(cx)).await;
            assert!(ready.is_ok(), "the service is ready");
            let result = service.call(black_box(request(n))).await;
            black_box(&result);
        }
        let ready = poll_fn(|cx| service.poll_ready(cx)).await;
        assert!(ready.is_ok(), "the service is ready");
        check(service.call(request(calls)).await);
    });
}

fn oneshot<S, Req>(
    runtime: &Runtime,
    calls: u64,
    service: &S,
    request: impl Fn(u64) -> Req,
    check: impl Fn(Result<S::Response, S::Error>),
) where
    S: Service<Req> + Clone,
{
    runtime.block_on(async {
        for n in 0..calls {
            let service = black_box(service).clone();
            let result = service.oneshot(black_box(request(n))).await;
            black_box(&result);
        }
        check(service.clone().oneshot(request(calls)).await);
    });
}
