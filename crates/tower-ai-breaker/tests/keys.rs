//! What is no matter of health: rate limits, keys, missing models.

#[path = "support/calls.rs"]
mod calls;

use calls::{Call, SECOND, call, fake, is_shed, mend_it, shed};
use tokio::time::advance;
use tower::{Service, ServiceExt};
use tower_ai_breaker::{BreakerLayer, FailureRate};
use tower_ai_core::error::Reason;
use tower_ai_core::{Key, Mode, Outcome, Target};

#[tokio::test(start_paused = true)]
async fn rate_limits_gate_the_target_and_never_open_it() {
    let target = Target::new("one").unwrap();
    let layer = BreakerLayer::adaptive().for_target(&target);
    let mut service = fake(&layer);
    for _ in 0..200 {
        let wait = Some(2 * SECOND);
        let _limited = call(&mut service, Outcome::RateLimited { wait }).await;
        let refused = shed(&call(&mut service, Outcome::Success).await).expect("gated");
        assert_eq!(refused.reason(), Reason::RateLimited);
        let wait = refused.wait().unwrap();
        assert!(wait <= 2 * SECOND);
        advance(wait).await;
        assert_eq!(layer.handle().mode(), Mode::Closed);
        assert!(
            !is_shed(&call(&mut service, Outcome::Success).await),
            "who waits exactly as told is admitted"
        );
        advance(60 * SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_key_is_shut_on_all_its_targets_and_probed_singly() {
    let key = Key::named("shared");
    let one = Target::builder("one").key(key.clone()).build().unwrap();
    let two = Target::builder("two").key(key.clone()).build().unwrap();
    let base = BreakerLayer::adaptive();
    let (first, second) = (base.for_target(&one), base.for_target(&two));
    let (mut first, mut second) = (fake(&first), fake(&second));

    let _refused = call(&mut first, Outcome::Unauthorized).await;
    let refused = shed(&call(&mut second, Outcome::Success).await).expect("shut there too");
    assert_eq!(refused.reason(), Reason::KeyShut);
    assert_eq!(refused.wait(), Some(300 * SECOND));
    assert_eq!(
        one.health().mode(),
        Mode::Closed,
        "it is no matter of health"
    );

    advance(300 * SECOND).await;
    let probe = first
        .ready()
        .await
        .unwrap()
        .call(Call(Outcome::Unauthorized, true));
    let beside = shed(&call(&mut first, Outcome::Success).await).expect("one at a time");
    assert_eq!(beside.reason(), Reason::KeyShut);
    assert!(probe.await.is_err());
    let refused = shed(&call(&mut first, Outcome::Success).await).unwrap();
    assert_eq!(refused.wait(), Some(600 * SECOND), "twice as long");

    advance(600 * SECOND).await;
    call(&mut first, Outcome::Success).await.unwrap();
    call(&mut second, Outcome::Success).await.unwrap();
    assert!(!key.may_be_shut());
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_storm_is_an_outage_and_not_the_key() {
    for layer in [
        BreakerLayer::adaptive(),
        BreakerLayer::consecutive_failures(3).unwrap(),
    ] {
        let key = Key::named("key");
        let target = Target::builder("one").key(key.clone()).build().unwrap();
        let layer = layer.for_target(&target);
        let mut service = fake(&layer);
        call(&mut service, Outcome::Success).await.unwrap();
        advance(60 * SECOND).await;
        while layer.handle().mode() == Mode::Closed {
            let _refused = call(&mut service, Outcome::Unauthorized).await;
            assert!(!key.may_be_shut(), "it worked a minute ago");
        }
        // Longer than the memory of the key: it is still the same outage.
        for _ in 0..1800 {
            let _refused = call(&mut service, Outcome::Unauthorized).await;
            advance(SECOND).await;
            assert!(!key.may_be_shut());
        }
        let took = mend_it(&mut service, &layer.handle()).await;
        assert!(took < 60 * SECOND, "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_key_the_target_itself_is_shut() {
    let layer = BreakerLayer::adaptive();
    let mut service = fake(&layer);
    let _exhausted = call(&mut service, Outcome::Exhausted { wait: None }).await;
    let refused = shed(&call(&mut service, Outcome::Success).await).expect("shut");
    assert_eq!(refused.wait(), Some(300 * SECOND));
    let took = mend_it(&mut service, &layer.handle()).await;
    assert!(took < 320 * SECOND, "{took:?}");
    let _exhausted = call(&mut service, Outcome::Exhausted { wait: None }).await;
    let refused = shed(&call(&mut service, Outcome::Success).await).expect("shut");
    assert_eq!(refused.wait(), Some(300 * SECOND), "it was well in between");
}

#[tokio::test(start_paused = true)]
async fn a_missing_model_shuts_the_target_that_names_it() {
    let target = Target::builder("one").model("gone-1").build().unwrap();
    let layer = BreakerLayer::adaptive().for_target(&target);
    let _missing = call(&mut fake(&layer), Outcome::Missing).await;
    assert_eq!(target.health().mode(), Mode::Open);

    let callers_choice = BreakerLayer::adaptive();
    let mut service = fake(&callers_choice);
    for _ in 0..20 {
        let _missing = call(&mut service, Outcome::Missing).await;
        advance(SECOND).await;
        call(&mut service, Outcome::Success).await.unwrap();
        advance(SECOND).await;
    }
    assert_eq!(
        callers_choice.handle().mode(),
        Mode::Closed,
        "one caller's mistake is not the target's"
    );
    for _ in 0..3 {
        let _missing = call(&mut service, Outcome::Missing).await;
    }
    assert_eq!(callers_choice.handle().mode(), Mode::Open);
}

/// Three answers of "no such model" in a row, and not three in all.
#[tokio::test(start_paused = true)]
async fn a_success_between_makes_missing_models_a_callers_mistake() {
    let window = FailureRate::default().window_calls(10).unwrap();
    for layer in [
        BreakerLayer::consecutive_failures(3).unwrap(),
        BreakerLayer::failure_rate(window),
    ] {
        let mut service = fake(&layer);
        for _ in 0..10 {
            let _missing = call(&mut service, Outcome::Missing).await;
            let _missing = call(&mut service, Outcome::Missing).await;
            call(&mut service, Outcome::Success).await.unwrap();
        }
        assert_eq!(layer.handle().mode(), Mode::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_forgets_missing_models() {
    let layer = BreakerLayer::adaptive();
    let mut service = fake(&layer);
    for _ in 0..6 {
        let _missing = call(&mut service, Outcome::Missing).await;
        let _missing = call(&mut service, Outcome::Missing).await;
        assert_eq!(layer.handle().mode(), Mode::Closed);
        layer.handle().reset();
    }
}
