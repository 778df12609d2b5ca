//! What the assembled stack costs: failover over targets, each with retry and breaker.
//!
//! ```text
//! cargo bench --bench stack
//! ```

#[path = "cases/cache.rs"]
mod cache;
mod cases;
mod harness;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut suite = harness::Suite::new("stack");
    cases::stack(&mut suite);
    cache::stacked(&mut suite);
    suite.run()
}
