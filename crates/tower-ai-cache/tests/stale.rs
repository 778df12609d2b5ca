//! What the cache does while the provider has a bad day, on a paused clock.

mod support;

use tokio::time::advance;
use tower_ai_core::Outcome;

use self::support::*;

#[tokio::test(start_paused = true)]
async fn a_stale_answer_stands_in_for_a_failure_and_is_marked() {
    for outcome in Outcome::ALL {
        if outcome.is_success() {
            continue;
        }
        let (cache, mut backend) = mocked(&layer().ttl(SEC).stale_if_error(HOUR));
        fill(&cache, &mut backend, Prompt::new(PLAIN), "a passport").await;
        advance(2 * SEC).await;
        let reply = call(&cache, Prompt::new(PLAIN));
        fail(&mut backend, outcome).await;
        let answer = reply.await.unwrap();
        let bad_day = matches!(
            outcome.name(),
            "fault"
                | "timed_out"
                | "overloaded"
                | "rate_limited"
                | "warming"
                | "exhausted"
                | "shed"
        );
        assert_eq!(answer.is_ok(), bad_day, "{outcome}");
        if let Ok(answer) = answer {
            assert!(answer.is_stale());
            assert_eq!(answer.note.unwrap().age, 2 * SEC);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_stale_for_longer_than_its_limit_or_without_one() {
    for (layer, served) in [
        (layer().ttl(SEC).stale_if_error(SEC), false),
        (layer().ttl(SEC), false),
        (layer().ttl(SEC).stale_if_error(2 * SEC), true),
    ] {
        let (cache, mut backend) = mocked(&layer);
        fill(&cache, &mut backend, Prompt::new(PLAIN), "a passport").await;
        advance(2 * SEC).await;
        let reply = call(&cache, Prompt::new(PLAIN));
        fail(&mut backend, Outcome::Fault).await;
        assert_eq!(reply.await.unwrap().is_ok(), served);
    }
}

#[tokio::test(start_paused = true)]
async fn the_inner_service_is_asked_before_a_stale_answer_is_given() {
    let (cache, mut backend) = mocked(&layer().ttl(SEC).stale_if_error(HOUR));
    fill(&cache, &mut backend, Prompt::new(PLAIN), "old").await;
    advance(SEC).await;
    let answer = miss(&cache, &mut backend, Prompt::new(PLAIN)).await;
    assert_eq!((answer.text, answer.is_stale()), ("anew", false));
}

#[tokio::test(start_paused = true)]
async fn the_application_says_for_which_failures() {
    let layer = layer()
        .ttl(SEC)
        .stale_if_error(HOUR)
        .stale_for(|outcome| outcome == Outcome::Unauthorized);
    let (cache, mut backend) = mocked(&layer);
    fill(&cache, &mut backend, Prompt::new(PLAIN), "a passport").await;
    advance(SEC).await;
    let reply = call(&cache, Prompt::new(PLAIN));
    fail(&mut backend, Outcome::Unauthorized).await;
    assert!(reply.await.unwrap().unwrap().is_stale());
    let reply = call(&cache, Prompt::new(PLAIN));
    fail(&mut backend, Outcome::Fault).await;
    reply.await.unwrap().unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn everyone_who_waits_gets_the_stale_answer_of_one_failed_call() {
    let (cache, mut backend) = mocked(&layer().ttl(SEC).stale_if_error(HOUR));
    fill(&cache, &mut backend, Prompt::new(PLAIN), "a passport").await;
    advance(SEC).await;
    let replies: Vec<_> = (0..100).map(|_| call(&cache, Prompt::new(PLAIN))).collect();
    settle().await;
    fail(&mut backend, Outcome::Overloaded { wait: None }).await;
    for reply in replies {
        assert!(reply.await.unwrap().unwrap().is_stale());
    }
    assert_untouched(&mut backend).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_cached_has_no_stale_answer() {
    let (cache, mut backend) = mocked(&layer().ttl(SEC).stale_if_error(HOUR));
    let personal = || Prompt::new("Why was my transfer declined?");
    let reply = call(&cache, personal());
    answer(&mut backend, "no money").await;
    reply.await.unwrap().unwrap();
    let reply = call(&cache, personal());
    fail(&mut backend, Outcome::Fault).await;
    reply.await.unwrap().unwrap_err();
}
