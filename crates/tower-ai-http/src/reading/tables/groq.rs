//! Groq: OpenAI's bodies, with statuses of its own.

use tower_ai_core::Outcome::{Cancelled, Conflict, Fault, TooLong};

use crate::reading::row::Source::Seen;
use crate::reading::row::When::Always;
use crate::reading::row::{OVERLOADED, RATE_LIMITED, Row, row};

/// A model that calls a tool wrongly may call it rightly the next time: one more try there, and nothing against
/// the target.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("groq: too large",   &[413],      Always, TooLong,      Seen),
    row("groq: tool",        &[422],      Always, Conflict,     Seen),
    row("groq: dependency",  &[424],      Always, Conflict,     Seen),
    row("groq: rate",        &[429],      Always, RATE_LIMITED, Seen),
    row("groq: no capacity", &[498],      Always, RATE_LIMITED, Seen),
    row("groq: caller left", &[499],      Always, Cancelled,    Seen),
    row("groq: fault",       &[500, 502], Always, Fault,        Seen),
    row("groq: busy",        &[503],      Always, OVERLOADED,   Seen),
];
