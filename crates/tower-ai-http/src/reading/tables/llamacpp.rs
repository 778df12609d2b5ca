//! llama.cpp's server: `{"error": {"code", "message", "type"}}`.

use tower_ai_core::Outcome::TooLong;

use crate::reading::row::Source::Seen;
use crate::reading::row::When::{Code, Has};
use crate::reading::row::{Row, WARMING, row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("llama.cpp: too long", &[400], Has(&["n_ctx", "n_prompt_tokens"]), TooLong, Seen),
    row("llama.cpp: loading",  &[503], Code(&["unavailable_error"]),       WARMING, Seen),
];
