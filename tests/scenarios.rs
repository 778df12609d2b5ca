//! The stack survives the scenarios, over real sockets, by the drill's own verdicts.
//!
//! `cargo run --release --example drill -- --scenario all` runs these and the rest, with a table.

#[path = "../examples/drill/ours.rs"]
mod ours;

use tower_ai_drill::{Conditions, Scale, Scenario, Verdict};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

async fn survives(id: &str) {
    let scenario = Scenario::named(id).expect("a scenario of this name");
    let scale = Scale::new(20.0).expect("a valid scale");
    let factory = ours::factory();
    let found = scenario.run(&factory, Conditions::new(scale)).await;
    let finding = found.expect("the scenario runs");
    assert_eq!(finding.verdict, Verdict::Pass, "{id}: {:?}", finding.checks);
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
    s12_a_prompt_that_is_too_long => "S12",
    s13_a_refused_prompt => "S13",
    s15_down_and_well_again => "S15",
    s16_served_by_the_fallback => "S16",
    o1_a_sign_in_storm => "O1",
    o3_94_percent_500s => "O3",
}
