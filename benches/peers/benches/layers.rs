//! What each layer costs alone, beside the peers.
//!
//! ```text
//! cargo bench -p tower-ai-peers --bench layers
//! ```

mod cases;
#[path = "../../harness/mod.rs"]
mod harness;
#[path = "../../cases/mod.rs"]
mod ours;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut suite = harness::Suite::new("layers");
    ours::layers(&mut suite);
    cases::layers(&mut suite);
    suite.run()
}
