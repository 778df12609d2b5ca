//! What a provider can do at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Invalid;

/// So many workers, and so many places to wait for one; who finds no place is refused at once.
///
/// # Examples
///
/// ```
/// use tower_ai_drill::{Capacity, Invalid};
///
/// assert!(Capacity::new(8, 0).is_ok());
/// assert_eq!(Capacity::new(0, 8).unwrap_err(), Invalid::Capacity);
/// ```
#[derive(Clone, Debug)]
pub struct Capacity {
    workers: usize,
    queue: usize,
    wasteful: bool,
    free: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

impl Capacity {
    /// Creates a capacity of so many workers and places to wait.
    ///
    /// # Errors
    ///
    /// [`Invalid::Capacity`] for no workers, or more than a semaphore counts.
    pub fn new(workers: usize, queue: usize) -> Result<Self, Invalid> {
        if workers == 0 || workers > Semaphore::MAX_PERMITS {
            return Err(Invalid::Capacity);
        }
        let free = Arc::new(Semaphore::new(workers));
        let waiting = Arc::new(AtomicUsize::new(0));
        Ok(Self {
            workers,
            queue,
            wasteful: false,
            free,
            waiting,
        })
    }

    /// Has workers finish an answer even though its client went away, as many servers do.
    #[must_use]
    pub fn wasteful(mut self) -> Self {
        self.wasteful = true;
        self
    }

    pub(super) fn is_wasteful(&self) -> bool {
        self.wasteful
    }

    /// The same capacity, with all workers free.
    pub(super) fn anew(&self) -> Self {
        Self {
            free: Arc::new(Semaphore::new(self.workers)),
            waiting: Arc::new(AtomicUsize::new(0)),
            ..self.clone()
        }
    }

    /// Waits for a worker; `None` if there is no place to wait.
    pub(super) async fn worker(&self) -> Option<OwnedSemaphorePermit> {
        let free = Arc::clone(&self.free);
        if let Ok(worker) = Arc::clone(&free).try_acquire_owned() {
            return Some(worker);
        }
        let _place = self.place()?;
        // Never closed.
        free.acquire_owned().await.ok()
    }

    fn place(&self) -> Option<Place> {
        let take = |waiting| (waiting < self.queue).then_some(waiting + 1);
        self.waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .ok()?;
        Some(Place(Arc::clone(&self.waiting)))
    }
}

/// A place in the queue, given back on drop.
#[derive(Debug)]
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn who_finds_no_place_is_refused_and_a_place_is_given_back() {
        let capacity = Capacity::new(1, 1).unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        let Poll::Ready(Some(worker)) = pin!(capacity.worker()).poll(&mut cx) else {
            panic!("a free worker");
        };
        {
            let mut queued = pin!(capacity.worker());
            assert!(queued.as_mut().poll(&mut cx).is_pending());
            assert!(matches!(
                pin!(capacity.worker()).poll(&mut cx),
                Poll::Ready(None)
            ));
        }
        let mut queued = pin!(capacity.worker());
        assert!(
            queued.as_mut().poll(&mut cx).is_pending(),
            "the place is free again"
        );
        drop(worker);
        assert!(queued.as_mut().poll(&mut cx).is_ready());
    }
}
