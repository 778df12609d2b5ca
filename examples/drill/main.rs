//! An outage over real sockets, with and without resilience: what users would have seen.
//!
//! ```console
//! cargo run --release --example drill               # the whole outage, about 75 s
//! cargo run --release --example drill -- --quick    # the same, in under a minute
//! cargo run --release --example drill -- --scenario all
//! ```

mod args;
mod bare;
mod check;
mod client;
mod ours;
mod outage;
mod progress;
mod scenarios;
mod table;
mod tower_retry;

use std::error::Error;
use std::process::ExitCode;

use tower_ai_drill::Factory;

use crate::args::Args;

type BoxError = Box<dyn Error + Send + Sync>;

/// The client stacks that go through the drill side by side.
fn contenders() -> Vec<(&'static str, Factory)> {
    vec![
        ("bare", bare::factory()),
        ("tower-retry", tower_retry::factory()),
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
    let report = match &args.scenario {
        Some(id) => scenarios::run(args, id, contenders).await?,
        None => outage::run(args, contenders).await?,
    };
    if let Some(file) = &args.json {
        std::fs::write(file, serde_json::to_string_pretty(&report)?)
            .map_err(|error| format!("{}: {error}", file.display()))?;
    }
    if args.check {
        let failures = check::failures(&report);
        if !failures.is_empty() {
            return Err(failures.join("\n").into());
        }
    }
    Ok(())
}
