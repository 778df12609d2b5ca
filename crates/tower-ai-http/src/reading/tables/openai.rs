//! OpenAI: `{"error": {"message", "type", "param", "code"}}`, for chat, responses and embeddings alike.

use tower_ai_core::Outcome::{Conflict, Fault, Invalid, Missing, Refused, TooLong, Unauthorized};

use super::common;
use crate::reading::row::Source::{Seen, Unchecked};
use crate::reading::row::When::{Always, Code};
use crate::reading::row::{EXHAUSTED, OVERLOADED, RATE_LIMITED, Row, row};

/// What of money ends a project's or an organisation's calls.
const SPENT: &[&str] = &[
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
];
const POLICY: &[&str] = &[
    "content_policy_violation",
    "content_filter",
    "invalid_prompt",
];
const REGION: &[&str] = &["unsupported_country_region_territory"];
const RATE: &[&str] = &["rate_limit_exceeded", "requests", "tokens"];
const FASTER: &[&str] = &["rate_limit_error", "slow_down"];
const BUSY: &[&str] = &[
    "service_unavailable_error",
    "server_is_overloaded",
    "slow_down",
];

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("openai: too long",      &[400], Code(&["context_length_exceeded"]), TooLong,      Seen),
    row("openai: policy",        &[400], Code(POLICY),                       Refused,      Seen),
    common::TOO_LONG,
    row("openai: mistake",       &[400], Code(&["invalid_request_error"]),   Invalid,      Seen),
    row("openai: key",           &[401], Always,                             Unauthorized, Seen),
    row("openai: region",        &[403], Code(REGION),                       Missing,      Unchecked),
    row("openai: permission",    &[403], Always,                             Unauthorized, Seen),
    row("openai: no such model", &[404], Code(&["model_not_found"]),         Missing,      Seen),
    row("openai: timeout",       &[408], Always,                             Fault,        Seen),
    row("openai: lock",          &[409], Always,                             Conflict,     Seen),
    row("openai: spent",         &[429], Code(SPENT),                        EXHAUSTED,    Seen),
    row("openai: rate",          &[429], Code(RATE),                         RATE_LIMITED, Seen),
    row("openai: ramped up",     &[429], Code(FASTER),                       RATE_LIMITED, Seen),
    row("openai: fault",         &[500], Code(&["server_error"]),            Fault,        Seen),
    row("openai: edge",          common::EDGE, Always,                       Fault,        Seen),
    row("openai: busy",          &[503], Code(BUSY),                         OVERLOADED,   Seen),
];
