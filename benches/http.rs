//! What the stack adds to a call over loopback: CPU time, and time on the wall.
//!
//! ```text
//! cargo bench --bench http
//! ```

mod cases;
mod harness;
#[path = "cases/loopback.rs"]
mod loopback;

use std::process::ExitCode;

use harness::{Mode, Options, Report, Suite};

fn main() -> ExitCode {
    let mut suite = Suite::with_sockets("http");
    loopback::add(&mut suite);
    let options = Options::from_args();
    let calls = match options.mode {
        Mode::Full => 5000,
        Mode::Quick => 500,
        _ => 0,
    };
    if calls > 0 {
        let mut report = Report::new("http");
        loopback::latencies(&suite, &mut report, calls);
        report.finish(&options);
    }
    suite.run()
}
