//! What the cache takes and adds: hits beside moka's own get, calls that it leaves alone, look-ups by meaning
//! (without the embedder).
//!
//! ```text
//! cargo bench --bench cache
//! cargo bench --bench cache -- --quick          look-ups up to 100,000 entries, not 1,000,000
//! cargo bench --bench cache -- --filter look-up
//! ```

#[path = "cases/cache.rs"]
mod cache;
mod cases;
mod harness;

use std::process::ExitCode;

use harness::{Mode, Options, Suite};

fn main() -> ExitCode {
    let options = Options::from_args();
    let mut suite = Suite::new("cache");
    cache::calls(&mut suite);
    let sizes: &[usize] = match options.mode {
        Mode::Full => &[1_000, 10_000, 100_000, 1_000_000],
        Mode::Quick => &[1_000, 10_000, 100_000],
        _ => &[1_000],
    };
    cache::look_ups(&mut suite, sizes);
    suite.run()
}
