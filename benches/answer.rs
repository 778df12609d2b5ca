//! What it costs to know what an answer means. A good one is to cost less than 50 ns.
//!
//! ```text
//! cargo bench --bench answer
//! ```

#[path = "cases/answer.rs"]
mod answer;
mod harness;

use std::process::ExitCode;

use harness::Suite;

fn main() -> ExitCode {
    let mut suite = Suite::new("answer");
    answer::add(&mut suite);
    suite.run()
}
