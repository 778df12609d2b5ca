//! Answers that break after so many bytes.

use super::serve::{Done, Job};
use super::{plain, stream};
use crate::http1::{Conn, Gone, framed};
use crate::{Cut, End};

/// Writes an answer up to so many bytes, all at once.
pub(super) async fn write(
    conn: &mut Conn,
    job: &Job<'_>,
    bytes: usize,
    how: Cut,
) -> Result<Done, Gone> {
    let whole = Whole::of(job);
    if how == Cut::Clean {
        let body: Vec<u8> = whole.pieces.concat();
        let end = if bytes < body.len() {
            End::Broken
        } else {
            End::Answered
        };
        let part = &body[..bytes.min(body.len())];
        conn.write(&whole.wire(&[part])).await?;
        return Ok(Done::Whole(end));
    }
    let pieces: Vec<&[u8]> = whole.pieces.iter().map(Vec::as_slice).collect();
    let wire = whole.wire(&pieces);
    conn.write(&wire[..bytes.min(wire.len())]).await?;
    Ok(match how {
        _ if bytes >= wire.len() => Done::Whole(End::Answered),
        Cut::Rst => Done::Reset,
        _ => Done::Close,
    })
}

/// An answer before it goes out.
struct Whole {
    stream: bool,
    pieces: Vec<Vec<u8>>,
}

impl Whole {
    fn of(job: &Job<'_>) -> Self {
        let stream = job.ask.stream;
        let pieces = if stream {
            stream::events(job)
        } else {
            vec![plain::body(job)]
        };
        Self { stream, pieces }
    }

    /// The answer with these pieces for a body, as it goes over the wire.
    fn wire(&self, pieces: &[&[u8]]) -> Vec<u8> {
        if !self.stream {
            let body = pieces.concat();
            return [plain::ok(body.len()), body].concat();
        }
        let mut wire = stream::opening();
        for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
            wire.extend_from_slice(&framed(piece));
        }
        wire.extend_from_slice(b"0\r\n\r\n");
        wire
    }
}
