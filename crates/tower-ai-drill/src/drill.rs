//! Sends a contender through an outage.

use std::error::Error;
use std::time::Duration;

use tokio::time::Instant;

use crate::course::Watch;
use crate::score::Run;
use crate::{Account, Factory, Meter, Outage, Scale, Setup, Tally, Traffic};

/// An outage, a flow of calls, a seed and a time scale: all that makes two runs alike.
///
/// # Examples
///
/// ```no_run
/// # use std::sync::Arc;
/// # use tower_ai_drill::{Contender, Drill, Factory, Scale, Tally, mission};
/// # async fn run(stack: Factory) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let drill = Drill::new(mission()?).scale(Scale::new(10.0)?).seed(7);
/// let account = drill.run(&stack, tokio::time::Instant::now(), &Tally::new()).await?;
/// assert!(account.score.answered_share > 0.995);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Drill {
    outage: Outage,
    scale: Scale,
    seed: u64,
    calls_per_s: f64,
    streamed: f64,
    repeated: f64,
    deadline: Duration,
}

impl Drill {
    /// Creates a drill of 20 calls a second of outage time, half of them streamed, each given 30 s.
    pub const fn new(outage: Outage) -> Self {
        Self {
            outage,
            scale: Scale::ONE,
            seed: 0,
            calls_per_s: 20.0,
            streamed: 0.5,
            repeated: 0.0,
            deadline: Duration::from_secs(30),
        }
    }

    /// Sets the time scale. Defaults to [`Scale::ONE`].
    #[must_use]
    pub const fn scale(mut self, scale: Scale) -> Self {
        self.scale = scale;
        self
    }

    /// Sets the seed of the calls, the faults and the contender. Defaults to 0.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Makes so large a share of the calls ask what users ask again and again: [`Traffic::repeated`]; a bad share
    /// fails the run. Defaults to none.
    #[must_use]
    pub const fn repeated(mut self, share: f64) -> Self {
        self.repeated = share;
        self
    }

    /// Sets the calls per second of outage time; a bad rate fails the run. Defaults to 20.
    #[must_use]
    pub const fn calls_per_s(mut self, calls: f64) -> Self {
        self.calls_per_s = calls;
        self
    }

    /// The outage.
    pub const fn outage(&self) -> &Outage {
        &self.outage
    }

    pub(crate) const fn seeded(&self) -> u64 {
        self.seed
    }

    pub(crate) const fn rate(&self) -> f64 {
        self.calls_per_s
    }

    pub(crate) const fn time_scale(&self) -> Scale {
        self.scale
    }

    /// The outage time at a moment of a run that began at `epoch`.
    pub fn time(&self, epoch: Instant, now: Instant) -> Duration {
        self.scale.to_outage(now.saturating_duration_since(epoch))
    }

    /// Sends a contender, with a set of targets of its own, through the outage that begins at
    /// `epoch`. Calls that are over can be read off the tally meanwhile.
    ///
    /// # Errors
    ///
    /// What the factory says, a bad rate, or the system if it gives no port.
    pub async fn run(
        &self,
        factory: &Factory,
        epoch: Instant,
        tally: &Tally,
    ) -> Result<Account, Box<dyn Error + Send + Sync>> {
        let meter = Meter::start();
        let providers = self.outage.start(self.seed, self.scale, epoch).await?;
        let mut setup = Setup::new(
            providers
                .iter()
                .map(|provider| provider.endpoint())
                .collect(),
        );
        setup.scale = self.scale;
        setup.seed = self.seed;
        setup.deadline = self.scale.to_wall(self.deadline);
        let contender = factory(&setup)?;
        let traffic = self.traffic()?;
        let watch = Watch::start(self, contender.clone(), epoch);
        traffic.run(&*contender, self.scale, epoch, tally).await;
        let states = watch.end().await;
        let entries: Vec<_> = providers.iter().flat_map(|p| p.log().entries()).collect();
        let run = Run {
            outage: &self.outage,
            scale: self.scale,
            epoch,
            records: &tally.records(),
            entries: &entries,
        };
        Ok(Account {
            score: run.score(),
            course: run.course(states),
            noise: meter.noise(),
        })
    }

    fn traffic(&self) -> Result<Traffic, crate::Invalid> {
        let traffic = Traffic::new(self.calls_per_s, self.outage.length())?
            .streamed(self.streamed)?
            .repeated(self.repeated)?
            .deadline(self.deadline)
            .seed(self.seed);
        match self.outage.surged() {
            Some((window, times)) => traffic.surge(window, times),
            None => Ok(traffic),
        }
    }
}
