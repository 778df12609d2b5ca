//! The time limit of what a call awaits.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

pin_project! {
    /// The time limit of what is awaited.
    pub(crate) struct Timer {
        #[pin]
        sleep: Sleep,
        limit: Duration,
        pub(crate) since: Instant,
    }
}

impl Timer {
    pub(crate) fn start(limit: Duration, since: Instant) -> Self {
        let sleep = match since.checked_add(limit) {
            // Reads the clock no second time.
            Some(end) => sleep_until(end),
            None => sleep(limit),
        };
        Self {
            sleep,
            limit,
            since,
        }
    }

    /// Resolves with the limit once it is over.
    pub(crate) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Duration> {
        let this = self.project();
        this.sleep.poll(cx).map(|()| *this.limit)
    }
}
