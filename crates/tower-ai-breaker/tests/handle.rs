//! Observing a circuit and overruling it.

#[path = "support/calls.rs"]
mod calls;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use calls::{FAULT, SECOND, break_it, call, fake, is_shed, shed};
use tokio::time::{Instant, advance};
use tokio_test::{assert_pending, assert_ready, task};
use tower_ai_breaker::BreakerLayer;
use tower_ai_core::{Availability, Key, Mode, Outcome, Target};

#[tokio::test(start_paused = true)]
async fn observing_reports_and_never_rejects() {
    let key = Key::named("key");
    let target = Target::builder("one").key(key.clone()).build().unwrap();
    let layer = BreakerLayer::adaptive().observe_only().for_target(&target);
    let mut service = fake(&layer);
    let handle = layer.handle();
    let mut modes = Vec::new();
    for i in 0..400 {
        let outcome = match i {
            0..100 => FAULT,
            100..110 => Outcome::RateLimited {
                wait: Some(5 * SECOND),
            },
            110..120 => Outcome::Unauthorized,
            _ => Outcome::Success,
        };
        assert!(!is_shed(&call(&mut service, outcome).await));
        modes.push(handle.mode());
        assert_eq!(target.availability(Instant::now()), Availability::Available);
        advance(SECOND).await;
    }
    assert!(modes.contains(&Mode::Open), "it says what it would do");
    assert!(handle.state().rejected > 50, "{:?}", handle.state());
    assert!(!key.may_be_shut());
    assert_eq!(target.health().pending(), 0);
}

#[tokio::test(start_paused = true)]
async fn it_can_be_overruled_and_reset() {
    let layer = BreakerLayer::adaptive();
    let mut service = fake(&layer);
    let handle = layer.handle();
    handle.force_open();
    advance(86_400 * SECOND).await;
    let refused = shed(&call(&mut service, Outcome::Success).await).expect("open");
    assert_eq!(refused.wait(), None, "until further notice");

    handle.force_closed();
    for _ in 0..100 {
        assert!(!is_shed(&call(&mut service, FAULT).await));
    }
    assert!(handle.state().forced);

    handle.automatic();
    break_it(&mut service, &handle).await;
    handle.reset();
    assert!(call(&mut service, Outcome::Success).await.is_ok());
    assert_eq!(handle.state().evidence.most_fail, 0.0);

    handle.force_open();
    handle.automatic();
    assert!(
        call(&mut service, Outcome::Success).await.is_ok(),
        "the first probe"
    );
    assert_eq!(handle.mode(), Mode::Ramping, "comes back by the ramp");
}

#[tokio::test(start_paused = true)]
async fn changes_can_be_watched() {
    let layer = BreakerLayer::adaptive();
    let handle = layer.handle();
    let mut watch = handle.watch();
    assert_eq!(watch.current().to, Mode::Closed);
    let seen = Arc::new(AtomicU32::new(0));
    let mut waiting = task::spawn({
        let seen = Arc::clone(&seen);
        async move {
            let change = watch.changed().await.unwrap();
            seen.fetch_add(1, Ordering::Relaxed);
            (change, watch)
        }
    });
    assert_pending!(waiting.poll());
    break_it(&mut fake(&layer), &handle).await;
    assert!(waiting.is_woken());
    let (change, mut watch) = assert_ready!(waiting.poll());
    assert_eq!(
        (change.from, change.to, change.forced),
        (Mode::Closed, Mode::Open, false)
    );
    assert_eq!(change.until, handle.state().until);
    drop((layer, handle));
    assert!(watch.changed().await.is_none(), "the circuit is gone");
}
