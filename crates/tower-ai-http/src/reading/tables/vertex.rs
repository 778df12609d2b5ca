//! Vertex AI: Gemini's bodies, but a rate limit that names no details and no wait is a lack of capacity.

use crate::reading::row::Source::Seen;
use crate::reading::row::When::NoHint;
use crate::reading::row::{OVERLOADED, Row, row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("vertex: no hint", &[429], NoHint, OVERLOADED, Seen),
];
