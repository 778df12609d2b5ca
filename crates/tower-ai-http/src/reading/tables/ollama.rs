//! Ollama: `{"error": "text"}`, and OpenAI's shape on its OpenAI paths.

use tower_ai_core::Outcome::Missing;

use crate::reading::row::Source::Seen;
use crate::reading::row::When::{Always, Says};
use crate::reading::row::{RATE_LIMITED, Row, row};

const QUEUE: &[&str] = &["server busy", "maximum pending requests exceeded"];

/// A model that is loaded first takes long to its first word and says nothing of it (unchecked): no row can.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("ollama: not pulled", &[404], Always,      Missing,      Seen),
    row("ollama: queue full", &[503], Says(QUEUE), RATE_LIMITED, Seen),
];
