//! The rules that are compared.

use tower_ai_cache::{Guard, Rules, guard};
use tower_ai_core::{Question, Scope};

/// When a near text is taken for the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    threshold: f32,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// The threshold alone.
    Bare,
    /// The threshold and the guards.
    Guarded,
    /// What the layer does: threshold, guards, and the refusal table (for a scope with a user).
    Default,
}

impl Rule {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        const STEPS: [f32; 9] = [0.80, 0.85, 0.90, 0.92, 0.93, 0.95, 0.97, 0.98, 0.99];
        let with = |kind, steps: &'static [f32]| {
            steps.iter().map(move |threshold| Self {
                threshold: *threshold,
                kind,
            })
        };
        with(Kind::Bare, &STEPS)
            .chain(with(Kind::Guarded, &STEPS))
            .chain(with(Kind::Default, &[0.92, 0.95]))
    }

    pub(crate) fn name(&self) -> String {
        match self.kind {
            Kind::Bare => format!("bare {:.2}", self.threshold),
            Kind::Guarded => format!("guarded {:.2}", self.threshold),
            Kind::Default if self.threshold == 0.95 => "default".to_owned(),
            Kind::Default => "balanced".to_owned(),
        }
    }

    /// Whether a text comes into the cache at all.
    pub(crate) fn caches(&self, text: &str) -> bool {
        let question = || Question::new(Scope::tenant("tenant").user("user"), text);
        self.kind != Kind::Default || Rules::default().refuse(&question()).is_none()
    }

    pub(crate) fn takes(&self, asked: &str, kept: &str, score: f32) -> bool {
        if score < self.threshold {
            return false;
        }
        let allowed = |guard: Guard| guard.is_soft() && score >= Guard::SOFT;
        self.kind == Kind::Bare || guard(asked, kept).is_none_or(allowed)
    }
}
