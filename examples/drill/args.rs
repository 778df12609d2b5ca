//! The command line.

use std::path::PathBuf;

use tower_ai_drill::Scale;

pub(crate) const USAGE: &str = "\
usage: drill [--seed N] [--scale N] [--quick] [--json FILE]
             [--scenario ID|all] [--contender NAME] [--check]

  --seed N          repeats schedule, calls and faults; 1 unless given
  --scale N         seconds of outage per second; 10 unless given
  --quick           a scale of 20, unless --scale says other
  --json FILE       writes the result there as well
  --scenario ID     runs one fault scenario, or all of them, instead of the outage
  --contender NAME  runs bare, tower-retry or tower-ai alone; scenarios run one contender,
                    the last there is unless given
  --check           fails if tower-ai misses its figures or does not pass a scenario";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) seed: u64,
    pub(crate) scale: Scale,
    pub(crate) json: Option<PathBuf>,
    pub(crate) scenario: Option<String>,
    pub(crate) contender: Option<String>,
    pub(crate) check: bool,
}

impl Args {
    /// Reads the arguments; `None` if they ask for help.
    pub(crate) fn parse(args: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let (mut seed, mut scale, mut quick, mut check) = (1, None, false, false);
        let (mut json, mut scenario, mut contender) = (None, None, None);
        let mut args = args;
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} needs a value"));
            match arg.as_str() {
                "--seed" => seed = number(&arg, &value()?)?,
                "--scale" => scale = Some(number(&arg, &value()?)?),
                "--quick" => quick = true,
                "--check" => check = true,
                "--json" => json = Some(PathBuf::from(value()?)),
                "--scenario" => scenario = Some(value()?),
                "--contender" => contender = Some(value()?),
                "--help" | "-h" => return Ok(None),
                _ => return Err(format!("{arg} is no option")),
            }
        }
        let factor = scale.unwrap_or(if quick { 20.0 } else { 10.0 });
        let scale = Scale::new(factor).map_err(|error| format!("--scale: {error}"))?;
        Ok(Some(Self {
            seed,
            scale,
            json,
            scenario,
            contender,
            check,
        }))
    }
}

fn number<T: std::str::FromStr>(option: &str, value: &str) -> Result<T, String> {
    value
        .parse()
        .map_err(|_| format!("{option} needs a number, not {value:?}"))
}
