//! Scenarios on which no constant of the breaker was chosen: other shapes, lengths, rates and mixes.

use crate::scenario::{Kind, Scenario};
use crate::weather::{Mix, Weather};

/// Calls a second of the hold-out set.
pub(crate) const RATES: [f64; 4] = [0.1, 1.0, 10.0, 100.0];

const RAMP: f64 = 1200.0;

fn ramp(t: f64) -> Weather {
    Weather::Errors(0.01 + 0.59 * (t / RAMP).clamp(0.0, 1.0))
}

fn bursts(t: f64) -> Weather {
    if t % 90.0 < 4.0 {
        Weather::Errors(0.9)
    } else {
        Weather::Usual
    }
}

/// Day and night, of which the night is the tenth part of the day.
fn day(t: f64) -> f64 {
    1.0 - 0.82 * (std::f64::consts::TAU * t / 86_400.0).cos()
}

/// At the end of each night everybody comes, and the provider is worse for an hour.
fn rough_morning(t: f64) -> Weather {
    let hour = t / 3600.0 % 24.0;
    Weather::Errors(if (7.0..8.0).contains(&hour) {
        0.04
    } else {
        0.02
    })
}

fn among_two(mut scenario: Scenario) -> Scenario {
    scenario.others = 1;
    scenario
}

/// The scenarios, each alone or with one other target.
pub(crate) fn all() -> Vec<Scenario> {
    let outage = Scenario::outage;
    let hard = Scenario {
        mix: Mix::REASONING,
        ..outage(
            "X1",
            "hard outage of 7 min, a model that thinks first",
            |_| Weather::Down,
        )
        .lasting(420.0)
    };
    let ramp = outage("X2", "errors rise from 1 % to 60 % in 20 min", ramp).lasting(RAMP);
    let long = outage("X3", "30 % long prompts fail, late, for 20 min", |_| {
        Weather::LongPrompts(0.3)
    })
    .lasting(1200.0);
    let bursts = outage("X4", "4 s of 90 % errors every 90 s, for 30 min", bursts).lasting(1800.0);
    let cold = Scenario {
        warm: 0.0,
        ..outage("X5", "cold start in an outage of 4 min", |_| Weather::Down).lasting(240.0)
    };
    let slow = outage(
        "X6",
        "brownout of 8 min: 5 times slower, 5 % silent",
        |_| Weather::Slow(5.0, 0.05),
    )
    .lasting(480.0);
    let most = outage("X7", "60 % errors for 40 min", |_| Weather::Errors(0.6)).lasting(2400.0);
    let days = Scenario {
        kind: Kind::Healthy,
        demand: day,
        ..Scenario::healthy(
            "X8",
            "two healthy days with nights, 2 to 4 % errors",
            rough_morning,
        )
        .lasting(2.0 * 86_400.0)
    };
    let thinking = Scenario {
        mix: Mix::REASONING,
        ..Scenario::healthy(
            "X9",
            "two healthy days of a model that thinks first",
            |_| Weather::Usual,
        )
        .lasting(2.0 * 86_400.0)
    };
    let pairs = [
        ("X1+1", &hard),
        ("X2+1", &ramp),
        ("X3+1", &long),
        ("X4+1", &bursts),
        ("X6+1", &slow),
        ("X7+1", &most),
    ]
    .map(|(id, scenario)| Scenario {
        id,
        ..among_two(scenario.clone())
    });
    let mut all = vec![hard, ramp, long, bursts, cold, slow, most, days, thinking];
    all.extend(pairs);
    all.sort_by_key(|scenario| scenario.id);
    for scenario in &mut all {
        scenario.hold_out = true;
        scenario.rates = RATES.to_vec();
    }
    all
}
