//! The mission's outage, all contenders side by side.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower_ai_drill::{Account, Drill, Factory, Scale, Tally, mission};

use crate::args::Args;
use crate::check::{self, AGAIN, HELD};
use crate::{BoxError, progress, table};

/// The calls per second of outage time.
const CALLS_PER_S: f64 = 20.0;
/// The share of the calls that ask what was asked before: modest for questions to a support desk.
const REPEATED: f64 = 0.3;
/// Time to start all fake providers before the first call.
const WARM_UP: Duration = Duration::from_millis(200);

pub(crate) type Contenders = Vec<(&'static str, Factory)>;

/// An outage of one seed, and what was missed in it.
pub(crate) struct Done {
    pub(crate) drill: Drill,
    pub(crate) accounts: Vec<(&'static str, Account)>,
    pub(crate) json: Value,
    pub(crate) misses: Vec<String>,
}

/// Runs the outage; with `--check`, what is missed while the machine is late is tried again.
pub(crate) async fn run(
    args: &Args,
    seed: u64,
    mut contenders: Contenders,
) -> Result<Done, BoxError> {
    let (mut scale, mut tries) = (args.scale, Vec::new());
    let mut done: Option<Done> = None;
    for again in 0..=AGAIN {
        let drill = Drill::new(mission()?)
            .scale(scale)
            .seed(seed)
            .calls_per_s(CALLS_PER_S)
            .repeated(REPEATED);
        progress::introduce(&drill, scale, seed, CALLS_PER_S);
        let accounts = once(&drill, &contenders).await?;
        table::print(&accounts);
        table::noise(&accounts, scale);
        let misses = missed(&accounts);
        tries
            .push(json!({ "scale": scale.factor(), "missed": &misses, "noise": noise(&accounts) }));
        let spoilt = accounts
            .iter()
            .any(|(_, account)| account.noise.spoils(scale));
        let settled = misses.is_empty();
        done = Some(match done {
            None => Done {
                json: json_of(&drill, scale, seed, &accounts)?,
                drill,
                accounts,
                misses,
            },
            Some(first) => Done { misses, ..first },
        });
        if settled || !args.check || !spoilt || again == AGAIN {
            break;
        }
        scale = Scale::new(scale.factor() / 2.0)?;
        contenders.retain(|(name, _)| *name == HELD);
        println!(
            "\nMissed on a late machine, which proves nothing. Again, {HELD} alone at half the scale.\n"
        );
    }
    let mut done = done.ok_or("nothing was run")?;
    done.json["tries"] = tries.into();
    Ok(done)
}

async fn once(
    drill: &Drill,
    contenders: &Contenders,
) -> Result<Vec<(&'static str, Account)>, BoxError> {
    let epoch = Instant::now() + WARM_UP;
    let mut tallies = Vec::new();
    let mut runs = JoinSet::new();
    for (index, (name, factory)) in contenders.iter().enumerate() {
        let (name, factory, tally) = (*name, factory.clone(), Tally::new());
        tallies.push((name, tally.clone()));
        let drill = drill.clone();
        runs.spawn(async move { (index, name, drill.run(&factory, epoch, &tally).await) });
    }
    let watch = tokio::spawn(progress::watch(drill.clone(), epoch, tallies));
    let mut accounts = Vec::new();
    while let Some(run) = runs.join_next().await {
        let (index, name, account) = run?;
        accounts.push((index, name, account?));
    }
    watch.abort();
    accounts.sort_by_key(|(index, ..)| *index);
    let accounts = accounts
        .into_iter()
        .map(|(_, name, account)| (name, account));
    Ok(accounts.collect())
}

fn missed(accounts: &[(&'static str, Account)]) -> Vec<String> {
    let held = accounts.iter().filter(|(name, _)| *name == HELD);
    held.flat_map(|(_, account)| check::misses(&account.score))
        .collect()
}

/// The worst noise that any contender's run saw.
fn noise(accounts: &[(&'static str, Account)]) -> Value {
    let noises = accounts.iter().map(|(_, account)| account.noise);
    let worst = noises.max_by(|a, b| a.max_ms.total_cmp(&b.max_ms));
    json!(worst)
}

fn json_of(
    drill: &Drill,
    scale: Scale,
    seed: u64,
    accounts: &[(&'static str, Account)],
) -> Result<Value, BoxError> {
    let mut contenders = Map::new();
    for (name, account) in accounts {
        contenders.insert((*name).to_owned(), serde_json::to_value(account)?);
    }
    Ok(json!({
        "seed": seed,
        "scale": scale.factor(),
        "length_s": drill.outage().length().as_secs_f64(),
        "calls_per_s": CALLS_PER_S,
        "repeated": REPEATED,
        "calls_per_s_wall": CALLS_PER_S * scale.factor(),
        "noise": noise(accounts),
        "contenders": contenders,
    }))
}
