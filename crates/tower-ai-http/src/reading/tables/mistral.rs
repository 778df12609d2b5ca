//! Mistral: `{"object": "error", "message", "type", "code"}`, and `{"detail": […]}` for what was not valid.

use tower_ai_core::Outcome::Invalid;

use super::common;
use crate::reading::row::Source::{Seen, Unchecked};
use crate::reading::row::When::{Always, Says};
use crate::reading::row::{OVERLOADED, RATE_LIMITED, Row, row};

const CAPACITY: &[&str] = &["service tier capacity exceeded"];

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    common::TOO_LONG,
    row("mistral: mistake",     &[422], Always,         Invalid,      Unchecked),
    row("mistral: no capacity", &[429], Says(CAPACITY), OVERLOADED,   Seen),
    row("mistral: rate",        &[429], Always,         RATE_LIMITED, Seen),
];
