//! Anthropic: `{"type": "error", "error": {"type", "message", "details": {"error_code"}}}`.
//!
//! Types and error codes decide. The exceptions are a spend limit of the caller's own and a prompt that does not
//! fit, which come as plain invalid requests: there the message must say it in known words.

use tower_ai_core::Outcome::{Conflict, Fault, Invalid, Missing, TooLong, Unauthorized};

use super::common;
use crate::reading::row::Source::{Seen, Unchecked};
use crate::reading::row::When::{Begins, Code};
use crate::reading::row::{EXHAUSTED, OVERLOADED, RATE_LIMITED, Row, row};

const OWN_LIMIT: &[&str] = &[
    "Your credit balance is too low",
    "You have reached your specified API usage limits",
    "You have reached your specified workspace API usage limits",
];
const BILLING: &[&str] = &[
    "billing_error",
    "linked_organization_billing_unavailable",
    "linked_organization_spend_limit_reached",
];
const SPENT: &[&str] = &[
    "enforced_spend_limit_reached",
    "contract_spend_limit_reached",
];
const TOO_LARGE: &[&str] = &["request_too_large", "request_body_too_large_after_decoding"];
const RATE: &[&str] = &["rate_limit_error", "ramp_limit_exceeded"];
const KEYS_AWAY: &[&str] = &["cmek_key_unreachable", "cmek_context_unavailable"];
const BUSY: &[&str] = &["overloaded_error", "compaction_unavailable"];
const CHANGED: &[&str] = &[
    "conflict_error",
    "concurrent_membership_change",
    "external_key_changed",
];

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("anthropic: on hold",       &[400], Code(&["organization_on_hold"]),        Unauthorized, Seen),
    row("anthropic: client",        &[400], Code(&["claude_code_version_too_old"]), Missing,      Seen),
    row("anthropic: own limit",     &[400], Begins(OWN_LIMIT),                      EXHAUSTED,    Unchecked),
    common::TOO_LONG,
    row("anthropic: mistake",       &[400], Code(&["invalid_request_error"]),       Invalid,      Seen),
    row("anthropic: key",           &[401], Code(&["authentication_error"]),        Unauthorized, Seen),
    row("anthropic: billing",       &[402], Code(BILLING),                          EXHAUSTED,    Seen),
    row("anthropic: permission",    &[403], Code(&["permission_error"]),            Unauthorized, Seen),
    row("anthropic: no such model", &[404], Code(&["not_found_error"]),             Missing,      Seen),
    row("anthropic: conflict",      &[409], Code(CHANGED),                          Conflict,     Seen),
    row("anthropic: too large",     &[413], Code(TOO_LARGE),                        TooLong,      Seen),
    row("anthropic: spent",         &[429], Code(SPENT),                            EXHAUSTED,    Seen),
    row("anthropic: rate",          &[429], Code(RATE),                             RATE_LIMITED, Seen),
    row("anthropic: fault",         &[500], Code(&["api_error"]),                   Fault,        Seen),
    row("anthropic: keys away",     &[503], Code(KEYS_AWAY),                        OVERLOADED,   Seen),
    row("anthropic: timeout",       &[504], Code(&["timeout_error"]),               Fault,        Seen),
    row("anthropic: busy",          &[529], Code(BUSY),                             OVERLOADED,   Seen),
];
