//! One row of the table.

use std::time::Duration;

use http::StatusCode;
use tower_ai_core::Outcome;

use super::body::ErrorBody;
use super::phrases;

/// One row: these statuses, with a body that says this, mean that.
#[derive(Debug)]
pub(super) struct Row {
    /// What logs and tests call it.
    pub(super) name: &'static str,
    statuses: &'static [u16],
    when: When,
    pub(super) means: Outcome,
    /// Whether an answer like it was seen.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the reader, and a test"))]
    pub(super) source: Source,
}

/// What the error body must say.
#[derive(Debug)]
pub(super) enum When {
    /// Anything.
    Always,
    /// Its message begins with one of these.
    Begins(&'static [&'static str]),
    /// One of its machine-readable words is one of these.
    Code(&'static [&'static str]),
    /// It names a quota of a day.
    DayQuota,
    /// All it offers is a link to help.
    HelpOnly,
    /// It holds no details, and nothing says how long to wait.
    NoHint,
    /// It says that the prompt does not fit the model.
    TooLong,
}

/// How we know.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Source {
    /// Seen in an answer, a provider's documents or its SDK's source.
    Seen,
    /// Common knowledge that was not checked.
    Unchecked,
}

pub(super) const fn row(
    name: &'static str,
    statuses: &'static [u16],
    when: When,
    means: Outcome,
    source: Source,
) -> Row {
    Row {
        name,
        statuses,
        when,
        means,
        source,
    }
}

/// The outcomes that carry a wait, without one: the planner fills it in.
pub(super) const EXHAUSTED: Outcome = Outcome::Exhausted { wait: None };
pub(super) const OVERLOADED: Outcome = Outcome::Overloaded { wait: None };
pub(super) const RATE_LIMITED: Outcome = Outcome::RateLimited { wait: None };

impl Row {
    pub(super) fn fits(
        &self,
        status: StatusCode,
        body: &ErrorBody,
        asked: Option<Duration>,
    ) -> bool {
        self.statuses.contains(&status.as_u16())
            && match self.when {
                When::Always => true,
                When::Begins(texts) => texts.iter().any(|text| body.message().starts_with(text)),
                When::Code(codes) => codes.iter().any(|code| body.has_code(code)),
                When::DayQuota => body.is_day_quota(),
                When::HelpOnly => body.offers_help_only(),
                When::NoHint => !body.has_details() && body.wait().is_none() && asked.is_none(),
                When::TooLong => {
                    !body.has_code(phrases::NOT_THE_WINDOW) && phrases::too_long(body.message())
                }
            }
    }
}
