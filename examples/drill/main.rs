//! An outage over real sockets, with and without resilience: what users would have seen.
//!
//! ```console
//! cargo run --release --example drill               # the whole outage, about 75 s
//! cargo run --release --example drill -- --quick    # the same, in under a minute
//! cargo run --release --example drill -- --scenario all --dialect all
//! ```

mod args;
mod bare;
mod cached;
mod check;
mod client;
mod ours;
mod outage;
mod progress;
mod scenarios;
mod table;
mod tower_retry;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use serde_json::json;
use tower_ai_drill::{Factory, Report};

use crate::args::Args;

type BoxError = Box<dyn Error + Send + Sync>;

/// The client stacks that go through the drill side by side.
fn contenders() -> Vec<(&'static str, Factory)> {
    vec![
        ("bare", bare::factory()),
        ("tower-retry", tower_retry::factory()),
        ("tower-ai+cache", cached::factory()),
        // The last one: scenarios run it alone unless they are told otherwise.
        ("tower-ai", ours::factory()),
    ]
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            println!("{}", args::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}\n\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    // Calls that wait hold a connection each; macOS starts with 256 file descriptors.
    if let Err(error) = rlimit::increase_nofile_limit(65_536) {
        eprintln!("the limit of file descriptors stays as it is: {error}");
    }
    match run(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<(), BoxError> {
    let mut contenders = contenders();
    if let Some(only) = &args.contender {
        contenders.retain(|(name, _)| name == only);
        if contenders.is_empty() {
            return Err(format!("no contender is named {only}").into());
        }
    }
    let (mut report, mut misses) = (Report::new(), Vec::new());
    let mut json = json!({ "outages": [] });
    if args.outage {
        for &seed in &args.seeds {
            let done = outage::run(args, seed, contenders.clone()).await?;
            misses.extend(done.misses);
            json["outages"]
                .as_array_mut()
                .ok_or("no list")?
                .push(done.json);
            report = report.outage(&done.drill, done.accounts);
        }
    }
    if let Some(ids) = &args.scenarios {
        let done = scenarios::run(args, ids, &contenders).await?;
        misses.extend(done.misses);
        json["scenarios"] = done.json;
        report = report.cases(done.cases);
    }
    if let Some(file) = &args.json {
        write(file, &serde_json::to_string_pretty(&json)?)?;
    }
    if let Some(file) = &args.report {
        write(file, &report.to_html())?;
        println!("\nThe whole story, with plots: {}", file.display());
    }
    if args.check && !misses.is_empty() {
        return Err(misses.join("\n").into());
    }
    Ok(())
}

fn write(file: &Path, text: &str) -> Result<(), BoxError> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    folder.map_or(Ok(()), std::fs::create_dir_all)?;
    std::fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(())
}
