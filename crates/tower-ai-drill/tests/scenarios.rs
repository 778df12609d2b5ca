//! The judge on contenders that are known to be good or bad.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use support::{attempt, http, tries};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower_ai_drill::{
    Call, Conditions, Dialect, Factory, Finding, Scale, Scenario, Verdict, contender_fn,
};

const SECOND: Duration = Duration::from_secs(1);

async fn run(id: &str, factory: &Factory) -> Finding {
    let conditions = Conditions::new(Scale::new(20.0).unwrap()).seed(1);
    let scenario = Scenario::named(id).unwrap();
    scenario.run(factory, conditions).await.unwrap()
}

/// One attempt at the first target.
fn naive() -> Factory {
    tries(1, 1, 25 * SECOND, Duration::ZERO)
}

/// One attempt at each target, given up after a while.
fn each_once() -> Factory {
    tries(1, 9, 5 * SECOND, Duration::ZERO)
}

/// Goes to the last target within `sick`, as nobody can know it in advance, and for what fails.
fn oracle(sick: Range<Duration>) -> Factory {
    Arc::new(move |setup| {
        let (http, scale, sick) = (http(), setup.scale, sick.clone());
        let (endpoints, epoch) = (setup.endpoints.clone(), Instant::now() + SECOND / 20);
        Ok(Arc::new(contender_fn(move |call: Call| {
            let time = scale.to_outage(Instant::now().saturating_duration_since(epoch));
            let (first, last) = (endpoints[0].clone(), endpoints[endpoints.len() - 1].clone());
            let (http, sick) = (http.clone(), sick.contains(&time));
            async move {
                let reply = attempt(&http, if sick { &last } else { &first }, &call).await;
                match reply.error {
                    Some(_) => attempt(&http, &last, &call).await,
                    None => reply,
                }
            }
        })))
    })
}

#[tokio::test]
async fn a_naive_contender_is_safe_at_best() {
    for id in ["S01", "S03", "S04", "S05", "S12", "S16"] {
        let finding = run(id, &naive()).await;
        assert_eq!(finding.verdict, Verdict::Safe, "{id} {finding:?}");
    }
}

#[tokio::test]
async fn a_contender_that_waits_for_ever_fails() {
    let patient = tries(1, 1, 999 * SECOND, Duration::ZERO);
    let finding = run("S06", &patient).await;
    assert_eq!(finding.verdict, Verdict::Fail);
    assert!(!finding.checks["plain.in_time"]);
}

#[tokio::test]
async fn a_part_given_as_the_whole_fails() {
    for (id, check) in [("S08", "complete_clean"), ("S10", "first_content")] {
        let finding = run(id, &naive()).await;
        assert_eq!(finding.verdict, Verdict::Fail, "{id}");
        assert!(
            !finding.checks[&format!("{check}.nothing_broken")],
            "{finding:?}"
        );
    }
}

#[tokio::test]
async fn a_storm_fails() {
    let eager = tries(10, 1, 25 * SECOND, SECOND / 10);
    let finding = run("S02", &eager).await;
    assert_eq!(finding.verdict, Verdict::Fail);
    assert!(!finding.checks["alone.no_storm"]);
}

#[tokio::test]
async fn a_storm_spread_over_time_fails() {
    let slow = tries(7, 1, 25 * SECOND, 2 * SECOND);
    let finding = run("S02", &slow).await;
    assert!(!finding.checks["alone.no_storm"], "{finding:?}");
}

#[tokio::test]
async fn failing_over_at_once_passes_where_that_is_right() {
    for id in ["S02", "S06", "S07", "S11", "S16", "O2"] {
        let finding = run(id, &each_once()).await;
        assert_eq!(finding.verdict, Verdict::Pass, "{id} {finding:?}");
    }
}

#[tokio::test]
async fn a_refused_prompt_is_not_to_be_tried_elsewhere() {
    assert_eq!(run("S13", &naive()).await.verdict, Verdict::Pass);
    let finding = run("S13", &each_once()).await;
    assert_eq!(
        (finding.verdict, finding.checks["no_failover"]),
        (Verdict::Partial, false)
    );
}

#[tokio::test]
async fn one_retry_at_the_same_target_passes() {
    let retry = tries(2, 1, 25 * SECOND, SECOND / 10);
    for id in ["S03", "S05"] {
        let finding = run(id, &retry).await;
        assert_eq!(finding.verdict, Verdict::Pass, "{id} {finding:?}");
    }
    let finding = run("S01", &retry).await;
    assert!(!finding.checks["alone.waits_or_moves"], "too early");
}

#[tokio::test]
async fn trying_a_target_that_is_down_with_every_call_is_not_ideal() {
    let (probing, storming) = (each_once(), each_once());
    let (down, storm) = tokio::join!(run("S15", &probing), run("O1", &storming));
    assert_eq!(
        (down.verdict, down.checks["few_probes"]),
        (Verdict::Partial, false)
    );
    assert_eq!(
        (storm.verdict, storm.checks["no_login_loop"]),
        (Verdict::Partial, false)
    );
}

#[tokio::test]
async fn who_knows_the_outage_passes() {
    let outages = [
        ("S15", 20..80),
        ("O1", 60..120),
        ("O3", 30..150),
        ("O5", 30..90),
        ("O7", 30..90),
        ("O8", 180..270),
    ];
    let mut runs = JoinSet::new();
    for (id, sick) in outages {
        runs.spawn(async move {
            let factory = oracle(SECOND * sick.start..SECOND * sick.end);
            (id, run(id, &factory).await)
        });
    }
    for (id, finding) in runs.join_all().await {
        assert_eq!(finding.verdict, Verdict::Pass, "{id} {finding:?}");
    }
}

#[tokio::test]
async fn trying_all_that_fail_together_is_not_ideal() {
    let (clouds, regions) = (each_once(), each_once());
    let (cloud, region) = tokio::join!(run("O5", &clouds), run("O7", &regions));
    assert_eq!(
        (cloud.verdict, cloud.checks["recognised"]),
        (Verdict::Partial, false)
    );
    assert_eq!(
        (region.verdict, region.checks["not_one_by_one"]),
        (Verdict::Partial, false)
    );
}

#[tokio::test]
async fn who_does_not_return_is_not_back() {
    let away = oracle(20 * SECOND..999 * SECOND);
    let finding = run("S15", &away).await;
    assert_eq!(
        (finding.verdict, finding.checks["back_in_30_s"]),
        (Verdict::Partial, false)
    );
}

#[tokio::test]
async fn scenarios_are_the_same_in_other_dialects() {
    for dialect in [Dialect::Anthropic, Dialect::Gemini] {
        let conditions = Conditions::new(Scale::new(20.0).unwrap()).dialect(dialect);
        for (id, factory) in [("S02", each_once()), ("S13", naive()), ("S16", each_once())] {
            let scenario = Scenario::named(id).unwrap();
            let finding = scenario.run(&factory, conditions).await.unwrap();
            assert_eq!(
                finding.verdict,
                Verdict::Pass,
                "{id} {dialect:?} {finding:?}"
            );
        }
    }
}
