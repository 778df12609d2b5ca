//! One fault at a time, and the verdict.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower_ai_drill::{Case, Conditions, Factory, Meter, Noise, Scale, Scenario};

use crate::BoxError;
use crate::args::Args;
use crate::check::{self, AGAIN};

/// How many places there are for cases that run at once, and how many of them a flow of calls takes.
const PLACES: u32 = 48;
const FLOW: u32 = 6;

/// What was run, and what did not hold.
pub(crate) struct Done {
    pub(crate) cases: Vec<Case>,
    pub(crate) json: Value,
    pub(crate) misses: Vec<String>,
}

/// Sends the last of the contenders through the scenarios that were asked for, in all seeds, dialects
/// and modes. With `--check`, what is missed while the machine is late is tried again, alone.
pub(crate) async fn run(
    args: &Args,
    ids: &[String],
    contenders: &[(&'static str, Factory)],
) -> Result<Done, BoxError> {
    let (name, factory) = contenders.last().ok_or("no contender")?;
    println!("{name}, scale {} at most\n", args.scale.factor());
    let meter = Meter::start();
    let mut cases = all_at_once(asked(args, ids)?, factory).await?;
    let noise = meter.noise();
    let late = noise.spoils(args.scale);
    print_noise("All at once", noise, late);

    let mut found = Vec::new();
    for case in &mut cases {
        let mut tries =
            vec![json!({ "scale": case.conditions.scale.factor(), "finding": case.finding })];
        let mut spoilt = late;
        print(case);
        for _ in 0..AGAIN {
            if !args.check || holds(case) || !spoilt {
                break;
            }
            // The first repetition has the machine to itself; the second has slower clocks as well.
            if tries.len() > 1 {
                case.conditions.scale = Scale::new(case.conditions.scale.factor() / 2.0)?;
            }
            let meter = Meter::start();
            case.finding = case.scenario.run(factory, case.conditions).await?;
            spoilt = meter.noise().spoils(case.conditions.scale);
            print_noise("  again, alone", meter.noise(), spoilt);
            print(case);
            tries.push(json!({ "scale": case.conditions.scale.factor(), "finding": case.finding, "noise": meter.noise() }));
        }
        found.push(json!({
            "scenario": case.scenario.id(),
            "seed": case.conditions.seed,
            "dialect": case.conditions.dialect.name(),
            "mode": case.mode(),
            "finding": case.finding,
            "tries": tries,
        }));
    }
    let missed = cases.iter().filter(|case| !holds(case));
    Ok(Done {
        misses: missed.map(miss).collect(),
        json: json!({ "noise": noise, "cases": found }),
        cases,
    })
}

/// Every scenario in every seed, dialect and mode.
fn asked(args: &Args, ids: &[String]) -> Result<Vec<(Scenario, Conditions)>, BoxError> {
    let mut asked = Vec::new();
    for scenario in chosen(ids)? {
        for &seed in &args.seeds {
            for &dialect in &args.dialects {
                for mode in &args.modes {
                    let conditions = Conditions::new(args.scale).seed(seed).dialect(dialect);
                    let conditions = mode.iter().fold(conditions, |all, mode| all.commit(*mode));
                    asked.push((scenario, conditions));
                }
            }
        }
    }
    Ok(asked)
}

fn chosen(ids: &[String]) -> Result<Vec<Scenario>, BoxError> {
    let mut chosen = Vec::new();
    for id in ids {
        // A prefix stands for all that begin with it, as S and O do.
        let named = Scenario::all()
            .iter()
            .filter(|scenario| id == "all" || scenario.id() == id || is_family(id, scenario));
        let before = chosen.len();
        chosen.extend(named);
        if chosen.len() == before {
            let ids: Vec<_> = Scenario::all().iter().map(Scenario::id).collect();
            return Err(format!("no scenario is named {id}; there are {}", ids.join(", ")).into());
        }
    }
    Ok(chosen)
}

fn is_family(id: &str, scenario: &Scenario) -> bool {
    id.len() == 1 && scenario.id().starts_with(id)
}

async fn all_at_once(
    asked: Vec<(Scenario, Conditions)>,
    factory: &Factory,
) -> Result<Vec<Case>, BoxError> {
    let room = Arc::new(Semaphore::new(PLACES as usize));
    let mut runs = JoinSet::new();
    for (index, (scenario, conditions)) in asked.into_iter().enumerate() {
        let (factory, room) = (factory.clone(), Arc::clone(&room));
        runs.spawn(async move {
            let places = if is_family("O", &scenario) { FLOW } else { 1 };
            let _places = room.acquire_many(places).await?;
            let finding = scenario.run(&factory, conditions).await?;
            Ok::<_, BoxError>((index, Case::new(scenario, conditions, finding)))
        });
    }
    let mut cases = Vec::new();
    while let Some(run) = runs.join_next().await {
        cases.push(run??);
    }
    cases.sort_by_key(|(index, _)| *index);
    Ok(cases.into_iter().map(|(_, case)| case).collect())
}

fn holds(case: &Case) -> bool {
    check::holds(case.scenario.id(), case.conditions.commit, &case.finding)
}

fn miss(case: &Case) -> String {
    let verdict = case.finding.verdict.name();
    let got = check::rescued(&case.finding);
    format!("{} is {verdict}, callers got: {got}", label(case))
}

/// What the case is, as `S08 gemini complete`.
fn label(case: &Case) -> String {
    let conditions = &case.conditions;
    let (id, dialect) = (case.scenario.id(), conditions.dialect.name());
    format!(
        "{id:<4}{dialect:<10}{:<14}{:<3}",
        case.mode(),
        conditions.seed
    )
}

/// One line, and one for each check that does not hold.
fn print(case: &Case) {
    let (verdict, got) = (case.finding.verdict.name(), check::rescued(&case.finding));
    let about = case.scenario.about();
    println!("{} {verdict:<8}{got:<7} {about}", label(case));
    for (check, _) in case.finding.checks.iter().filter(|(_, holds)| !**holds) {
        println!("{:>36} not {check}", "");
    }
}

fn print_noise(what: &str, noise: Noise, spoils: bool) {
    let word = if spoils {
        "late for these clocks"
    } else {
        "in time"
    };
    println!(
        "{what}: timers were {:.1} ms late at p99, {:.0} ms at most: {word}\n",
        noise.p99_ms, noise.max_ms
    );
}
