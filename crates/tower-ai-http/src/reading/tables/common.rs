//! What most providers mean by a status.

use tower_ai_core::Outcome::{
    Cancelled, Conflict, Fault, Invalid, Missing, TooLong as Longer, Unauthorized,
};

use crate::reading::row::Source::{Seen, Unchecked};
use crate::reading::row::When::{Always, TooLong};
use crate::reading::row::{EXHAUSTED, OVERLOADED, RATE_LIMITED, Row, row};

/// Web servers and networks in front of a provider: the body is a page, not JSON.
pub(super) const EDGE: &[u16] = &[502, 504, 520, 521, 522, 523, 524, 525, 526];

/// Stands in a provider's table where a row behind it would call the same answer a mistake.
pub(super) const TOO_LONG: Row = row("common: too long", &[400, 413, 422], TooLong, Longer, Seen);

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    TOO_LONG,
    row("common: mistake",      &[400],      Always, Invalid,      Seen),
    row("common: unauthorised", &[401, 403], Always, Unauthorized, Seen),
    row("common: payment",      &[402],      Always, EXHAUSTED,    Seen),
    row("common: not found",    &[404, 410], Always, Missing,      Seen),
    row("common: timeout",      &[408],      Always, Fault,        Seen),
    row("common: conflict",     &[409, 425], Always, Conflict,     Seen),
    row("common: too large",    &[413],      Always, Longer,       Seen),
    row("common: not valid",    &[422],      Always, Invalid,      Seen),
    row("common: backend",      &[424],      Always, Fault,        Seen),
    row("common: rate",         &[429],      Always, RATE_LIMITED, Seen),
    row("common: no capacity",  &[498],      Always, RATE_LIMITED, Seen),
    row("common: caller left",  &[499],      Always, Cancelled,    Seen),
    row("common: fault",        &[500],      Always, Fault,        Seen),
    row("common: not there",    &[501],      Always, Invalid,      Unchecked),
    row("common: edge",         EDGE,        Always, Fault,        Seen),
    row("common: busy",         &[503, 529], Always, OVERLOADED,   Seen),
];
