//! The layer and its settings.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use tower_ai_core::Tuning;
use tower_layer::Layer;

use super::service::Continue;

/// Goes on elsewhere with streams that broke off.
///
/// See the [module docs](crate::splice).
///
/// # Default
///
/// 30 s from the break to the next words, up to 256 KiB of text remembered, at most two attempts to go on for each
/// call, restarts where no prefill is to be had.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ContinueLayer {
    settings: Settings,
}

/// What a continuation goes by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Settings {
    pub(super) is_on: bool,
    pub(super) within: Duration,
    pub(super) text_limit: usize,
    pub(super) attempts: u32,
    pub(super) restarts: bool,
}

impl ContinueLayer {
    /// Goes on with what stands under [Default](Self#default).
    #[must_use]
    pub const fn new() -> Self {
        Self {
            settings: Settings {
                is_on: true,
                within: Duration::from_secs(30),
                text_limit: 256 * 1024,
                attempts: 2,
                restarts: true,
            },
        }
    }

    /// Switches it on or off; off, it passes everything through. Defaults to on.
    #[must_use]
    pub const fn enabled(mut self, is_on: bool) -> Self {
        self.settings.is_on = is_on;
        self
    }

    /// Bounds the time from the break to the first new words. Defaults to 30 s.
    ///
    /// The reader sees nothing in that time. A restart has to say again all that was said, so it takes as long as
    /// that took.
    ///
    /// # Errors
    ///
    /// Fails if it is zero.
    pub fn within(mut self, limit: Duration) -> Result<Self, InvalidContinue> {
        if limit.is_zero() {
            return Err(InvalidContinue::ZeroTimeout);
        }
        self.settings.within = limit;
        Ok(self)
    }

    /// How many bytes of an answer's text are remembered. Defaults to 256 KiB; a longer answer is not gone on with.
    ///
    /// # Errors
    ///
    /// Fails if it is zero.
    pub fn text_limit(mut self, bytes: usize) -> Result<Self, InvalidContinue> {
        if bytes == 0 {
            return Err(InvalidContinue::ZeroLimit);
        }
        self.settings.text_limit = bytes;
        Ok(self)
    }

    /// How many times in all a call is sent to other targets to go on with its answer. Defaults to 2: where the
    /// first refuses the prefill, the second is the restart.
    ///
    /// # Errors
    ///
    /// Fails if it is zero.
    pub fn attempts(mut self, most: u32) -> Result<Self, InvalidContinue> {
        if most == 0 {
            return Err(InvalidContinue::ZeroLimit);
        }
        self.settings.attempts = most;
        Ok(self)
    }

    /// Whether a target that takes no prefill is asked to begin anew. Defaults to `true`.
    ///
    /// Models that draw their words by chance seldom say the same twice; where none of yours does, a restart is
    /// paid for in vain.
    #[must_use]
    pub const fn restarts(mut self, restarts: bool) -> Self {
        self.settings.restarts = restarts;
        self
    }

    /// Takes the time to the next words from a [`Tuning`]: what it gives one target for the head of its answer.
    #[must_use]
    pub const fn tuning(mut self, tuning: &Tuning) -> Self {
        self.settings.within = tuning.attempt_timeout;
        self
    }

    /// Whether it is switched on.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        self.settings.is_on
    }
}

impl Default for ContinueLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for ContinueLayer {
    type Service = Continue<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Continue::new(inner, self.settings)
    }
}

/// A setting of a continuation that cannot be: which rule it broke.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidContinue {
    /// A time limit of zero.
    ZeroTimeout,
    /// A limit of no bytes, or no attempts: then it is better switched off.
    ZeroLimit,
}

impl fmt::Display for InvalidContinue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ZeroTimeout => "a time limit must be above zero",
            Self::ZeroLimit => "a limit must be above zero; to go on with nothing, switch it off",
        })
    }
}

impl Error for InvalidContinue {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused_with_the_rule() {
        let layer = ContinueLayer::new();
        let zero = layer.within(Duration::ZERO);
        assert_eq!(zero.unwrap_err(), InvalidContinue::ZeroTimeout);
        assert_eq!(layer.attempts(0).unwrap_err(), InvalidContinue::ZeroLimit);
        assert_eq!(layer.text_limit(0).unwrap_err(), InvalidContinue::ZeroLimit);
        assert!(layer.is_enabled() && !layer.enabled(false).is_enabled());
    }

    #[test]
    fn the_default_is_that_of_the_tuning() {
        let layer = ContinueLayer::new();
        assert_eq!(layer.tuning(&Tuning::new()), layer);
    }
}
