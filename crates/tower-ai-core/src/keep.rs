//! How a response is kept and given again.

use std::any::type_name;
use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;

use crate::{BoxError, ByResult, CacheNote, Classify, Outcome};

/// Says what is kept of a response, whatever the type of the response itself.
pub trait Kept {
    /// What is kept; cheap to clone.
    type Stored: Clone + Send + Sync + 'static;

    /// The bytes that it takes to keep it.
    fn weigh(&self, stored: &Self::Stored) -> usize;
}

/// Says how a response is kept by a cache and made anew from what was kept.
///
/// A plain value is kept at once ([`keep_fn`]). A stream is passed on as it comes and kept when it
/// has ended well: [`live`](Self::live) hands it a [`Recorder`].
pub trait Keep<Res>: Kept {
    /// What the caller gets, live or made of what was kept.
    type Response;

    /// Says what a result means: whether a stale answer may stand in for it.
    fn outcome(&self, result: Result<&Res, &BoxError>) -> Outcome;

    /// Passes a response on and records it, if there is a recorder.
    ///
    /// Only a whole and good answer may be given to [`Recorder::keep`].
    fn live(&self, response: Res, recorder: Option<Recorder<Self::Stored>>) -> Self::Response;

    /// Makes a response of what was kept.
    fn replay(&self, stored: &Self::Stored) -> Self::Response;

    /// Reads a live response to its end for nobody but its recorder. Defaults to dropping it: a plain value has
    /// been recorded already.
    fn drain(&self, response: Self::Response) -> Drained
    where
        Self::Response: Send + 'static,
    {
        drop(response);
        Box::pin(ready(()))
    }

    /// Notes beside the response what the cache did. Defaults to nothing.
    fn note(&self, _response: &mut Self::Response, _note: CacheNote) {}
}

/// A response that is being read to its end: the future of [`Keep::drain`].
pub type Drained = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Takes what a cache keeps of one answer, at most once.
///
/// # Drop
///
/// A recorder that is dropped keeps nothing: the answer was not whole.
pub struct Recorder<T> {
    done: Option<Done<T>>,
    limit: usize,
}

type Done<T> = Box<dyn FnOnce(Result<T, &'static str>) + Send + Sync>;

impl<T> Recorder<T> {
    /// Gives to `done` what is kept, or why nothing is. No more than `limit` bytes are recorded.
    pub fn new(
        limit: usize,
        done: impl FnOnce(Result<T, &'static str>) + Send + Sync + 'static,
    ) -> Self {
        Self {
            done: Some(Box::new(done)),
            limit,
        }
    }

    /// The most bytes that are worth recording.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Keeps a whole and good answer.
    pub fn keep(mut self, stored: T) {
        self.end(Ok(stored));
    }

    /// Keeps nothing, and says why in a word or two (never with the provider's text).
    pub fn refuse(mut self, reason: &'static str) {
        self.end(Err(reason));
    }

    fn end(&mut self, result: Result<T, &'static str>) {
        if let Some(done) = self.done.take() {
            done(result);
        }
    }
}

impl<T> Drop for Recorder<T> {
    fn drop(&mut self) {
        self.end(Err("not read to its end"));
    }
}

impl<T> fmt::Debug for Recorder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// A [`Keep`] for plain values, made of a closure by [`keep_fn`].
pub struct KeepFn<F, Res, C = ByResult> {
    f: F,
    classify: C,
    note: fn(&mut Res, CacheNote),
}

/// Keeps clones of plain values.
///
/// The closure says how many bytes an answer takes, or `None` if it must not be kept: because it
/// was cut short, is a refusal, or was made for one caller alone.
///
/// # Examples
///
/// ```
/// use tower_ai_core::{Keep, keep_fn};
///
/// struct Answer { text: &'static str, whole: bool }
/// # impl Clone for Answer { fn clone(&self) -> Self { Self { ..*self } } }
///
/// let keep = keep_fn(|answer: &Answer| answer.whole.then_some(answer.text.len()));
/// assert_eq!(keep.replay(&Answer { text: "yes", whole: true }).text, "yes");
/// ```
pub const fn keep_fn<F, Res>(f: F) -> KeepFn<F, Res>
where
    F: Fn(&Res) -> Option<usize>,
{
    KeepFn {
        f,
        classify: ByResult,
        note: |_, _| {},
    }
}

impl<F, Res, C> KeepFn<F, Res, C> {
    /// Reads outcomes by this. Defaults to [`ByResult`].
    pub fn classify<D>(self, classify: D) -> KeepFn<F, Res, D> {
        KeepFn {
            f: self.f,
            classify,
            note: self.note,
        }
    }

    /// Writes into the answer what the cache did. Defaults to nothing.
    #[must_use]
    pub const fn noting(mut self, note: fn(&mut Res, CacheNote)) -> Self {
        self.note = note;
        self
    }
}

impl<F, Res, C> Kept for KeepFn<F, Res, C>
where
    F: Fn(&Res) -> Option<usize>,
    Res: Clone + Send + Sync + 'static,
{
    type Stored = Res;

    fn weigh(&self, stored: &Res) -> usize {
        (self.f)(stored).unwrap_or(0)
    }
}

impl<F, Res, C> Keep<Res> for KeepFn<F, Res, C>
where
    F: Fn(&Res) -> Option<usize>,
    C: Classify<Res, BoxError>,
    Res: Clone + Send + Sync + 'static,
{
    type Response = Res;

    fn outcome(&self, result: Result<&Res, &BoxError>) -> Outcome {
        self.classify.classify(result)
    }

    fn live(&self, response: Res, recorder: Option<Recorder<Res>>) -> Res {
        if let Some(recorder) = recorder {
            match (self.f)(&response) {
                Some(bytes) if bytes > recorder.limit() => recorder.refuse("too large"),
                Some(_) => recorder.keep(response.clone()),
                None => recorder.refuse("not to be kept"),
            }
        }
        response
    }

    fn replay(&self, stored: &Res) -> Res {
        stored.clone()
    }

    fn note(&self, response: &mut Res, note: CacheNote) {
        (self.note)(response, note);
    }
}

impl<F: Clone, Res, C: Clone> Clone for KeepFn<F, Res, C> {
    fn clone(&self) -> Self {
        Self {
            f: self.f.clone(),
            classify: self.classify.clone(),
            note: self.note,
        }
    }
}

impl<F, Res, C: fmt::Debug> fmt::Debug for KeepFn<F, Res, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeepFn")
            .field("f", &format_args!("{}", type_name::<F>()))
            .field("classify", &self.classify)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    type Seen = Arc<Mutex<Vec<Result<String, &'static str>>>>;

    fn recorder(limit: usize) -> (Recorder<String>, Seen) {
        let seen = Seen::default();
        let log = Arc::clone(&seen);
        let done = move |result| log.lock().unwrap().push(result);
        (Recorder::new(limit, done), seen)
    }

    #[test]
    fn a_dropped_recorder_keeps_nothing() {
        let (recorder, seen) = recorder(9);
        drop(recorder);
        assert_eq!(*seen.lock().unwrap(), [Err("not read to its end")]);
    }

    #[test]
    fn what_is_refused_or_too_large_is_passed_on_but_not_kept() {
        let keep = keep_fn(|text: &String| (text != "sorry").then_some(text.len()));
        for (text, kept) in [
            ("fine", Ok("fine".to_owned())),
            ("sorry", Err("not to be kept")),
            ("far too long", Err("too large")),
        ] {
            let (recorder, seen) = recorder(9);
            assert_eq!(keep.live(text.to_owned(), Some(recorder)), text);
            assert_eq!(*seen.lock().unwrap(), [kept]);
        }
    }
}
