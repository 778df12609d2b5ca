//! Reads one answer: what it holds back, what it lets through, and how it ends.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tower_ai_core::{BoxError, Outcome, Sequel};

use crate::queue::Queue;
use crate::settings::Settings;
use crate::sieve::Sieve;
use crate::{
    Broken, Clocks, Close, Commit, Ending, Event, Framing, Heard, Lapse, Malformed, Parser,
};

pin_project! {
    /// An answer that is read before it is passed on.
    pub(crate) struct Guard<B> {
        #[pin]
        body: B,
        #[pin]
        sleep: Option<Sleep>,
        framing: Framing,
        parser: Parser,
        clocks: Clocks,
        settings: Settings,
        sieve: Sieve,
        // What waits to be passed on.
        queue: Queue,
        events: u32,
        has_content: bool,
        // Whether nothing that follows matters: an error was passed on as the answer.
        is_told: bool,
        broken: Option<Broken>,
        ending: Option<Ending>,
        called: Instant,
        heard: Heard,
        // Told of events that are left out, where any may be.
        sequel: Option<Sequel>,
    }

    impl<B> PinnedDrop for Guard<B> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let ending = match this.parser.has_ended() {
                true => Ending::Good,
                false => Ending::Cancelled,
            };
            this.heard.note(this.parser, this.sieve.skipped(), this.ending.or(Some(ending)));
        }
    }
}

impl<B> Guard<B> {
    pub(crate) fn new(
        body: B,
        framing: Framing,
        settings: Settings,
        called: Instant,
        commit_by: Option<Instant>,
    ) -> Self {
        let parser = Parser::new(framing);
        let mut clocks = Clocks::start(settings.limits, Instant::now());
        clocks.commit_by(commit_by);
        Self {
            body,
            sleep: None,
            framing,
            parser: match settings.format {
                Some(format) => parser.with_format(format),
                None => parser,
            },
            clocks,
            settings,
            sieve: Sieve::new(settings.malformed, settings.hold_bytes),
            queue: Queue::default(),
            events: 0,
            has_content: false,
            is_told: false,
            broken: None,
            ending: None,
            called,
            heard: Heard::default(),
            sequel: None,
        }
    }

    /// Whom to tell of events that are left out.
    pub(crate) fn telling(mut self, sequel: Option<Sequel>) -> Self {
        self.sequel = sequel;
        self
    }

    pub(crate) fn heard(&self) -> &Heard {
        &self.heard
    }

    pub(crate) fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// Whether the answer has ended or may be passed on.
    pub(crate) fn is_decided(&self) -> bool {
        self.ending.is_some() || self.may_commit()
    }

    /// Whether its bytes are all passed on, as many as there are.
    pub(crate) fn is_unchanged(&self) -> bool {
        self.settings.malformed == Malformed::Fail
    }

    /// Whether there is something to pass on, so that no other attempt can take the place of this one any more.
    fn may_commit(&self) -> bool {
        if self.parser.has_ended() || self.ending == Some(Ending::Good) {
            return true;
        }
        // A JSON text may turn out to be a stream; while it may be whole, its end is waited for.
        let is_text =
            self.framing == Framing::Json && (self.parser.is_finished() || !self.has_content);
        match self.settings.commit == Commit::Complete || is_text {
            true => self.queue.size() > self.settings.hold_whole,
            false => {
                self.has_content
                    || self.events > self.settings.hold_events
                    || self.queue.size() > self.settings.hold_bytes
            }
        }
    }

    /// From here on the answer is passed on. Returns what it says of the target where that is no success.
    pub(crate) fn commit(self: Pin<&mut Self>) -> Option<Outcome> {
        let is_first_content = self.is_first_content();
        let this = self.project();
        this.clocks.commit_by(None);
        let outcome = match this.ending {
            Some(Ending::Reported(outcome)) => {
                let outcome = *outcome;
                // The caller gets it as it came; what is left of it follows.
                *this.is_told = true;
                this.clocks.over(Instant::now());
                Some(outcome)
            }
            _ if is_first_content => None,
            _ => Some(this.parser.verdict()).filter(|verdict| !verdict.is_success()),
        };
        this.heard
            .note(this.parser, this.sieve.skipped(), *this.ending);
        if *this.is_told {
            *this.ending = None;
        }
        outcome
    }

    /// Whether the answer is passed on because words have come, whatever it says at its end.
    fn is_first_content(&self) -> bool {
        self.settings.commit == Commit::FirstContent
            && self.has_content
            && self.framing != Framing::Json
    }

    pub(crate) fn pop(self: Pin<&mut Self>) -> Option<Frame<Bytes>> {
        self.project().queue.pop()
    }

    /// Takes the error of an answer that broke off, once.
    pub(crate) fn take_broken(self: Pin<&mut Self>) -> Option<Broken> {
        let this = self.project();
        let ending = (*this.ending)?;
        let broken = this.broken.take();
        broken.or_else(|| (ending != Ending::Good).then(|| Broken::new(ending)))
    }

    pub(crate) fn queued(&self) -> usize {
        self.queue.bytes()
    }
}

impl<B> Guard<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    /// Reads on: until there is something in the queue, something is known, or the answer has ended.
    pub(crate) fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.ending.is_some() {
            return Poll::Ready(());
        }
        match self.as_mut().project().body.poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => self.as_mut().take(frame),
            Poll::Ready(Some(Err(error))) => self.reset(error.into()),
            Poll::Ready(None) => self.close(),
            Poll::Pending => {
                let lapse = ready!(self.as_mut().poll_clocks(cx));
                self.lapse(lapse);
            }
        }
        Poll::Ready(())
    }

    fn take(mut self: Pin<&mut Self>, frame: Frame<Bytes>) {
        match frame.into_data() {
            Ok(data) if self.is_told => self.as_mut().push(Frame::data(data)),
            Ok(data) => self.as_mut().scan(data),
            Err(trailers) => self.as_mut().push(trailers),
        }
        // Spares a poll where the body knows that it has ended.
        if self.ending.is_none() && self.body.is_end_stream() {
            self.close();
        }
    }

    fn scan(mut self: Pin<&mut Self>, mut data: Bytes) {
        let this = self.as_mut().project();
        let base = this.parser.offset();
        let mut start = 0;
        let mut rest = &data[..];
        let mut contents = 0;
        let skipped = this.sieve.skipped();
        this.sieve.begin();
        while let Some(event) = this.parser.push(&mut rest) {
            let end = usize::try_from(this.parser.boundary() - base).unwrap_or(data.len());
            *this.events = this.events.saturating_add(1);
            match event {
                Event::Content => contents += 1,
                Event::Failed(outcome) => *this.ending = Some(Ending::Reported(outcome)),
                Event::Malformed if !this.sieve.leave_out(start..end) => {
                    *this.ending = Some(Ending::Garbled);
                }
                Event::Malformed | Event::Metadata | Event::End => {}
            }
            if this.ending.is_some() {
                break;
            }
            start = end;
        }
        if contents > 0 && !*this.has_content {
            *this.has_content = true;
            this.heard.note_first_content(Instant::now() - *this.called);
        }
        if let Some(sequel) = this.sequel
            && this.sieve.skipped() > skipped
        {
            sequel.add_skipped(this.sieve.skipped() - skipped);
        }
        let is_open = this.ending.is_none() && !this.parser.has_ended();
        let is_garbled = *this.ending == Some(Ending::Garbled);
        self.as_mut().tell_clocks(contents, &data);
        if is_garbled {
            data.truncate(start);
        }
        self.as_mut().pass(data, is_open.then_some(start));
        self.note_ending();
    }

    /// Tells the clocks of what has come.
    fn tell_clocks(mut self: Pin<&mut Self>, contents: u32, data: &[u8]) {
        // Of a JSON text every piece counts that is more than space.
        let is_text = self.framing == Framing::Json && !data.iter().all(u8::is_ascii_whitespace);
        let may_linger = self.body.size_hint().exact().is_none();
        let this = self.as_mut().project();
        if contents > 0 || is_text {
            this.clocks.content(Instant::now(), contents);
        }
        let is_over = this.parser.has_ended()
            || (this.parser.is_finished() && !this.parser.is_finish_loose());
        if !is_over {
            this.clocks.not_over();
        } else if may_linger {
            this.clocks.over(Instant::now());
        }
    }

    /// Passes data on; `open` is where an event begins that does not end in it.
    fn pass(mut self: Pin<&mut Self>, data: Bytes, open: Option<usize>) {
        let Some(data) = self.as_mut().project().sieve.sift(data, open) else {
            return;
        };
        self.as_mut().push(Frame::data(data));
        while let Some(piece) = self.as_mut().project().sieve.pop() {
            self.as_mut().push(Frame::data(piece));
        }
    }

    fn push(self: Pin<&mut Self>, frame: Frame<Bytes>) {
        self.project().queue.push(frame);
    }

    // === endings ===

    fn reset(mut self: Pin<&mut Self>, error: BoxError) {
        let this = self.as_mut().project();
        *this.ending = Some(if this.parser.has_ended() {
            Ending::Good
        } else {
            *this.broken = Some(Broken::reset(error));
            Ending::Reset
        });
        self.end();
    }

    fn close(mut self: Pin<&mut Self>) {
        let this = self.as_mut().project();
        *this.ending = Some(match this.parser.close() {
            _ if *this.is_told => Ending::Good,
            Close::Good => Ending::Good,
            Close::Failed(outcome) => Ending::Reported(outcome),
            Close::Truncated => Ending::Truncated,
        });
        self.end();
    }

    fn lapse(mut self: Pin<&mut Self>, lapse: Lapse) {
        let this = self.as_mut().project();
        let is_whole = *this.is_told || this.parser.is_finished();
        *this.ending = Some(match lapse {
            Lapse::Linger => Ending::Good,
            Lapse::Stall | Lapse::Pace if is_whole => Ending::Good,
            lapse => {
                let limit = this.clocks.limit(lapse);
                *this.broken = Some(Broken::timed_out(lapse, limit));
                Ending::TimedOut(lapse)
            }
        });
        self.end();
    }

    /// What was held back of an event that did not come to its end is passed on.
    fn end(mut self: Pin<&mut Self>) {
        while let Some(piece) = self.as_mut().project().sieve.release() {
            self.as_mut().push(Frame::data(piece));
        }
        self.note_ending();
    }

    fn note_ending(self: Pin<&mut Self>) {
        let this = self.project();
        let Some(ending) = *this.ending else { return };
        this.heard
            .note(this.parser, this.sieve.skipped(), Some(ending));
        if ending != Ending::Good {
            tracing::debug!(
                ending = ending.name(),
                outcome = ending.outcome().name(),
                gen_ai.response.model = this.parser.model(),
                has_content = *this.has_content,
                "the answer broke off"
            );
        }
    }

    /// Resolves with the clock that ran out. Asked only while there is nothing to read, so that a slow reader is
    /// not taken for a slow provider.
    fn poll_clocks(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Lapse> {
        let mut this = self.project();
        loop {
            let Some((at, lapse)) = this.clocks.next() else {
                return Poll::Pending;
            };
            if this.sleep.is_none() {
                this.sleep.set(Some(sleep_until(at)));
            }
            let Some(mut sleep) = this.sleep.as_mut().as_pin_mut() else {
                return Poll::Pending;
            };
            if sleep.deadline() > at {
                sleep.as_mut().reset(at);
            }
            ready!(sleep.as_mut().poll(cx));
            // A timer that goes off too early is set again then, not with each content.
            if sleep.deadline() >= at {
                return Poll::Ready(lapse);
            }
            sleep.reset(at);
        }
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        let nothing_left = || self.body.size_hint().exact().is_none_or(|left| left == 0);
        self.queue.is_empty()
            && match self.ending {
                Some(ending) => ending == Ending::Good,
                None => self.parser.has_ended() && self.sieve.is_at_line_end() && nothing_left(),
            }
    }

    pub(crate) fn inner_size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
