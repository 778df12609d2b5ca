//! What a call knows that was not simply answered by its first target.

use tokio::time::Instant;
use tower_ai_core::error::{AllFailed, Reason, Shed};
use tower_ai_core::{BoxError, Report};

use crate::run::Run;

/// What a call knows whose first target was not simply well, or failed.
pub(crate) struct Detour<Res> {
    pub(crate) run: Run,
    /// The first answer of a target: what the caller gets if no other does better.
    pub(crate) answer: Option<Res>,
    pub(crate) error: Option<BoxError>,
}

impl<Res> Detour<Res> {
    pub(crate) fn new(run: Run) -> Box<Self> {
        Box::new(Self {
            run,
            answer: None,
            error: None,
        })
    }

    /// Keeps what an attempt gave that was no success: the first answer, the last error.
    pub(crate) fn keep(&mut self, result: Result<Res, BoxError>) {
        match result {
            Ok(response) => {
                self.answer.get_or_insert(response);
            }
            Err(error) => self.error = Some(error),
        }
    }

    /// The end of a call that no target answered well: the first answer if there is one, else an error.
    pub(crate) fn finish<K: Report<Res>>(
        detour: Option<Box<Self>>,
        carry: &K,
    ) -> Result<Res, BoxError> {
        let detour = detour.unwrap_or_else(|| Self::new(Run::default()));
        let Self { run, answer, error } = *detour;
        if let Some(mut response) = answer {
            carry.report(&mut response, |served| {
                let below = served.attempts();
                served.add_attempts(run.sent.saturating_sub(below));
                served.add_tried(run.tried);
            });
            return Ok(response);
        }
        let wait = run.soonest(Instant::now());
        let busy = || {
            let shed = Shed::new(Reason::Busy, run.busy);
            run.busy.map(|_| shed.into())
        };
        let error = error.or_else(busy);
        tracing::warn!(tried = run.tried.len(), ?wait, "no target answered");
        Err(Box::new(AllFailed::new(run.tried, wait, error)))
    }
}
