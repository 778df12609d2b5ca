//! How fast a stream is scanned.
//!
//! ```text
//! cargo bench --bench parse
//! ```

mod cases;
mod harness;

use std::process::ExitCode;

use harness::Suite;

fn main() -> ExitCode {
    let mut suite = Suite::new("parse");
    cases::parse(&mut suite);
    suite.run_and(|case, ns| {
        if let Some(bytes) = cases::bytes_parsed(case) {
            println!("{case}: {:.0} MB/s", bytes as f64 / ns * 1e3);
        }
    })
}
