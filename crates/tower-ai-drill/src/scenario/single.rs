//! One call, one fault.

use std::time::Duration;

use super::evidence::Evidence;
use super::part::{Checks, Part};
use crate::{Fault, Invalid, Script};

/// The targets' places in the order of preference.
const PRIMARY: usize = 0;
const FALLBACK: usize = 1;

const WAIT: Duration = Duration::from_secs(2);

/// The same script with another target and without.
fn both(
    script: &Script,
    with: fn(&Evidence, &mut Checks),
    alone: fn(&Evidence, &mut Checks),
) -> Result<Vec<Part>, Invalid> {
    Ok(vec![
        Part::new("with_fallback", with)?
            .primary(script.clone())
            .fallback(),
        Part::new("alone", alone)?.primary(script.clone()),
    ])
}

pub(super) fn s01() -> Result<Vec<Part>, Invalid> {
    fn judge(evidence: &Evidence, checks: &mut Checks) {
        checks.answered(evidence);
        // The provider's clock is read after the request's way: a little less may be no less.
        let waited = |gap| gap + Duration::from_millis(20) >= WAIT;
        checks.note("waits_or_moves", evidence.gap(PRIMARY).is_none_or(waited));
    }
    let script = Script::first(1, Fault::RateLimit { wait: Some(WAIT) });
    // At a scale of one the wait is a whole number of seconds, as real servers write it.
    let parts = both(&script, judge, judge)?;
    Ok(parts.into_iter().map(|part| part.fastest(1.0)).collect())
}

pub(super) fn s02() -> Result<Vec<Part>, Invalid> {
    fn with(evidence: &Evidence, checks: &mut Checks) {
        checks.answered(evidence);
        checks.note("fails_over", evidence.served_by(FALLBACK) == 1);
    }
    fn alone(evidence: &Evidence, checks: &mut Checks) {
        checks.note("original_error", status(evidence) == Some(429));
    }
    both(
        &Script::always(Fault::RateLimit { wait: None }),
        with,
        alone,
    )
}

pub(super) fn s03() -> Result<Vec<Part>, Invalid> {
    fn judge(evidence: &Evidence, checks: &mut Checks) {
        checks.answered(evidence);
        checks.note("one_retry_here", evidence.attempts(PRIMARY) == 2);
        checks.note("no_more", evidence.all_attempts() <= 2);
    }
    both(&Script::first(1, Fault::Status(500)), judge, judge)
}

pub(super) fn s04() -> Result<Vec<Part>, Invalid> {
    fn with(evidence: &Evidence, checks: &mut Checks) {
        checks.answered(evidence);
        checks.note("fails_over", evidence.served_by(FALLBACK) == 1);
        checks.note("few_attempts", evidence.all_attempts() <= 4);
    }
    fn alone(evidence: &Evidence, checks: &mut Checks) {
        let told = |status| matches!(status, 503 | 529);
        checks.note(
            "original_error",
            status(evidence).is_some_and(told) && says(evidence, "verloaded"),
        );
        checks.note("few_attempts", evidence.all_attempts() <= 4);
    }
    both(&Script::always(Fault::Overload), with, alone)
}

pub(super) fn s05() -> Result<Vec<Part>, Invalid> {
    fn judge(evidence: &Evidence, checks: &mut Checks) {
        checks.answered(evidence);
        checks.note("few_attempts", evidence.all_attempts() <= 3);
    }
    both(&Script::first(1, Fault::Reset), judge, judge)
}

pub(super) fn s06() -> Result<Vec<Part>, Invalid> {
    let script = Script::always(Fault::StallBeforeHead);
    let part = |name| {
        Ok(Part::new(name, moved)?
            .primary(script.clone())
            .fallback()
            .fastest(10.0))
    };
    Ok(vec![part("plain")?, part("streamed")?.streamed()?])
}

pub(super) fn s07() -> Result<Vec<Part>, Invalid> {
    let script = Script::always(Fault::Late {
        by: Duration::from_secs(20),
    });
    let part = Part::new("", moved)?.primary(script).fallback();
    Ok(vec![part.fastest(10.0).streamed()?])
}

pub(super) fn o2() -> Result<Vec<Part>, Invalid> {
    let part = Part::new("", moved)?
        .primary(Script::always(Fault::Pings))
        .fallback();
    Ok(vec![part.fastest(10.0).streamed()?])
}

/// Another target answered, and the one that took the time was tried once.
fn moved(evidence: &Evidence, checks: &mut Checks) {
    checks.answered(evidence);
    checks.note("fails_over", evidence.served_by(FALLBACK) == 1);
    checks.note("not_tried_again", evidence.attempts(PRIMARY) <= 1);
}

/// The status that the caller got.
pub(super) fn status(evidence: &Evidence) -> Option<u16> {
    evidence.first()?.reply.status
}

/// Whether the error that the caller got has these words.
pub(super) fn says(evidence: &Evidence, words: &str) -> bool {
    let error = evidence
        .first()
        .and_then(|record| record.reply.error.as_deref());
    error.is_some_and(|error| error.contains(words))
}
