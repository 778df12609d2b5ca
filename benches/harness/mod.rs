//! A small bench harness: what a service costs per call, beside the bare service and beside peers.
//!
//! - **Thread CPU time**, not wall time: neighbours on the machine do not count.
//! - **Interleaved**: a round runs a sample of every case, so a slow moment hits all alike; a case's cost
//!   over the baseline is the median of the differences within a round.
//! - **Nothing is made in the loop**: services are built once, and each sample ends with a call whose result is
//!   checked, so that a case which is not in the state it names panics.
//! - Two ways to call: `ready` polls one instance and calls it; `oneshot` clones the service for each call,
//!   as axum and tonic do.
#![allow(
    dead_code,
    unused_imports,
    reason = "each bench binary uses a part of it"
)]

mod clock;
mod count;
mod measure;
mod options;
mod report;
mod row;
pub(crate) mod threads;

use std::process::ExitCode;
use std::rc::Rc;

use tokio::runtime::{Builder, Runtime};

pub(crate) use self::count::Counts;
pub(crate) use self::options::{Mode, Options};
pub(crate) use self::report::Report;
pub(crate) use self::row::Row;

/// The cases of one bench binary.
pub(crate) struct Suite {
    bench: &'static str,
    runtime: Rc<Runtime>,
    baseline: &'static str,
    cases: Vec<Case>,
}

/// One measured case: some work in one form of calling, done by us or by a peer.
pub(crate) struct Case {
    pub(crate) name: String,
    /// The name of the case whose cost is subtracted.
    pub(crate) baseline: String,
    pub(crate) peer: Option<&'static str>,
    /// Makes this many calls, and one more that is checked.
    pub(crate) run: Box<dyn FnMut(u64)>,
}

impl Suite {
    /// An empty suite.
    pub(crate) fn new(bench: &'static str) -> Self {
        Self::on(bench, Builder::new_current_thread().enable_time())
    }

    /// An empty suite whose cases may use sockets. (Then each time that all wait costs a call of the kernel.)
    pub(crate) fn with_sockets(bench: &'static str) -> Self {
        Self::on(bench, Builder::new_current_thread().enable_all())
    }

    fn on(bench: &'static str, runtime: &mut Builder) -> Self {
        Self {
            bench,
            runtime: Rc::new(runtime.build().expect("a runtime")),
            baseline: "bare",
            cases: Vec::new(),
        }
    }

    /// The runtime on which all cases run.
    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The same, to keep.
    pub(crate) const fn shared_runtime(&self) -> &Rc<Runtime> {
        &self.runtime
    }

    /// Names the work whose cost is subtracted from the rows that follow.
    pub(crate) const fn baseline(&mut self, work: &'static str) {
        self.baseline = work;
    }

    /// Measures, counts nothing.
    pub(crate) fn run(self) -> ExitCode {
        self.run_and(|_, _| {})
    }

    /// The same, and says more about each case, by its name and what a call of it took in nanoseconds.
    pub(crate) fn run_and(self, more: impl Fn(&str, f64)) -> ExitCode {
        let options = Options::from_args();
        let (bench, mut cases) = self.selected(&options);
        if options.mode == Mode::List {
            let ours = cases.iter().filter(|case| case.peer.is_none());
            ours.for_each(|case| println!("{bench}: {}", case.name));
            return ExitCode::SUCCESS;
        }
        if let Mode::Instructions(calls) = options.mode {
            cases.iter_mut().for_each(|case| (case.run)(calls));
            return ExitCode::SUCCESS;
        }
        let timings = measure::interleaved(&mut cases, options.mode);
        let mut report = Report::new(bench);
        for (case, timing) in cases.iter().zip(&timings) {
            report.add(case, *timing);
        }
        let code = report.finish(&options);
        if options.mode != Mode::Smoke {
            let timed = cases.iter().zip(&timings);
            timed.for_each(|(case, timing)| more(&case.name, timing.ns));
        }
        code
    }

    /// The suite's name and the cases that the options ask for.
    pub(crate) fn selected(mut self, options: &Options) -> (&'static str, Vec<Case>) {
        let bench = self.bench;
        self.cases
            .retain(|case| options.wants(bench, &case.name, case.peer));
        (bench, self.cases)
    }
}
