//! What single flight promises, one test a promise, on a paused clock.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::advance;
use tokio_test::task;
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};
use tower_ai_cache::CacheLayer;
use tower_ai_core::error::{Failed, outcome_of};
use tower_ai_core::{BoxError, CacheUse, Outcome, Question, Scope, ask_fn, keep_fn};

use self::support::*;

#[tokio::test(start_paused = true)]
async fn a_thousand_equal_calls_make_one_inner_call() {
    let (cache, mut backend) = mocked(&layer());
    let replies: Vec<_> = (0..1000)
        .map(|_| call(&cache, Prompt::new(PLAIN)))
        .collect();
    settle().await;
    answer(&mut backend, "a passport").await;
    let mut joined = 0;
    for reply in replies {
        let answer = reply.await.unwrap().unwrap();
        assert_eq!(answer.text, "a passport");
        joined += usize::from(answer.how() == CacheUse::Joined);
    }
    assert_eq!(joined, 999);
    assert_untouched(&mut backend).await;
    assert_eq!(cache.handle().flights(), 0);
}

#[tokio::test]
async fn a_thousand_equal_calls_on_many_threads_make_one_inner_call() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_time()
        .build()
        .unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let ask = ask_fn(|text: &String| Some(Question::new(Scope::shared(), text.clone())));
    let keep = keep_fn(|answer: &usize| Some(*answer));
    let cache = ServiceBuilder::new()
        .layer(CacheLayer::new(ask, keep))
        .service(service_fn(move |_: String| {
            let n = count.fetch_add(1, Ordering::Relaxed);
            async move {
                tokio::task::yield_now().await;
                Ok::<_, BoxError>(n)
            }
        }));
    for round in 0..50 {
        let text = format!("Which documents prove identity number {round}?");
        let replies: Vec<_> = (0..100)
            .map(|_| runtime.spawn(cache.clone().oneshot(text.clone())))
            .collect();
        for reply in replies {
            assert_eq!(reply.await.unwrap().unwrap(), round);
        }
    }
    assert_eq!(calls.load(Ordering::Relaxed), 50);
    runtime.shutdown_background();
}

#[tokio::test(start_paused = true)]
async fn the_one_who_began_can_leave_and_the_others_are_answered() {
    let (cache, mut backend) = mocked(&layer());
    let first = call(&cache, Prompt::new(PLAIN));
    settle().await;
    let others = [(); 3].map(|()| call(&cache, Prompt::new(PLAIN)));
    settle().await;
    first.abort();
    settle().await;
    answer(&mut backend, "a passport").await;
    for reply in others {
        assert_eq!(reply.await.unwrap().unwrap().text, "a passport");
    }
    assert_untouched(&mut backend).await;
}

/// Drops one of three callers after each number of polls, before and after the answer: the others are answered.
#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever_whoever_is_dropped_wherever() {
    for dropped in 0..3 {
        for stage in 0..6 {
            let (cache, mut backend) = mocked(&layer());
            let mut calls: Vec<_> = (0..3)
                .map(|_| Some(task::spawn(cache.clone().oneshot(Prompt::new(PLAIN)))))
                .collect();
            let mut replied = false;
            for step in 0..60 {
                if step == stage {
                    calls[dropped] = None;
                }
                if step == 3 {
                    answer(&mut backend, "a passport").await;
                    replied = true;
                }
                settle().await;
                for call in &mut calls {
                    let done = call.as_mut().is_some_and(|call| match call.poll() {
                        std::task::Poll::Ready(answer) => {
                            assert_eq!(answer.unwrap().text, "a passport");
                            true
                        }
                        std::task::Poll::Pending => false,
                    });
                    if done {
                        *call = None;
                    }
                }
            }
            assert!(
                replied && calls.iter().all(Option::is_none),
                "{dropped} {stage}"
            );
            assert_eq!(cache.handle().flights(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_nobody_waits_for_is_aborted() {
    /// Counts the calls under way.
    struct UnderWay(Arc<AtomicUsize>);
    impl Drop for UnderWay {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let under_way = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&under_way);
    let ask = ask_fn(|text: &String| Some(Question::new(Scope::shared(), text.clone())));
    let keep = keep_fn(|answer: &&str| Some(answer.len()));
    let never = service_fn(move |_: String| {
        count.fetch_add(1, Ordering::Relaxed);
        let guard = UnderWay(Arc::clone(&count));
        async move {
            std::future::pending::<()>().await;
            drop(guard);
            Ok::<_, BoxError>("never")
        }
    });
    let cache = CacheLayer::new(ask, keep).layer(never);
    let replies = [(); 3].map(|()| tokio::spawn(cache.clone().oneshot(PLAIN.to_owned())));
    settle().await;
    assert_eq!(under_way.load(Ordering::Relaxed), 1);
    for reply in replies {
        reply.abort();
    }
    settle().await;
    assert_eq!(under_way.load(Ordering::Relaxed), 0);
    assert_eq!(cache.handle().flights(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_waits_too_long_goes_alone() {
    let (cache, mut backend) = mocked(&layer().wait(SEC));
    let first = call(&cache, Prompt::new(PLAIN));
    settle().await;
    let second = call(&cache, Prompt::new(PLAIN));
    settle().await;
    let (_, slow) = backend.next_request().await.unwrap();
    assert_untouched(&mut backend).await;
    advance(SEC).await;
    answer(&mut backend, "quick").await;
    assert_eq!(second.await.unwrap().unwrap().text, "quick");
    slow.send_response(Answer {
        text: "slow",
        note: None,
    });
    assert_eq!(first.await.unwrap().unwrap().text, "slow");
}

#[tokio::test(start_paused = true)]
async fn a_fault_is_not_shared_before_it_was_tried_again() {
    let (cache, mut backend) = mocked(&layer());
    let replies: Vec<_> = (0..10).map(|_| call(&cache, Prompt::new(PLAIN))).collect();
    settle().await;
    fail(&mut backend, Outcome::Fault).await;
    settle().await;
    answer(&mut backend, "a passport").await;
    let mut failed = 0;
    for reply in replies {
        failed += usize::from(reply.await.unwrap().is_err());
    }
    assert_eq!(failed, 1, "the one whose call it was");
    assert_untouched(&mut backend).await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_all_would_have_is_shared() {
    for outcome in [
        Outcome::RateLimited { wait: Some(SEC) },
        Outcome::Shed { wait: None },
        Outcome::Exhausted { wait: None },
    ] {
        let (cache, mut backend) = mocked(&layer());
        let replies: Vec<_> = (0..10).map(|_| call(&cache, Prompt::new(PLAIN))).collect();
        settle().await;
        fail(&mut backend, outcome).await;
        for reply in replies {
            let error = reply.await.unwrap().unwrap_err();
            assert_eq!(outcome_of(&*error), outcome);
        }
        assert_untouched(&mut backend).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_may_not_be_kept_is_not_shared() {
    let (cache, mut backend) = mocked(&layer());
    let replies: Vec<_> = (0..3).map(|_| call(&cache, Prompt::new(PLAIN))).collect();
    for _ in 0..3 {
        answer(&mut backend, "refused").await;
    }
    for reply in replies {
        assert_eq!(reply.await.unwrap().unwrap().how(), CacheUse::Miss);
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_inner_service_ends_in_an_error() {
    let ask = ask_fn(|text: &String| Some(Question::new(Scope::shared(), text.clone())));
    let keep = keep_fn(|answer: &&str| Some(answer.len()));
    let broken = service_fn(|_: String| async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        if true {
            panic!("on purpose");
        }
        Ok::<_, Failed>("never")
    });
    let cache = ServiceBuilder::new()
        .layer(CacheLayer::new(ask, keep))
        .service(broken);
    let replies = [(); 2].map(|()| tokio::spawn(cache.clone().oneshot(PLAIN.to_owned())));
    for reply in replies {
        let error = reply.await.unwrap().unwrap_err();
        assert_eq!(outcome_of(&*error), Outcome::Fault);
    }
    assert_eq!(cache.handle().flights(), 0);
}
