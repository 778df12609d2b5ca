//! The outage that this crate is about.

use std::ops::Range;
use std::time::Duration;

use crate::provider::Builder;
use crate::{Capacity, Domain, Fault, Invalid, Outage, Pace, Provider, Rule, Script};

/// The cloud that `alpha` and `beta` stand on.
const CLOUD: &str = "cloud";

/// Twelve minutes of a bad day: `alpha`, which is preferred, breaks in every way; `beta` stands on
/// the same cloud; `gamma` stays up.
///
/// | from | to | what |
/// |---|---|---|
/// | 0 s | 60 s | all well |
/// | 60 s | 120 s | `alpha` refuses keys that worked: a sign-in storm |
/// | 120 s | 180 s | all well |
/// | 180 s | 240 s | `alpha` accepts and, nine times in ten, never answers |
/// | 240 s | 330 s | `alpha` answers 94 % with a 500 |
/// | 330 s | 390 s | `alpha` limits the rate of everything, and asks for 20 s |
/// | 390 s | 450 s | the cloud is down, and `alpha` and `beta` with it: 503s and resets |
/// | 450 s | 600 s | `alpha` recovers in part: its 500s fall from 60 % to 5 % |
/// | 600 s | 640 s | all well |
/// | 640 s | 690 s | three times as many calls |
/// | 690 s | 720 s | all well |
///
/// # Errors
///
/// None, unless this crate is at fault.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let outage = tower_ai_drill::mission()?;
/// let minute = Duration::from_secs(60);
/// assert_eq!(outage.length(), 12 * minute);
/// assert_eq!(outage.sick("alpha")[0], minute..2 * minute);
/// assert_eq!(outage.healed("alpha")[1].start, 10 * minute);
/// assert!(outage.sick("gamma").is_empty());
/// # Ok::<(), tower_ai_drill::Invalid>(())
/// ```
pub fn mission() -> Result<Outage, Invalid> {
    let down = Rule::new(Fault::Overload).share(0.5)?.during(s(390, 450))?;
    let reset = Rule::new(Fault::Reset).during(s(390, 450))?;
    let cloud = Domain::new(Script::well().rule(down).rule(reset));
    let seconds = Duration::from_secs;
    Outage::new()
        .phase("well", seconds(60))
        .phase("sign-in storm", seconds(60))
        .phase("well", seconds(60))
        .phase("stalls before the head", seconds(60))
        .phase("500s at 94 %", seconds(90))
        .phase("rate limits", seconds(60))
        .phase("cloud down", seconds(60))
        .phase("partial recovery", seconds(150))
        .phase("well", seconds(40))
        .phase("surge", seconds(50))
        .phase("well", seconds(30))
        .target(provider("alpha")?.script(alpha()?).domain(CLOUD, &cloud))
        .target(provider("beta")?.domain(CLOUD, &cloud))
        .target(provider("gamma")?.capacity(Capacity::new(400, 100)?))
        .surge(s(640, 690), 3.0)
}

fn alpha() -> Result<Script, Invalid> {
    let wait = Some(Duration::from_secs(20));
    Ok(Script::well()
        .rule(Rule::new(Fault::Unauthorized).during(s(60, 120))?)
        .rule(
            Rule::new(Fault::StallBeforeHead)
                .share(0.9)?
                .during(s(180, 240))?,
        )
        .rule(
            Rule::new(Fault::Status(500))
                .share(0.94)?
                .during(s(240, 330))?,
        )
        .rule(Rule::new(Fault::RateLimit { wait }).during(s(330, 390))?)
        .rule(Rule::ramp(Fault::Status(500), 0.6, 0.05, s(450, 600))?))
}

/// A provider whose answers start after 0.4 s and take 2 to 4 s.
fn provider(name: &str) -> Result<Builder, Invalid> {
    let (first, gap) = (Duration::from_millis(400), Duration::from_millis(250));
    Ok(Provider::builder(name).pace(Pace::new(first, gap, 9..=17)?))
}

fn s(from: u64, to: u64) -> Range<Duration> {
    Duration::from_secs(from)..Duration::from_secs(to)
}
