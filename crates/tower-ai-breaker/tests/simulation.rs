//! What the adaptive rule does, in virtual time, at rates from a call in five seconds to two hundred a second.
//!
//! `cargo test --release -p tower-ai-breaker --test simulation -- --ignored --nocapture` prints the figures of
//! many seeds.

mod support;

use support::{Weather, World};
use tower_ai_breaker::BreakerLayer;
use tower_ai_core::Mode;

const RATES: [f64; 4] = [0.2, 2.0, 20.0, 200.0];
const WARM_UP: f64 = 900.0;

fn world(rate: f64, seed: u64) -> World {
    World::new(&BreakerLayer::adaptive().seed(seed), rate, seed)
}

fn warm(rate: f64, seed: u64) -> World {
    let mut world = world(rate, seed);
    world.run(WARM_UP, Weather::Errors(0.01), |_, _| false);
    world
}

/// Seconds, and calls admitted, until the circuit is no longer closed.
fn detect(world: &mut World, weather: Weather, within: f64) -> (f64, u64) {
    let start = world.now;
    let tally = world.run(start + within, weather, |world, _| {
        world.handle.mode() != Mode::Closed
    });
    (world.now - start, tally.admitted)
}

/// Seconds from healing until the start of the first run of 20 admitted calls.
fn recover(world: &mut World, within: f64) -> f64 {
    let start = world.now;
    let (mut run, mut since) = (0, start);
    world.run(start + within, Weather::Errors(0.01), |world, admitted| {
        if !admitted {
            run = 0;
        } else {
            if run == 0 {
                since = world.now;
            }
            run += 1;
        }
        run >= 20
    });
    if run >= 20 { since - start } else { within }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
#[ignore = "prints the figures"]
fn figures() {
    for (rate, seeds) in RATES.into_iter().zip([60, 60, 15, 5]) {
        let mut columns: [Vec<f64>; 12] = Default::default();
        for seed in 0..seeds {
            let mut world = warm(rate, seed);
            let (seconds, doomed) = detect(&mut world, Weather::Down, 300.0);
            columns[0].push(seconds);
            columns[1].push(doomed as f64);
            let start = WARM_UP;
            let rest = world.run(start + 300.0, Weather::Down, |_, _| false);
            columns[2].push(100.0 * (doomed + rest.admitted) as f64 / (doomed + rest.calls) as f64);
            columns[3].push(recover(&mut world, 600.0));

            let mut world = warm(rate, seed);
            let (seconds, admitted) = detect(&mut world, Weather::Brownout, 300.0);
            let rest = world.run(start + 300.0, Weather::Brownout, |_, _| false);
            columns[4].push(seconds);
            columns[5]
                .push(100.0 * (admitted + rest.wasted) as f64 / (admitted + rest.calls) as f64);
            columns[6].push(recover(&mut world, 600.0));

            let mut world = warm(rate, seed);
            let (seconds, admitted) = detect(&mut world, Weather::Errors(0.3), 300.0);
            let rest = world.run(start + 300.0, Weather::Errors(0.3), |_, _| false);
            columns[7].push(seconds);
            columns[8].push(
                100.0 * (admitted as f64 * 0.3 + rest.wasted as f64)
                    / (admitted + rest.calls) as f64,
            );
            columns[9].push(recover(&mut world, 600.0));

            let mut world = warm(rate, seed);
            let limited = world.run(start + 300.0, Weather::Limited(rate * 0.4), |_, _| false);
            columns[10].push(100.0 * limited.good as f64 / (0.4 * rate * 300.0));
            columns[11].push(100.0 * limited.limited as f64 / limited.calls as f64);
        }
        let [a, b, c, d, e, f, g, h, i, j, k, l] = columns.map(median);
        println!(
            "{rate}/s down: {a:.1} s, {b} doomed, {c:.2} % wasted, back {d:.1} s; brownout: {e:.1} s, {f:.2} %, back {g:.1} s; 30 %: {h:.1} s, {i:.1} %, back {j:.1} s; limit: {k:.0} % goodput, {l:.1} % 429"
        );
    }
    for rate in RATES {
        for share in [0.01, 0.05] {
            let days = if rate > 100.0 { 1.0 } else { 7.0 };
            let mut world = world(rate, 1);
            let tally = world.run(days * 86_400.0, Weather::Errors(share), |_, _| false);
            println!(
                "{rate}/s at {share}: {:.2} trips a day, {:.4} % rejected",
                tally.trips as f64 / days,
                100.0 * tally.rejected as f64 / tally.calls as f64
            );
        }
    }
}
