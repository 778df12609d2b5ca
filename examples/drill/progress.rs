//! What is going on, while it goes on.

use std::time::Duration;

use tokio::time::{Instant, interval};
use tower_ai_drill::{Drill, Scale, Tally};

/// The time between two lines, and what they look back over.
const EVERY: Duration = Duration::from_secs(3);

/// Says what is about to happen.
pub(crate) fn introduce(drill: &Drill, scale: Scale, seed: u64, calls_per_s: f64) {
    let (factor, length) = (scale.factor(), drill.outage().length());
    println!(
        "An outage of {:.0} min in {:.0} s (scale {factor}, seed {seed}), {calls_per_s} calls a second: \
         {:.0} a second on the wall.\n",
        length.as_secs_f64() / 60.0,
        scale.to_wall(length).as_secs_f64(),
        calls_per_s * factor,
    );
    for (name, window) in drill.outage().phases() {
        println!("  {:>4} s  {name}", window.start.as_secs());
    }
    println!(
        "\nAnswered over the last {} s on the wall:\n",
        EVERY.as_secs()
    );
}

/// Prints a line now and then, until it is dropped.
pub(crate) async fn watch(drill: Drill, epoch: Instant, tallies: Vec<(&'static str, Tally)>) {
    let mut ticks = interval(EVERY);
    ticks.tick().await;
    loop {
        let now = ticks.tick().await;
        let time = drill.time(epoch, now);
        let phase = drill.outage().phase_at(time).unwrap_or("the last answers");
        let shares = tallies.iter().map(|(name, tally)| {
            let (answered, all) = tally.answered_since(now - EVERY);
            format!(
                "{name} {:>5.1} %",
                100.0 * answered as f64 / all.max(1) as f64
            )
        });
        let shares = shares.collect::<Vec<_>>().join("   ");
        println!("  {:>4} s  {phase:<24} {shares}", time.as_secs());
    }
}
