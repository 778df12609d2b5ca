//! What the router promises, one test a promise, on a paused clock.

use std::io;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, advance};
use tokio_test::{assert_ready_ok, task};
use tower::{Layer, Service, ServiceExt};
use tower_ai_core::error::{AllFailed, Failed, Shed, cause_ref};
use tower_ai_core::{
    Attempt, BoxError, Budget, Deadline, HttpCarry, Key, Mode, Outcome, Served, Target,
};
use tower_ai_failover::{
    Failover, FailoverLayer, InvalidFailover, Order, Policy, Switch, allow_fn,
};
use tower_test::mock::{self, Handle, Mock};

const SEC: Duration = Duration::from_secs(1);

type Router = Failover<Mock<u8, &'static str>>;
type Backend = Handle<u8, &'static str>;

/// A router over mocks, one for each target.
fn router<const N: usize>(targets: [Target; N]) -> (Router, [Backend; N]) {
    let mut services = Vec::new();
    let backends = targets.map(|target| {
        let (service, backend) = mock::pair();
        services.push((target, service));
        backend
    });
    (Failover::new(services).expect("a valid router"), backends)
}

fn named(name: &str) -> Target {
    Target::new(name).expect("a name")
}

fn in_domain(name: &str, domain: &str) -> Target {
    Target::builder(name).domain(domain).build().expect("valid")
}

fn call<S>(router: &S) -> JoinHandle<Result<&'static str, BoxError>>
where
    S: Service<u8, Response = &'static str, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
{
    tokio::spawn(router.clone().oneshot(1))
}

async fn fail(backend: &mut Backend, outcome: Outcome) {
    let (_, reply) = backend.next_request().await.expect("a request");
    reply.send_error(Failed::new(outcome, "no"));
}

async fn answer(backend: &mut Backend, text: &'static str) {
    let (_, reply) = backend.next_request().await.expect("a request");
    reply.send_response(text);
}

/// The mock sees no request now, however long we wait.
async fn assert_untouched(backend: &mut Backend) {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    let mut next = task::spawn(backend.next_request());
    let seen = match next.poll() {
        std::task::Poll::Ready(seen) => seen,
        std::task::Poll::Pending => None,
    };
    assert!(seen.is_none(), "a request came");
}

fn tried(error: &BoxError) -> Vec<(String, Outcome)> {
    let all = cause_ref::<AllFailed>(&**error).expect("all failed");
    let pair = |tried: &tower_ai_core::Tried| (tried.target.name().to_owned(), tried.outcome);
    all.tried().iter().map(pair).collect()
}

#[tokio::test(start_paused = true)]
async fn the_first_target_is_preferred() {
    let (router, [mut a, mut b]) = router([named("a"), named("b")]);
    let reply = call(&router);
    answer(&mut a, "a").await;
    assert_eq!(reply.await.unwrap().unwrap(), "a");
    assert_untouched(&mut b).await;
}

#[tokio::test(start_paused = true)]
async fn the_table_says_whether_a_call_moves_on() {
    for outcome in Outcome::ALL {
        if outcome.is_success() {
            continue;
        }
        let moves = matches!(
            outcome.advice().elsewhere,
            tower_ai_core::Elsewhere::Yes | tower_ai_core::Elsewhere::LargerWindow
        );
        let small = Target::builder("a").context_window(10).build().unwrap();
        let large = Target::builder("b").context_window(20).build().unwrap();
        let (router, [mut a, mut b]) = router([small, large]);
        let reply = call(&router);
        fail(&mut a, outcome).await;
        if moves {
            answer(&mut b, "b").await;
            assert_eq!(reply.await.unwrap().unwrap(), "b", "{outcome}");
        } else {
            let error = reply.await.unwrap().unwrap_err();
            assert_eq!(tried(&error), [("a".to_owned(), outcome)]);
            assert_untouched(&mut b).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_target_is_skipped_without_a_call() {
    let (a, b) = (named("a"), named("b"));
    a.health().set_mode(Mode::Open, Some(Instant::now() + SEC));
    let (router, [mut a, mut b]) = router([a, b]);
    let reply = call(&router);
    answer(&mut b, "b").await;
    assert_eq!(reply.await.unwrap().unwrap(), "b");
    assert_untouched(&mut a).await;
    advance(SEC).await;
    let reply = call(&router);
    answer(&mut a, "a").await;
    assert_eq!(reply.await.unwrap().unwrap(), "a", "due for a probe");
}

#[tokio::test(start_paused = true)]
async fn a_shut_key_keeps_calls_from_all_its_targets() {
    let key = Key::named("k");
    let keyed = |name: &str| Target::builder(name).key(key.clone()).build().unwrap();
    let (router, [mut a, mut b, mut c]) = router([keyed("a"), keyed("b"), named("c")]);
    key.shut(Instant::now() + SEC);
    let reply = call(&router);
    answer(&mut c, "c").await;
    assert_eq!(reply.await.unwrap().unwrap(), "c");
    assert_untouched(&mut a).await;
    assert_untouched(&mut b).await;
}

#[tokio::test(start_paused = true)]
async fn too_long_goes_only_to_a_larger_window() {
    let window = |name: &str, tokens| {
        Target::builder(name)
            .context_window(tokens)
            .build()
            .unwrap()
    };
    let (router, [mut a, mut b, mut c, mut d]) = router([
        window("a", 100),
        window("b", 50),
        named("c"),
        window("d", 200),
    ]);
    let reply = call(&router);
    fail(&mut a, Outcome::TooLong).await;
    answer(&mut d, "d").await;
    assert_eq!(reply.await.unwrap().unwrap(), "d");
    assert_untouched(&mut b).await;
    assert_untouched(&mut c).await;
}

#[derive(Clone)]
struct Tokens(u32);

impl Policy<u8> for Tokens {
    fn tokens(&self, _: &u8) -> Option<u32> {
        Some(self.0)
    }
    fn may_try_refused(&self, _: &u8, _: &Target) -> bool {
        true
    }
}

#[tokio::test(start_paused = true)]
async fn a_window_known_to_be_too_small_is_not_tried() {
    let small = Target::builder("a").context_window(100).build().unwrap();
    let (router, [mut a, mut b]) = router([small, named("b")]);
    let reply = call(&router.policy(Tokens(101)));
    answer(&mut b, "b").await;
    assert_eq!(reply.await.unwrap().unwrap(), "b");
    assert_untouched(&mut a).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_prompt_goes_elsewhere_only_if_the_policy_says_so() {
    let (router, [mut a, mut b]) = router([named("a"), named("b")]);
    let reply = call(&router.policy(Tokens(1)));
    fail(&mut a, Outcome::Refused).await;
    answer(&mut b, "b").await;
    assert_eq!(reply.await.unwrap().unwrap(), "b");
}

#[tokio::test(start_paused = true)]
async fn a_policy_keeps_requests_from_targets() {
    let (router, [mut a, mut b]) = router([named("a"), named("b")]);
    let router = router.policy(allow_fn(|_: &u8, target: &Target| target.name() == "b"));
    let reply = call(&router);
    fail(&mut b, Outcome::Fault).await;
    let error = reply.await.unwrap().unwrap_err();
    assert_eq!(tried(&error), [("b".to_owned(), Outcome::Fault)]);
    assert_untouched(&mut a).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_domain_comes_last_and_needs_a_balance() {
    let targets = || {
        [
            in_domain("a1", "a"),
            in_domain("a2", "a"),
            in_domain("b", "b"),
        ]
    };
    let (rich, [mut a1, mut a2, mut b]) = router(targets());
    let reply = call(&rich);
    fail(&mut a1, Outcome::Fault).await;
    fail(&mut b, Outcome::Fault).await;
    answer(&mut a2, "a2").await;
    assert_eq!(reply.await.unwrap().unwrap(), "a2");

    let (poor, [mut a1, mut a2, mut b]) = router(targets());
    let budget = Budget::new(0.0, 1).unwrap();
    assert!(budget.withdraw());
    let reply = call(&poor.budget(budget.clone()));
    fail(&mut a1, Outcome::Fault).await;
    fail(&mut b, Outcome::Fault).await;
    let error = reply.await.unwrap().unwrap_err();
    assert_eq!(
        tried(&error).len(),
        2,
        "one attempt in each domain is always allowed"
    );
    assert!(budget.balance() < 0.0, "and charged");
    assert_untouched(&mut a2).await;
}

#[tokio::test(start_paused = true)]
async fn a_shed_attempt_costs_no_budget() {
    let budget = Budget::new(0.0, 5).unwrap();
    let (router, [mut a, mut b, mut c]) = router(["a", "b", "c"].map(named));
    let reply = call(&router.budget(budget.clone()));
    for backend in [&mut a, &mut b] {
        let (_, reply) = backend.next_request().await.unwrap();
        reply.send_error(Shed::open(None));
    }
    answer(&mut c, "c").await;
    assert_eq!(reply.await.unwrap().unwrap(), "c");
    assert!((budget.balance() - 5.0).abs() < 1e-9);
}

#[tokio::test(start_paused = true)]
async fn only_the_outermost_holder_pays_in() {
    let budget = Budget::new(1.0, 2).unwrap();
    assert!(budget.withdraw() && budget.withdraw());
    let (service, mut backend) = mock::pair::<http::Request<()>, http::Response<()>>();
    let router = Failover::new([(named("a"), service)])
        .unwrap()
        .budget(budget.clone());
    let router = router.carry(HttpCarry);
    let mut request = http::Request::new(());
    request
        .extensions_mut()
        .insert(Attempt::begin(Instant::now()).with_deposited());
    let reply = tokio::spawn(router.oneshot(request));
    let (request, send) = backend.next_request().await.unwrap();
    assert!(request.extensions().get::<Attempt>().unwrap().deposited());
    send.send_response(http::Response::new(()));
    reply.await.unwrap().unwrap();
    assert!(budget.balance().abs() < 1e-9);
}

#[tokio::test(start_paused = true)]
async fn a_silent_target_loses_the_call_after_its_time() {
    let (router, [mut a, mut b]) = router([named("a"), named("b")]);
    let router = router.attempt_timeout(SEC * 5).unwrap();
    let start = Instant::now();
    let reply = call(&router);
    let _silent = a.next_request().await.unwrap();
    answer(&mut b, "b").await;
    assert_eq!(reply.await.unwrap().unwrap(), "b");
    let took = Instant::now() - start;
    assert!((SEC * 5..SEC * 6).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_target_leaves_time_for_the_others() {
    let (router, [mut a, mut b]) = router([named("a"), named("b")]);
    let router = router.deadline(SEC * 10).unwrap();
    let start = Instant::now();
    let reply = call(&router);
    let _silent = a.next_request().await.unwrap();
    answer(&mut b, "b").await;
    assert_eq!(reply.await.unwrap().unwrap(), "b");
    let took = Instant::now() - start;
    assert!(
        (SEC * 5..SEC * 6).contains(&took),
        "half of the ten: {took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn no_attempt_outlives_the_deadline() {
    let (router, [mut a, mut b]) = router([named("a"), named("b")]);
    let start = Instant::now();
    let reply = call(&router.deadline(SEC * 4).unwrap());
    let _silent = a.next_request().await.unwrap();
    let _silent = b.next_request().await.unwrap();
    let error = reply.await.unwrap().unwrap_err();
    assert!(Instant::now() - start <= SEC * 4 + Duration::from_millis(10));
    assert_eq!(
        tried(&error),
        [
            ("a".to_owned(), Outcome::TimedOut),
            ("b".to_owned(), Outcome::TimedOut)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_not_ready_in_time_is_passed_over() {
    let (router, [mut a, mut b]) = router([named("a"), named("b")]);
    a.allow(0);
    let reply = call(&router);
    answer(&mut b, "b").await;
    assert_eq!(reply.await.unwrap().unwrap(), "b");
    assert_untouched(&mut a).await;
}

#[tokio::test(start_paused = true)]
async fn a_target_whose_readiness_fails_is_passed_over() {
    let (router, [mut a, mut b]) = router([named("a"), named("b")]);
    a.send_error("gone");
    let reply = call(&router);
    answer(&mut b, "b").await;
    assert_eq!(reply.await.unwrap().unwrap(), "b");
}

#[tokio::test(start_paused = true)]
async fn the_router_is_ready_though_no_target_is() {
    let (router, [mut a]) = router([named("a")]);
    a.allow(0);
    let mut router = task::spawn(router);
    assert_ready_ok!(router.enter(|cx, mut router| router.poll_ready(cx)));
}

#[tokio::test(start_paused = true)]
async fn a_clone_of_a_ready_service_is_polled_before_it_is_called() {
    let (mock, mut backend) = mock::pair::<u8, &'static str>();
    let limited = tower::limit::ConcurrencyLimit::new(mock, 1);
    let router = Failover::new([(named("a"), limited)]).unwrap();
    let (first, second) = (call(&router), call(&router));
    answer(&mut backend, "1").await;
    answer(&mut backend, "2").await;
    assert!(first.await.unwrap().is_ok() && second.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn dropping_the_future_makes_no_other_attempt() {
    let (router, [mut a, mut b]) = router([named("a"), named("b")]);
    drop(router.clone().oneshot(1));
    let reply = call(&router);
    let (_, send) = a.next_request().await.unwrap();
    reply.abort();
    assert!(reply.await.unwrap_err().is_cancelled());
    send.send_error("late");
    advance(SEC * 60).await;
    assert_untouched(&mut b).await;
}

type HttpMock = Mock<http::Request<()>, http::Response<()>>;
type HttpBackend = Handle<http::Request<()>, http::Response<()>>;

#[derive(Clone, Copy, Debug)]
struct ByStatus;

impl tower_ai_core::Classify<http::Response<()>, BoxError> for ByStatus {
    fn classify(&self, result: Result<&http::Response<()>, &BoxError>) -> Outcome {
        match result.map(|response| response.status().as_u16()) {
            Ok(400) => Outcome::Invalid,
            Ok(500..) => Outcome::Fault,
            Ok(_) => Outcome::Success,
            Err(error) => tower_ai_core::error::outcome_of(&**error),
        }
    }
}

fn http_router() -> (Failover<HttpMock, ByStatus, HttpCarry>, [HttpBackend; 2]) {
    let ((a, one), (b, two)) = (mock::pair(), mock::pair());
    let router = Failover::new([(named("a"), a), (named("b"), b)]).expect("valid");
    (router.classify(ByStatus).carry(HttpCarry), [one, two])
}

async fn reply(backend: &mut HttpBackend, status: u16) -> Attempt {
    let (request, send) = backend.next_request().await.expect("a request");
    let status = http::StatusCode::from_u16(status).expect("a status");
    let mut response = http::Response::new(());
    *response.status_mut() = status;
    send.send_response(response);
    *request.extensions().get().expect("an attempt")
}

#[tokio::test(start_paused = true)]
async fn the_first_answer_reaches_the_caller_when_all_fail() {
    let (router, [mut a, mut b]) = http_router();
    let call = tokio::spawn(router.oneshot(http::Request::new(())));
    reply(&mut a, 503).await;
    reply(&mut b, 400).await;
    let response = call.await.unwrap().unwrap();
    assert_eq!(response.status(), 503, "never the mistake of a fallback");
    let served = response.extensions().get::<Served>().unwrap();
    assert_eq!((served.attempts(), served.tried().len()), (2, 2));
    assert!(served.target().is_none());
}

#[tokio::test(start_paused = true)]
async fn an_answer_says_who_served_it_after_what() {
    let (router, [mut a, mut b]) = http_router();
    let call = tokio::spawn(router.oneshot(http::Request::new(())));
    let first = reply(&mut a, 500).await;
    let second = reply(&mut b, 200).await;
    assert_eq!((first.number(), second.number()), (0, 1));
    assert_eq!((first.others(), second.others()), (true, false));
    let response = call.await.unwrap().unwrap();
    let served = response.extensions().get::<Served>().unwrap();
    assert_eq!(served.target().map(Target::name), Some("b"));
    assert_eq!(
        (served.attempts(), served.tried()[0].outcome),
        (2, Outcome::Fault)
    );
}

#[tokio::test(start_paused = true)]
async fn what_goes_on_elsewhere_is_a_further_attempt_and_avoids_what_broke() {
    let resumed = |target: &Target| {
        let now = Instant::now();
        let attempt = Attempt::begin(now).resume(now, Deadline::after(now, SEC));
        let mut request = http::Request::new(());
        request.extensions_mut().insert(attempt.avoiding(target));
        request
    };
    let budget = Budget::new(0.2, 1).unwrap();
    let (a, b, sibling) = (in_domain("a", "x"), named("b"), in_domain("c", "x"));
    let services: [(HttpMock, HttpBackend); 3] = std::array::from_fn(|_| mock::pair());
    let [(one, mut first), (two, mut second), (three, mut third)] = services;
    let router = Failover::new([(a.clone(), one), (sibling, three), (b.clone(), two)]).unwrap();
    let router = router.classify(ByStatus).carry(HttpCarry);
    let router = router.budget(budget.clone());

    let call = tokio::spawn(router.clone().oneshot(resumed(&a)));
    assert_eq!(
        reply(&mut second, 200).await.number(),
        1,
        "another domain first"
    );
    let response = call.await.unwrap().unwrap();
    let served = response.extensions().get::<Served>().unwrap();
    assert_eq!((served.attempts(), served.target()), (1, Some(&b)));
    assert!(
        budget.balance().abs() < 1e-9,
        "it was charged, and nothing paid in"
    );

    b.health().set_mode(Mode::Open, Some(Instant::now() + SEC));
    let error = router.clone().oneshot(resumed(&a)).await.unwrap_err();
    assert!(error.is::<AllFailed>(), "the failed domain needs a balance");
    for _ in 0..5 {
        budget.deposit();
    }
    let call = tokio::spawn(router.clone().oneshot(resumed(&a)));
    reply(&mut third, 200).await;
    assert!(call.await.unwrap().is_ok());
    let mut next = task::spawn(first.next_request());
    assert!(next.poll().is_pending(), "what broke was not asked");
}

#[tokio::test(start_paused = true)]
async fn a_carried_deadline_counts() {
    let (router, [mut a, mut b]) = http_router();
    let start = Instant::now();
    let mut request = http::Request::new(());
    let deadline = Deadline::after(start, SEC * 2);
    request
        .extensions_mut()
        .insert(Attempt::begin(start).with_deadline(deadline));
    let call = tokio::spawn(router.oneshot(request));
    let _silent = a.next_request().await.unwrap();
    let _silent = b.next_request().await.unwrap();
    assert!(call.await.unwrap().is_err());
    assert!(Instant::now() - start <= SEC * 2 + Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn all_failed_names_the_soonest_time_to_try_again() {
    let (a, b) = (named("a"), named("b"));
    a.health().gate(Instant::now() + SEC * 9);
    b.health().gate(Instant::now() + SEC * 3);
    let (router, _backends) = router([a, b]);
    let error = router.oneshot(1).await.unwrap_err();
    let all = cause_ref::<AllFailed>(&*error).unwrap();
    assert_eq!(all.wait(), Some(SEC * 3));
    assert_eq!(
        error.to_string(),
        "no target answered: a shed, b shed, try again in 3s"
    );
}

#[tokio::test(start_paused = true)]
async fn with_every_circuit_open_each_breaker_is_asked_once() {
    let (a, b) = (named("a"), named("b"));
    a.health()
        .set_mode(Mode::Open, Some(Instant::now() + SEC * 9));
    b.health()
        .set_mode(Mode::Open, Some(Instant::now() + SEC * 3));
    let (router, [mut a, mut b]) = router([a, b]);
    let reply = call(&router);
    for backend in [&mut b, &mut a] {
        let (_, reply) = backend.next_request().await.expect("the soonest first");
        reply.send_error(Shed::open(Some(SEC)));
    }
    let error = reply.await.unwrap().unwrap_err();
    assert_eq!(tried(&error).len(), 2);

    let reply = call(&router);
    answer(&mut b, "b").await;
    assert_eq!(
        reply.await.unwrap().unwrap(),
        "b",
        "the least bad gets the pass"
    );
}

#[tokio::test(start_paused = true)]
async fn a_running_router_can_be_changed() {
    let (router, [mut a, mut b]) = router([named("a"), named("b")]);
    let handle = router.handle();
    handle.prefer(&["b"]).unwrap();
    let reply = call(&router);
    answer(&mut b, "b").await;
    reply.await.unwrap().unwrap();

    handle.drain("b").unwrap();
    let reply = call(&router);
    fail(&mut a, Outcome::Fault).await;
    answer(&mut b, "b").await;
    assert_eq!(
        reply.await.unwrap().unwrap(),
        "b",
        "no other target is left"
    );

    handle.disable("b").unwrap();
    let reply = call(&router);
    fail(&mut a, Outcome::Fault).await;
    assert!(reply.await.unwrap().is_err());
    assert_untouched(&mut b).await;

    handle.enable("b").unwrap();
    assert!(
        handle
            .targets()
            .all(|(_, switch)| switch == Switch::Enabled)
    );
    assert_eq!(
        handle.prefer(&["b", "b"]),
        Err(InvalidFailover::SameName("b".into()))
    );
    assert_eq!(
        handle.drain("x"),
        Err(InvalidFailover::UnknownTarget("x".into()))
    );
}

#[tokio::test(start_paused = true)]
async fn the_faster_target_is_preferred_by_latency() {
    let targets = [named("slow"), named("fast")];
    let delays = [SEC * 2, Duration::from_millis(100)];
    let services = targets.into_iter().zip(delays).map(|(target, delay)| {
        let service = tower::service_fn(move |_: u8| async move {
            tokio::time::sleep(delay).await;
            Ok::<_, io::Error>(delay)
        });
        (target, service)
    });
    let router = Failover::new(services).unwrap().order(Order::LeastLatency);
    let mut fast = 0;
    for _ in 0..50 {
        fast += u32::from(router.clone().oneshot(1).await.unwrap() == delays[1]);
    }
    assert!(fast >= 40, "{fast} of 50");
    for (target, _) in router.handle().targets() {
        assert_eq!(target.health().pending(), 0, "every attempt was ended");
    }
}

#[tokio::test(start_paused = true)]
async fn services_of_one_layer_are_one_router() {
    let layer = FailoverLayer::new(vec![named("a"), named("b")], |target: &Target, _: ()| {
        let name = target.name().to_owned();
        tower::service_fn(move |_: u8| std::future::ready(Ok::<_, io::Error>(name.clone())))
    })
    .unwrap()
    .with(|router| router.policy(()));
    let (first, second) = (layer.layer(()), layer.layer(()));
    layer.handle().disable("a").unwrap();
    assert_eq!(first.oneshot(1).await.unwrap(), "b");
    assert_eq!(second.oneshot(1).await.unwrap(), "b");
}

#[test]
fn nonsense_is_refused_with_the_rule() {
    let make =
        |names: &[&str]| Failover::new(names.iter().map(|name| (named(name), ()))).map(|_| ());
    assert_eq!(make(&[]), Err(InvalidFailover::NoTargets));
    assert_eq!(
        make(&["a", "a"]),
        Err(InvalidFailover::SameName("a".into()))
    );
    let many: Vec<_> = (0..257).map(|n| n.to_string()).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert_eq!(make(&many), Err(InvalidFailover::TooManyTargets));
    let router = Failover::new([(named("a"), ())]).unwrap();
    assert_eq!(
        router.deadline(Duration::ZERO).unwrap_err(),
        InvalidFailover::ZeroTimeout
    );
}

#[test]
fn auto_traits_hold() {
    fn check<T: Send + Sync + Clone>(_: &T) {}
    fn sent<T: Send>(_: &T) {}
    let service = tower::service_fn(|n: u8| std::future::ready(Ok::<_, io::Error>(n)));
    let mut router = Failover::new([(named("a"), service)]).unwrap();
    check(&router);
    sent(&router.call(1));
}
