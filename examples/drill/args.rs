//! The command line.

use std::path::PathBuf;

use tower_ai_drill::{Commit, Dialect, Scale};

pub(crate) const USAGE: &str = "\
usage: drill [--seed N,...] [--scale N] [--quick] [--contender NAME]
             [--scenario ID,...|all] [--dialect NAME,...|all] [--mode NAME,...|all] [--full]
             [--report FILE] [--json FILE] [--check]

  --seed N          repeats schedule, calls and faults; several, as 1,2,3, are run in turn;
                    1 unless given
  --scale N         seconds of outage per second; 10 unless given
  --quick           a scale of 20, unless --scale says other
  --contender NAME  runs bare, tower-retry or tower-ai alone; scenarios run one contender,
                    the last there is unless given
  --scenario ID     runs fault scenarios, as S08,O3 or all of them, instead of the outage
  --dialect NAME    what the fake providers speak in scenarios: openai (unless given),
                    anthropic, gemini or all
  --mode NAME       runs scenarios in one mode: first-content, complete, continue or all of
                    these; unless given, each in the modes that it is about
  --full            runs the outage, then the scenarios
  --report FILE     writes a page with plots there: target/drill/report.html for an outage
                    unless given
  --json FILE       writes the result there as well
  --check           fails if tower-ai misses its figures or does not pass a scenario; what is
                    missed while the machine is late is tried again, more slowly, at most twice";

/// Where an outage's page is written unless the command line says other.
const REPORT: &str = "target/drill/report.html";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) seeds: Vec<u64>,
    pub(crate) scale: Scale,
    pub(crate) json: Option<PathBuf>,
    pub(crate) report: Option<PathBuf>,
    pub(crate) outage: bool,
    /// The ids of the scenarios, if any are to be run.
    pub(crate) scenarios: Option<Vec<String>>,
    pub(crate) dialects: Vec<Dialect>,
    /// `None`: each part in its own mode.
    pub(crate) modes: Vec<Option<Commit>>,
    pub(crate) contender: Option<String>,
    pub(crate) check: bool,
}

impl Args {
    /// Reads the arguments; `None` if they ask for help.
    pub(crate) fn parse(args: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let (mut scale, mut quick, mut full) = (None, false, false);
        let mut read = Self {
            seeds: vec![1],
            scale: Scale::ONE,
            json: None,
            report: None,
            outage: true,
            scenarios: None,
            dialects: vec![Dialect::OpenAi],
            modes: vec![None],
            contender: None,
            check: false,
        };
        let mut args = args;
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} needs a value"));
            match arg.as_str() {
                "--seed" => read.seeds = list(&value()?, |seed| number(&arg, seed))?,
                "--scale" => scale = Some(number(&arg, &value()?)?),
                "--quick" => quick = true,
                "--full" => full = true,
                "--check" => read.check = true,
                "--json" => read.json = Some(PathBuf::from(value()?)),
                "--report" => read.report = Some(PathBuf::from(value()?)),
                "--scenario" => read.scenarios = Some(list(&value()?, |id| Ok(id.to_owned()))?),
                "--dialect" => read.dialects = list(&every(value()?, DIALECTS), dialect)?,
                "--mode" => read.modes = list(&every(value()?, MODES), mode)?,
                "--contender" => read.contender = Some(value()?),
                "--help" | "-h" => return Ok(None),
                _ => return Err(format!("{arg} is no option")),
            }
        }
        let factor = scale.unwrap_or(if quick { 20.0 } else { 10.0 });
        read.scale = Scale::new(factor).map_err(|error| format!("--scale: {error}"))?;
        read.outage = full || read.scenarios.is_none();
        if full && read.scenarios.is_none() {
            read.scenarios = Some(vec!["all".to_owned()]);
        }
        if read.outage && read.report.is_none() {
            read.report = Some(PathBuf::from(REPORT));
        }
        Ok(Some(read))
    }
}

const DIALECTS: &str = "openai,anthropic,gemini";
const MODES: &str = "first-content,complete,continue";

fn every(value: String, all: &str) -> String {
    if value == "all" {
        all.to_owned()
    } else {
        value
    }
}

fn list<T>(value: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    value.split(',').map(read).collect()
}

fn dialect(name: &str) -> Result<Dialect, String> {
    match name {
        "anthropic" => Ok(Dialect::Anthropic),
        "gemini" => Ok(Dialect::Gemini),
        "openai" => Ok(Dialect::OpenAi),
        _ => Err(format!("no dialect is named {name}; there are {DIALECTS}")),
    }
}

fn mode(name: &str) -> Result<Option<Commit>, String> {
    match name {
        "complete" => Ok(Some(Commit::Complete)),
        "continue" => Ok(Some(Commit::Continue)),
        "first-content" => Ok(Some(Commit::FirstContent)),
        _ => Err(format!("no mode is named {name}; there are {MODES}")),
    }
}

fn number<T: std::str::FromStr>(option: &str, value: &str) -> Result<T, String> {
    value
        .parse()
        .map_err(|_| format!("{option} needs a number, not {value:?}"))
}
