//! What the assembled stack costs: failover over targets, each with retry and breaker.
//!
//! ```text
//! cargo bench --bench stack
//! ```

mod cases;
mod harness;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut suite = harness::Suite::new("stack");
    cases::stack(&mut suite);
    suite.run()
}
