//! Azure OpenAI and Foundry: OpenAI's bodies, with Azure's own words. OpenAI's rows follow.

use tower_ai_core::Outcome::{Fault, Missing, Refused, TooLong, Unauthorized};

use crate::reading::row::Source::{Seen, Unchecked};
use crate::reading::row::When::{Always, Code, Says};
use crate::reading::row::{OVERLOADED, RATE_LIMITED, Row, row};

const FILTER: &[&str] = &["content_filter"];
const INNER: &[&str] = &["ResponsibleAIPolicyViolation"];
const RATE: &[&str] = &["rate limit"];
const DEMAND: &[&str] = &["experiencing high demand"];
/// Azure's documents name the case; that the message holds these words is not known.
const BUDGET: &[&str] = &["token budget exceeded"];

/// That a deployment's limit was lowered for some hours shows in `x-ratelimit-limit-tokens` alone, which only its
/// owner can compare with what was bought: it is read as any rate limit.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("azure: policy",         &[400],      Code(FILTER), Refused,      Seen),
    row("azure: inner policy",   &[400],      Code(INNER),  Refused,      Unchecked),
    row("azure: key",            &[401],      Always,       Unauthorized, Seen),
    row("azure: blocked",        &[403],      Always,       Unauthorized, Seen),
    row("azure: no deployment",  &[404],      Always,       Missing,      Seen),
    row("azure: no capacity",    &[429],      Says(DEMAND), OVERLOADED,   Seen),
    row("azure: too many asked", &[429],      Says(BUDGET), TooLong,      Unchecked),
    row("azure: rate",           &[429],      Says(RATE),   RATE_LIMITED, Seen),
    row("azure: fault",          &[500, 502], Always,       Fault,        Seen),
    row("azure: busy",           &[503],      Always,       OVERLOADED,   Seen),
];
