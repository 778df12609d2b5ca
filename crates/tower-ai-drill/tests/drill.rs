//! A small outage, end to end.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::Duration;

use support::{quick, tries};
use tokio::time::Instant;
use tower_ai_drill::{Drill, Factory, Fault, Outage, Rule, Scale, Score, Script, Tally};

const SECOND: Duration = Duration::from_secs(1);

/// Ten seconds well, ten with `alpha` down, ten well.
fn outage() -> Outage {
    let down = Rule::new(Fault::Reset)
        .during(10 * SECOND..20 * SECOND)
        .unwrap();
    Outage::new()
        .phase("well", 10 * SECOND)
        .phase("down", 10 * SECOND)
        .phase("well", 10 * SECOND)
        .target(quick("alpha").script(Script::well().rule(down)))
        .target(quick("beta"))
}

async fn run(factory: Factory) -> Score {
    let drill = Drill::new(outage())
        .scale(Scale::new(10.0).unwrap())
        .seed(1);
    let tally = Tally::new();
    let epoch = Instant::now() + SECOND / 10;
    let score = drill.run(&factory, epoch, &tally).await.unwrap().score;
    assert_eq!(tally.records().len(), score.calls);
    score
}

#[tokio::test]
async fn a_bare_client_loses_what_the_outage_takes() {
    let score = run(tries(1, 1, 25 * SECOND, Duration::ZERO)).await;
    assert!(
        (score.calls, score.broken, score.late) == (600, 0, 0),
        "{score:?}"
    );
    // The calls on the edges of a phase may fall to either side.
    assert!((score.answered_share - 2.0 / 3.0).abs() < 0.1, "{score:?}");
    assert!((score.to_sick - 1.0).abs() < 0.1, "{score:?}");
    assert!(
        score.attempts == 1.0 && score.back_after_s == Some(0.0),
        "{score:?}"
    );
}

#[tokio::test]
async fn a_second_target_answers_the_rest() {
    let score = run(tries(1, 2, 25 * SECOND, Duration::ZERO)).await;
    assert_eq!(score.answered, score.calls, "{score:?}");
    assert!((score.attempts - 4.0 / 3.0).abs() < 0.1, "{score:?}");
    assert!((score.to_sick_calls - 1.0).abs() < 0.1, "{score:?}");
}

#[tokio::test]
async fn a_factory_that_fails_fails_the_run() {
    let factory: Factory = std::sync::Arc::new(|_| Err("no stack".into()));
    let drill = Drill::new(outage());
    let error = drill
        .run(&factory, Instant::now(), &Tally::new())
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "no stack");
}
