//! The command line.

use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
usage: breaker_sim [--quick] [--seed N] [--rule NAME] [--scenario ID] [--rate R]
                   [--check] [--json FILE] [--markdown FILE] [--plots DIR]

  --quick        fewer seeds and shorter healthy times: under a minute on two free cores
  --seed N       other arrivals, answers and faults; 1 unless given
  --rule NAME    runs one rule alone; may be given more than once
  --scenario ID  runs one scenario (S2+1), or all that begin so with a star (S2*); likewise
  --rate R       runs this rate of calls a second alone; likewise
  --check        fails if a figure is far above its goal, or what is known to be reached
  --json FILE    writes the figures there as well
  --markdown FILE  writes the comparison with the others there
  --plots DIR    writes one SVG for each scenario there: rejected calls over time";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) quick: bool,
    pub(crate) check: bool,
    pub(crate) seed: u64,
    pub(crate) rules: Vec<String>,
    pub(crate) scenarios: Vec<String>,
    pub(crate) rates: Vec<f64>,
    pub(crate) json: Option<PathBuf>,
    pub(crate) markdown: Option<PathBuf>,
    pub(crate) plots: Option<PathBuf>,
}

impl Args {
    /// Reads the arguments; `None` if they ask for help.
    pub(crate) fn parse(args: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut parsed = Self {
            quick: false,
            check: false,
            seed: 1,
            rules: Vec::new(),
            scenarios: Vec::new(),
            rates: Vec::new(),
            json: None,
            markdown: None,
            plots: None,
        };
        let mut args = args;
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} needs a value"));
            match arg.as_str() {
                "--quick" => parsed.quick = true,
                "--check" => parsed.check = true,
                "--markdown" => parsed.markdown = Some(PathBuf::from(value()?)),
                "--seed" => {
                    let seed = value()?;
                    let number = seed.parse();
                    parsed.seed =
                        number.map_err(|_| format!("--seed needs a number, not {seed:?}"))?;
                }
                "--rule" => parsed.rules.push(value()?),
                "--scenario" => parsed.scenarios.push(value()?),
                "--rate" => {
                    let rate = value()?;
                    let number = rate.parse();
                    parsed
                        .rates
                        .push(number.map_err(|_| format!("--rate needs a number, not {rate:?}"))?);
                }
                "--json" => parsed.json = Some(PathBuf::from(value()?)),
                "--plots" => parsed.plots = Some(PathBuf::from(value()?)),
                "--help" | "-h" => return Ok(None),
                _ => return Err(format!("{arg} is no option")),
            }
        }
        Ok(Some(parsed))
    }

    pub(crate) fn wants_rule(&self, name: &str) -> bool {
        self.rules.is_empty() || self.rules.iter().any(|rule| rule == name)
    }

    pub(crate) fn wants_rate(&self, rate: f64) -> bool {
        self.rates.is_empty() || self.rates.contains(&rate)
    }

    pub(crate) fn wants_scenario(&self, id: &str) -> bool {
        self.scenarios.is_empty()
            || self.scenarios.iter().any(|wanted| {
                wanted
                    .strip_suffix('*')
                    .map_or(wanted == id, |start| id.starts_with(start))
            })
    }
}
