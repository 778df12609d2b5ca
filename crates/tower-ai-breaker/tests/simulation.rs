//! What the adaptive rule does, in virtual time, at rates from a call in five seconds to two hundred a second.
//!
//! `cargo test --release -p tower-ai-breaker --test simulation -- --ignored --nocapture` prints the figures of
//! many seeds.

mod support;

use support::{Tally, Weather, World};
use tower_ai_breaker::BreakerLayer;
use tower_ai_core::Mode;

const RATES: [f64; 4] = [0.2, 2.0, 20.0, 200.0];
const WARM_UP: f64 = 900.0;

fn world(rate: f64, seed: u64) -> World {
    World::new(&BreakerLayer::adaptive().seed(seed), rate, seed)
}

fn warm(rate: f64, seed: u64) -> World {
    warm_for(rate, seed, WARM_UP)
}

fn warm_for(rate: f64, seed: u64, seconds: f64) -> World {
    let mut world = world(rate, seed);
    world.run(seconds, Weather::Errors(0.01), |_, _| false);
    world
}

/// Seeds that a debug build runs in a moment.
fn seeds(rate: f64) -> u64 {
    if rate > 100.0 { 3 } else { 15 }
}

/// Seconds, and what became of the calls, until the circuit is no longer closed.
fn detect(world: &mut World, weather: Weather, within: f64) -> (f64, Tally) {
    let start = world.now;
    let tally = world.run(start + within, weather, |world, _| {
        world.handle.mode() != Mode::Closed
    });
    (world.now - start, tally)
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
fn a_hard_outage_is_noticed_within_a_few_calls() {
    for (rate, limit) in RATES.into_iter().zip([7.0, 10.0, 20.0, 90.0]) {
        let doomed = |seed| {
            let mut world = warm_for(rate, seed, 300.0);
            detect(&mut world, Weather::Down, 600.0).1.wasted as f64
        };
        let doomed = median((0..seeds(rate)).map(doomed).collect());
        assert!(doomed <= limit, "{doomed} at {rate}/s");
    }
}

#[test]
fn silence_is_noticed_without_a_single_settlement() {
    let mut world = warm_for(2.0, 1, 300.0);
    let (seconds, _) = detect(&mut world, Weather::Silent, 60.0);
    assert!(seconds < 15.0, "{seconds} s");
}

#[test]
fn a_brownout_is_noticed_before_the_first_timeout() {
    for rate in [2.0, 20.0] {
        let seconds = |seed| detect(&mut warm_for(rate, seed, 300.0), Weather::Brownout, 300.0).0;
        let seconds = median((0..5).map(seconds).collect());
        assert!(seconds <= 15.0, "{seconds} s at {rate}/s");
    }
}

#[test]
fn traffic_is_back_soon_after_five_minutes_down() {
    // At 0.2/s three calls are 15 s apart; the median over many seeds is 19.4 s.
    for (rate, limit) in [(0.2, 22.0), (2.0, 15.0)] {
        let back = |seed| {
            let mut world = warm_for(rate, seed, 300.0);
            world.run(600.0, Weather::Down, |_, _| false);
            recover(&mut world, 600.0)
        };
        let back = median((0..201).map(back).collect());
        assert!(back <= limit, "{back} s at {rate}/s");
    }
}

#[test]
fn a_well_target_is_left_alone() {
    for share in [0.01, 0.05] {
        for (rate, hours) in [(0.2, 240.0), (2.0, 24.0), (200.0, 0.1)] {
            let mut world = world(rate, 7);
            let tally = world.run(hours * 3600.0, Weather::Errors(share), |_, _| false);
            let allowed = 1 + (hours / 24.0) as u64;
            assert!(tally.trips <= allowed, "{tally:?} at {rate}/s and {share}");
            assert!(
                tally.rejected <= tally.calls / 1000,
                "{tally:?} at {rate}/s and {share}"
            );
        }
    }
}

#[test]
fn a_rate_limit_costs_little_and_never_opens_it() {
    for (rate, most) in [(0.2, 0.4), (2.0, 0.15), (20.0, 0.08)] {
        let mut world = warm_for(rate, 3, 120.0);
        let tally = world.run(420.0, Weather::Limited(0.4 * rate), |_, _| false);
        assert_eq!(tally.trips, 0, "{rate}/s");
        let limited = tally.limited as f64 / tally.calls as f64;
        assert!(limited <= most, "{limited} at {rate}/s: {tally:?}");
    }
}

#[test]
fn alone_a_sick_target_still_serves_a_part() {
    for (rate, seed) in [(2.0, 1), (20.0, 1), (200.0, 1), (200.0, 2), (200.0, 3)] {
        let mut world = world(rate, seed);
        world.others = false;
        world.run(120.0, Weather::Errors(0.01), |_, _| false);
        let seconds = if rate > 100.0 { 20.0 } else { 300.0 };
        let tally = world.run(120.0 + seconds, Weather::Errors(0.3), |_, _| false);
        let share = tally.admitted as f64 / tally.calls as f64;
        assert!(
            (0.3..0.85).contains(&share),
            "{share} at {rate}/s: {tally:?}"
        );
    }
}

#[test]
fn the_same_seed_makes_the_same_run() {
    let run = || {
        let mut world = warm_for(2.0, 5, 300.0);
        world.others = false;
        world.streams = false;
        let sick = world.run(600.0, Weather::Errors(0.4), |_, _| false);
        assert!(sick.rejected > 0);
        (
            sick.admitted,
            sick.rejected,
            world.handle.state().generation,
        )
    };
    assert_eq!(run(), run());
}

#[test]
#[ignore = "prints the figures"]
fn figures() {
    for (rate, seeds) in RATES.into_iter().zip([60, 60, 15, 9]) {
        let mut columns: [Vec<f64>; 15] = Default::default();
        for seed in 0..seeds {
            let mut column = 0;
            for weather in [Weather::Down, Weather::Brownout, Weather::Errors(0.3)] {
                let mut world = warm(rate, seed);
                let (seconds, first) = detect(&mut world, weather, 300.0);
                let rest = world.run(WARM_UP + 300.0, weather, |_, _| false);
                let wasted =
                    (first.wasted + rest.wasted) as f64 / (first.calls + rest.calls) as f64;
                columns[column].push(seconds);
                columns[column + 1].push(first.wasted as f64);
                columns[column + 2].push(100.0 * wasted);
                columns[column + 3].push(recover(&mut world, 600.0));
                column += 4;
            }
            let mut world = warm(rate, seed);
            let limited = world.run(WARM_UP + 300.0, Weather::Limited(rate * 0.4), |_, _| false);
            columns[12].push(100.0 * limited.good as f64 / (0.4 * rate * 300.0));
            columns[13].push(100.0 * limited.limited as f64 / limited.calls as f64);
            let mut bare = World::new(&BreakerLayer::adaptive().observe_only(), rate, seed);
            bare.run(WARM_UP, Weather::Errors(0.01), |_, _| false);
            let bare = bare.run(WARM_UP + 300.0, Weather::Limited(rate * 0.4), |_, _| false);
            columns[14].push(100.0 * limited.good as f64 / bare.good as f64);
        }
        let figures = columns.map(median);
        for (name, figures) in ["down", "brownout", "30 % errors"]
            .into_iter()
            .zip(figures.chunks(4))
        {
            let [seconds, doomed, wasted, back] = figures else {
                unreachable!()
            };
            println!(
                "{rate}/s, {name}: {seconds:.1} s, {doomed} doomed, {wasted:.2} % wasted, back in {back:.1} s"
            );
        }
        let [goodput, limited, share] = figures[12..] else {
            unreachable!()
        };
        println!(
            "{rate}/s, rate limit: {goodput:.0} % of capacity, {share:.0} % of that without a breaker, {limited:.1} % answered 429"
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
