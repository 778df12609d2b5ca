//! The guard as a layer.

use std::time::Duration;

use tower_ai_core::Tuning;
use tower_layer::Layer;

use crate::settings::{Settings, above_zero};
use crate::{Commit, Format, InvalidGuard, Malformed, StreamGuard};

/// Guards the answers of an inner service; see the [crate docs](crate).
///
/// Holds settings only; no state is shared between calls or services.
#[derive(Clone, Copy, Debug, Default)]
pub struct StreamGuardLayer {
    settings: Settings,
}

impl StreamGuardLayer {
    /// Guards with the defaults that stand at each setting.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says whose events the answers hold. Defaults to finding out from the first event.
    #[must_use]
    pub const fn format(mut self, format: Format) -> Self {
        self.settings.format = Some(format);
        self
    }

    /// When an answer is passed on. Defaults to [`Commit::FirstContent`].
    #[must_use]
    pub const fn commit(mut self, commit: Commit) -> Self {
        self.settings.commit = commit;
        self
    }

    /// What becomes of an event that cannot be read. Defaults to [`Malformed::Fail`].
    ///
    /// To leave an event out, its bytes are held back until it is whole; no reader can use them earlier.
    #[must_use]
    pub const fn malformed(mut self, malformed: Malformed) -> Self {
        self.settings.malformed = malformed;
        self
    }

    /// From the call to the head of the answer. Defaults to `None`: the router above bounds it.
    ///
    /// # Errors
    ///
    /// Fails for a limit of zero, as all limits do.
    pub fn first_byte(mut self, limit: impl Into<Option<Duration>>) -> Result<Self, InvalidGuard> {
        self.settings.first_byte = above_zero(limit.into())?;
        Ok(self)
    }

    /// From the head of a streamed answer to its first content. Defaults to 10 s.
    ///
    /// An answer that is one JSON text has no such limit: its text comes when it is written, and the deadline of
    /// the call bounds that. Where the call's [`Attempt`](tower_ai_core::Attempt) says that a stream was asked for,
    /// JSON is a stream too (Gemini without `alt=sse`).
    ///
    /// # Errors
    ///
    /// Fails for a limit of zero.
    pub fn first_content(
        mut self,
        limit: impl Into<Option<Duration>>,
    ) -> Result<Self, InvalidGuard> {
        self.settings.limits.first_content = above_zero(limit.into())?;
        Ok(self)
    }

    /// From one content to the next. Defaults to 10 s.
    ///
    /// # Errors
    ///
    /// Fails for a limit of zero.
    pub fn stall(mut self, limit: impl Into<Option<Duration>>) -> Result<Self, InvalidGuard> {
        self.settings.limits.stall = above_zero(limit.into())?;
        Ok(self)
    }

    /// From the head to the end of the answer. Defaults to `None`.
    ///
    /// # Errors
    ///
    /// Fails for a limit of zero.
    pub fn whole(mut self, limit: impl Into<Option<Duration>>) -> Result<Self, InvalidGuard> {
        self.settings.limits.whole = above_zero(limit.into())?;
        Ok(self)
    }

    /// The least number of contents in each stretch of time, from the first content on. Defaults to none.
    ///
    /// # Errors
    ///
    /// Fails for a pace of no contents or over no time.
    pub fn least_pace(mut self, contents: u32, stretch: Duration) -> Result<Self, InvalidGuard> {
        if contents == 0 || stretch.is_zero() {
            return Err(InvalidGuard::ZeroPace);
        }
        self.settings.limits.pace = Some((contents, stretch));
        Ok(self)
    }

    /// How long an answer that is over is held open for what may follow it: the usage, the end of its bytes.
    /// Defaults to 1 s.
    ///
    /// # Errors
    ///
    /// Fails for a limit of zero.
    pub fn linger(mut self, limit: Duration) -> Result<Self, InvalidGuard> {
        let limit = above_zero(Some(limit))?;
        self.settings.limits.linger = limit.unwrap_or_default();
        Ok(self)
    }

    /// How much may be held before the first content. Defaults to 1024 events and 256 KiB.
    ///
    /// What comes after so much is passed on as if content had come, and a failure from there on is an error of
    /// the body. (Some providers begin with an echo of all instructions and tools.) A piece in which an answer
    /// comes counts for 128 bytes more than it has, which is what it takes to hold it.
    #[must_use]
    pub const fn hold(mut self, events: u32, bytes: usize) -> Self {
        self.settings.hold_events = events;
        self.settings.hold_bytes = bytes;
        self
    }

    /// How many bytes are held of an answer that is to be whole before it is passed on: in
    /// [`Commit::Complete`], and of an answer that is one JSON text. Defaults to 8 MiB; a longer one is passed on
    /// from there, and read on.
    #[must_use]
    pub const fn hold_whole(mut self, bytes: usize) -> Self {
        self.settings.hold_whole = bytes;
        self
    }

    /// Takes first content, stall and linger from a [`Tuning`]. A zero switches the limit off.
    #[must_use]
    pub fn tuning(mut self, tuning: &Tuning) -> Self {
        let limit = |limit: Duration| (!limit.is_zero()).then_some(limit);
        self.settings.limits.first_content = limit(tuning.first_content);
        self.settings.limits.stall = limit(tuning.stall);
        self.settings.limits.linger = tuning.linger;
        self
    }

    /// Multiplies every duration by `factor`, for a rehearsal in another time scale.
    ///
    /// # Errors
    ///
    /// Fails unless the factor is a number from 0.0001 to 10,000.
    pub fn scaled(mut self, factor: f64) -> Result<Self, InvalidGuard> {
        self.settings = self.settings.scaled(factor)?;
        Ok(self)
    }
}

impl<S> Layer<S> for StreamGuardLayer {
    type Service = StreamGuard<S>;

    fn layer(&self, inner: S) -> Self::Service {
        StreamGuard::with_settings(inner, self.settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_tuning() {
        let tuned = StreamGuardLayer::new().tuning(&Tuning::default());
        let own = StreamGuardLayer::new();
        assert_eq!(tuned.settings.limits, own.settings.limits);
    }

    #[test]
    fn every_duration_is_scaled_and_nonsense_is_refused() {
        let sec = Duration::from_secs(1);
        let layer = StreamGuardLayer::new()
            .first_byte(2 * sec)
            .and_then(|layer| layer.whole(20 * sec))
            .and_then(|layer| layer.least_pace(3, 4 * sec))
            .and_then(|layer| layer.scaled(0.5))
            .unwrap();
        let settings = layer.settings;
        assert_eq!(settings.first_byte, Some(sec));
        assert_eq!(settings.limits.first_content, Some(5 * sec));
        assert_eq!(settings.limits.stall, Some(5 * sec));
        assert_eq!(settings.limits.whole, Some(10 * sec));
        assert_eq!(settings.limits.pace, Some((3, 2 * sec)));
        assert_eq!(settings.limits.linger, sec / 2);

        let half = Tuning::new().scaled(0.5).unwrap();
        let layer = StreamGuardLayer::new().tuning(&half);
        assert_eq!(layer.settings.limits.stall, Some(5 * sec));
        assert_eq!(layer.settings.limits.linger, sec / 2);

        let layer = StreamGuardLayer::new();
        assert_eq!(layer.scaled(f64::NAN).unwrap_err(), InvalidGuard::Scale);
        let none = layer.stall(Duration::ZERO);
        assert_eq!(none.unwrap_err(), InvalidGuard::ZeroTimeout);
        assert_eq!(
            layer.least_pace(0, sec).unwrap_err(),
            InvalidGuard::ZeroPace
        );
        assert!(layer.stall(None).is_ok());
    }
}
