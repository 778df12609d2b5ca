//! What happens to the provider, and for how long.

use crate::weather::{Mix, Weather};

/// Calls a second at which the breaker was tuned.
pub(crate) const RATES: [f64; 4] = [0.2, 2.0, 20.0, 200.0];

/// What is judged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// An outage: how soon it is seen, what it costs, how soon it is over.
    Outage,
    /// No outage: whatever the rule rejects is its mistake.
    Healthy,
    /// A rate limit: what is left of the capacity.
    Limit,
}

/// One scenario. Its clock starts with the trouble.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) id: &'static str,
    pub(crate) about: &'static str,
    pub(crate) kind: Kind,
    /// Seconds of usual traffic before.
    pub(crate) warm: f64,
    /// Seconds of trouble.
    pub(crate) trouble: f64,
    /// Seconds of usual traffic afterwards.
    pub(crate) after: f64,
    /// From when to when calls are counted.
    pub(crate) judged: (f64, f64),
    /// The weather at a time of trouble.
    pub(crate) weather: fn(f64) -> Weather,
    /// The weather at a time after it.
    pub(crate) healed: fn(f64) -> Weather,
    /// The demand as a multiple of the mean, at a time.
    pub(crate) demand: fn(f64) -> f64,
    /// Other targets, which take what this one does not.
    pub(crate) others: usize,
    /// Whether all of them are sick.
    pub(crate) all_sick: bool,
    /// Whether first contents are seen.
    pub(crate) streams: bool,
    pub(crate) mix: Mix,
    pub(crate) rates: Vec<f64>,
    /// Whether no constant of the breaker was chosen with it.
    pub(crate) hold_out: bool,
    /// Whether the others' rules, which see no first content, do the same as in its streaming twin.
    pub(crate) ours_alone: bool,
}

const FAULT: f64 = 300.0;

impl Scenario {
    /// Five minutes of trouble at a target that is alone.
    pub(crate) fn outage(
        id: &'static str,
        about: &'static str,
        weather: fn(f64) -> Weather,
    ) -> Self {
        Self {
            id,
            about,
            kind: Kind::Outage,
            warm: 900.0,
            trouble: FAULT,
            after: 600.0,
            judged: (0.0, FAULT),
            weather,
            healed: |_| Weather::Usual,
            demand: |_| 1.0,
            others: 0,
            all_sick: false,
            streams: true,
            mix: Mix::CHAT,
            rates: RATES.to_vec(),
            hold_out: false,
            ours_alone: false,
        }
    }

    /// The same, for another length of time.
    pub(crate) fn lasting(mut self, seconds: f64) -> Self {
        self.trouble = seconds;
        self.judged = (0.0, seconds);
        self
    }

    fn among(mut self, id: &'static str, others: usize, all_sick: bool) -> Self {
        self.id = id;
        self.others = others;
        self.all_sick = all_sick;
        self
    }

    fn unstreamed(mut self, id: &'static str) -> Self {
        self.id = id;
        self.streams = false;
        self
    }

    /// A week without trouble, from a cold start.
    pub(crate) fn healthy(
        id: &'static str,
        about: &'static str,
        weather: fn(f64) -> Weather,
    ) -> Self {
        let mut week = Self::outage(id, about, weather).lasting(7.0 * 86_400.0);
        week.kind = Kind::Healthy;
        week.warm = 0.0;
        week.after = 0.0;
        week
    }

    pub(crate) fn length(&self) -> f64 {
        self.warm + self.trouble + self.after
    }
}

fn flapping(t: f64) -> Weather {
    if t % 30.0 < 15.0 {
        Weather::Down
    } else {
        Weather::Usual
    }
}

/// The scenarios on which the breaker was tuned.
pub(crate) fn tuning() -> Vec<Scenario> {
    let hard = Scenario::outage("S1", "hard outage of 5 min", |_| Weather::Down);
    let part = Scenario::outage("S2", "30 % errors for 5 min", |_| Weather::Errors(0.3));
    let slow = Scenario::outage(
        "S3",
        "brownout of 5 min: 10 times slower, 20 % silent",
        |_| Weather::Slow(10.0, 0.2),
    );
    let limit = Scenario {
        kind: Kind::Limit,
        ..Scenario::outage("S4", "rate limit at 40 % of the demand", |_| {
            Weather::Limited(0.4)
        })
    };
    let flap = Scenario::outage("S5", "15 s down, 15 s up, for 5 min", flapping);
    let cold = Scenario {
        judged: (FAULT, FAULT + 600.0),
        healed: |_| Weather::Cold,
        demand: |t| {
            if (FAULT..FAULT + 60.0).contains(&t) {
                3.0
            } else {
                1.0
            }
        },
        ..Scenario::outage(
            "S6",
            "back from S1 with cold caches and 3 times the demand; counted from there",
            |_| Weather::Down,
        )
    };
    let blip = Scenario {
        judged: (0.0, 63.0),
        ..Scenario::outage("S7", "down for 3 s; counted for 63 s", |_| Weather::Down).lasting(3.0)
    };
    let long = Scenario::outage("L75", "hard outage of 75 min", |_| Weather::Down).lasting(4500.0);
    let mut all = Vec::new();
    for (scenario, [one, two, sick]) in [
        (&hard, ["S1+1", "S1+2", "S1x3"]),
        (&part, ["S2+1", "S2+2", "S2x3"]),
        (&slow, ["S3+1", "S3+2", "S3x3"]),
        (&flap, ["S5+1", "S5+2", "S5x3"]),
    ] {
        all.push(scenario.clone());
        all.push(scenario.clone().among(one, 1, false));
        all.push(scenario.clone().among(two, 2, false));
        all.push(scenario.clone().among(sick, 2, true));
    }
    for (scenario, one) in [(cold, "S6+1"), (blip, "S7+1"), (long, "L75+1")] {
        all.push(scenario.clone());
        all.push(scenario.among(one, 1, false));
    }
    all.push(limit);
    all.push(hard.unstreamed("S1n"));
    all.push(slow.unstreamed("S3n"));
    all.extend(healthy());
    all.sort_by_key(|scenario| order(scenario.id));
    all
}

/// The weeks without trouble.
fn healthy() -> Vec<Scenario> {
    let well = Scenario::healthy("H1", "a healthy week, 1 % errors", |_| {
        Weather::Errors(0.01)
    });
    let rough = Scenario::healthy("H5", "a healthy week, 5 % errors", |_| {
        Weather::Errors(0.05)
    });
    let mut all = vec![well.clone(), rough.clone()];
    for (week, id) in [(well, "H1n"), (rough, "H5n")] {
        all.push(Scenario {
            ours_alone: true,
            ..week.unstreamed(id)
        });
    }
    all
}

fn order(id: &str) -> (u8, &str) {
    let group = b"SLH"
        .iter()
        .position(|&c| id.as_bytes().first() == Some(&c));
    (group.unwrap_or(9) as u8, id)
}

/// What is said after the title of a scenario.
pub(crate) fn setting(scenario: &Scenario) -> String {
    let mut setting = match (scenario.others, scenario.all_sick) {
        (0, _) => "alone".to_owned(),
        (others, true) => format!("all {} targets sick", others + 1),
        (1, false) => "one other target".to_owned(),
        (others, false) => format!("{others} other targets"),
    };
    if !scenario.streams {
        setting += ", no first content seen";
    }
    setting
}
