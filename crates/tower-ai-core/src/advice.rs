//! The one table of what an outcome means for each layer.

use crate::Outcome;

/// What an [`Outcome`] means for retry, breaker and failover: one row of the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Advice {
    /// May the same target be tried again by the same call?
    pub again: Again,
    /// What does the breaker learn?
    pub lesson: Lesson,
    /// May another target be tried?
    pub elsewhere: Elsewhere,
}

/// Whether the same target may be tried again by the same call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Again {
    /// Yes, within the retry layer's limits.
    Yes,
    /// The same without a wait: it will go another way.
    AtOnce,
    /// Only when there is nowhere else to go.
    IfAlone,
    /// Only if the server named a wait that is within the application's patience, or there is nowhere else to go.
    IfPatient,
    /// No: it would be a doomed call.
    No,
}

/// What the breaker learns from an outcome.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Lesson {
    /// The target is well.
    Success,
    /// The target failed.
    Failure,
    /// Nothing about its health; whatever the attempt held is released.
    Nothing,
    /// Nothing about its health, but it takes no calls until the wait is over.
    Gate,
    /// The key is of no use for a long time, on every target that has it.
    ShutKey,
    /// The key was refused: shut it, unless it worked minutes ago (then the target is having an outage).
    DoubtKey,
    /// This target (this model) is of no use for a long time.
    ShutTarget,
}

/// Whether another target may be tried.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Elsewhere {
    /// Yes.
    Yes,
    /// Yes, at a target with a larger context window.
    LargerWindow,
    /// Only where the application's policy allows it.
    IfAllowed,
    /// No: every target would say the same, or the answer is a good one.
    No,
}

const fn row(again: Again, lesson: Lesson, elsewhere: Elsewhere) -> Advice {
    Advice {
        again,
        lesson,
        elsewhere,
    }
}

impl Outcome {
    /// Returns what this outcome means for each layer.
    ///
    /// | outcome | same target again | the breaker learns | another target |
    /// |---|---|---|---|
    /// | `Success` | no | success | no |
    /// | `Fault` | yes | failure | yes |
    /// | `TimedOut` | no | failure | yes |
    /// | `Overloaded` | if alone | failure | yes |
    /// | `RateLimited` | if patient | gate | yes |
    /// | `Warming` | if patient | nothing | yes |
    /// | `Exhausted` | no | shut the key | yes |
    /// | `Unauthorized` | no | doubt the key | yes |
    /// | `KeySpent` | at once | nothing | yes |
    /// | `Missing` | no | shut the target | yes |
    /// | `Conflict` | yes | nothing | no |
    /// | `TooLong` | no | nothing | larger window |
    /// | `Refused` | no | nothing | if allowed |
    /// | `Invalid` | no | nothing | no |
    /// | `Shed` | no | nothing | yes |
    /// | `Cancelled` | no | nothing | no |
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_ai_core::{Again, Elsewhere, Outcome};
    ///
    /// assert_eq!(Outcome::Invalid.advice().again, Again::No);
    /// assert_eq!(Outcome::TooLong.advice().elsewhere, Elsewhere::LargerWindow);
    /// ```
    #[must_use]
    pub const fn advice(&self) -> Advice {
        match self {
            Self::Success => row(Again::No, Lesson::Success, Elsewhere::No),
            Self::Fault => row(Again::Yes, Lesson::Failure, Elsewhere::Yes),
            Self::TimedOut => row(Again::No, Lesson::Failure, Elsewhere::Yes),
            Self::Overloaded { .. } => row(Again::IfAlone, Lesson::Failure, Elsewhere::Yes),
            Self::RateLimited { .. } => row(Again::IfPatient, Lesson::Gate, Elsewhere::Yes),
            Self::Warming { .. } => row(Again::IfPatient, Lesson::Nothing, Elsewhere::Yes),
            Self::Exhausted { .. } => row(Again::No, Lesson::ShutKey, Elsewhere::Yes),
            Self::Unauthorized => row(Again::No, Lesson::DoubtKey, Elsewhere::Yes),
            Self::KeySpent => row(Again::AtOnce, Lesson::Nothing, Elsewhere::Yes),
            Self::Missing => row(Again::No, Lesson::ShutTarget, Elsewhere::Yes),
            Self::Conflict => row(Again::Yes, Lesson::Nothing, Elsewhere::No),
            Self::TooLong => row(Again::No, Lesson::Nothing, Elsewhere::LargerWindow),
            Self::Refused => row(Again::No, Lesson::Nothing, Elsewhere::IfAllowed),
            Self::Invalid => row(Again::No, Lesson::Nothing, Elsewhere::No),
            Self::Shed { .. } => row(Again::No, Lesson::Nothing, Elsewhere::Yes),
            Self::Cancelled => row(Again::No, Lesson::Nothing, Elsewhere::No),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table as the docs show it, so that neither can change alone.
    const DOCS: &str = include_str!("advice.rs");

    fn words(advice: Advice) -> (&'static str, &'static str, &'static str) {
        let again = match advice.again {
            Again::Yes => "yes",
            Again::AtOnce => "at once",
            Again::IfAlone => "if alone",
            Again::IfPatient => "if patient",
            Again::No => "no",
        };
        let lesson = match advice.lesson {
            Lesson::Success => "success",
            Lesson::Failure => "failure",
            Lesson::Nothing => "nothing",
            Lesson::Gate => "gate",
            Lesson::ShutKey => "shut the key",
            Lesson::DoubtKey => "doubt the key",
            Lesson::ShutTarget => "shut the target",
        };
        let elsewhere = match advice.elsewhere {
            Elsewhere::Yes => "yes",
            Elsewhere::LargerWindow => "larger window",
            Elsewhere::IfAllowed => "if allowed",
            Elsewhere::No => "no",
        };
        (again, lesson, elsewhere)
    }

    #[test]
    fn the_documented_table_is_the_table() {
        for outcome in Outcome::ALL {
            let debug = format!("{outcome:?}");
            let name = debug.split(' ').next().unwrap();
            let (again, lesson, elsewhere) = words(outcome.advice());
            let line = format!("/// | `{name}` | {again} | {lesson} | {elsewhere} |");
            assert!(DOCS.contains(&line), "not in the docs: {line}");
        }
    }

    #[test]
    fn a_failure_is_what_the_breaker_counts() {
        for outcome in Outcome::ALL {
            assert_eq!(
                outcome.is_failure(),
                outcome.advice().lesson == Lesson::Failure,
                "{outcome}"
            );
        }
    }

    #[test]
    fn doomed_calls_are_never_repeated_in_place() {
        for outcome in [
            Outcome::Invalid,
            Outcome::Exhausted { wait: None },
            Outcome::Refused,
            Outcome::TooLong,
            Outcome::TimedOut,
            Outcome::Unauthorized,
            Outcome::Missing,
        ] {
            assert_eq!(outcome.advice().again, Again::No, "{outcome}");
        }
    }
}
