//! What an event is, once it has gone by.

use tower_ai_core::Outcome;

use super::notes::{Kind, Notes, Reason, least};
use super::words;
use crate::{Event, Format};

impl Notes {
    /// Judges a whole event of a stream; `named` is what the frame around it calls it. A frame that says error is
    /// believed, whatever type the error inside is of.
    pub(super) fn judge(&mut self, named: Kind) -> Event {
        let draft = &mut self.draft;
        if draft.kind == Kind::Unnamed || named == Kind::Error {
            draft.kind = named;
        }
        if let Some(error) = self.error() {
            return Event::Failed(error);
        }
        let kind = self.draft.kind;
        let shape = kind.format().or(self.draft.shape);
        if self.format.is_some() && shape != self.format {
            return Event::Metadata;
        }
        self.format = shape;
        self.marks = self.draft.marks;
        self.finish = self.finish.max(self.draft.finish());
        match kind {
            Kind::MessageStop | Kind::ResponseEnd => return Event::End,
            Kind::Message | Kind::Response => return Event::Metadata,
            _ => {}
        }
        match shape {
            None => Event::Metadata,
            Some(Format::Ollama) if self.draft.is_done => Event::End,
            // Gemini blocks a prompt without an answer that could end.
            Some(Format::Gemini) if self.draft.reason.is_some() => {
                self.marks.finish_all();
                Event::Metadata
            }
            Some(_) if self.draft.has_content => Event::Content,
            Some(_) => Event::Metadata,
        }
    }

    /// Judges a whole answer that is one JSON text.
    pub(super) fn judge_whole(&mut self) -> Event {
        self.marks = self.draft.marks;
        self.marks.finish_all();
        if self.draft.is_foreign {
            return Event::Content;
        }
        if let Some(error) = self.error() {
            return Event::Failed(error);
        }
        self.format = self.format.or(self.draft.shape);
        self.finish = self.finish.max(self.draft.finish());
        Event::Content
    }

    /// What the event says as an error, if it is one.
    fn error(&self) -> Option<Outcome> {
        let draft = &self.draft;
        let calls_itself_one =
            draft.is_error_object || matches!(draft.kind, Kind::Error | Kind::ResponseFailed);
        // A state of the answer counts where no kind says what the event is.
        let has_failed = draft.has_failed && draft.kind.format().is_none();
        let is_error = draft.has_error
            || calls_itself_one
            || has_failed
            || draft.reason == Some(Reason::Failed);
        let rank = match calls_itself_one {
            true => least(draft.rank, draft.loose_rank),
            false => draft.rank,
        };
        is_error.then(|| waiting(words::meaning(rank), draft.wait))
    }
}

fn waiting(outcome: Outcome, wait: Option<std::time::Duration>) -> Outcome {
    outcome.with_wait(wait)
}
