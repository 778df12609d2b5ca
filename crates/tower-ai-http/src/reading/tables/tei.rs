//! Text Embeddings Inference: `{"error": "text", "error_type": "Word"}`.

use tower_ai_core::Outcome::{Fault, Invalid};

use crate::reading::row::Source::Seen;
use crate::reading::row::When::Code;
use crate::reading::row::{OVERLOADED, RATE_LIMITED, Row, row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("tei: mistake",    &[422], Code(&["Tokenizer", "Validation"]), Invalid,      Seen),
    row("tei: backend",    &[424], Code(&["Backend"]),                 Fault,        Seen),
    row("tei: queue full", &[429], Code(&["Overloaded"]),              RATE_LIMITED, Seen),
    row("tei: unhealthy",  &[503], Code(&["Unhealthy"]),               OVERLOADED,   Seen),
];
