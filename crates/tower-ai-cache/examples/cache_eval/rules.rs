//! The rules that are compared.

use tower_ai_cache::guard;

/// When a near text is taken for the same.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub threshold: f32,
    guarded: bool,
}

impl Rule {
    pub fn all() -> impl Iterator<Item = Self> {
        const STEPS: [f32; 9] = [0.80, 0.85, 0.90, 0.92, 0.93, 0.95, 0.97, 0.98, 0.99];
        let with = |guarded| {
            STEPS
                .into_iter()
                .map(move |threshold| Self { threshold, guarded })
        };
        with(false).chain(with(true))
    }

    pub fn name(&self) -> String {
        let guarded = if self.guarded { "guarded" } else { "bare" };
        format!("{guarded} {:.2}", self.threshold)
    }

    pub fn takes(&self, asked: &str, kept: &str, score: f32) -> bool {
        score >= self.threshold && (!self.guarded || guard(asked, kept).is_none())
    }
}
