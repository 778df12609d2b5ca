//! One budget, one breaker, one router, shared by two threads: ours and the peers'.
//!
//! ```text
//! cargo bench -p tower-ai-peers --bench contention
//! ```

mod cases;
#[path = "../../harness/mod.rs"]
mod harness;
#[path = "../../cases/mod.rs"]
mod ours;

use std::process::ExitCode;

use harness::threads::Contest;

fn main() -> ExitCode {
    let mut contest = Contest::new("contention");
    ours::contention(&mut contest);
    cases::contention(&mut contest);
    contest.run()
}
