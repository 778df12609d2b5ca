//! A flow of calls that does not wait for answers.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::draw::draw;
use crate::scale::{later, times};
use crate::{Call, Contender, Grade, Invalid, Reply, Scale};

/// The most calls a second.
const RATE_MAX: f64 = 1e6;
/// The most calls that one flow may make.
const CALLS_MAX: f64 = 10_000_000.0;

/// The questions that are asked again and again.
const COMMON: f64 = 40.0;

const SECOND: Duration = Duration::from_secs(1);

/// Calls at a rate, whether or not the ones before were answered, as users make them.
///
/// All times are outage time. The same seed makes the same calls: their times, ids, prompts, and
/// which of them are streamed.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_ai_drill::{Reply, Scale, Tally, Traffic, contender_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), tower_ai_drill::Invalid> {
/// let mute = contender_fn(|_call| async { Reply::failed(&std::fmt::Error) });
/// let traffic = Traffic::new(20.0, Duration::from_secs(2))?;
/// let tally = Tally::new();
/// let now = tokio::time::Instant::now();
/// traffic.run(&mute, Scale::new(100.0)?, now, &tally).await;
/// assert_eq!(tally.records().len(), 40);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Traffic {
    rate: f64,
    length: Duration,
    surge: Option<(Range<Duration>, f64)>,
    streamed: f64,
    repeated: f64,
    deadline: Duration,
    seed: u64,
    words: usize,
}

impl Traffic {
    /// Creates a flow of so many calls a second over so much outage time.
    ///
    /// # Errors
    ///
    /// [`Invalid::Rate`] unless the rate is above zero, at most a million, and makes fewer than ten
    /// million calls.
    pub fn new(calls_per_s: f64, length: Duration) -> Result<Self, Invalid> {
        let calls = calls_per_s * length.as_secs_f64();
        let in_range = calls_per_s > 0.0 && calls_per_s <= RATE_MAX;
        if !in_range || calls >= CALLS_MAX {
            return Err(Invalid::Rate);
        }
        Ok(Self {
            rate: calls_per_s,
            length,
            surge: None,
            streamed: 0.0,
            repeated: 0.0,
            deadline: Duration::from_secs(30),
            seed: 0,
            words: 4,
        })
    }

    /// Makes so many times as many calls within `window`.
    ///
    /// # Errors
    ///
    /// [`Invalid::Rate`] or [`Invalid::Window`].
    pub fn surge(mut self, window: Range<Duration>, times: f64) -> Result<Self, Invalid> {
        if window.is_empty() {
            return Err(Invalid::Window);
        }
        Self::new(self.rate * times, self.length)?;
        self.surge = Some((window, times));
        Ok(self)
    }

    /// Sets the share of streamed calls. Defaults to none.
    ///
    /// # Errors
    ///
    /// [`Invalid::Share`] unless within 0 and 1.
    pub fn streamed(mut self, share: f64) -> Result<Self, Invalid> {
        if !(0.0..=1.0).contains(&share) {
            return Err(Invalid::Share);
        }
        self.streamed = share;
        Ok(self)
    }

    /// Makes so large a share of the calls ask one of 40 questions that users ask again and again. Defaults to none.
    ///
    /// # Errors
    ///
    /// [`Invalid::Share`] unless the share is from 0 to 1.
    pub fn repeated(mut self, share: f64) -> Result<Self, Invalid> {
        if !(0.0..=1.0).contains(&share) {
            return Err(Invalid::Share);
        }
        self.repeated = share;
        Ok(self)
    }

    /// Sets how long callers wait for a whole answer. Defaults to 30 s.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets the seed. Defaults to 0.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the words of a prompt. Defaults to 4, and is no less.
    #[must_use]
    pub const fn words(mut self, words: usize) -> Self {
        self.words = words;
        self
    }

    /// Makes the calls, from `epoch` on, and returns once all are answered, failed or late.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the calls that run.
    pub async fn run<C: Contender + ?Sized>(
        &self,
        contender: &C,
        scale: Scale,
        epoch: Instant,
        tally: &Tally,
    ) {
        let mut calls = JoinSet::new();
        let (mut time, mut index) = (Duration::ZERO, 0_u64);
        while time < self.length {
            sleep_until(later(epoch, scale.to_wall(time))).await;
            let call = self.call(index, scale);
            let reply = contender.call(call.clone());
            let tally = tally.clone();
            calls.spawn(async move { tally.note(observe(call, reply).await) });
            while calls.try_join_next().is_some() {}
            index += 1;
            time = time.saturating_add(times(SECOND, 1.0 / self.rate_at(time)));
        }
        while calls.join_next().await.is_some() {}
    }

    fn rate_at(&self, time: Duration) -> f64 {
        match &self.surge {
            Some((window, times)) if window.contains(&time) => self.rate * times,
            _ => self.rate,
        }
    }

    fn call(&self, index: u64, scale: Scale) -> Call {
        let id = index.to_string();
        let more = " more".repeat(self.words.saturating_sub(4));
        let number = match draw(self.seed, &[b"repeated", id.as_bytes()]) < self.repeated {
            true => (draw(self.seed, &[b"which", id.as_bytes()]) * COMMON) as u64,
            false => index,
        };
        let prompt = format!("question {number} of {}{more}", self.seed);
        let mut call = Call::new(id, prompt, scale.to_wall(self.deadline));
        call.stream = draw(self.seed, &[b"stream", call.id.as_bytes()]) < self.streamed;
        call
    }
}

/// Waits for a reply, little longer than the caller would, and grades it.
pub(crate) async fn observe(call: Call, reply: impl Future<Output = Reply>) -> Record {
    let asked = Instant::now();
    let reply = timeout(call.deadline.saturating_add(call.deadline / 8), reply).await;
    let waited = Instant::now().saturating_duration_since(asked);
    let grade = match &reply {
        Ok(reply) => reply.grade(&call, waited),
        Err(_) => Grade::Late,
    };
    Record {
        call,
        asked,
        waited,
        grade,
        reply: reply.unwrap_or_default(),
    }
}

/// One call and how it went.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Record {
    /// The call.
    pub call: Call,
    /// When it was made.
    pub asked: Instant,
    /// How long its caller waited, on the wall.
    pub waited: Duration,
    /// What the reply was worth.
    pub grade: Grade,
    /// The reply.
    pub reply: Reply,
}

/// The calls that are over, readable while more are made. It is as large as the flow.
///
/// # Clone
///
/// Clones share the records.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Mutex<Vec<Record>>>);

impl Tally {
    /// Creates an empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// A copy of all records, in the order in which the calls ended.
    pub fn records(&self) -> Vec<Record> {
        self.lock().clone()
    }

    /// How many of the last calls that ended since a time were answered, and of how many.
    pub fn answered_since(&self, since: Instant) -> (usize, usize) {
        let records = self.lock();
        let last = records.iter().rev();
        let last = last.take_while(|record| record.asked + record.waited >= since);
        last.fold((0, 0), |(answered, all), record| {
            (
                answered + usize::from(record.grade == Grade::Answered),
                all + 1,
            )
        })
    }

    pub(crate) fn note(&self, record: Record) {
        self.lock().push(record);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender_fn;

    async fn asked(traffic: &Traffic) -> Vec<(Duration, Call)> {
        let mute = contender_fn(|_| async { Reply::default() });
        let (tally, epoch) = (Tally::new(), Instant::now());
        traffic.run(&mute, Scale::ONE, epoch, &tally).await;
        let records = tally.records().into_iter();
        records
            .map(|record| (record.asked - epoch, record.call))
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_surge_is_so_many_times_the_rate() {
        let traffic = Traffic::new(10.0, 3 * SECOND).unwrap();
        let calls = asked(&traffic.surge(SECOND..2 * SECOND, 3.0).unwrap()).await;
        let within = |from: Duration| {
            let window = from..from + SECOND;
            calls.iter().filter(|(at, _)| window.contains(at)).count()
        };
        assert!((50..=51).contains(&calls.len()), "{}", calls.len());
        assert!((29..=31).contains(&within(SECOND)), "{}", within(SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_seed_makes_the_same_calls() {
        let traffic = Traffic::new(10.0, 3 * SECOND)
            .unwrap()
            .streamed(0.5)
            .unwrap();
        let calls = asked(&traffic).await;
        assert_eq!(calls, asked(&traffic).await);
        let streamed = calls.iter().filter(|(_, call)| call.stream).count();
        assert!((5..25).contains(&streamed), "{streamed}");
        assert_ne!(calls, asked(&traffic.clone().seed(1)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_mute_contender_is_late() {
        let traffic = Traffic::new(1.0, SECOND).unwrap();
        let mute = contender_fn(|_| std::future::pending());
        let tally = Tally::new();
        traffic.run(&mute, Scale::ONE, Instant::now(), &tally).await;
        assert_eq!(tally.records()[0].grade, Grade::Late);
    }

    #[test]
    fn bad_rates_are_refused() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e7] {
            assert_eq!(
                Traffic::new(rate, SECOND).unwrap_err(),
                Invalid::Rate,
                "{rate}"
            );
        }
    }
}
