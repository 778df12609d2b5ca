//! The mission's outage, all contenders side by side.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower_ai_drill::{Drill, Factory, Score, Tally, mission};

use crate::args::Args;
use crate::{BoxError, progress, table};

/// The calls per second of outage time.
const CALLS_PER_S: f64 = 20.0;
/// Time to start all fake providers before the first call.
const WARM_UP: Duration = Duration::from_millis(200);

pub(crate) async fn run(
    args: &Args,
    contenders: Vec<(&'static str, Factory)>,
) -> Result<Value, BoxError> {
    let drill = Drill::new(mission()?)
        .scale(args.scale)
        .seed(args.seed)
        .calls_per_s(CALLS_PER_S);
    progress::introduce(&drill, args, CALLS_PER_S);
    let epoch = Instant::now() + WARM_UP;
    let mut tallies = Vec::new();
    let mut runs = JoinSet::new();
    for (index, (name, factory)) in contenders.into_iter().enumerate() {
        let tally = Tally::new();
        tallies.push((name, tally.clone()));
        let drill = drill.clone();
        runs.spawn(async move { (index, name, drill.run(&factory, epoch, &tally).await) });
    }
    let watch = tokio::spawn(progress::watch(drill, epoch, tallies));
    let mut scores: Vec<(usize, &str, Score)> = Vec::new();
    while let Some(run) = runs.join_next().await {
        let (index, name, score) = run?;
        scores.push((index, name, score?));
    }
    watch.abort();
    scores.sort_by_key(|(index, ..)| *index);
    table::print(&scores);
    report(args, &scores)
}

fn report(args: &Args, scores: &[(usize, &str, Score)]) -> Result<Value, BoxError> {
    let mut contenders = Map::new();
    for (_, name, score) in scores {
        contenders.insert((*name).to_owned(), serde_json::to_value(score)?);
    }
    Ok(json!({
        "seed": args.seed,
        "scale": args.scale.factor(),
        "calls_per_s": CALLS_PER_S,
        "calls_per_s_wall": CALLS_PER_S * args.scale.factor(),
        "contenders": contenders,
    }))
}
