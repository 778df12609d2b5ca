//! No rule.

use tower_ai_core::Outcome;

use super::{Pass, Rule};

/// Admits every call.
pub(super) struct None;

impl Rule for None {
    fn admit(&mut self, _: f64, _: bool) -> Option<Pass> {
        Some(Pass::default())
    }

    fn settle(&mut self, _: Pass, _: Outcome, _: f64) {}

    fn rejecting(&mut self, _: f64) -> f64 {
        0.0
    }
}
