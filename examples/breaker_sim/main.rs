//! The adaptive breaker beside everyone else's rule, in virtual time.
//!
//! ```console
//! cargo run --release --example breaker_sim               # everything, some twenty minutes
//! cargo run --release --example breaker_sim -- --quick    # fewer seeds, under a minute
//! cargo run --release --example breaker_sim -- --scenario 'S2*' --rule tower-ai --rule finagle
//! ```
//!
//! A discrete-event simulation of calls that come in bursts to a provider that falls ill, drives the real breaker
//! through its handle, and the rules of others as they are written anew in [`rules`], all by default settings. The
//! same seed brings the same calls to each rule; what becomes of a rejected call is drawn too, so that it is
//! known what the rejection cost.

mod args;
mod compare;
mod goals;
mod holdout;
mod jobs;
mod json;
mod plot;
mod rules;
mod scenario;
mod table;
mod tally;
mod weather;
mod world;

use std::error::Error;
use std::process::ExitCode;

use tokio::time::Instant;

use crate::args::Args;

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            println!("{}", args::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(error) => return misused(&error),
    };
    match run(&args) {
        Ok(code) => code,
        Err(error) => misused(&error.to_string()),
    }
}

fn misused(error: &str) -> ExitCode {
    eprintln!("{error}\n\n{}", args::USAGE);
    ExitCode::from(2)
}

fn run(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    let mut scenarios = scenario::tuning();
    scenarios.extend(holdout::all());
    scenarios.retain(|scenario| args.wants_scenario(scenario.id));
    for scenario in &mut scenarios {
        scenario.rates.retain(|&rate| {
            args.wants_rate(rate)
                && !(args.quick && jobs::is_long(scenario.kind, scenario.trouble * rate))
        });
    }
    // Two other targets change little beside one.
    scenarios.retain(|scenario| {
        !(scenario.rates.is_empty() || args.quick && scenario.id.ends_with("+2"))
    });
    if scenarios.is_empty() {
        return Err("no scenario has that name and that rate".into());
    }
    let mut rules = rules::all();
    for wanted in &args.rules {
        if rules.iter().all(|(name, _)| name != wanted) {
            return Err(format!("no rule is named {wanted}").into());
        }
    }
    rules.retain(|(name, _)| args.wants_rule(name));
    let start = Instant::now();
    let (rows, calls) = jobs::run(&scenarios, &rules, args.seed, args.quick);
    let seconds = (Instant::now() - start).as_secs_f64();
    table::print(&rows);
    println!("{}", table::LEGEND);
    let broken = goals::print(&rows, args.quick);
    compare::print(&rows);
    println!(
        "\n{:.1} million calls in {seconds:.1} s: {:.2} s for each million",
        calls as f64 / 1e6,
        seconds / (calls as f64 / 1e6).max(1e-6),
    );
    if let Some(file) = &args.json {
        std::fs::write(file, serde_json::to_string_pretty(&json::report(&rows))?)
            .map_err(|error| format!("{}: {error}", file.display()))?;
    }
    if let Some(file) = &args.markdown {
        std::fs::write(file, compare::markdown(&rows))
            .map_err(|error| format!("{}: {error}", file.display()))?;
    }
    if let Some(directory) = &args.plots {
        plot::write(&rows, directory)
            .map_err(|error| format!("{}: {error}", directory.display()))?;
    }
    if args.check && broken > 0 {
        println!("{broken} figures are far above their goals");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
