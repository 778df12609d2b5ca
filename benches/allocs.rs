//! Allocations per call, exactly; fails when they are not those of `benches/allocs.txt`.
//!
//! ```text
//! cargo bench --bench allocs
//! cargo bench --bench allocs -- --bless
//! ```
//!
//! A binary of its own, as the counting allocator would slow the others down.

#[path = "cases/answer.rs"]
mod answer;
#[path = "cases/cache.rs"]
mod cache;
mod cases;
mod harness;
#[path = "cases/parse.rs"]
mod parse;

use std::path::Path;
use std::process::ExitCode;

use harness::{Counts, Suite};

fn main() -> ExitCode {
    let mut layers = Suite::new("layers");
    cases::layers(&mut layers);
    let mut scale = Suite::new("scale");
    cases::scale(&mut scale);
    let mut stack = Suite::new("stack");
    cases::stack(&mut stack);
    let mut scanned = Suite::new("parse");
    parse::add(&mut scanned);
    let mut told = Suite::new("answer");
    answer::add(&mut told);
    let mut kept = Suite::new("cache");
    cache::counted(&mut kept);
    let counts = Counts::of(vec![layers, scale, stack, scanned, told, kept], |run| {
        allocation_counter::measure(run).count_total
    });
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/allocs.txt");
    counts.compare(&expected)
}
