//! The stack survives the scenarios, over real sockets, by the drill's own verdicts.
//!
//! `cargo run --release --example drill -- --scenario all` runs these and the rest, with a table.

#[path = "../examples/drill/ours.rs"]
mod ours;

use tower_ai_drill::{Conditions, Meter, Scale, Scenario, Verdict};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The scales of the tries: another one follows only where the machine was too late for the one before.
const SCALES: [f64; 3] = [20.0, 10.0, 5.0];

async fn survives(id: &str) {
    let scenario = Scenario::named(id).expect("a scenario of this name");
    for scale in SCALES {
        let (scale, meter) = (Scale::new(scale).expect("a valid scale"), Meter::start());
        let found = scenario.run(&ours::factory(), Conditions::new(scale)).await;
        let finding = found.expect("the scenario runs");
        if finding.verdict == Verdict::Pass {
            return;
        }
        let (noise, factor) = (meter.noise(), scale.factor());
        eprintln!("{id} at scale {factor}: {:?}, {noise:?}", finding.checks);
        assert!(noise.spoils(scale), "{id} on a machine that keeps time");
    }
    panic!("{id} is no pass at any scale");
}

macro_rules! scenarios {
    ($($name:ident => $id:literal,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                survives($id).await;
            }
        )*
    };
}

scenarios! {
    s01_a_rate_limit_with_a_wait => "S01",
    s02_a_rate_limit_for_ever => "S02",
    s03_one_500 => "S03",
    s04_503_for_ever => "S04",
    s05_one_reset => "S05",
    s06_silence => "S06",
    s08_a_cut_stream => "S08",
    s09_a_stalled_stream => "S09",
    s10_a_malformed_event => "S10",
    s12_a_prompt_that_is_too_long => "S12",
    s13_a_refused_prompt => "S13",
    s14_a_cut_stream_and_no_prefill => "S14",
    s15_down_and_well_again => "S15",
    s16_served_by_the_fallback => "S16",
    o1_a_sign_in_storm => "O1",
    o3_94_percent_500s => "O3",
}
