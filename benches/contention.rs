//! One budget, one breaker, one router, one cache, shared by two threads.
//!
//! ```text
//! cargo bench --bench contention
//! ```

#[path = "cases/cache.rs"]
mod cache;
mod cases;
mod harness;

use std::process::ExitCode;

use harness::threads::Contest;

fn main() -> ExitCode {
    let mut contest = Contest::new("contention");
    cases::contention(&mut contest);
    cache::contention(&mut contest);
    contest.run()
}
