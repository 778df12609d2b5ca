//! What a provider promises beside its faults.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::Duration;

use support::{DIALECTS, MOMENT, attempt, call, end, grade, http, quick};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tower_ai_drill::{
    Capacity, Dialect, Domain, End, Fault, Grade, Pace, Provider, Reply, Rule, Scale, Script,
};

#[tokio::test]
async fn a_closed_listener_refuses_and_opens_again() {
    let provider = quick("alpha").start().await.unwrap();
    provider.set_script(Script::always(Fault::Refuse));
    tokio::time::sleep(MOMENT).await;
    let address = provider.url().trim_start_matches("http://").to_owned();
    let refused = TcpStream::connect(&address).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    provider.set_script(Script::well());
    tokio::time::sleep(MOMENT).await;
    let reply = attempt(&http(), &provider.endpoint(), &call("1")).await;
    assert_eq!(grade(&reply), Grade::Answered);
}

#[tokio::test]
async fn only_its_own_key_opens_it() {
    for dialect in DIALECTS {
        let provider = quick("alpha")
            .dialect(dialect)
            .key("right")
            .start()
            .await
            .unwrap();
        let mut endpoint = provider.endpoint();
        let reply = attempt(&http(), &endpoint, &call("1")).await;
        assert_eq!(grade(&reply), Grade::Answered, "{dialect:?}");
        endpoint.key = "wrong".to_owned();
        let reply = attempt(&http(), &endpoint, &call("1")).await;
        assert_eq!(reply.status, Some(401), "{dialect:?}");
    }
}

#[tokio::test]
async fn a_prompt_is_measured() {
    let provider = quick("alpha").window(2).start().await.unwrap();
    let reply = attempt(&http(), &provider.endpoint(), &call("1")).await;
    assert!(reply.error.unwrap().contains("context_length_exceeded"));
}

#[tokio::test]
async fn beyond_capacity_it_refuses_at_once() {
    let pace = Pace::new(MOMENT, Duration::ZERO, 1..=1).unwrap();
    let capacity = Capacity::new(1, 1).unwrap();
    let builder = Provider::builder("alpha").pace(pace).capacity(capacity);
    let provider = builder.start().await.unwrap();
    let (http, endpoint) = (http(), provider.endpoint());
    let replies = futures(&http, &endpoint, 3).await;
    let answered = replies
        .iter()
        .filter(|reply| grade(reply) == Grade::Answered)
        .count();
    assert_eq!(answered, 2, "one works, one waits, one is refused");
    assert!(replies.iter().any(|reply| reply.status == Some(503)));
}

async fn futures(
    http: &support::Http,
    endpoint: &tower_ai_drill::Endpoint,
    calls: usize,
) -> Vec<Reply> {
    let mut tasks = tokio::task::JoinSet::new();
    for id in 0..calls {
        let (http, endpoint) = (http.clone(), endpoint.clone());
        tasks.spawn(async move { attempt(&http, &endpoint, &call(&id.to_string())).await });
    }
    tasks.join_all().await
}

#[tokio::test]
async fn a_half_is_gone_on_with() {
    let provider = quick("alpha").start().await.unwrap();
    let body = r#"{"messages":[{"role":"user","content":"how are you"},
        {"role":"assistant","content":"re x: 1/4 2/4"}]}"#;
    let mut request = call("1").request(&provider.endpoint()).unwrap();
    *request.body_mut() = body.into();
    let response = http()
        .request(request.map(http_body_util::Full::new))
        .await
        .unwrap();
    let reply = Reply::read(Dialect::OpenAi, false, response).await;
    assert_eq!(reply.text, " 3/4 4/4");
}

#[tokio::test]
async fn the_pace_is_kept() {
    let pace = Pace::new(Duration::from_secs(4), Duration::from_secs(1), 5..=5).unwrap();
    let scale = Scale::new(40.0).unwrap();
    let provider = Provider::builder("alpha")
        .pace(pace)
        .scale(scale)
        .start()
        .await
        .unwrap();
    let started = Instant::now();
    let reply = attempt(&http(), &provider.endpoint(), &call("1").streamed()).await;
    let took = Instant::now() - started;
    assert!(took >= Duration::from_millis(200), "{took:?}");
    assert!(reply.first_content.unwrap() >= Duration::from_millis(50));
}

#[tokio::test]
async fn the_same_seed_breaks_the_same_calls_in_any_order() {
    let mut runs = Vec::new();
    for backwards in [false, true] {
        let rule = Rule::new(Fault::Status(500)).share(0.5).unwrap();
        let script = Script::well().rule(rule);
        let provider = quick("alpha").seed(7).script(script).start().await.unwrap();
        let (http, endpoint) = (http(), provider.endpoint());
        let mut ids: Vec<u32> = (0..40).collect();
        if backwards {
            ids.reverse();
        }
        for id in ids {
            attempt(&http, &endpoint, &call(&id.to_string())).await;
        }
        let entries = provider.log().entries();
        let struck = entries.iter().filter(|entry| entry.fault.is_some());
        let mut struck: Vec<_> = struck.filter_map(|entry| entry.call.clone()).collect();
        struck.sort();
        runs.push(struck);
    }
    assert_eq!(runs[0], runs[1]);
    assert!((8..32).contains(&runs[0].len()), "{}", runs[0].len());
}

#[tokio::test]
async fn a_dropped_provider_closes_all() {
    let provider = quick("alpha").start().await.unwrap();
    let log = provider.log().clone();
    let (address, mut endpoint) = (provider.url().to_owned(), provider.endpoint());
    endpoint.model = "fault:stall".to_owned();
    let stalled = tokio::spawn(async move { attempt(&http(), &endpoint, &call("1")).await });
    while log.running() == 0 {
        tokio::task::yield_now().await;
    }
    drop(provider);
    assert_eq!(grade(&stalled.await.unwrap()), Grade::Failed);
    assert_eq!(end(&log).await, Some(End::ShutDown));
    let refused = TcpStream::connect(address.trim_start_matches("http://")).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn a_log_has_a_limit_and_can_be_counted_by_time() {
    let provider = quick("alpha").log_limit(2).start().await.unwrap();
    let (http, endpoint) = (http(), provider.endpoint());
    let started = Instant::now();
    for id in ["1", "1", "2"] {
        attempt(&http, &endpoint, &call(id)).await;
    }
    let log = provider.log();
    assert_eq!((log.len(), log.beyond(), log.running()), (2, 1, 0));
    assert_eq!(log.of_call("1")[1].attempt, 2);
    let second = log.entries()[1].at;
    assert_eq!(log.count(&(started..second)), 1);
    assert_eq!(log.count(&(started..Instant::now())), 2);
}

#[tokio::test]
async fn a_domain_fails_its_providers_together() {
    let cloud = Domain::new(Script::always(Fault::Overload));
    let alpha = quick("alpha")
        .domain("cloud", &cloud)
        .start()
        .await
        .unwrap();
    let beta = quick("beta").domain("cloud", &cloud).start().await.unwrap();
    for provider in [&alpha, &beta] {
        let reply = attempt(&http(), &provider.endpoint(), &call("1")).await;
        assert_eq!(reply.status, Some(503));
    }
    cloud.set_script(Script::well());
    for provider in [&alpha, &beta] {
        let reply = attempt(&http(), &provider.endpoint(), &call("2")).await;
        assert_eq!(grade(&reply), Grade::Answered);
    }
}
