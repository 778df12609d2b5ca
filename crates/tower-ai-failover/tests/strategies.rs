//! Orders, headroom, capacity and hedging, one promise a test, on a paused clock.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, advance, sleep, timeout};
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;
use tower_ai_core::error::{AllFailed, Failed, Reason, Shed, cause_ref};
use tower_ai_core::{
    Attempt, BoxError, Budget, Carry, Headroom, HttpCarry, Mode, Outcome, Priority, Room, Served,
    Target, TargetBuilder,
};
use tower_ai_failover::{Failover, Hedge, InvalidFailover, Order, Policy};

const SEC: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

type Request = http::Request<&'static str>;
type Response = http::Response<String>;
type Service = BoxCloneSyncService<Request, Response, BoxError>;
type Router<P = ()> = Failover<Service, tower_ai_core::ByResult, HttpCarry, P>;

/// What a fake target does with its next calls; the last repeats.
#[derive(Clone, Copy)]
struct Does {
    after: Duration,
    fails: Option<Outcome>,
}

/// A target whose calls are counted from their start to their end.
#[derive(Clone)]
struct Fake {
    target: Target,
    does: Arc<Mutex<Does>>,
    calls: Arc<AtomicU32>,
    dropped: Arc<AtomicU32>,
    attempts: Arc<Mutex<Vec<Attempt>>>,
}

/// Counts a call that is dropped before it is done.
struct Unfinished(Option<Arc<AtomicU32>>);

impl Unfinished {
    fn done(&mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(dropped) = self.0.take() {
            dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Fake {
    fn new(target: TargetBuilder) -> Self {
        let target = target.build().expect("a valid target");
        let does = Does {
            after: 10 * MS,
            fails: None,
        };
        Self {
            target,
            does: Arc::new(Mutex::new(does)),
            calls: Arc::default(),
            dropped: Arc::default(),
            attempts: Arc::default(),
        }
    }

    fn named(name: &str) -> Self {
        Self::new(Target::builder(name))
    }

    fn takes(self, after: Duration) -> Self {
        self.does().after = after;
        self
    }

    fn fails(self, outcome: Outcome) -> Self {
        self.does().fails = Some(outcome);
        self
    }

    fn does(&self) -> MutexGuard<'_, Does> {
        self.does.lock().expect("whole")
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }

    fn dropped(&self) -> u32 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn note_requests(&self, left: u64, of: u64, resets: Duration) {
        let now = Instant::now();
        let headroom = Headroom::new().with_requests(Room::new(left, of, now + resets));
        self.target.health().note_headroom(now, &headroom);
    }

    fn service(&self) -> Service {
        let fake = self.clone();
        BoxCloneSyncService::new(tower::service_fn(move |request: Request| {
            fake.calls.fetch_add(1, Ordering::Relaxed);
            let attempt = HttpCarry
                .get(&request)
                .expect("the router says what it knows");
            fake.attempts.lock().expect("whole").push(attempt);
            let does = *fake.does();
            let name = fake.target.name().to_owned();
            let mut unfinished = Unfinished(Some(Arc::clone(&fake.dropped)));
            async move {
                sleep(does.after).await;
                unfinished.done();
                match does.fails {
                    Some(outcome) => Err(Failed::new(outcome, "no").into()),
                    None => Ok(http::Response::new(name)),
                }
            }
        }))
    }
}

fn router(fakes: &[Fake]) -> Router {
    let pairs = fakes
        .iter()
        .map(|fake| (fake.target.clone(), fake.service()));
    Failover::new(pairs)
        .expect("a valid router")
        .carry(HttpCarry)
}

fn request(priority: Priority) -> Request {
    let mut request = http::Request::new("hi");
    request.extensions_mut().insert(priority);
    request
}

/// Who answers one call.
async fn answered<P>(router: &Router<P>) -> String
where
    P: Policy<Request> + Clone,
{
    let response = router.clone().oneshot(http::Request::new("hi")).await;
    response.expect("an answer").into_body()
}

async fn shares(router: &Router, calls: u32) -> BTreeMap<String, u32> {
    let mut shares = BTreeMap::new();
    for _ in 0..calls {
        *shares.entry(answered(router).await).or_default() += 1;
    }
    shares
}

// === headroom ===

#[tokio::test(start_paused = true)]
async fn a_target_with_nearly_no_room_is_passed_over_before_it_says_429() {
    let fakes = [Fake::named("a"), Fake::named("b")];
    let router = router(&fakes);
    fakes[0].note_requests(26, 500, 60 * SEC);
    assert_eq!(answered(&router).await, "a", "a twentieth is left");
    fakes[0].note_requests(24, 500, 60 * SEC);
    assert_eq!(answered(&router).await, "b");
    advance(60 * SEC).await;
    assert_eq!(answered(&router).await, "a", "the limit is whole again");
}

#[tokio::test(start_paused = true)]
async fn a_target_with_nearly_no_room_is_called_where_no_other_is_closed() {
    let fakes = [Fake::named("a"), Fake::named("b")];
    let router = router(&fakes);
    fakes[0].note_requests(0, 500, 60 * SEC);
    fakes[1].target.health().set_mode(Mode::Shedding, None);
    assert_eq!(answered(&router).await, "a", "b is doubtful");
    fakes[1].target.health().set_mode(Mode::Closed, None);
    fakes[1].note_requests(0, 500, 60 * SEC);
    assert_eq!(answered(&router).await, "a", "neither has room");
}

#[tokio::test(start_paused = true)]
async fn who_has_room_but_fails_hands_over_to_who_has_none() {
    let fakes = [Fake::named("a"), Fake::named("b").fails(Outcome::Fault)];
    fakes[0].note_requests(0, 500, 60 * SEC);
    assert_eq!(answered(&router(&fakes)).await, "a");
    assert_eq!(fakes[1].calls(), 1);
}

// === orders ===

#[tokio::test(start_paused = true)]
async fn weights_are_kept_and_a_seed_repeats_the_choices() {
    let fakes = [
        Fake::new(Target::builder("a").weight(6)),
        Fake::new(Target::builder("b").weight(3)),
        Fake::named("c"),
        Fake::new(Target::builder("spare").weight(0)),
    ];
    let weighted = || router(&fakes).order(Order::Weighted).seed(7);
    let found = shares(&weighted(), 2000).await;
    for (name, expected) in [("a", 1200), ("b", 600), ("c", 200)] {
        let n = found[name];
        assert!(n.abs_diff(expected) < 90, "{name}: {n} is not {expected}");
    }
    assert!(!found.contains_key("spare"));
    let (one, two) = (weighted(), weighted());
    for _ in 0..50 {
        assert_eq!(answered(&one).await, answered(&two).await);
    }
}

#[tokio::test(start_paused = true)]
async fn the_weight_of_a_target_that_is_away_goes_to_the_others_in_proportion() {
    let fakes = [
        Fake::new(Target::builder("a").weight(6)),
        Fake::new(Target::builder("b").weight(3)),
        Fake::named("c"),
        Fake::new(Target::builder("spare").weight(0)),
    ];
    let router = router(&fakes).order(Order::Weighted).seed(7);
    fakes[0].target.health().set_mode(Mode::Open, None);
    let found = shares(&router, 2000).await;
    assert!(found["b"].abs_diff(1500) < 90, "{found:?}");
    assert!(found["c"].abs_diff(500) < 90, "{found:?}");
    for fake in &fakes[1..3] {
        fake.target.health().set_mode(Mode::Open, None);
    }
    assert_eq!(answered(&router).await, "spare");
}

#[tokio::test(start_paused = true)]
async fn the_cheapest_target_that_takes_calls_is_tried_first() {
    let fakes = [
        Fake::named("unknown"),
        Fake::new(Target::builder("dear").cost(15.0)),
        Fake::new(Target::builder("cheap").cost(0.6)),
        Fake::new(Target::builder("fair").cost(3.0)),
    ];
    let router = router(&fakes).order(Order::LeastCost);
    for name in ["cheap", "fair", "dear", "unknown"] {
        assert_eq!(answered(&router).await, name);
        let fake = fakes.iter().find(|fake| fake.target.name() == name);
        fake.unwrap().target.health().set_mode(Mode::Open, None);
    }
}

// === capacity ===

#[tokio::test(start_paused = true)]
async fn while_only_a_small_backup_is_left_low_classes_are_shed_first() {
    let fakes = [
        Fake::named("main"),
        Fake::new(Target::builder("backup").capacity(10)).takes(4 * SEC),
    ];
    let router = router(&fakes);
    fakes[0].target.health().gate(Instant::now() + 20 * SEC);
    let mut running = JoinSet::new();
    let mut refused = Vec::new();
    // The first of the highest class shows that it is in use.
    let classes = [Priority::High, Priority::Low, Priority::Normal];
    for n in 0..45 {
        let class = classes[n % 3];
        let mut call = Box::pin(router.clone().oneshot(request(class)));
        match timeout(MS, &mut call).await {
            Ok(Err(error)) => refused.push((class, error)),
            Ok(Ok(_)) => unreachable!("it takes four seconds"),
            Err(_) => {
                running.spawn(call);
            }
        }
    }
    assert_eq!(running.len(), 10, "no more than it takes");
    let first = |class| refused.iter().position(|(of, _)| *of == class).unwrap();
    assert!(first(Priority::Low) < first(Priority::Normal));
    assert!(first(Priority::Normal) < first(Priority::High));
    for (_, error) in &refused {
        let shed = cause_ref::<Shed>(&**error).expect("the reason");
        assert_eq!(shed.reason(), Reason::Busy);
        let all = cause_ref::<AllFailed>(&**error).unwrap();
        let wait = all.wait().expect("a time to try again");
        assert!(wait > Duration::ZERO && wait <= 20 * SEC, "{wait:?}");
        assert!(!all.outcome().was_sent(), "it cost nothing");
    }
    assert_eq!(fakes[1].calls(), 10);
    let answers = running.join_all().await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(fakes[1].target.health().pending(), 0, "all places are free");
    assert_eq!(answered(&router).await, "backup");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_for_a_class_that_nobody_uses() {
    let fakes = [Fake::new(Target::builder("only").capacity(10)).takes(SEC)];
    let router = router(&fakes);
    let mut running = JoinSet::new();
    for _ in 0..12 {
        running.spawn(router.clone().oneshot(http::Request::new("hi")));
    }
    let answers = running.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_full_target_hands_over_to_one_that_has_room() {
    let fakes = [
        Fake::new(Target::builder("small").capacity(1)).takes(SEC),
        Fake::named("large"),
    ];
    let router = router(&fakes);
    let first = tokio::spawn(router.clone().oneshot(http::Request::new("hi")));
    sleep(MS).await;
    assert_eq!(answered(&router).await, "large");
    assert_eq!(first.await.unwrap().unwrap().into_body(), "small");
    assert_eq!(answered(&router).await, "small");
}

#[tokio::test(start_paused = true)]
async fn a_place_is_given_back_however_a_call_ends() {
    let fakes = [Fake::new(Target::builder("only").capacity(1)).takes(SEC)];
    let router = router(&fakes);
    for after in [0, 1, 500, 999] {
        let call = router.clone().oneshot(http::Request::new("hi"));
        assert!(timeout(after * MS, call).await.is_err(), "dropped");
        assert_eq!(fakes[0].target.health().pending(), 0, "after {after} ms");
    }
    assert_eq!(answered(&router).await, "only");
}

// === hedging ===

fn hedged(fakes: &[Fake], after: Duration) -> Router {
    router(fakes).hedge(Hedge::after(after).expect("some time"))
}

async fn served(router: &Router) -> Served {
    let response = router.clone().oneshot(http::Request::new("hi")).await;
    let response = response.expect("an answer");
    let served = response.extensions().get::<Served>();
    served.expect("who served").clone()
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_is_beaten_by_a_second_target_and_dropped() {
    let fakes = [
        Fake::named("a").takes(30 * SEC),
        Fake::named("b").takes(SEC),
    ];
    let budget = Budget::new(0.0, 3).unwrap();
    let router = hedged(&fakes, 2 * SEC).budget(budget.clone());
    let start = Instant::now();
    let served = served(&router).await;
    assert!(Instant::now() - start < 3 * SEC + 10 * MS);
    assert_eq!(served.target(), Some(&fakes[1].target));
    assert_eq!(served.attempts(), 2);
    let tried = &served.tried()[0];
    assert_eq!(
        (tried.target.name(), tried.outcome),
        ("a", Outcome::Cancelled)
    );
    assert_eq!(fakes[0].dropped(), 1, "the loser was cancelled");
    assert!((budget.balance() - 2.0).abs() < 1e-9, "it was paid for");
    assert_eq!(fakes[1].attempts.lock().unwrap()[0].number(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_first_attempt_may_still_win() {
    let fakes = [
        Fake::named("a").takes(3 * SEC),
        Fake::named("b").takes(20 * SEC),
    ];
    let served = served(&hedged(&fakes, 2 * SEC)).await;
    assert_eq!(served.target(), Some(&fakes[0].target));
    assert_eq!((served.attempts(), fakes[1].dropped()), (2, 1));
    assert_eq!(served.tried()[0].outcome, Outcome::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_quick_answer_has_no_hedge() {
    let fakes = [Fake::named("a").takes(SEC), Fake::named("b")];
    assert_eq!(answered(&hedged(&fakes, 2 * SEC)).await, "a");
    assert_eq!(fakes[1].calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_balance_there_is_no_hedge() {
    let fakes = [Fake::named("a").takes(5 * SEC), Fake::named("b")];
    let budget = Budget::new(0.0, 1).unwrap();
    assert!(budget.withdraw());
    assert_eq!(answered(&hedged(&fakes, SEC).budget(budget)).await, "a");
    assert_eq!(fakes[1].calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_has_one_hedge_whatever_comes() {
    let slow = |name| Fake::named(name).takes(10 * SEC);
    let fakes = [slow("a"), slow("b"), slow("c"), slow("d")];
    assert_eq!(answered(&hedged(&fakes, SEC)).await, "a");
    let calls: Vec<_> = fakes.iter().map(Fake::calls).collect();
    assert_eq!(calls, [1, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_hedge_goes_to_another_domain() {
    let of = |name: &str, domain: &str| Fake::new(Target::builder(name).domain(domain));
    let fakes = [of("a1", "a").takes(9 * SEC), of("a2", "a"), of("b", "b")];
    assert_eq!(answered(&hedged(&fakes, SEC)).await, "b");
}

#[tokio::test(start_paused = true)]
async fn a_hedge_goes_only_where_all_is_well() {
    let fakes = [
        Fake::named("a").takes(9 * SEC),
        Fake::named("b"),
        Fake::named("c"),
    ];
    fakes[1].target.health().set_mode(Mode::Ramping, None);
    fakes[2].note_requests(0, 100, 600 * SEC);
    assert_eq!(answered(&hedged(&fakes, SEC)).await, "a");
}

#[derive(Clone)]
struct Once;

impl Policy<Request> for Once {
    fn may_hedge(&self, _: &Request) -> bool {
        false
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_may_say_no_to_a_hedge() {
    let fakes = [Fake::named("a").takes(9 * SEC), Fake::named("b")];
    assert_eq!(answered(&hedged(&fakes, SEC).policy(Once)).await, "a");
    assert_eq!(fakes[1].calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_hedge_answers_a_call_whose_first_attempt_fails() {
    let fakes = [
        Fake::named("a").takes(2 * SEC).fails(Outcome::Fault),
        Fake::named("b").takes(3 * SEC),
        Fake::named("c"),
    ];
    let served = served(&hedged(&fakes, SEC)).await;
    assert_eq!(served.target(), Some(&fakes[1].target));
    assert_eq!(served.attempts(), 2);
    assert_eq!(served.tried()[0].outcome, Outcome::Fault);
    assert_eq!(fakes[2].calls(), 0, "a second one was under way already");
}

#[tokio::test(start_paused = true)]
async fn a_hedge_that_fails_leaves_the_first_attempt_alone() {
    let fakes = [
        Fake::named("a").takes(5 * SEC),
        Fake::named("b").fails(Outcome::Fault),
    ];
    let served = served(&hedged(&fakes, SEC)).await;
    assert_eq!(served.target(), Some(&fakes[0].target));
    assert_eq!(
        (served.attempts(), served.tried()[0].outcome),
        (2, Outcome::Fault)
    );
}

#[tokio::test(start_paused = true)]
async fn when_first_attempt_and_hedge_fail_the_call_goes_on() {
    for (first, second) in [(2, 3), (3, 1)] {
        let fakes = [
            Fake::named("a").takes(first * SEC).fails(Outcome::Fault),
            Fake::named("b").takes(second * SEC).fails(Outcome::Fault),
            Fake::named("c"),
        ];
        let served = served(&hedged(&fakes, SEC)).await;
        assert_eq!(served.target(), Some(&fakes[2].target));
        assert_eq!((served.attempts(), served.tried().len()), (3, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_hedge_that_was_not_sent_costs_no_budget() {
    let fakes = [
        Fake::named("a").takes(5 * SEC),
        Fake::named("b").fails(Outcome::Shed { wait: None }),
    ];
    let budget = Budget::new(0.0, 3).unwrap();
    let router = hedged(&fakes, SEC).budget(budget.clone());
    assert_eq!(served(&router).await.attempts(), 1);
    assert!((budget.balance() - 3.0).abs() < 1e-9);
}

#[tokio::test(start_paused = true)]
async fn a_percentile_is_learnt_before_anything_is_hedged() {
    let fakes = [Fake::named("a").takes(SEC), Fake::named("b")];
    let router = router(&fakes).hedge(Hedge::default());
    fakes[0].does().after = 20 * SEC;
    assert_eq!(answered(&router).await, "a", "nothing is known yet");
    fakes[0].does().after = SEC;
    for _ in 0..40 {
        assert_eq!(answered(&router).await, "a");
    }
    assert_eq!(fakes[1].calls(), 0);
    fakes[0].does().after = 20 * SEC;
    let start = Instant::now();
    assert_eq!(answered(&router).await, "b");
    let took = Instant::now() - start;
    assert!((SEC..1200 * MS).contains(&took), "{took:?}");
}

/// The loser's time counts, or what was learnt would creep towards ever more hedges.
#[tokio::test(start_paused = true)]
async fn the_share_of_hedged_calls_stays_that_of_the_percentile() {
    let fakes = [Fake::named("a"), Fake::named("b").takes(MS)];
    let router = router(&fakes).hedge(Hedge::at_percentile(0.9).unwrap());
    let router = router.without_budget();
    for n in 0..3000_u32 {
        // From 100 ms to 3 s, each as often as any other.
        let step = n.wrapping_mul(2_654_435_761) >> 16;
        fakes[0].does().after = (100 + step % 2900) * MS;
        answered(&router).await;
    }
    let share = f64::from(fakes[1].calls()) / 3000.0;
    assert!((0.02..0.11).contains(&share), "{share} were hedged");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_drops_both_attempts() {
    for after in [500, 1500, 2500] {
        let fakes = [
            Fake::named("a").takes(9 * SEC),
            Fake::named("b").takes(9 * SEC),
        ];
        let router = hedged(&fakes, SEC);
        let call = router.oneshot(http::Request::new("hi"));
        assert!(timeout(after * MS, call).await.is_err());
        for fake in &fakes {
            assert_eq!(fake.dropped(), fake.calls(), "dropped after {after} ms");
            assert_eq!(fake.target.health().pending(), 0);
        }
        assert_eq!(fakes[1].calls(), u32::from(after > 1000));
    }
}

#[test]
fn nonsense_is_refused_with_the_rule() {
    for share in [0.49, 1.0, f64::NAN, -1.0] {
        let error = Hedge::at_percentile(share).unwrap_err();
        assert_eq!(error, InvalidFailover::Percentile);
    }
    let error = Hedge::after(Duration::ZERO).unwrap_err();
    assert_eq!(error, InvalidFailover::ZeroTimeout);
}
