//! One budget, one breaker, one router, shared by two threads.
//!
//! ```text
//! cargo bench --bench contention
//! ```

mod cases;
mod harness;

use std::process::ExitCode;

use harness::threads::Contest;

fn main() -> ExitCode {
    let mut contest = Contest::new("contention");
    cases::contention(&mut contest);
    contest.run()
}
