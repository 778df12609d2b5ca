//! How fast a stream is scanned.
//!
//! ```text
//! cargo bench --bench parse
//! ```

mod harness;
#[path = "cases/parse.rs"]
mod parse;

use std::process::ExitCode;

use harness::Suite;

fn main() -> ExitCode {
    let mut suite = Suite::new("parse");
    parse::add(&mut suite);
    suite.run_and(|case, ns| {
        if let Some(bytes) = parse::bytes(case) {
            println!("{case}: {:.0} MB/s", bytes as f64 / ns * 1e3);
        }
    })
}
