//! Keeping streams of plain values.

use std::any::type_name;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use pin_project_lite::pin_project;
use tower_ai_core::{
    BoxError, ByResult, CacheNote, Classify, Drained, Keep, Kept, Outcome, Recorder,
};

/// Keeps streams of values, as of a gRPC call that answers in parts; made by [`keep_stream`].
pub struct KeepStream<T, F, C = ByResult> {
    weigh: F,
    whole: fn(&[T]) -> bool,
    classify: C,
}

/// Keeps streams of values: each is passed on as it comes, and all are kept when the stream has ended without an
/// error. The closure says how many bytes a value takes.
///
/// Who asks the same meanwhile gets the kept values after the good end, never the live ones.
///
/// # Examples
///
/// ```
/// use tower::{Layer, ServiceExt, service_fn};
/// use tower_ai_cache::{CacheLayer, keep_stream};
/// use tower_ai_core::{CacheUse, Question, Scope, ask_fn};
/// # use std::pin::Pin;
/// # use std::task::{Context, Poll};
/// # struct Words(std::vec::IntoIter<&'static str>);
/// # impl futures_core::Stream for Words {
/// #     type Item = Result<&'static str, std::io::Error>;
/// #     fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
/// #         Poll::Ready(self.0.next().map(Ok))
/// #     }
/// # }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let ask = ask_fn(|prompt: &String| Some(Question::new(Scope::tenant("acme"), prompt.clone())));
/// let keep = keep_stream(|word: &&str| word.len());
/// let cache = CacheLayer::new(ask, keep).layer(service_fn(|_prompt| async {
///     Ok::<_, std::io::Error>(Words(vec!["a ", "passport"].into_iter()))
/// }));
/// for how in [CacheUse::Miss, CacheUse::Exact] {
///     let mut words = cache.clone().oneshot("Which documents prove an identity?".to_owned()).await?;
///     assert_eq!(words.note().map(|note| note.how), Some(how));
///     let mut text = String::new();
///     while let Some(word) = std::future::poll_fn(|cx| words.poll_next_word(cx)).await {
///         text += word?;
///     }
///     assert_eq!(text, "a passport");
/// }
/// # Ok::<(), tower_ai_core::BoxError>(()) }).unwrap();
/// # trait Next { fn poll_next_word(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<&'static str, std::io::Error>>>; }
/// # impl Next for tower_ai_cache::CachedStream<Words, &'static str> {
/// #     fn poll_next_word(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<&'static str, std::io::Error>>> {
/// #         futures_core::Stream::poll_next(Pin::new(self), cx)
/// #     }
/// # }
/// ```
pub const fn keep_stream<T, F>(weigh: F) -> KeepStream<T, F>
where
    F: Fn(&T) -> usize,
{
    KeepStream {
        weigh,
        whole: |_| true,
        classify: ByResult,
    }
}

impl<T, F, C> KeepStream<T, F, C> {
    /// Sets what a stream must have said to be whole: for those whose end without an error proves nothing. Defaults to
    /// anything.
    #[must_use]
    pub const fn whole(mut self, whole: fn(&[T]) -> bool) -> Self {
        self.whole = whole;
        self
    }

    /// Reads outcomes by this. Defaults to [`ByResult`].
    pub fn classify<D>(self, classify: D) -> KeepStream<T, F, D> {
        KeepStream {
            weigh: self.weigh,
            whole: self.whole,
            classify,
        }
    }
}

impl<T, F, C> Kept for KeepStream<T, F, C>
where
    F: Fn(&T) -> usize,
    T: Clone + Send + Sync + 'static,
{
    type Stored = Arc<[T]>;

    fn weigh(&self, stored: &Arc<[T]>) -> usize {
        stored.iter().map(|value| self.cost(value)).sum()
    }
}

impl<T, F: Fn(&T) -> usize, C> KeepStream<T, F, C> {
    fn cost(&self, value: &T) -> usize {
        size_of::<T>() + (self.weigh)(value)
    }
}

impl<S, T, E, F, C> Keep<S> for KeepStream<T, F, C>
where
    S: Stream<Item = Result<T, E>> + Send + 'static,
    T: Clone + Send + Sync + 'static,
    F: Fn(&T) -> usize + Clone + Send + Sync + 'static,
    C: Classify<S, BoxError>,
{
    type Response = CachedStream<S, T>;

    fn outcome(&self, result: Result<&S, &BoxError>) -> Outcome {
        self.classify.classify(result)
    }

    fn live(&self, response: S, recorder: Option<Recorder<Arc<[T]>>>) -> Self::Response {
        let weigh = self.weigh.clone();
        CachedStream {
            live: Some(response),
            tape: recorder.map(|recorder| Tape {
                recorder,
                values: Vec::new(),
                bytes: 0,
                weigh: Box::new(move |value| size_of::<T>() + weigh(value)),
                whole: self.whole,
            }),
            kept: Arc::from([]),
            next: 0,
            note: None,
        }
    }

    fn replay(&self, stored: &Arc<[T]>) -> Self::Response {
        CachedStream {
            live: None,
            tape: None,
            kept: Arc::clone(stored),
            next: 0,
            note: None,
        }
    }

    fn drain(&self, response: Self::Response) -> Drained {
        let mut stream = Box::pin(response);
        Box::pin(std::future::poll_fn(move |cx| {
            while let Some(Ok(_)) = ready!(stream.as_mut().poll_next(cx)) {}
            Poll::Ready(())
        }))
    }

    fn note(&self, response: &mut Self::Response, note: CacheNote) {
        response.note = Some(note);
    }
}

pin_project! {
    /// A stream that is live, and recorded while it passes; or kept, and given again as fast as it is read.
    pub struct CachedStream<S, T> {
        #[pin]
        live: Option<S>,
        tape: Option<Tape<T>>,
        kept: Arc<[T]>,
        next: usize,
        note: Option<CacheNote>,
    }
}

impl<S, T> CachedStream<S, T> {
    /// What the cache did.
    #[must_use]
    pub const fn note(&self) -> Option<&CacheNote> {
        self.note.as_ref()
    }
}

/// What is recorded of a live stream.
struct Tape<T> {
    recorder: Recorder<Arc<[T]>>,
    values: Vec<T>,
    bytes: usize,
    weigh: Box<dyn Fn(&T) -> usize + Send + Sync>,
    whole: fn(&[T]) -> bool,
}

impl<T> Tape<T> {
    /// Records a value; `None` once they are too many.
    fn push(mut self, value: T) -> Option<Self> {
        self.bytes += (self.weigh)(&value);
        if self.bytes > self.recorder.limit() {
            self.recorder.refuse("too large");
            return None;
        }
        self.values.push(value);
        Some(self)
    }

    fn end(self) {
        if (self.whole)(&self.values) {
            self.recorder.keep(self.values.into());
        } else {
            self.recorder.refuse("not whole");
        }
    }
}

impl<S, T, E> Stream for CachedStream<S, T>
where
    S: Stream<Item = Result<T, E>>,
    T: Clone,
{
    type Item = Result<T, E>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        let Some(live) = this.live.as_pin_mut() else {
            let value = this.kept.get(*this.next).cloned();
            *this.next += 1;
            return Poll::Ready(value.map(Ok));
        };
        let item = ready!(live.poll_next(cx));
        match (&item, this.tape.take()) {
            (Some(Ok(value)), Some(tape)) => *this.tape = tape.push(value.clone()),
            (None, Some(tape)) => tape.end(),
            // A broken stream is not kept.
            (Some(Err(_)), tape) => drop(tape),
            (_, None) => {}
        }
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.live {
            Some(live) => live.size_hint(),
            None => {
                let left = self.kept.len().saturating_sub(self.next);
                (left, Some(left))
            }
        }
    }
}

impl<T, F, C: fmt::Debug> fmt::Debug for KeepStream<T, F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeepStream")
            .field("weigh", &format_args!("{}", type_name::<F>()))
            .field("classify", &self.classify)
            .finish_non_exhaustive()
    }
}

impl<S, T> fmt::Debug for CachedStream<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedStream")
            .field("live", &self.live.is_some())
            .field("note", &self.note)
            .finish_non_exhaustive()
    }
}
