//! What each layer costs alone.
//!
//! ```text
//! cargo bench --bench layers
//! cargo bench --bench layers -- --quick --filter retry
//! ```

mod cases;
mod harness;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut suite = harness::Suite::new("layers");
    cases::layers(&mut suite);
    suite.run()
}
