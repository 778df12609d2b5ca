//! Just enough HTTP/1.1, by hand: a server library would not let an answer break as it should.

mod head;
mod request;

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use crate::scale::later;

pub(crate) use head::head;
pub(crate) use request::{Request, Unread};

/// What may wait unread while an answer is written; a client that sends more is not listened to
/// until the answer's end.
const AHEAD_MAX: usize = 64 * 1024;

/// The client closed or reset the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

impl From<io::Error> for Gone {
    fn from(_: io::Error) -> Self {
        Self
    }
}

/// One chunk of a chunked body.
pub(crate) fn framed(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

/// One connection of a client.
#[derive(Debug)]
pub(crate) struct Conn {
    stream: TcpStream,
    ahead: BytesMut,
}

impl Conn {
    pub(crate) fn new(stream: TcpStream) -> Self {
        // Tokens must leave one by one; if they do not, they are only late.
        let _ = stream.set_nodelay(true);
        Self {
            stream,
            ahead: BytesMut::new(),
        }
    }

    /// Reads the next request; `None` at the end of the connection.
    pub(crate) async fn request(&mut self) -> Result<Option<Request>, Unread> {
        request::read(&mut self.stream, &mut self.ahead).await
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// Writes one chunk of a chunked body; none if it is empty, which would end the body.
    pub(crate) async fn chunk(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.write(&framed(bytes)).await
    }

    /// Ends a chunked body.
    pub(crate) async fn end_chunks(&mut self) -> Result<(), Gone> {
        self.write(b"0\r\n\r\n").await
    }

    /// Writes the last chunk and the end of the body at once: a client may leave as soon as it has seen the end mark.
    pub(crate) async fn last_chunk(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        let mut last = match bytes {
            [] => Vec::new(),
            bytes => framed(bytes),
        };
        last.extend_from_slice(b"0\r\n\r\n");
        self.write(&last).await
    }

    /// Waits until a time, or until the client goes away.
    pub(crate) async fn wait_until(&mut self, at: Instant) -> Result<(), Gone> {
        // A timer rounds what has come up to the next millisecond.
        if at <= Instant::now() {
            return Ok(());
        }
        tokio::select! {
            biased;
            () = sleep_until(at) => Ok(()),
            gone = self.gone() => Err(gone),
        }
    }

    /// Waits, or until the client goes away.
    pub(crate) async fn wait(&mut self, duration: Duration) -> Result<(), Gone> {
        self.wait_until(later(Instant::now(), duration)).await
    }

    /// Waits until the client goes away. A client that closes its sending half counts as gone.
    pub(crate) async fn gone(&mut self) -> Gone {
        while self.ahead.len() < AHEAD_MAX {
            match self.stream.read_buf(&mut self.ahead).await {
                Ok(0) | Err(_) => return Gone,
                Ok(_) => {}
            }
        }
        std::future::pending().await
    }

    /// Resets the connection.
    pub(crate) fn reset(self) {
        // If it fails, the connection is closed with a FIN instead: broken all the same.
        let _ = self.stream.set_zero_linger();
    }
}
