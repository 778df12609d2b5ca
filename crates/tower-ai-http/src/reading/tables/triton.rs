//! Triton over HTTP: `{"error": "text"}`. What is no other case it calls 400.

use tower_ai_core::Outcome::{Fault, Invalid};

use crate::reading::row::Source::Seen;
use crate::reading::row::When::Always;
use crate::reading::row::{OVERLOADED, Row, row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("triton: unknown",       &[400], Always, Invalid,    Seen),
    row("triton: not found",     &[404], Always, Invalid,    Seen),
    row("triton: fault",         &[500], Always, Fault,      Seen),
    row("triton: not supported", &[501], Always, Invalid,    Seen),
    row("triton: unavailable",   &[503], Always, OVERLOADED, Seen),
];
