//! The time that this thread has spent on a processor.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Runs `work` and returns the CPU time that it took on this thread.
pub(crate) fn cpu_time(work: impl FnOnce()) -> Duration {
    between(ClockId::ThreadCPUTime, work)
}

/// Runs `work` and returns how long it took by the clock on the wall.
pub(crate) fn wall_time(work: impl FnOnce()) -> Duration {
    between(ClockId::Monotonic, work)
}

fn between(clock: ClockId, work: impl FnOnce()) -> Duration {
    let start = read(clock);
    work();
    read(clock).saturating_sub(start)
}

fn read(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).expect("these clocks begin at zero");
    let nanos = u32::try_from(time.tv_nsec).expect("less than a second");
    Duration::new(seconds, nanos)
}
