//! vLLM: `{"error": {"message", "type", "param", "code"}}`. None of it was checked.

use tower_ai_core::Outcome::{Fault, TooLong};

use crate::reading::row::Source::Unchecked;
use crate::reading::row::When::{Always, Says};
use crate::reading::row::{OVERLOADED, Row, row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("vllm: too long",    &[400], Says(&["maximum context length is"]), TooLong,    Unchecked),
    row("vllm: engine dead", &[500], Always,                               Fault,      Unchecked),
    row("vllm: away",        &[503], Always,                               OVERLOADED, Unchecked),
];
