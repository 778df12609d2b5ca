//! Several keys of one target, over real sockets, against providers that limit and refuse by key.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::sleep;
use tower::ServiceExt;
use tower_ai::error::{AllFailed, cause_ref};
use tower_ai::http::{ReplayBody, Secret, TargetLayer};
use tower_ai::{BoxError, Key, Mode, Outcome, Served, Stack, StackBuilder, Target, Tuning};
use tower_ai_drill::{Fault, Pace, Provider, Rule, Script};

type Ours = Stack<Client<HttpConnector, ReplayBody<Full<Bytes>>>>;

/// The waits of the fake providers: none is over before a test is.
const LONG: Duration = Duration::from_secs(50);

async fn provider(name: &str, script: Script) -> Provider {
    let instant = Duration::from_millis(2);
    let pace = Pace::new(instant, Duration::ZERO, 3..=3).expect("a valid pace");
    let builder = Provider::builder(name).pace(pace).script(script);
    builder.start().await.expect("a free port")
}

fn keys(names: &[&'static str]) -> Vec<Key> {
    names.iter().map(|name| Key::named(*name)).collect()
}

/// A target with these keys; the secret of "a" is "sk-a".
fn target(provider: &Provider, keys: &[Key]) -> Result<TargetLayer, BoxError> {
    let endpoint = provider.endpoint();
    let target = Target::builder(&endpoint.name)
        .provider(&endpoint.name)
        .endpoint(&endpoint.url)
        .model(&endpoint.model)
        .keys(keys.iter().cloned())
        .build()?;
    let secret = |key: &Key| Secret::new(format!("sk-{}", key.name()));
    let secrets: Vec<_> = keys.iter().map(secret).collect();
    Ok(TargetLayer::new(target)?.with_secrets(keys.iter().zip(&secrets))?)
}

fn stack(change: impl FnOnce(StackBuilder) -> StackBuilder) -> Ours {
    let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let builder = change(Stack::builder().seed(1));
    builder.build(client).expect("a valid stack")
}

/// Who answered a call, with which key, after how many attempts, and how well.
async fn ask(stack: &Ours) -> Result<(String, String, u32, u16), BoxError> {
    let request = http::Request::post("/v1/chat/completions")
        .header("content-type", "application/json")
        .body(Full::from(r#"{"model": "any", "messages": []}"#))?;
    let response = stack.clone().oneshot(request).await?;
    let served = response.extensions().get::<Served>().cloned();
    let status = response.status().as_u16();
    response.into_body().collect().await?;
    let served = served.ok_or("nobody said who served")?;
    let target = served.target().map_or("", Target::name).to_owned();
    let key = served.key().map_or("", Key::name).to_owned();
    Ok((target, key, served.attempts(), status))
}

/// How many calls each key answered, and the attempts of all.
async fn calls(stack: &Ours, calls: u32) -> (BTreeMap<String, u32>, u32) {
    let (mut by_key, mut attempts) = (BTreeMap::new(), 0);
    for _ in 0..calls {
        let (_, key, sent, status) = ask(stack).await.expect("an answer");
        assert_eq!(status, 200);
        *by_key.entry(key).or_default() += 1;
        attempts += sent;
    }
    (by_key, attempts)
}

fn mode(stack: &Ours, name: &str) -> Mode {
    let handle = stack.handle();
    let breaker = handle.breaker(name).expect("a target of this name");
    breaker.mode()
}

#[tokio::test]
async fn keys_share_the_calls() {
    let provider = provider("alpha", Script::well()).await;
    let all = keys(&["a", "b", "c"]);
    let stack = stack(|stack| stack.target(target(&provider, &all).unwrap()));
    let (by_key, attempts) = calls(&stack, 30).await;
    assert_eq!(by_key.values().copied().collect::<Vec<_>>(), [10, 10, 10]);
    assert_eq!(attempts, 30);
}

/// What one key is told costs one attempt, and neither the other keys nor the target anything.
#[tokio::test]
async fn what_one_key_does_wrong_is_charged_to_that_key() {
    let limited = Fault::RateLimit { wait: Some(LONG) };
    for fault in [limited, Fault::Quota, Fault::Unauthorized] {
        let script = Script::well().rule(Rule::new(fault).key("sk-a"));
        let provider = provider("alpha", script).await;
        let all = keys(&["a", "b", "c"]);
        let layer = target(&provider, &all).unwrap();
        let watched = layer.target().clone();
        let stack = stack(|stack| stack.target(layer));
        let (by_key, attempts) = calls(&stack, 30).await;
        assert!(!by_key.contains_key("a"), "{fault}: {by_key:?}");
        assert_eq!(by_key.values().sum::<u32>(), 30);
        assert_eq!((attempts, provider.log().len()), (31, 31), "{fault}");
        assert!(watched.is_closed(), "{fault}");
        assert_eq!(mode(&stack, "alpha"), Mode::Closed, "{fault}");
        let now = tokio::time::Instant::now();
        let ring = watched.keys().unwrap();
        assert!(ring.wait(0, now).is_some() && ring.wait(1, now).is_none());
    }
}

#[tokio::test]
async fn with_every_key_limited_the_backup_answers_and_nothing_is_asked_in_vain() {
    let limited = Fault::RateLimit { wait: Some(LONG) };
    let alpha = provider("alpha", Script::always(limited)).await;
    let beta = provider("beta", Script::well()).await;
    let (two, one) = (keys(&["a", "b"]), keys(&["z"]));
    let stack = stack(|stack| {
        stack
            .target(target(&alpha, &two).unwrap())
            .target(target(&beta, &one).unwrap())
    });
    let (by_key, _) = calls(&stack, 20).await;
    assert_eq!(by_key["z"], 20);
    assert_eq!(alpha.log().len(), 2, "one attempt with each key");
}

#[tokio::test]
async fn a_wait_that_is_longer_than_an_attempt_may_take_is_not_slept() {
    let limited = Fault::RateLimit { wait: Some(LONG) };
    let provider = provider("alpha", Script::always(limited)).await;
    let one = keys(&["a"]);
    let stack = stack(|stack| stack.target(target(&provider, &one).unwrap()));
    let asked = tokio::time::timeout(Duration::from_secs(10), ask(&stack)).await;
    let (_, _, attempts, status) = asked.expect("at once").unwrap();
    assert_eq!((attempts, status), (1, 429));
}

#[tokio::test]
async fn with_every_key_limited_and_nowhere_to_go_the_error_names_the_soonest() {
    let minute = Duration::from_secs(60);
    let limit = |wait, key: &str| Rule::new(Fault::RateLimit { wait: Some(wait) }).key(key);
    let script = Script::well()
        .rule(limit(LONG, "sk-a"))
        .rule(limit(2 * minute, "sk-b"));
    let provider = provider("alpha", script).await;
    let both = keys(&["a", "b"]);
    // Too little time to wait for either.
    let stack = stack(|stack| {
        let target = target(&provider, &both).unwrap();
        stack.deadline(Duration::from_secs(20)).target(target)
    });
    let (_, _, attempts, status) = ask(&stack).await.unwrap();
    assert_eq!((status, attempts), (429, 2), "the first answer stands");
    let error = ask(&stack).await.unwrap_err();
    let all = cause_ref::<AllFailed>(&*error).expect("nobody was asked");
    let wait = all.wait().expect("a time");
    assert!(
        wait <= LONG && wait > LONG - Duration::from_secs(5),
        "{wait:?}"
    );
    assert!(!all.outcome().was_sent());
    assert_eq!(provider.log().len(), 2);
}

/// Three keys behind one circuit find an outage as soon as one does.
#[tokio::test]
async fn the_evidence_of_an_endpoint_is_not_split() {
    let mut seen = Vec::new();
    for names in [&["a"][..], &["a", "b", "c"]] {
        let sick = provider("sick", Script::always(Fault::Status(500))).await;
        let well = provider("well", Script::well()).await;
        let (ours, other) = (keys(names), keys(&["z"]));
        let stack = stack(|stack| {
            stack
                .target(target(&sick, &ours).unwrap())
                .target(target(&well, &other).unwrap())
        });
        let (by_key, _) = calls(&stack, 60).await;
        assert_eq!(by_key["z"], 60);
        assert_eq!(mode(&stack, "sick"), Mode::Open);
        seen.push(sick.log().len());
    }
    assert!(
        seen[1] <= seen[0] + 2,
        "{seen:?} attempts at the sick endpoint"
    );
}

/// O1 with two keys: 401 for keys that worked a moment ago is the endpoint's doing, and passes.
#[tokio::test]
async fn a_sign_in_storm_writes_no_key_off() {
    let storm = Duration::from_millis(600)..Duration::from_millis(1600);
    let rule = Rule::new(Fault::Unauthorized).during(storm).unwrap();
    let alpha = provider("alpha", Script::well().rule(rule)).await;
    let beta = provider("beta", Script::well()).await;
    let (two, one) = (keys(&["a", "b"]), keys(&["z"]));
    let tuning = Tuning::new().scaled(0.05).unwrap();
    let stack = stack(|stack| {
        stack
            .tuning(tuning)
            .deadline(Duration::from_secs(30))
            .target(target(&alpha, &two).unwrap())
            .target(target(&beta, &one).unwrap())
    });
    let mut by_key = BTreeMap::<String, u32>::new();
    let mut last = String::new();
    for _ in 0..100 {
        let (_, key, _, status) = ask(&stack).await.expect("an answer");
        assert_eq!(status, 200);
        *by_key.entry(key.clone()).or_default() += 1;
        last = key;
        sleep(Duration::from_millis(40)).await;
    }
    assert!(
        by_key["z"] >= 10,
        "the storm was sat out elsewhere: {by_key:?}"
    );
    assert_ne!(last, "z", "and is over: {by_key:?}");
    let entries = alpha.log().entries();
    let refused = entries.iter().filter(|entry| entry.fault.is_some()).count();
    assert!(refused <= 12, "{refused} sign-ins during the storm");
    for key in ["a", "b"] {
        assert!(by_key[key] >= 10, "{key} was written off: {by_key:?}");
    }
}

#[test]
fn every_key_needs_its_secret() {
    let both = keys(&["a", "b"]);
    let target = Target::builder("t")
        .endpoint("http://127.0.0.1:1")
        .keys(both.clone())
        .build()
        .unwrap();
    let layer = || TargetLayer::new(target.clone()).unwrap();
    let secret = Secret::new("s");
    let stranger = Key::named("c");
    assert!(layer().with_secret(&secret).is_err());
    assert!(layer().with_secrets([(&both[0], &secret)]).is_err());
    let one_too_many = [&both[0], &both[1], &stranger].map(|key| (key, &secret));
    assert!(layer().with_secrets(one_too_many).is_err());
    assert!(
        layer()
            .with_secrets(both.iter().map(|key| (key, &secret)))
            .is_ok()
    );
}

#[tokio::test]
async fn keys_without_secrets_are_no_call() {
    let both = keys(&["a", "b"]);
    let target = Target::builder("t")
        .endpoint("http://127.0.0.1:1")
        .keys(both)
        .build()
        .unwrap();
    let stack = stack(|stack| stack.target(TargetLayer::new(target).unwrap()));
    let error = ask(&stack).await.unwrap_err();
    let all = cause_ref::<AllFailed>(&*error).expect("nobody was asked");
    assert_eq!(all.outcome(), Outcome::Shed { wait: None });
}
