//! How late the machine was.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::Scale;

/// The time between two ticks.
const TICK: Duration = Duration::from_millis(5);
/// The ticks that are kept: those of an hour and more.
const TICKS_MAX: usize = 1_000_000;
/// The lateness, in outage time, from which on figures say more about the machine than about a
/// client: of one tick in a hundred, and of the worst.
const SPOILS_P99: Duration = Duration::from_millis(250);
const SPOILS_MAX: Duration = Duration::from_secs(2);

/// A ticker on the runtime that everything else runs on: how late its ticks are is how late every
/// timer and every answer may be, for no fault of the client under test.
///
/// A client that blocks the runtime makes the ticks late as well. So a miss that noise may explain is
/// to be tried again, never to be forgiven.
///
/// # Clone
///
/// Clones read the same ticker; it ends with the last of them.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_ai_drill::{Meter, Scale};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), tower_ai_drill::Invalid> {
/// let meter = Meter::start();
/// tokio::time::sleep(Duration::from_millis(50)).await;
/// std::thread::sleep(Duration::from_millis(300));
/// tokio::time::sleep(Duration::from_millis(50)).await;
///
/// let noise = meter.noise();
/// assert!(noise.max_ms >= 250.0);
/// assert!(noise.spoils(Scale::new(20.0)?), "300 ms are 6 s of outage time");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Meter(Arc<Ticker>);

#[derive(Debug)]
struct Ticker {
    ticks: Arc<Mutex<Vec<Tick>>>,
    task: JoinHandle<()>,
}

/// When a tick was due, and how late it came.
type Tick = (Instant, Duration);

impl Meter {
    /// Starts to tick on the current runtime.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with its timer.
    pub fn start() -> Self {
        let ticks = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn(tick(Arc::clone(&ticks)));
        Self(Arc::new(Ticker { ticks, task }))
    }

    /// The noise since the start.
    pub fn noise(&self) -> Noise {
        Noise::of(self.lock().iter().map(|(_, late)| *late).collect())
    }

    /// The noise within a time.
    pub fn noise_within(&self, window: &Range<Instant>) -> Noise {
        let within = |(due, late): &Tick| window.contains(due).then_some(*late);
        Noise::of(self.lock().iter().filter_map(within).collect())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Tick>> {
        self.0.ticks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn tick(ticks: Arc<Mutex<Vec<Tick>>>) {
    let mut due = Instant::now() + TICK;
    loop {
        sleep_until(due).await;
        let now = Instant::now();
        let mut kept = ticks.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= TICKS_MAX {
            return;
        }
        // Every tick that was missed is one that came late.
        while due <= now {
            kept.push((due, now - due));
            due += TICK;
        }
    }
}

/// How late timers were, in milliseconds on the wall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Noise {
    /// Of half of the ticks, at most so much.
    pub p50_ms: f64,
    /// Of all but one in a hundred, at most so much.
    pub p99_ms: f64,
    /// Of the worst.
    pub max_ms: f64,
}

impl Noise {
    fn of(mut late: Vec<Duration>) -> Self {
        late.sort_unstable();
        let at = |share: f64| {
            let rank = (share * late.len() as f64).ceil() as usize;
            let late = late.get(rank.saturating_sub(1));
            late.map_or(0.0, |late| late.as_secs_f64() * 1e3)
        };
        Self {
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            max_ms: at(1.0),
        }
    }

    /// Whether figures taken at this scale say more about the machine than about a client: one tick in a
    /// hundred came a quarter of a second of outage time late, or one came two seconds late.
    pub fn spoils(&self, scale: Scale) -> bool {
        let outage = |ms: f64| scale.to_outage(Duration::from_secs_f64(ms / 1e3));
        outage(self.p99_ms) >= SPOILS_P99 || outage(self.max_ms) >= SPOILS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_in_a_hundred_is_the_p99() {
        let late = |ms| Duration::from_millis(ms);
        let noise = Noise::of((1..=100).map(late).rev().collect());
        let found = (noise.p50_ms, noise.p99_ms, noise.max_ms);
        assert_eq!(found, (50.0, 99.0, 100.0));
        assert_eq!(Noise::of(Vec::new()), Noise::default());
    }

    #[test]
    fn the_same_lateness_spoils_only_what_is_compressed() {
        let noise = Noise {
            p99_ms: 20.0,
            ..Noise::default()
        };
        assert!(noise.spoils(Scale::new(20.0).unwrap()));
        assert!(!noise.spoils(Scale::new(10.0).unwrap()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_keeps_time_is_quiet() {
        let meter = Meter::start();
        let start = Instant::now();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(meter.noise_within(&(start..Instant::now())).max_ms <= 1.0);
    }
}
