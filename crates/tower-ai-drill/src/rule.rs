//! When, for whom and how often a provider breaks.

use std::ops::Range;
use std::time::Duration;

use crate::{Fault, Invalid};

/// One fault, and the attempts that it strikes: all of them, unless narrowed.
///
/// Times are outage time since the provider's start. Chance is drawn from the provider's seed and
/// name, the call's id and the number of the attempt, so that it does not depend on the order in
/// which attempts arrive.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_ai_drill::{Fault, Rule};
///
/// let minute = Duration::from_secs(60);
/// let storm = Rule::new(Fault::Unauthorized).during(minute..2 * minute)?.share(0.94)?;
/// assert_eq!(storm.share_at(minute / 2), 0.0);
/// assert_eq!(storm.share_at(minute), 0.94);
/// # Ok::<(), tower_ai_drill::Invalid>(())
/// ```
#[derive(Clone, Debug)]
pub struct Rule {
    pub(crate) fault: Fault,
    share: (f64, f64),
    window: Range<Duration>,
    pub(crate) first: Option<u32>,
    model: Option<String>,
    stream: Option<bool>,
    key: Option<String>,
}

impl Rule {
    /// Strikes every attempt with `fault`.
    pub const fn new(fault: Fault) -> Self {
        Self {
            fault,
            share: (1.0, 1.0),
            window: Duration::ZERO..Duration::MAX,
            first: None,
            model: None,
            stream: None,
            key: None,
        }
    }

    /// Strikes a share of attempts that goes in a line from `from` to `to` over the time `over`,
    /// and none outside it.
    ///
    /// # Errors
    ///
    /// [`Invalid::Share`] or [`Invalid::Window`].
    pub fn ramp(fault: Fault, from: f64, to: f64, over: Range<Duration>) -> Result<Self, Invalid> {
        let mut rule = Self::new(fault).during(over)?;
        rule.share = (checked(from)?, checked(to)?);
        Ok(rule)
    }

    /// Strikes only within `window`.
    ///
    /// # Errors
    ///
    /// [`Invalid::Window`] if it is empty.
    pub fn during(mut self, window: Range<Duration>) -> Result<Self, Invalid> {
        if window.is_empty() {
            return Err(Invalid::Window);
        }
        self.window = window;
        Ok(self)
    }

    /// Strikes this share of attempts.
    ///
    /// # Errors
    ///
    /// [`Invalid::Share`] unless within 0 and 1.
    pub fn share(mut self, share: f64) -> Result<Self, Invalid> {
        self.share = (checked(share)?, share);
        Ok(self)
    }

    /// Strikes only the first `count` attempts that it would have struck.
    #[must_use]
    pub const fn first(mut self, count: u32) -> Self {
        self.first = Some(count);
        self
    }

    /// Strikes only attempts for this model.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Strikes only streamed answers, or only plain ones.
    #[must_use]
    pub const fn streamed(mut self, stream: bool) -> Self {
        self.stream = Some(stream);
        self
    }

    /// Strikes only attempts with this API key, where the provider's dialect has it.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The share of attempts that it strikes at a time, of those that its other limits let through.
    pub fn share_at(&self, time: Duration) -> f64 {
        if !self.window.contains(&time) {
            return 0.0;
        }
        let (from, to) = self.share;
        if from == to {
            return from;
        }
        let length = (self.window.end - self.window.start).as_secs_f64();
        from + (to - from) * (time - self.window.start).as_secs_f64() / length
    }

    /// Whether it strikes every attempt of its time.
    pub(crate) fn is_total(&self) -> bool {
        self.is_for_all() && self.share == (1.0, 1.0)
    }

    /// Whether it looks at nothing but time and chance.
    pub(crate) fn is_for_all(&self) -> bool {
        self.first.is_none() && self.model.is_none() && self.stream.is_none() && self.key.is_none()
    }

    /// Whether it is for attempts such as this.
    pub(crate) fn is_for(&self, model: &str, stream: bool, key: Option<&str>) -> bool {
        let known = |only: &String| key == Some(only.as_str());
        self.key.as_ref().is_none_or(known)
            && self.model.as_deref().is_none_or(|only| only == model)
            && self.stream.is_none_or(|only| only == stream)
    }
}

fn checked(share: f64) -> Result<f64, Invalid> {
    // A NaN is in no range.
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err(Invalid::Share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_ramp_is_a_line() {
        let rule = Rule::ramp(Fault::Reset, 0.6, 0.2, 2 * SECOND..6 * SECOND).unwrap();
        assert_eq!(rule.share_at(SECOND), 0.0);
        assert_eq!(rule.share_at(2 * SECOND), 0.6);
        assert!((rule.share_at(4 * SECOND) - 0.4).abs() < 1e-9);
        assert_eq!(rule.share_at(6 * SECOND), 0.0);
    }

    #[test]
    fn shares_outside_their_range_are_refused() {
        for share in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            let rule = Rule::new(Fault::Reset).share(share);
            assert_eq!(rule.unwrap_err(), Invalid::Share);
        }
        let rule = Rule::new(Fault::Reset).during(SECOND..SECOND);
        assert_eq!(rule.unwrap_err(), Invalid::Window);
    }
}
