//! What it costs to know what an answer means. A good one is to cost less than 50 ns.
//!
//! ```text
//! cargo bench --bench answer
//! ```

mod cases;
mod harness;

use std::process::ExitCode;

use harness::Suite;

fn main() -> ExitCode {
    let mut suite = Suite::new("answer");
    cases::answer(&mut suite);
    suite.run()
}
