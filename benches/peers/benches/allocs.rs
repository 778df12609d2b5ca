//! Allocations per call, ours and the peers'.
//!
//! ```text
//! cargo bench -p tower-ai-peers --bench allocs
//! ```

mod cases;
#[path = "../../harness/mod.rs"]
mod harness;
#[path = "../../cases/mod.rs"]
mod ours;

use harness::{Counts, Suite};

fn main() {
    let mut layers = Suite::new("layers");
    ours::layers(&mut layers);
    cases::layers(&mut layers);
    let mut stack = Suite::new("stack");
    ours::stack(&mut stack);
    cases::stack(&mut stack);
    Counts::of(vec![layers, stack], |run| {
        allocation_counter::measure(run).count_total
    });
}
