//! What waits to be passed on.

use std::collections::VecDeque;

use bytes::Bytes;
use http_body::Frame;

/// Frames that wait to be passed on, and their bytes. Needs no memory of its own while it holds no more than one.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    first: Option<Frame<Bytes>>,
    rest: VecDeque<Frame<Bytes>>,
    bytes: usize,
}

impl Queue {
    pub(crate) fn push(&mut self, frame: Frame<Bytes>) {
        self.bytes += frame.data_ref().map_or(0, Bytes::len);
        if self.first.is_none() {
            self.first = Some(frame);
        } else {
            self.rest.push_back(frame);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Frame<Bytes>> {
        let frame = self.first.take()?;
        self.bytes -= frame.data_ref().map_or(0, Bytes::len);
        self.first = self.rest.pop_front();
        Some(frame)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// How many bytes wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How much memory that takes: an answer that comes a byte at a time is mostly frames.
    pub(crate) fn size(&self) -> usize {
        const FRAME: usize = 128;
        self.bytes + self.rest.len() * FRAME
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_in_order_and_their_bytes_are_counted() {
        let mut queue = Queue::default();
        let pop = |queue: &mut Queue| queue.pop().and_then(|frame| frame.into_data().ok());
        for text in ["a", "bb", "ccc"] {
            queue.push(Frame::data(text.into()));
        }
        assert_eq!((queue.bytes(), queue.size()), (6, 6 + 2 * 128));
        assert_eq!(pop(&mut queue).as_deref(), Some(&b"a"[..]));
        queue.push(Frame::data("d".into()));
        for text in ["bb", "ccc", "d"] {
            assert_eq!(pop(&mut queue).as_deref(), Some(text.as_bytes()));
        }
        assert_eq!((queue.bytes(), queue.is_empty()), (0, true));
        assert!(queue.pop().is_none());
    }
}
