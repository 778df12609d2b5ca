//! Requests, read off the socket within bounds.

use std::io;

use bytes::{Buf, BytesMut};
use http::HeaderMap;
use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HeaderName, HeaderValue, TRANSFER_ENCODING,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The largest head that is read.
const HEAD_MAX: usize = 64 * 1024;
/// The most headers that are read.
const HEADERS_MAX: usize = 100;
/// The largest body that is read.
const BODY_MAX: usize = 8 * 1024 * 1024;

/// A request with its whole body.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Whether another request may follow on this connection.
    pub(crate) keep_alive: bool,
}

/// Why no request was read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The client went away in the middle.
    Gone,
    /// It is no HTTP/1 request.
    Malformed,
    /// It is beyond a bound.
    TooLarge,
}

impl From<io::Error> for Unread {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// Reads the next request; `None` if the client closed between two.
pub(super) async fn read(
    stream: &mut TcpStream,
    buf: &mut BytesMut,
) -> Result<Option<Request>, Unread> {
    let mut request = loop {
        if let Some(request) = parse(buf)? {
            break request;
        }
        if buf.len() > HEAD_MAX {
            return Err(Unread::TooLarge);
        }
        if stream.read_buf(buf).await? == 0 {
            return if buf.is_empty() {
                Ok(None)
            } else {
                Err(Unread::Gone)
            };
        }
    };
    if request.headers.contains_key(EXPECT) {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let chunked = request
        .headers
        .get(TRANSFER_ENCODING)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked"));
    request.body = if chunked {
        chunks(stream, buf).await?
    } else {
        exactly(stream, buf, content_length(&request.headers)?).await?
    };
    Ok(Some(request))
}

/// Takes a head off the buffer once it is whole.
fn parse(buf: &mut BytesMut) -> Result<Option<Request>, Unread> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = parsed.parse(buf).map_err(|_| Unread::Malformed)?
    else {
        return Ok(None);
    };
    let mut request = Request {
        path: parsed.path.unwrap_or_default().to_owned(),
        headers: HeaderMap::new(),
        body: Vec::new(),
        keep_alive: parsed.version == Some(1),
    };
    for header in parsed.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let value = HeaderValue::from_bytes(header.value);
        if let (Ok(name), Ok(value)) = (name, value) {
            request.headers.append(name, value);
        }
    }
    if let Some(connection) = request.headers.get(CONNECTION) {
        request.keep_alive &= !connection.as_bytes().eq_ignore_ascii_case(b"close");
    }
    buf.advance(length);
    Ok(Some(request))
}

fn content_length(headers: &HeaderMap) -> Result<usize, Unread> {
    let Some(value) = headers.get(CONTENT_LENGTH) else {
        return Ok(0);
    };
    let length = value
        .to_str()
        .ok()
        .and_then(|value| value.trim().parse().ok());
    length.ok_or(Unread::Malformed)
}

/// Reads a body of so many bytes.
async fn exactly(
    stream: &mut TcpStream,
    buf: &mut BytesMut,
    length: usize,
) -> Result<Vec<u8>, Unread> {
    if length > BODY_MAX {
        return Err(Unread::TooLarge);
    }
    fill(stream, buf, length).await?;
    Ok(buf.split_to(length).to_vec())
}

/// Reads a chunked body, and drops its trailers.
async fn chunks(stream: &mut TcpStream, buf: &mut BytesMut) -> Result<Vec<u8>, Unread> {
    let mut body = Vec::new();
    loop {
        let (start, size) = loop {
            match httparse::parse_chunk_size(buf).map_err(|_| Unread::Malformed)? {
                httparse::Status::Complete(found) => break found,
                httparse::Status::Partial => fill(stream, buf, buf.len() + 1).await?,
            }
        };
        buf.advance(start);
        if size == 0 {
            return trailers(stream, buf).await.map(|()| body);
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if size > BODY_MAX - body.len() {
            return Err(Unread::TooLarge);
        }
        body.extend(exactly(stream, buf, size).await?);
        fill(stream, buf, 2).await?;
        buf.advance(2);
    }
}

/// Reads lines up to the empty one.
async fn trailers(stream: &mut TcpStream, buf: &mut BytesMut) -> Result<(), Unread> {
    loop {
        if let Some(end) = buf.windows(2).position(|two| two == b"\r\n") {
            buf.advance(end + 2);
            if end == 0 {
                return Ok(());
            }
        } else {
            fill(stream, buf, buf.len() + 1).await?;
        }
    }
}

/// Reads until the buffer holds so many bytes.
async fn fill(stream: &mut TcpStream, buf: &mut BytesMut, length: usize) -> Result<(), Unread> {
    if length > BODY_MAX + HEAD_MAX {
        return Err(Unread::TooLarge);
    }
    while buf.len() < length {
        if stream.read_buf(buf).await? == 0 {
            return Err(Unread::Gone);
        }
    }
    Ok(())
}
