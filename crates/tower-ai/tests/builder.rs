//! A stack that cannot be is refused when it is built, with the rule that it broke.

use std::time::Duration;

use tower_ai::failover::InvalidFailover;
use tower_ai::http::TargetLayer;
use tower_ai::{InvalidStack, Stack, StackBuilder, Target, Tuning};

fn target(name: &str) -> TargetLayer {
    let target = Target::builder(name).endpoint("http://127.0.0.1:1");
    TargetLayer::new(target.build().expect("valid")).expect("valid")
}

fn refused(builder: StackBuilder) -> InvalidStack {
    builder.build(()).expect_err("it cannot be")
}

#[test]
fn nonsense_is_refused_with_the_rule() {
    let none = Stack::builder();
    assert_eq!(refused(none), InvalidFailover::NoTargets.into());
    let twice = Stack::builder().target(target("a")).target(target("a"));
    assert_eq!(refused(twice), InvalidFailover::SameName("a".into()).into());
    let one = || Stack::builder().target(target("a"));
    assert_eq!(
        refused(one().deadline(Duration::ZERO)),
        InvalidStack::ZeroDeadline
    );
    let mut tuning = Tuning::new();
    tuning.attempt_timeout = Duration::ZERO;
    assert_eq!(
        refused(one().tuning(tuning)),
        InvalidFailover::ZeroTimeout.into()
    );
}

#[test]
fn a_handle_finds_the_breaker_of_each_target() {
    let stack = Stack::builder()
        .targets(["a", "b"].map(target))
        .build(())
        .expect("valid");
    let handle = stack.handle();
    assert_eq!(handle.breakers().count(), 2);
    assert!(handle.breaker("b").is_some() && handle.breaker("c").is_none());
    handle
        .failover()
        .disable("a")
        .expect("a target of this name");
}
