//! What checking hits in the background promises, one test a promise, on a paused clock.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::advance;
use tower::service_fn;
use tower_ai_cache::{Check, Rules, Semantic, Standing, Threshold, Verify};
use tower_ai_core::{BoxError, Budget, CacheUse, Outcome, Question, Scope};

use self::support::*;

const KEPT: &str = "Which documents prove an identity?";

/// Questions that mean the same to every guard, and are no equal texts.
const SAME: [&str; 4] = [
    "Please tell me which documents prove the identity",
    "Which documents prove the identity, please",
    "Please, which documents prove the identity",
    "Tell me which documents prove the identity please",
];

/// Everything but KEPT is at 0.96 of it.
fn near() -> Semantic {
    Semantic::new(service_fn(|texts: Vec<String>| {
        let vector = if texts[0] == KEPT {
            vec![1.0, 0.0]
        } else {
            vec![0.96, 0.28]
        };
        async move { Ok::<_, BoxError>(vec![vector]) }
    }))
}

fn all() -> Verify<Answer> {
    Verify::equal_by(|kept: &Answer, live: &Answer| kept.text == live.text)
        .share(1.0)
        .unwrap()
}

fn cached(semantic: Semantic, verify: Verify<Answer>) -> (Mocked, Backend) {
    mocked(
        &layer()
            .rules(Rules::none())
            .semantic(semantic)
            .verify(verify),
    )
}

fn is_semantic(answer: &Answer) -> bool {
    matches!(answer.how(), CacheUse::Semantic { .. })
}

/// A hit whose check the inner service answers with `text`.
async fn checked(cache: &Mocked, backend: &mut Backend, prompt: &str, text: &'static str) {
    let hit = call(cache, Prompt::new(prompt)).await.unwrap().unwrap();
    assert!(is_semantic(&hit), "{hit:?}");
    answer(backend, text).await;
    settle().await;
}

#[tokio::test(start_paused = true)]
async fn a_hit_is_checked_after_it_was_given() {
    let (cache, mut backend) = cached(near(), all());
    fill(&cache, &mut backend, Prompt::new(KEPT), "a passport").await;
    let hit = call(&cache, Prompt::new(SAME[0])).await.unwrap().unwrap();
    assert!(
        is_semantic(&hit),
        "given before the inner service has answered"
    );
    let report = &cache.handle().routes()[0];
    assert_eq!((report.hits, report.checked), (1, 0));
    answer(&mut backend, "a passport").await;
    settle().await;
    let report = &cache.handle().routes()[0];
    assert_eq!((report.checked, report.wrong), (1, 0));
    assert!(
        (report.bound - 0.95).abs() < 1e-6,
        "one right hit proves little"
    );
    assert_eq!(report.standing, Standing::Open);
}

#[tokio::test(start_paused = true)]
async fn only_a_share_is_checked_and_exact_hits_never_are() {
    let verify = all().share(0.25).unwrap().seed(3).at_a_time(1000);
    let (cache, mut backend) = cached(near(), verify);
    fill(&cache, &mut backend, Prompt::new(KEPT), "a passport").await;
    for i in 0..200 {
        let prompt = if i % 2 == 0 { SAME[i % 4] } else { KEPT };
        call(&cache, Prompt::new(prompt)).await.unwrap().unwrap();
    }
    settle().await;
    let mut checks = 0;
    loop {
        let mut next = tokio_test::task::spawn(backend.next_request());
        if next.poll().is_pending() {
            break;
        }
        checks += 1;
    }
    assert!(
        (15..=35).contains(&checks),
        "{checks} of 100 hits by meaning"
    );
}

#[tokio::test(start_paused = true)]
async fn no_more_checks_than_places_and_than_the_budget_allows() {
    let budget = Budget::new(0.0, 3).unwrap();
    for (verify, checks) in [
        (all().at_a_time(2), 2),
        (all().at_a_time(9).budget(budget), 3),
    ] {
        let (cache, mut backend) = cached(near(), verify);
        fill(&cache, &mut backend, Prompt::new(KEPT), "a passport").await;
        for text in SAME {
            let hit = call(&cache, Prompt::new(text)).await.unwrap().unwrap();
            assert!(is_semantic(&hit));
        }
        let mut held = Vec::new();
        for _ in 0..checks {
            held.push(backend.next_request().await.unwrap());
        }
        assert_untouched(&mut backend).await;
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_hits_raise_the_threshold_of_their_route_and_then_close_it() {
    let verify = all().target(0.2).unwrap();
    let semantic = near().route("faq", Threshold::Own(0.9));
    let (cache, mut backend) = cached(semantic, verify);
    let handle = cache.handle();
    let mut thresholds = Vec::new();
    for i in 0..40 {
        // A tenant of its own: within one, the right answer of a wrong hit would be found from then on.
        let scope = || Scope::tenant(i.to_string());
        fill(
            &cache,
            &mut backend,
            Prompt::of(scope(), KEPT),
            "a passport",
        )
        .await;
        let reply = call(
            &cache,
            Prompt(Question::new(scope(), SAME[0]).routed("faq")),
        );
        answer(&mut backend, "an address").await;
        let hit = reply.await.unwrap().unwrap();
        settle().await;
        if !is_semantic(&hit) {
            break;
        }
        thresholds.push(handle.routes()[1].threshold);
    }
    assert!(thresholds.contains(&Some(0.9)) && thresholds.contains(&Some(0.95)));
    let reports = handle.routes();
    assert_eq!(
        (&*reports[1].name, reports[1].raised),
        ("faq", 2),
        "{reports:?}"
    );
    assert!((reports[1].threshold.unwrap() - 0.975).abs() < 1e-6);
    assert_eq!((reports[0].raised, reports[0].threshold), (0, Some(0.95)));

    assert!(handle.reset_route("faq"));
    assert_eq!(handle.routes()[1].threshold, Some(0.9));
}

#[tokio::test(start_paused = true)]
async fn the_right_answer_of_a_wrong_hit_is_kept_for_its_question() {
    let (cache, mut backend) = cached(near(), all());
    fill(&cache, &mut backend, Prompt::new(KEPT), "a passport").await;
    checked(&cache, &mut backend, SAME[0], "an address").await;
    let found = hit(&cache, &mut backend, Prompt::new(SAME[0])).await;
    assert_eq!((found.text, found.how()), ("an address", CacheUse::Exact));
    let found = hit(&cache, &mut backend, Prompt::new(KEPT)).await;
    assert_eq!(found.text, "a passport", "right for its own question");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_hit_is_wrong_once() {
    let (cache, mut backend) = cached(near(), all());
    fill(&cache, &mut backend, Prompt::new(KEPT), "a passport").await;
    for text in SAME {
        checked(&cache, &mut backend, text, "an address").await;
    }
    let report = &cache.handle().routes()[0];
    assert_eq!(
        (report.checked, report.wrong),
        (4, 1),
        "then the right answer is the nearest"
    );
}

#[tokio::test(start_paused = true)]
async fn what_gives_no_verdict_counts_neither_way() {
    let fails = service_fn(|_: Check<Answer>| async { Err::<bool, BoxError>("no".into()) });
    let hangs = service_fn(|_: Check<Answer>| std::future::pending::<Result<bool, BoxError>>());
    for judge in [Verify::by(fails), Verify::by(hangs).limit(SEC)] {
        let (cache, mut backend) = cached(near(), judge.share(1.0).unwrap());
        fill(&cache, &mut backend, Prompt::new(KEPT), "a passport").await;
        checked(&cache, &mut backend, SAME[0], "a passport").await;
        advance(2 * SEC).await;
        settle().await;
        let report = &cache.handle().routes()[0];
        assert_eq!((report.checked, report.undecided), (0, 1));
    }
    let (cache, mut backend) = cached(near(), all());
    fill(&cache, &mut backend, Prompt::new(KEPT), "a passport").await;
    let hit = call(&cache, Prompt::new(SAME[0])).await.unwrap().unwrap();
    assert!(is_semantic(&hit));
    fail(&mut backend, Outcome::Fault).await;
    settle().await;
    let report = &cache.handle().routes()[0];
    assert_eq!((report.checked, report.undecided), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_judge_sees_both_questions_and_both_answers() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let judge = service_fn(move |check: Check<Answer>| {
        assert_eq!((&*check.asked, &*check.matched), (SAME[0], KEPT));
        assert_eq!((check.kept.text, check.live.text), ("a passport", "a card"));
        assert!((check.score - 0.96).abs() < 1e-4);
        assert!(!format!("{check:?}").contains("passport"));
        count.fetch_add(1, Ordering::Relaxed);
        async { Ok::<_, BoxError>(true) }
    });
    let (cache, mut backend) = cached(near(), Verify::by(judge).share(1.0).unwrap());
    fill(&cache, &mut backend, Prompt::new(KEPT), "a passport").await;
    checked(&cache, &mut backend, SAME[0], "a card").await;
    assert_eq!(seen.load(Ordering::Relaxed), 1);
    assert_eq!(cache.handle().routes()[0].wrong, 0);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_takes_too_long_ends() {
    let (cache, mut backend) = cached(near(), all().limit(SEC));
    fill(&cache, &mut backend, Prompt::new(KEPT), "a passport").await;
    let hit = call(&cache, Prompt::new(SAME[0])).await.unwrap().unwrap();
    assert!(is_semantic(&hit));
    let _held = backend.next_request().await.unwrap();
    advance(SEC + Duration::from_millis(1)).await;
    settle().await;
    assert_eq!(cache.handle().routes()[0].undecided, 1);
}

#[test]
fn impossible_checks_are_refused_when_they_are_described() {
    let verify = || Verify::<String>::equal();
    for share in [0.0, -1.0, 1.1, f64::NAN] {
        verify().share(share).unwrap_err();
    }
    for target in [0.0, 0.6, f64::NAN] {
        verify().target(target).unwrap_err();
    }
    for confidence in [0.4, 1.0, f64::NAN] {
        verify().confidence(confidence).unwrap_err();
    }
}
