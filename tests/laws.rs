//! The laws that only hold, or break, when the layers stand on each other: typed requests, virtual time.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt, service_fn};
use tower_ai::breaker::{Breaker, BreakerLayer};
use tower_ai::error::{AllFailed, Failed, cause_ref};
use tower_ai::failover::{Failover, Hedge};
use tower_ai::retry::{Retry, RetryLayer, RetryPolicy};
use tower_ai::{
    AtOnce, Attempt, BoxError, Budget, ByResult, Carry, Deadline, Mode, Outcome, Report, Served,
    Target,
};

const SEC: Duration = Duration::from_secs(1);

/// A typed request and response with room for what layers tell each other.
#[derive(Clone, Default)]
struct Ask {
    attempt: Option<Attempt>,
}

#[derive(Default)]
struct Answer {
    served: Served,
}

#[derive(Clone, Copy)]
struct Typed;

impl Carry<Ask> for Typed {
    fn get(&self, ask: &Ask) -> Option<Attempt> {
        ask.attempt
    }
    fn set(&self, ask: &mut Ask, attempt: Attempt) {
        ask.attempt = Some(attempt);
    }
}

impl Report<Answer> for Typed {
    fn report(&self, answer: &mut Answer, change: impl FnOnce(&mut Served)) {
        change(&mut answer.served);
    }
    fn served<'a>(&self, answer: &'a Answer) -> Option<&'a Served> {
        Some(&answer.served)
    }
}

type Service = BoxCloneSyncService<Ask, Answer, BoxError>;
type Path = Retry<Breaker<Service, AtOnce<ByResult>, Typed>, ByResult, Typed>;

/// A provider that is sick for a time, and counts its attempts in both.
struct Provider {
    target: Target,
    attempts: Arc<[AtomicU32; 2]>,
    service: Service,
}

impl Provider {
    fn new(name: &str, domain: &str, sick: Range<u64>, outcome: Outcome) -> Self {
        let target = Target::builder(name).domain(domain).build().expect("valid");
        let attempts = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
        let (counts, begin) = (Arc::clone(&attempts), Instant::now());
        let service = service_fn(move |_: Ask| {
            let is_sick = sick.contains(&(Instant::now() - begin).as_secs());
            counts[usize::from(is_sick)].fetch_add(1, Ordering::Relaxed);
            async move {
                sleep(Duration::from_millis(if is_sick { 100 } else { 600 })).await;
                if is_sick {
                    Err(BoxError::from(Failed::new(outcome, "sick")))
                } else {
                    Ok(Answer::default())
                }
            }
        });
        Self {
            target,
            attempts,
            service: BoxCloneSyncService::new(service),
        }
    }

    /// A provider that answers, and takes 20 s for it for a time.
    fn slow(name: &str, slow: Range<u64>) -> Self {
        let mut provider = Self::new(name, name, 0..0, Outcome::Fault);
        let (counts, begin) = (Arc::clone(&provider.attempts), Instant::now());
        let service = service_fn(move |_: Ask| {
            let is_slow = slow.contains(&(Instant::now() - begin).as_secs());
            counts[usize::from(is_slow)].fetch_add(1, Ordering::Relaxed);
            async move {
                sleep(Duration::from_millis(if is_slow { 20_000 } else { 600 })).await;
                Ok::<_, BoxError>(Answer::default())
            }
        });
        provider.service = BoxCloneSyncService::new(service);
        provider
    }

    fn while_sick(&self) -> u32 {
        self.attempts[1].load(Ordering::Relaxed)
    }

    fn in_all(&self) -> u32 {
        self.while_sick() + self.attempts[0].load(Ordering::Relaxed)
    }
}

/// Failover over retry over breaker, as the facade assembles them.
fn stack(providers: &[Provider], budget: &Budget) -> Service {
    BoxCloneSyncService::new(router(providers, budget))
}

/// The same with hedges after two seconds.
fn hedged_stack(providers: &[Provider], budget: &Budget) -> Service {
    let hedge = Hedge::after(2 * SEC).expect("some time");
    BoxCloneSyncService::new(router(providers, budget).hedge(hedge))
}

fn router(providers: &[Provider], budget: &Budget) -> Failover<Path, ByResult, Typed> {
    let retry = RetryLayer::new(
        RetryPolicy::new()
            .carry(Typed)
            .seed(1)
            .budget(budget.without_deposit()),
    );
    let breaker = BreakerLayer::adaptive().carry(Typed).seed(1);
    let paths = providers.iter().map(|provider| {
        let breaker = breaker.for_target(&provider.target);
        let path = retry.layer(breaker.layer(provider.service.clone()));
        (provider.target.clone(), path)
    });
    let failover = Failover::new(paths).expect("valid targets");
    failover.carry(Typed).budget(budget.clone())
}

/// Makes calls at a steady rate, and counts those that were answered.
async fn drive(stack: &Service, calls_per_s: u32, seconds: u32) -> (u32, u32) {
    let calls = calls_per_s * seconds;
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..calls {
        running.spawn(stack.clone().oneshot(Ask::default()));
        sleep(SEC / calls_per_s).await;
    }
    let results = running.join_all().await;
    let answered = results.iter().filter(|result| result.is_ok()).count();
    (calls, u32::try_from(answered).expect("a count of calls"))
}

fn attempts(providers: &[Provider]) -> u32 {
    providers.iter().map(Provider::in_all).sum()
}

#[tokio::test(start_paused = true)]
async fn an_outage_costs_no_answer_and_hardly_an_attempt() {
    for outcome in [
        Outcome::Fault,
        Outcome::Overloaded { wait: None },
        Outcome::TimedOut,
    ] {
        let providers = [
            Provider::new("a", "a", 60..660, outcome),
            Provider::new("b", "b", 0..0, outcome),
        ];
        let stack = stack(&providers, &Budget::default());
        let (calls, answered) = drive(&stack, 5, 900).await;
        assert_eq!(answered, calls, "{outcome}");
        let (all, sick) = (attempts(&providers), providers[0].while_sick());
        assert!(
            f64::from(all) <= 1.2 * f64::from(calls),
            "{outcome}: {all} for {calls}"
        );
        assert!(
            sick <= 5 * 600 / 30,
            "{outcome}: {sick} of 3000 to the sick target"
        );
        assert_eq!(
            providers[0].target.health().mode(),
            Mode::Closed,
            "{outcome}"
        );
        assert_eq!(
            providers[0].target.health().pending(),
            0,
            "all attempts settled"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn with_everything_down_attempts_stay_bounded_and_all_of_it_comes_back() {
    let providers = ["a", "b", "c"].map(|name| Provider::new(name, name, 30..630, Outcome::Fault));
    let stack = stack(&providers, &Budget::default());
    let (calls, answered) = drive(&stack, 5, 780).await;
    let all = attempts(&providers);
    assert!(
        f64::from(all) <= 1.2 * f64::from(calls) + 30.0,
        "{all} for {calls}"
    );
    assert!(answered >= 5 * (780 - 600 - 40), "{answered} of {calls}");
    let back = drive(&stack, 5, 60).await;
    assert_eq!(back.0, back.1, "nothing is stuck");
}

#[tokio::test(start_paused = true)]
async fn a_failed_domain_costs_each_call_one_attempt_at_most() {
    let providers = [
        Provider::new("a", "cloud", 0..60, Outcome::Fault),
        Provider::new("b", "cloud", 0..60, Outcome::Fault),
        Provider::new("c", "elsewhere", 0..0, Outcome::Fault),
    ];
    let stack = stack(&providers, &Budget::default());
    let (calls, answered) = drive(&stack, 5, 60).await;
    assert_eq!(answered, calls);
    // No call asks both; once `a` is open, the breaker of `b` learns for itself.
    let (a, b) = (providers[0].in_all(), providers[1].in_all());
    assert!(a + b <= 30, "{a} and {b} of {calls}");
    assert!(
        attempts(&providers) - calls <= a + b,
        "one extra attempt for each that failed"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_names_every_attempt_before_it() {
    let providers = [
        Provider::new("a", "a", 0..60, Outcome::Fault),
        Provider::new("b", "b", 0..0, Outcome::Fault),
    ];
    let stack = stack(&providers, &Budget::default());
    let answer = stack.oneshot(Ask::default()).await.expect("b is well");
    assert_eq!(answer.served.target().map(Target::name), Some("b"));
    assert_eq!(answer.served.tried()[0].outcome, Outcome::Fault);
}

#[tokio::test(start_paused = true)]
async fn no_call_sleeps_into_its_deadline() {
    let wait = Some(SEC * 20);
    let providers = [Provider::new(
        "a",
        "a",
        0..600,
        Outcome::RateLimited { wait },
    )];
    let stack = stack(&providers, &Budget::default());
    let now = Instant::now();
    let attempt = Attempt::begin(now).with_deadline(Deadline::after(now, SEC * 10));
    let ask = Ask {
        attempt: Some(attempt),
    };
    let Err(error) = stack.oneshot(ask).await else {
        panic!("it was rate-limited");
    };
    assert!(Instant::now() - now < SEC, "it failed at once");
    let wait = cause_ref::<AllFailed>(&*error).and_then(AllFailed::wait);
    assert!(
        wait.is_some_and(|wait| wait > SEC * 19),
        "with the wait in the error: {wait:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn every_attempt_settles_though_its_caller_leaves() {
    let providers = [Provider::new("a", "a", 0..0, Outcome::Fault)];
    let health = || providers[0].target.health();
    let stack = stack(&providers, &Budget::default());
    for wait in [0, 1, 100, 599, 601] {
        let call = tokio::spawn(stack.clone().oneshot(Ask::default()));
        sleep(Duration::from_millis(wait)).await;
        call.abort();
        let _cancelled = call.await;
        assert_eq!(health().pending(), 0, "left after {wait} ms");
    }
    assert_eq!(health().mode(), Mode::Closed);
}

#[tokio::test(start_paused = true)]
async fn hedges_stay_within_the_budget_however_slow_all_is() {
    for slow in [&["a"][..], &["a", "b", "c"]] {
        let providers = ["a", "b", "c"].map(|name| match slow.contains(&name) {
            true => Provider::slow(name, 60..360),
            false => Provider::slow(name, 0..0),
        });
        let budget = Budget::new(0.1, 5).expect("valid");
        let stack = hedged_stack(&providers, &budget);
        let (calls, answered) = drive(&stack, 5, 420).await;
        assert_eq!(answered, calls, "{slow:?}");
        let all = attempts(&providers);
        assert!(all > calls, "{slow:?}: something was hedged");
        let most = 1.1 * f64::from(calls) + 5.0;
        assert!(f64::from(all) <= most, "{slow:?}: {all} for {calls}");
        for provider in &providers {
            let pending = provider.target.health().pending();
            assert_eq!(pending, 0, "each attempt settled once");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn both_attempts_settle_though_their_caller_leaves() {
    let providers = ["a", "b"].map(|name| Provider::slow(name, 0..600));
    let stack = hedged_stack(&providers, &Budget::default());
    for wait in [0, 1, 1999, 2000, 2001, 9000, 19_999, 20_001] {
        let call = tokio::spawn(stack.clone().oneshot(Ask::default()));
        sleep(Duration::from_millis(wait)).await;
        call.abort();
        let _cancelled = call.await;
        for provider in &providers {
            let health = provider.target.health();
            assert_eq!(health.pending(), 0, "left after {wait} ms");
        }
    }
}
