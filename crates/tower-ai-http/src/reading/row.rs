//! One row of a table.

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
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the reader"))]
    pub(super) source: Source,
    pub(super) statuses: &'static [u16],
    pub(super) when: When,
    pub(super) means: Outcome,
}

/// What the answer must say beside its status.
#[derive(Debug)]
pub(super) enum When {
    /// Anything.
    Always,
    /// Its headers name a wait.
    Asked,
    /// Its message begins with one of these.
    Begins(&'static [&'static str]),
    /// One of its machine-readable words is one of these.
    Code(&'static [&'static str]),
    /// It names a quota of a day.
    DayQuota,
    /// Its error has all of these members.
    Has(&'static [&'static str]),
    /// All it offers is a link to help.
    HelpOnly,
    /// It holds no details, and nothing says how long to wait.
    NoHint,
    /// It holds a `RetryInfo`.
    RetryInfo,
    /// Its message holds one of these, in any case of letters. Only where no prompt is echoed, or the words are
    /// such that a mistake costs nothing.
    Says(&'static [&'static str]),
    /// It says that the prompt does not fit the model.
    TooLong,
}

/// How we know.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Source {
    /// Seen in an answer, a provider's documents or its SDK's source.
    Seen,
    /// Common knowledge or hearsay that was not checked.
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
        source,
        statuses,
        when,
        means,
    }
}

/// The outcomes that carry a wait, without one: the planner fills it in.
pub(super) const EXHAUSTED: Outcome = Outcome::Exhausted { wait: None };
pub(super) const OVERLOADED: Outcome = Outcome::Overloaded { wait: None };
pub(super) const RATE_LIMITED: Outcome = Outcome::RateLimited { wait: None };
pub(super) const WARMING: Outcome = Outcome::Warming { wait: None };

impl Row {
    pub(super) fn fits(
        &self,
        status: StatusCode,
        body: &ErrorBody,
        asked: Option<Duration>,
    ) -> bool {
        self.statuses.contains(&status.as_u16()) && self.when.fits(body, asked)
    }

    /// Whether it goes by what the body says, and so means the same whoever says it.
    pub(super) const fn goes_by_body(&self) -> bool {
        !matches!(self.when, When::Always | When::Asked | When::NoHint)
    }
}

impl When {
    fn fits(&self, body: &ErrorBody, asked: Option<Duration>) -> bool {
        match self {
            Self::Always => true,
            Self::Asked => asked.is_some(),
            Self::Begins(texts) => texts.iter().any(|text| body.message().starts_with(text)),
            Self::Code(codes) => codes.iter().any(|code| body.has_code(code)),
            Self::DayQuota => body.is_day_quota(),
            Self::Has(members) => members.iter().all(|member| body.has_member(member)),
            Self::HelpOnly => body.offers_help_only(),
            Self::NoHint => !body.has_details() && body.wait().is_none() && asked.is_none(),
            Self::RetryInfo => body.has_retry_info(),
            Self::Says(texts) => {
                let message = body.message().to_ascii_lowercase();
                texts.iter().any(|text| message.contains(text))
            }
            Self::TooLong => {
                !body.has_code(phrases::NOT_THE_WINDOW) && phrases::too_long(body.message())
            }
        }
    }
}
