//! Gemini: `{"error": {"code", "message", "status", "details": […]}}`, alone or in a list, from its own API and from
//! its OpenAI one; and `{"error": {"code": "word"}}` of its interactions API.

use tower_ai_core::Outcome::{Fault, Invalid, Missing, Unauthorized};

use super::common;
use crate::reading::row::Source::{Seen, Unchecked};
use crate::reading::row::When::{Always, Code, DayQuota, HelpOnly, NoHint, RetryInfo};
use crate::reading::row::{EXHAUSTED, OVERLOADED, RATE_LIMITED, Row, row};

const BAD_KEY: &[&str] = &["API_KEY_INVALID"];
const MISTAKE: &[&str] = &["INVALID_ARGUMENT", "invalid_request"];
const NOT_FOR_YOU: &[&str] = &["FAILED_PRECONDITION", "failed_precondition"];
const DENIED: &[&str] = &["PERMISSION_DENIED", "permission_denied"];
const NOT_FOUND: &[&str] = &["NOT_FOUND", "not_found"];
const RATE: &[&str] = &["rate_limit_exceeded", "too_many_requests"];
const INTERNAL: &[&str] = &["INTERNAL", "internal"];
const BUSY: &[&str] = &["UNAVAILABLE", "service_unavailable"];
const TOO_SLOW: &[&str] = &["DEADLINE_EXCEEDED", "deadline_exceeded"];

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("gemini: key",           &[400], Code(BAD_KEY),             Unauthorized, Seen),
    row("gemini: precondition",  &[400], Code(NOT_FOR_YOU),         Missing,      Seen),
    common::TOO_LONG,
    row("gemini: mistake",       &[400], Code(MISTAKE),             Invalid,      Seen),
    row("gemini: payment",       &[402], Always,                    EXHAUSTED,    Unchecked),
    row("gemini: permission",    &[403], Code(DENIED),              Unauthorized, Seen),
    row("gemini: no such model", &[404], Code(NOT_FOUND),           Missing,      Seen),
    row("gemini: day quota",     &[429], DayQuota,                  EXHAUSTED,    Seen),
    row("gemini: quota",         &[429], Code(&["quota_exceeded"]), EXHAUSTED,    Seen),
    row("gemini: help only",     &[429], HelpOnly,                  EXHAUSTED,    Seen),
    row("gemini: minute quota",  &[429], RetryInfo,                 RATE_LIMITED, Seen),
    row("gemini: rate",          &[429], Code(RATE),                RATE_LIMITED, Seen),
    row("gemini: no hint",       &[429], NoHint,                    OVERLOADED,   Seen),
    row("gemini: fault",         &[500], Code(INTERNAL),            Fault,        Seen),
    row("gemini: busy",          &[503], Code(BUSY),                OVERLOADED,   Seen),
    row("gemini: too slow",      &[504], Code(TOO_SLOW),            Fault,        Seen),
];
