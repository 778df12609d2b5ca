//! One fault at a time, and the verdict.

use serde_json::{Map, Value, json};
use tokio::task::JoinSet;
use tower_ai_drill::{Conditions, Factory, Finding, Scenario};

use crate::BoxError;
use crate::args::Args;

/// Sends the last of the contenders through one scenario, or through all of them at once.
pub(crate) async fn run(
    args: &Args,
    id: &str,
    mut contenders: Vec<(&'static str, Factory)>,
) -> Result<Value, BoxError> {
    let (name, factory) = contenders.pop().ok_or("no contender")?;
    let conditions = Conditions::new(args.scale).seed(args.seed);
    println!(
        "{name}, scale {} at most, seed {}\n",
        args.scale.factor(),
        args.seed
    );
    let mut runs = JoinSet::new();
    for (index, scenario) in chosen(id)?.into_iter().enumerate() {
        let factory = factory.clone();
        runs.spawn(async move { (index, scenario, scenario.run(&factory, conditions).await) });
    }
    let mut findings = Vec::new();
    while let Some(run) = runs.join_next().await {
        let (index, scenario, finding) = run?;
        findings.push((index, scenario, finding?));
    }
    findings.sort_by_key(|(index, ..)| *index);
    let mut report = Map::new();
    for (_, scenario, finding) in &findings {
        print(scenario, finding);
        report.insert(scenario.id().to_owned(), serde_json::to_value(finding)?);
    }
    Ok(json!({ "scenarios": report }))
}

fn chosen(id: &str) -> Result<Vec<Scenario>, BoxError> {
    if id == "all" {
        return Ok(Scenario::all().to_vec());
    }
    match Scenario::named(id) {
        Some(scenario) => Ok(vec![scenario]),
        None => {
            let ids: Vec<_> = Scenario::all().iter().map(Scenario::id).collect();
            Err(format!("no scenario is named {id}; there are {}", ids.join(", ")).into())
        }
    }
}

/// One line, and one for each check that does not hold.
fn print(scenario: &Scenario, finding: &Finding) {
    let verdict = format!("{:?}", finding.verdict).to_lowercase();
    println!("{:<4} {verdict:<8} {}", scenario.id(), scenario.about());
    for (check, _) in finding.checks.iter().filter(|(_, holds)| !**holds) {
        println!("              not {check}");
    }
}
