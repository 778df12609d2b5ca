//! Clocks that pings do not fool.

use std::time::Duration;

use tokio::time::Instant;

/// How long an answer may take over its parts. `None` is no limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// From the head of a stream to its first content. Defaults to 10 s.
    pub first_content: Option<Duration>,
    /// From one content to the next. Defaults to 10 s.
    pub stall: Option<Duration>,
    /// From the head to the end of the answer. Defaults to none.
    pub whole: Option<Duration>,
    /// The least number of contents in each stretch of time from the first on. Defaults to none.
    pub pace: Option<(u32, Duration)>,
    /// How long an answer that is over is held open for what may follow: the usage, the end of its bytes.
    /// Defaults to 1 s.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first_content: Some(Duration::from_secs(10)),
            stall: Some(Duration::from_secs(10)),
            whole: None,
            pace: None,
            linger: Duration::from_secs(1),
        }
    }
}

/// Which clock of an answer ran out.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Lapse {
    /// The head did not come in time.
    Head,
    /// The first content did not come in time.
    FirstContent,
    /// The next content did not come in time.
    Stall,
    /// The answer did not end in time.
    Whole,
    /// There was content, but too little of it.
    Pace,
    /// The call's deadline came before there was anything to pass on.
    Deadline,
    /// The answer is over, and nothing more came: no failure.
    Linger,
}

impl Lapse {
    pub(crate) const fn waited_for(self) -> &'static str {
        match self {
            Self::Head => "the head of the answer",
            Self::FirstContent | Self::Deadline => "the first content of the answer",
            Self::Stall => "the next content of the answer",
            Self::Whole | Self::Linger => "the end of the answer",
            Self::Pace => "enough of the answer",
        }
    }
}

/// The clocks of one answer, from its head on. Only content is told to them: no ping, comment or role resets one.
///
/// A pure state machine that takes the time as an argument.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tokio::time::Instant;
/// use tower_ai_stream::{Clocks, Lapse, Limits};
///
/// const SEC: Duration = Duration::from_secs(1);
/// let head = Instant::now();
/// let mut clocks = Clocks::start(Limits::default(), head);
/// assert_eq!(clocks.next(), Some((head + 10 * SEC, Lapse::FirstContent)));
///
/// clocks.content(head + 4 * SEC, 1);
/// assert_eq!(clocks.next(), Some((head + 14 * SEC, Lapse::Stall)));
///
/// clocks.over(head + 5 * SEC);
/// assert_eq!(clocks.next(), Some((head + 6 * SEC, Lapse::Linger)));
/// ```
///
/// With a limit for the whole answer and a least pace of 5 contents every 2 s:
///
/// ```
/// # use std::time::Duration;
/// # use tokio::time::Instant;
/// # use tower_ai_stream::{Clocks, Lapse, Limits};
/// # const SEC: Duration = Duration::from_secs(1);
/// let mut limits = Limits::default();
/// limits.whole = Some(60 * SEC);
/// limits.pace = Some((5, 2 * SEC));
///
/// let head = Instant::now();
/// let mut clocks = Clocks::start(limits, head);
/// clocks.content(head + SEC, 4);
/// assert_eq!(clocks.next(), Some((head + 3 * SEC, Lapse::Pace)));
/// clocks.content(head + 2 * SEC, 1);
/// assert_eq!(clocks.next(), Some((head + 5 * SEC, Lapse::Pace)));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    limits: Limits,
    head: Instant,
    commit_by: Option<Instant>,
    last: Option<Instant>,
    /// When the stretch of time began for which the pace is counted, and the contents since.
    stretch: (Instant, u32),
    over: Option<Instant>,
}

impl Clocks {
    /// Starts at the head of the answer.
    #[must_use]
    pub const fn start(limits: Limits, head: Instant) -> Self {
        Self {
            limits,
            head,
            commit_by: None,
            last: None,
            stretch: (head, 0),
            over: None,
        }
    }

    /// Sets the moment by which there must be something to pass on, or takes it away.
    pub fn commit_by(&mut self, deadline: Option<Instant>) {
        self.commit_by = deadline;
    }

    /// Tells of so many contents.
    pub fn content(&mut self, now: Instant, contents: u32) {
        if self.last.is_none() {
            self.stretch = (now, 0);
        }
        self.last = Some(now);
        self.over = None;
        let Some((least, stretch)) = self.limits.pace else {
            return;
        };
        // A stretch that has had enough is followed by the next at its end; what comes before saves nothing up.
        if now < self.stretch.0 {
            return;
        }
        self.stretch.1 = self.stretch.1.saturating_add(contents);
        if self.stretch.1 >= least {
            let end = later(self.stretch.0, stretch);
            self.stretch = (end.max(now), 0);
        }
    }

    /// Tells that the answer is over, as far as its words go.
    pub fn over(&mut self, now: Instant) {
        self.over.get_or_insert(now);
    }

    /// Tells that the answer goes on after all.
    pub fn not_over(&mut self) {
        self.over = None;
    }

    /// When the first clock runs out, and which.
    #[must_use]
    pub fn next(&self) -> Option<(Instant, Lapse)> {
        if let Some(over) = self.over {
            return Some((later(over, self.limits.linger), Lapse::Linger));
        }
        let after = |from: Instant, limit: Option<Duration>| Some(later(from, limit?));
        let gap = match self.last {
            None => (
                after(self.head, self.limits.first_content),
                Lapse::FirstContent,
            ),
            Some(last) => (after(last, self.limits.stall), Lapse::Stall),
        };
        let pace = self.last.and(self.limits.pace);
        let clocks = [
            gap,
            (
                pace.map(|(_, stretch)| later(self.stretch.0, stretch)),
                Lapse::Pace,
            ),
            (after(self.head, self.limits.whole), Lapse::Whole),
            (self.commit_by, Lapse::Deadline),
        ];
        let set = clocks
            .into_iter()
            .filter_map(|(at, lapse)| Some((at?, lapse)));
        set.min_by_key(|(at, _)| *at)
    }

    /// How long a clock that ran out was set to.
    #[must_use]
    pub fn limit(&self, lapse: Lapse) -> Duration {
        let limit = match lapse {
            Lapse::FirstContent => self.limits.first_content,
            Lapse::Stall => self.limits.stall,
            Lapse::Whole => self.limits.whole,
            Lapse::Pace => self.limits.pace.map(|(_, stretch)| stretch),
            Lapse::Deadline => self
                .commit_by
                .map(|by| by.saturating_duration_since(self.head)),
            Lapse::Linger => Some(self.limits.linger),
            Lapse::Head => None,
        };
        limit.unwrap_or_default()
    }
}

/// A moment beyond what the clock can tell comes in about 30 years.
fn later(from: Instant, limit: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(86_400 * 365 * 30);
    from.checked_add(limit).unwrap_or_else(|| from + FAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEC: Duration = Duration::from_secs(1);

    #[test]
    fn content_after_the_end_takes_the_end_back() {
        let head = Instant::now();
        let mut clocks = Clocks::start(Limits::default(), head);
        clocks.over(head);
        clocks.content(head + SEC, 1);
        assert_eq!(clocks.next(), Some((head + 11 * SEC, Lapse::Stall)));
    }

    #[test]
    fn the_deadline_counts_until_it_is_taken_away() {
        let head = Instant::now();
        let mut clocks = Clocks::start(Limits::default(), head);
        clocks.commit_by(Some(head + SEC));
        assert_eq!(clocks.next(), Some((head + SEC, Lapse::Deadline)));
        clocks.commit_by(None);
        assert_eq!(clocks.next(), Some((head + 10 * SEC, Lapse::FirstContent)));
    }

    #[test]
    fn without_limits_no_clock_runs() {
        let limits = Limits {
            first_content: None,
            stall: None,
            ..Limits::default()
        };
        let mut clocks = Clocks::start(limits, Instant::now());
        assert_eq!(clocks.next(), None);
        clocks.content(Instant::now(), 1);
        assert_eq!(clocks.next(), None);
    }

    #[test]
    fn a_limit_beyond_all_time_does_not_overflow() {
        let limits = Limits {
            stall: Some(Duration::MAX),
            first_content: Some(Duration::MAX),
            ..Limits::default()
        };
        let clocks = Clocks::start(limits, Instant::now());
        assert!(clocks.next().is_some());
    }
}
