//! What a call costs as the number of targets grows while the first is well, and as the number of keys grows of
//! which each has a circuit: it must stay flat.
//!
//! ```text
//! cargo bench --bench scale
//! ```

mod cases;
mod harness;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut suite = harness::Suite::new("scale");
    cases::scale(&mut suite);
    suite.run()
}
