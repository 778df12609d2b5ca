//! What the answers of providers mean.
//!
//! A table for each provider in [`tables`], a row a line: the statuses, what the error body says, the [`Outcome`]. A
//! provider's own rows stand first; what most providers mean by a status, behind them. The first row that fits
//! decides. Rows marked `Unchecked` come from hearsay, not from an answer or a document that was seen.
//!
//! The rules that stand above the tables are in the docs of [`Answer`]. To teach it a provider: a file of rows, its
//! names in [`Dialect`], and a fixture for each row in `tests/answers`.

mod body;
mod phrases;
mod row;
#[cfg(test)]
mod show;
mod tables;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use tokio::time::Instant;
use tower_ai_core::{Headroom, Outcome};

use self::body::ErrorBody;
use self::row::Row;
use crate::wait;
use crate::{Dialect, WallTime};

/// An answer as far as it is read: who gave it, its status and headers, and the error body where there is one.
///
/// What it means stands in tables, which the docs of [`providers`](crate::providers) show: the rows of the [`Dialect`]
/// first, then what most providers mean by a status. For [`Dialect::Unknown`] all providers' rows count that go by
/// what the body says. Above the tables stand three rules:
///
/// 1. **The status decides before any text.** Providers echo prompts into their messages, so a phrase ("prompt is
///    too long") counts only where the status agrees, and a code only where the provider puts codes.
/// 2. **`x-should-retry: false`** means *not here again*, and the outcome becomes one that is never tried again at
///    the same target: a fault or an overload becomes [`Outcome::TimedOut`] (a failure; elsewhere yes, here never),
///    a rate limit [`Outcome::Exhausted`] (waiting does not lift it), a conflict [`Outcome::Invalid`].
/// 3. **A fault that names a wait** is an overload: the server asked us to stay away.
///
/// The wait is the first of these that can be read, never more than 24 hours; zero, a negative number or a past
/// date mean now, garbage means nothing: `retry-after-ms`, `x-ms-retry-after-ms`, `Retry-After` (seconds, fractions,
/// the three forms of dates); for a rate limit the reset of the dimension of which nothing remains, or the latest of
/// all; Gemini's `RetryInfo`; "try again in 5.289s" in the message.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use http::{HeaderMap, StatusCode};
/// use tower_ai_core::Outcome;
/// use tower_ai_http::{Answer, Dialect, WallTime};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("retry-after", "2".parse()?);
/// let now = WallTime::since_epoch(Duration::from_secs(1_790_000_000));
///
/// let limited = Answer::new(Dialect::OpenAi, StatusCode::TOO_MANY_REQUESTS, &headers);
/// assert_eq!(limited.outcome(now), Outcome::RateLimited { wait: Some(Duration::from_secs(2)) });
///
/// let broke = limited.with_body(br#"{"error": {"code": "insufficient_quota"}}"#);
/// assert!(matches!(broke.outcome(now), Outcome::Exhausted { .. }));
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    dialect: Dialect,
    status: StatusCode,
    headers: &'a HeaderMap,
    body: &'a [u8],
}

impl<'a> Answer<'a> {
    /// The head of an answer.
    #[must_use]
    pub const fn new(dialect: Dialect, status: StatusCode, headers: &'a HeaderMap) -> Self {
        Self {
            dialect,
            status,
            headers,
            body: &[],
        }
    }

    /// Adds the error body, or its beginning.
    #[must_use]
    pub const fn with_body(mut self, body: &'a [u8]) -> Self {
        self.body = body;
        self
    }

    /// Returns what the answer says about its target. `now` is for the dates in it.
    #[must_use]
    pub fn outcome(&self, now: WallTime) -> Outcome {
        if is_good(self.status) {
            return Outcome::Success;
        }
        let body = self.error_body();
        let asked = wait::asked(self.headers, now);
        let means = self
            .row(&body, asked)
            .map_or_else(|| by_class(self.status), |row| row.means);
        let outcome = match (means, asked) {
            (Outcome::Fault, Some(wait)) if !wait.is_zero() => Outcome::Overloaded { wait: asked },
            _ => means.with_wait(self.plan(means, &body, asked, now)),
        };
        match wait::forbids_retry(self.headers) {
            true => not_here_again(outcome),
            false => outcome,
        }
    }

    /// Returns what the headers of a good answer say is left of the target's rate limits.
    ///
    /// Known are those of OpenAI, Azure, Groq and [unknown](Dialect::Unknown) providers (`x-ratelimit-remaining-requests`
    /// and `-tokens`), Anthropic (`anthropic-ratelimit-*-remaining`) and OpenRouter (`x-ratelimit-remaining`), each with
    /// its limit and reset. Without a reset the answer counts for ten seconds. Nothing is read off any other provider's.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use http::{HeaderMap, StatusCode};
    /// use tokio::time::Instant;
    /// use tower_ai_http::{Answer, Dialect, WallTime};
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.insert("x-ratelimit-limit-tokens", "30000".parse()?);
    /// headers.insert("x-ratelimit-remaining-tokens", "900".parse()?);
    /// headers.insert("x-ratelimit-reset-tokens", "6m0s".parse()?);
    ///
    /// let now = Instant::now();
    /// let answer = Answer::new(Dialect::OpenAi, StatusCode::OK, &headers);
    /// let tokens = answer.headroom(now, WallTime::now()).tokens.expect("they were told");
    /// assert_eq!((tokens.left(), tokens.share()), (900, 0.03));
    /// assert_eq!(tokens.resets(), now + Duration::from_secs(360));
    /// # Ok::<(), http::header::InvalidHeaderValue>(())
    /// ```
    #[must_use]
    pub fn headroom(&self, now: Instant, wall: WallTime) -> Headroom {
        if !is_good(self.status) {
            return Headroom::new();
        }
        let told = wait::headroom(self.dialect, self.headers, || (now, wall));
        told.map_or(Headroom::new(), |(_, headroom)| headroom)
    }

    /// The name of the row of the table that decides, for logs; `None` if the status alone does.
    #[must_use]
    pub fn rule(&self, now: WallTime) -> Option<&'static str> {
        let asked = wait::asked(self.headers, now);
        let row = self.row(&self.error_body(), asked)?;
        Some(row.name)
    }

    fn error_body(&self) -> ErrorBody {
        let exception = self.headers.get("x-amzn-errortype");
        let exception = exception.and_then(|name| name.to_str().ok());
        ErrorBody::parse(self.body).with_exception(exception)
    }

    /// The row that decides.
    fn row(&self, body: &ErrorBody, asked: Option<Duration>) -> Option<&'static Row> {
        let fits = |row: &&Row| row.fits(self.status, body, asked);
        let by_body = |row: &&Row| self.dialect == Dialect::Unknown && row.goes_by_body();
        let own = tables::of(self.dialect).iter().copied().flatten();
        let of_all = tables::ALL.iter().copied().flatten().filter(by_body);
        own.chain(of_all).chain(tables::COMMON).find(fits)
    }

    /// How long to stay away, from the sources that speak of this outcome.
    fn plan(
        &self,
        means: Outcome,
        body: &ErrorBody,
        asked: Option<Duration>,
        now: WallTime,
    ) -> Option<Duration> {
        match means {
            Outcome::Exhausted { .. } if body.is_day_quota() => Some(body::until_reset(now)),
            Outcome::Exhausted { .. } => asked,
            Outcome::RateLimited { .. } => asked
                .or_else(|| wait::reset(self.headers, now))
                .or_else(|| body.wait()),
            _ => asked.or_else(|| body.wait()),
        }
    }
}

/// Shows no header values and no body: they may hold what nobody should read.
impl fmt::Debug for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("dialect", &self.dialect)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Whether the status alone says that all is well.
pub(crate) fn is_good(status: StatusCode) -> bool {
    status.is_success() || status.is_informational() || status == StatusCode::NOT_MODIFIED
}

/// What a status means that no row knows.
fn by_class(status: StatusCode) -> Outcome {
    match status.as_u16() {
        300..400 => Outcome::Missing,
        400..500 => Outcome::Invalid,
        _ => Outcome::Fault,
    }
}

/// The same outcome without another try at the same target, because the server said so.
///
/// A fault or overload becomes [`Outcome::TimedOut`], which is exactly that in the one table: a failure,
/// elsewhere yes, here never. A limit that no retry helps against is an exhausted one, and a conflict that no
/// retry solves is the caller's.
const fn not_here_again(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Fault | Outcome::Overloaded { .. } => Outcome::TimedOut,
        Outcome::RateLimited { wait } => Outcome::Exhausted { wait },
        Outcome::Conflict => Outcome::Invalid,
        other => other,
    }
}
