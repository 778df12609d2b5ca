//! What the exact tier promises, one test a promise, on a paused clock.

mod support;

use std::time::Duration;

use tokio::time::advance;
use tower::{Layer, Service, ServiceExt};
use tower_ai_cache::{Limits, Rule, Rules, Treatment};
use tower_ai_core::{CacheUse, Directive, Facts, Outcome, Question, Scope};
use tower_test::mock;

use self::support::*;

#[tokio::test(start_paused = true)]
async fn an_equal_question_is_answered_without_the_inner_service() {
    let (cache, mut backend) = mocked(&layer());
    fill(&cache, &mut backend, Prompt::new(PLAIN), "a passport").await;
    advance(SEC).await;
    let same = Prompt::new("which documents  prove an identity");
    let found = hit(&cache, &mut backend, same).await;
    assert_eq!((found.text, found.how()), ("a passport", CacheUse::Exact));
    assert_eq!(found.note.unwrap().age, SEC);
}

#[tokio::test(start_paused = true)]
async fn a_hit_does_not_wait_for_the_inner_service_to_be_ready() {
    let (cache, mut backend) = mocked(&layer());
    fill(&cache, &mut backend, Prompt::new(PLAIN), "a passport").await;
    backend.allow(0);
    let mut ready = cache.clone();
    std::future::poll_fn(|cx| ready.poll_ready(cx))
        .await
        .unwrap();
    let reply = ready.call(Prompt::new(PLAIN));
    assert_eq!(reply.await.unwrap().text, "a passport");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_fresh_for_its_time_and_no_longer() {
    let (cache, mut backend) = mocked(&layer().ttl(SEC));
    fill(&cache, &mut backend, Prompt::new(PLAIN), "a passport").await;
    advance(SEC - Duration::from_millis(1)).await;
    hit(&cache, &mut backend, Prompt::new(PLAIN)).await;
    advance(Duration::from_millis(1)).await;
    assert!(
        miss(&cache, &mut backend, Prompt::new(PLAIN))
            .await
            .is_miss()
    );
}

#[tokio::test(start_paused = true)]
async fn a_hook_decides_how_long_and_whether() {
    let layer = layer().ttl_fn(|_, answer| (answer.text != "do not keep").then_some(SEC));
    let (cache, mut backend) = mocked(&layer);
    fill(&cache, &mut backend, Prompt::new(PLAIN), "do not keep").await;
    miss(&cache, &mut backend, Prompt::new(PLAIN)).await;
    hit(&cache, &mut backend, Prompt::new(PLAIN)).await;
}

#[tokio::test(start_paused = true)]
async fn only_what_may_be_kept_is_kept() {
    let (cache, mut backend) = mocked(&layer());
    fill(&cache, &mut backend, Prompt::new(PLAIN), "refused").await;
    let reply = call(&cache, Prompt::new(PLAIN));
    fail(&mut backend, Outcome::Fault).await;
    reply.await.unwrap().unwrap_err();
    miss(&cache, &mut backend, Prompt::new(PLAIN)).await;
    hit(&cache, &mut backend, Prompt::new(PLAIN)).await;
}

#[tokio::test(start_paused = true)]
async fn tenants_users_and_frames_are_kept_apart() {
    let (cache, mut backend) = mocked(&layer());
    let framed = |part| Prompt(Question::new(Scope::tenant("acme"), PLAIN).framed(part));
    let all = [
        Prompt::new(PLAIN),
        Prompt::of(Scope::shared(), PLAIN),
        Prompt::of(Scope::tenant("other"), PLAIN),
        Prompt::of(Scope::tenant("acme").user("ann"), PLAIN),
        Prompt::of(Scope::tenant("acme").user("bob"), PLAIN),
        framed("be brief"),
        framed("be thorough"),
    ];
    for prompt in &all {
        fill(&cache, &mut backend, prompt.clone(), "its own").await;
    }
    for prompt in all {
        hit(&cache, &mut backend, prompt).await;
    }
}

#[tokio::test(start_paused = true)]
async fn users_share_what_is_not_personal_where_the_scope_says_so() {
    let (cache, mut backend) = mocked(&layer());
    let of = |user, text| Prompt::of(Scope::tenant("acme").user_if_personal(user), text);
    fill(&cache, &mut backend, of("ann", PLAIN), "a passport").await;
    hit(&cache, &mut backend, of("bob", PLAIN)).await;
    let personal = "Why was my transfer to Spain declined?";
    fill(&cache, &mut backend, of("ann", personal), "no money").await;
    miss(&cache, &mut backend, of("bob", personal)).await;
    assert_eq!(
        hit(&cache, &mut backend, of("ann", personal)).await.text,
        "no money"
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_rule_fires_on_is_neither_looked_up_nor_kept() {
    let (cache, mut backend) = mocked(&layer());
    for _ in 0..2 {
        let reply = call(&cache, Prompt::new("Why was my transfer declined?"));
        answer(&mut backend, "no money").await;
        let how = reply.await.unwrap().unwrap().how();
        assert_eq!(
            how,
            CacheUse::Bypass {
                reason: "first_person"
            }
        );
    }
    assert_eq!(cache.handle().entries(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_application_can_say_otherwise() {
    let mut facts = Facts::default();
    facts.temperature = Some(0.7);
    let warm = Prompt(Question::new(Scope::shared(), PLAIN).with_facts(facts));
    let rules = Rules::default().with(Rule::Temperature, Treatment::Allow);
    let (cache, mut backend) = mocked(&layer().rules(rules));
    fill(&cache, &mut backend, warm.clone(), "a passport").await;
    hit(&cache, &mut backend, warm).await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_can_skip_refresh_and_force() {
    let (cache, mut backend) = mocked(&layer());
    let with = |directive| Prompt(Prompt::new(PLAIN).0.with_directive(directive));
    let how = miss(&cache, &mut backend, with(Directive::Skip))
        .await
        .how();
    assert_eq!(how, CacheUse::Bypass { reason: "skip" });

    fill(&cache, &mut backend, Prompt::new(PLAIN), "old").await;
    let refreshed = miss(&cache, &mut backend, with(Directive::Refresh)).await;
    assert!(refreshed.is_miss());
    assert_eq!(
        hit(&cache, &mut backend, Prompt::new(PLAIN)).await.text,
        "anew"
    );

    let forced = Prompt(Prompt::new("Why?").0.with_directive(Directive::Force));
    fill(&cache, &mut backend, forced.clone(), "because").await;
    hit(&cache, &mut backend, forced).await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_can_ask_for_a_young_answer() {
    let (cache, mut backend) = mocked(&layer());
    fill(&cache, &mut backend, Prompt::new(PLAIN), "old").await;
    advance(2 * SEC).await;
    let young = || Prompt(Prompt::new(PLAIN).0.with_max_age(SEC));
    assert!(miss(&cache, &mut backend, young()).await.is_miss());
    hit(&cache, &mut backend, young()).await;
}

#[tokio::test(start_paused = true)]
async fn everything_or_a_tag_or_one_entry_can_be_removed() {
    let (cache, mut backend) = mocked(&layer());
    let handle = cache.handle();
    let tagged = || Prompt(Prompt::new(PLAIN).0.tagged("papers"));
    fill(&cache, &mut backend, tagged(), "a passport").await;
    handle.invalidate_tag("fees");
    let entry = hit(&cache, &mut backend, tagged())
        .await
        .note
        .unwrap()
        .entry;

    handle.invalidate_tag("papers");
    fill(&cache, &mut backend, tagged(), "an identity card").await;
    assert!(!handle.remove(entry.unwrap()), "it has been replaced");
    let entry = hit(&cache, &mut backend, tagged())
        .await
        .note
        .unwrap()
        .entry;

    assert!(handle.remove(entry.unwrap()));
    fill(&cache, &mut backend, tagged(), "a passport").await;
    handle.invalidate_all();
    miss(&cache, &mut backend, tagged()).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_asked_for_before_an_invalidation_is_not_kept_past_it() {
    for by_tag in [false, true] {
        let (cache, mut backend) = mocked(&layer());
        let tagged = || Prompt(Prompt::new(PLAIN).0.tagged("papers"));
        let reply = call(&cache, tagged());
        settle().await;
        if by_tag {
            cache.handle().invalidate_tag("papers");
        } else {
            cache.handle().invalidate_all();
        }
        answer(&mut backend, "out of date").await;
        reply.await.unwrap().unwrap();
        assert!(miss(&cache, &mut backend, tagged()).await.is_miss());
    }
}

#[tokio::test(start_paused = true)]
async fn services_of_one_layer_are_one_cache() {
    let layer = layer();
    let (first, mut backend) = mocked(&layer);
    let (second, mut other) = mocked(&layer.clone());
    fill(&first, &mut backend, Prompt::new(PLAIN), "a passport").await;
    hit(&second, &mut other, Prompt::new(PLAIN)).await;
    let (apart, mut third) = mocked(&layer.ttl(SEC));
    miss(&apart, &mut third, Prompt::new(PLAIN)).await;
}

#[tokio::test(start_paused = true)]
async fn entries_and_bytes_are_bounded() {
    let mut limits = Limits::default();
    limits.entries = 50;
    limits.bytes = 64 << 10;
    let (cache, mut backend) = mocked(&layer().limits(limits).rules(Rules::none()));
    for i in 0..500 {
        fill(
            &cache,
            &mut backend,
            Prompt::new(&format!("question {i}")),
            "yes",
        )
        .await;
        assert!(cache.handle().entries() <= 50 && cache.handle().bytes() <= 64 << 10);
    }
    limits.answer = 3;
    let (cache, mut backend) = mocked(&layer().limits(limits));
    fill(&cache, &mut backend, Prompt::new(PLAIN), "too long").await;
    miss(&cache, &mut backend, Prompt::new(PLAIN)).await;
}

#[tokio::test(start_paused = true)]
async fn a_bypassed_call_keeps_towers_contract() {
    let (service, mut backend) = mock::pair::<Prompt, Answer>();
    let cache = layer().layer(service);
    let prompt = Prompt::new("hello there");
    backend.allow(0);
    let reply = call(&cache, prompt.clone());
    settle().await;
    assert!(
        !reply.is_finished(),
        "it waits for the inner service to be ready"
    );
    backend.allow(1);
    answer(&mut backend, "hi").await;
    reply.await.unwrap().unwrap();
    drop(cache.oneshot(prompt));
}

#[tokio::test(start_paused = true)]
async fn debug_shows_no_prompt_and_no_answer() {
    let (cache, mut backend) = mocked(&layer());
    fill(&cache, &mut backend, Prompt::new(PLAIN), "secret").await;
    let handle = cache.handle();
    let shown = format!("{:?} {handle:?} {:?}", cache.handle(), layer());
    assert!(!shown.contains("documents") && !shown.contains("secret"));
}
