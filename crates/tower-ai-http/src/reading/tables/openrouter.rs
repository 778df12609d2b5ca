//! OpenRouter: `{"error": {"code": 429, "message", "metadata"}}`. Once it has begun, the same stands in a 200, where
//! the reader of streams finds it.

use tower_ai_core::Outcome::{Fault, Refused};

use super::common;
use crate::reading::row::Source::Seen;
use crate::reading::row::When::{Always, Asked};
use crate::reading::row::{EXHAUSTED, OVERLOADED, RATE_LIMITED, Row, row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    common::TOO_LONG,
    row("openrouter: in flight",  &[402], Asked,  RATE_LIMITED, Seen),
    row("openrouter: no credit",  &[402], Always, EXHAUSTED,    Seen),
    row("openrouter: moderation", &[403], Always, Refused,      Seen),
    row("openrouter: timeout",    &[408], Always, Fault,        Seen),
    row("openrouter: rate",       &[429], Always, RATE_LIMITED, Seen),
    row("openrouter: model down", &[502], Always, Fault,        Seen),
    row("openrouter: nobody",     &[503], Always, OVERLOADED,   Seen),
];
