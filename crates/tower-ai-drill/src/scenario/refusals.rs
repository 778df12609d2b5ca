//! Answers that are no faults of the target, and answers of another one.

use std::time::Duration;

use super::evidence::Evidence;
use super::part::{Checks, FALLBACK, PRIMARY, Part};
use super::single::{says, status};
use crate::{Fault, Grade, Invalid, Provider, Script, Traffic};

/// The words that the smaller and the larger target take, and those of the prompt.
const SMALL: u64 = 100;
const LARGE: u64 = 10_000;
const WORDS: usize = 300;

pub(super) fn s12() -> Result<Vec<Part>, Invalid> {
    fn larger(evidence: &Evidence, checks: &mut Checks) {
        checks.answered(evidence);
        checks.note("no_retry_there", evidence.attempts(0) <= 1);
        checks.note("the_larger_answers", evidence.served_by(1) == 1);
    }
    fn alone(evidence: &Evidence, checks: &mut Checks) {
        checks.note("no_retry", evidence.attempts(0) <= 1);
        checks.note(
            "failed",
            evidence
                .records
                .iter()
                .all(|record| record.grade == Grade::Failed),
        );
        // A stack that knows the window may say so itself.
        let told = ["context", "too long", "window"]
            .iter()
            .any(|words| says(evidence, words));
        checks.note("reason_told", told);
    }
    let traffic = Traffic::new(1.0, Duration::from_secs(1))?.words(WORDS);
    let small = || Provider::builder(PRIMARY).window(SMALL);
    Ok(vec![
        Part::new("with_larger", larger)?
            .target(small())
            .target(Provider::builder(FALLBACK).window(LARGE))
            .traffic(traffic.clone()),
        Part::new("alone", alone)?.target(small()).traffic(traffic),
    ])
}

pub(super) fn s13() -> Result<Vec<Part>, Invalid> {
    fn judge(evidence: &Evidence, checks: &mut Checks) {
        checks.note("no_retry", evidence.attempts(0) == 1);
        checks.note("no_failover", evidence.attempts(1) == 0);
        // Gemini says it in a 200.
        let told = matches!(status(evidence), Some(400 | 200));
        let reason = ["content policy", "PROHIBITED_CONTENT"];
        checks.note(
            "reason_told",
            told && reason.iter().any(|words| says(evidence, words)),
        );
    }
    Ok(vec![
        Part::new("", judge)?
            .primary(Script::always(Fault::Policy))
            .fallback(),
    ])
}

pub(super) fn s16() -> Result<Vec<Part>, Invalid> {
    fn judge(evidence: &Evidence, checks: &mut Checks) {
        checks.answered(evidence);
        let reply = evidence.first().map(|record| &record.reply);
        let model = reply.and_then(|reply| reply.model.as_deref());
        checks.note("model_of_the_fallback", model == Some("fallback-1"));
        let usage = reply.and_then(|reply| reply.usage);
        checks.note(
            "usage_of_the_fallback",
            usage.is_some_and(|usage| usage.answer == 10),
        );
    }
    let part = |name| {
        let script = Script::always(Fault::Status(503));
        Ok(Part::new(name, judge)?.primary(script).fallback())
    };
    Ok(vec![part("plain")?, part("streamed")?.streamed()?])
}
