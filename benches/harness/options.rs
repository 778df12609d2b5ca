//! The command line of a bench binary.

use std::env;
use std::path::PathBuf;

/// How much to measure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    /// For figures that are written down.
    Full,
    /// For a first look.
    Quick,
    /// Only shows that every case runs and is in the state it names.
    Smoke,
    /// Prints the names of our cases.
    List,
    /// Makes this many calls of each selected case and measures nothing: for callgrind.
    Instructions(u64),
}

/// What the command line asked for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) mode: Mode,
    pub(crate) json: Option<PathBuf>,
    /// Replaces what is expected by what was counted.
    pub(crate) bless: bool,
    filter: Option<String>,
    exact: Option<String>,
}

impl Options {
    /// Reads the command line. cargo adds `--bench`, but not when it runs benches as tests: then a smoke run
    /// is enough.
    pub(crate) fn from_args() -> Self {
        let mut options = Self {
            mode: Mode::Smoke,
            json: None,
            bless: false,
            filter: None,
            exact: None,
        };
        let mut args = env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut value = || args.next().unwrap_or_else(|| panic!("{arg} wants a value"));
            match arg.as_str() {
                "--bench" if options.mode == Mode::Smoke => options.mode = Mode::Full,
                "--bench" => {}
                "--quick" => options.mode = Mode::Quick,
                "--test" => options.mode = Mode::Smoke,
                "--json" => options.json = Some(value().into()),
                "--filter" => options.filter = Some(value()),
                "--list" => options.mode = Mode::List,
                "--bless" => options.bless = true,
                "--exact" => options.exact = Some(value()),
                "--calls" => options.mode = Mode::Instructions(value().parse().expect("a number")),
                other if other.starts_with('-') => eprintln!("{other} is not known and ignored"),
                text => options.filter = Some(text.to_owned()),
            }
        }
        options
    }

    /// Whether the case is asked for. Baselines always are: without them there is no difference.
    pub(crate) fn wants(&self, bench: &str, case: &str, peer: Option<&str>) -> bool {
        if let Some(exact) = &self.exact {
            return peer.is_none() && *exact == format!("{bench}: {case}");
        }
        let Some(filter) = &self.filter else {
            return true;
        };
        let full = format!("{bench}: {case} {}", peer.unwrap_or("tower-ai"));
        case.starts_with("bare") || full.contains(filter.as_str())
    }
}
