//! What a guard goes by.

use std::time::Duration;

use crate::{Format, InvalidGuard, Limits};

/// When an answer is passed on.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Commit {
    /// With its first content: what fails before can be answered by another attempt.
    #[default]
    FirstContent,
    /// When it is whole: whatever fails can be answered by another attempt. For callers who collect the text
    /// anyway.
    Complete,
}

/// What becomes of an event that cannot be read.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Malformed {
    /// The answer fails.
    #[default]
    Fail,
    /// It is left out and counted, in [`Heard`](crate::Heard) and in [`Served`](tower_ai_core::Served).
    Skip,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) format: Option<Format>,
    pub(crate) commit: Commit,
    pub(crate) malformed: Malformed,
    pub(crate) first_byte: Option<Duration>,
    pub(crate) limits: Limits,
    pub(crate) hold_events: u32,
    pub(crate) hold_bytes: usize,
    pub(crate) hold_whole: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            format: None,
            commit: Commit::FirstContent,
            malformed: Malformed::Fail,
            first_byte: None,
            limits: Limits::default(),
            hold_events: 1024,
            hold_bytes: 256 * 1024,
            hold_whole: 8 * 1024 * 1024,
        }
    }
}

impl Settings {
    /// The settings for an answer that is one JSON text: that comes when it is written, and there are no events whose
    /// pace could be counted.
    pub(crate) const fn of_text(mut self) -> Self {
        (self.limits.first_content, self.limits.pace) = (None, None);
        self
    }

    pub(crate) fn scaled(mut self, factor: f64) -> Result<Self, InvalidGuard> {
        if !(1e-4..=1e4).contains(&factor) {
            return Err(InvalidGuard::Scale);
        }
        let limits = &mut self.limits;
        let pace = limits.pace.as_mut().map(|(_, stretch)| stretch);
        let times = [
            self.first_byte.as_mut(),
            limits.first_content.as_mut(),
            limits.stall.as_mut(),
            limits.whole.as_mut(),
            pace,
            Some(&mut limits.linger),
        ];
        for time in times.into_iter().flatten() {
            *time =
                Duration::try_from_secs_f64(time.as_secs_f64() * factor).unwrap_or(Duration::MAX);
        }
        Ok(self)
    }
}

pub(crate) fn above_zero(limit: Option<Duration>) -> Result<Option<Duration>, InvalidGuard> {
    match limit {
        Some(limit) if limit.is_zero() => Err(InvalidGuard::ZeroTimeout),
        limit => Ok(limit),
    }
}
