//! What the assembled stack costs, beside the peer's layers for the same work.
//!
//! ```text
//! cargo bench -p tower-ai-peers --bench stack
//! ```

mod cases;
#[path = "../../harness/mod.rs"]
mod harness;
#[path = "../../cases/mod.rs"]
mod ours;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut suite = harness::Suite::new("stack");
    ours::stack(&mut suite);
    cases::stack(&mut suite);
    suite.run()
}
