//! Answers token by token.

use std::time::Duration;

use tokio::time::Instant;

use super::serve::{Done, Job};
use crate::answer::token;
use crate::dialect::{About, Refusal};
use crate::http1::{Conn, Gone, head};
use crate::{Cut, End, Fault};

/// The outage time between two pings.
const PING: Duration = Duration::from_millis(500);
/// The bytes of a piece of an event that trickles.
const TRICKLE: usize = 16;

/// Writes a streamed answer, broken as the job has it.
pub(super) async fn write(conn: &mut Conn, job: &Job<'_>) -> Result<Done, Gone> {
    let wire = job.shared.dialect.wire();
    let about = About {
        id: job.id,
        model: &job.shared.model,
        usage: job.usage(),
    };
    conn.write(&opening()).await?;
    conn.chunk(wire.opening(about).as_bytes()).await?;
    let tokens = job.length - job.said;
    for sent in 0..tokens {
        if let Some(done) = strike(conn, job, sent).await? {
            return Ok(done);
        }
        if sent == 0 || !is_hurried(job) {
            conn.wait_until(job.due(sent + 1)).await?;
        }
        let event = match job.fault {
            Some(Fault::Garble { tokens }) if tokens == sent => GARBLED.to_owned(),
            _ => {
                let index = job.said + sent + 1;
                wire.token(about, &token(&job.ask.prompt, index, job.length))
            }
        };
        send(conn, job, sent, event.as_bytes()).await?;
    }
    // A fault that counts more tokens than there are strikes before the end mark.
    if let Some(done) = strike(conn, job, u32::MAX).await? {
        return Ok(done);
    }
    let done = !matches!(job.fault, Some(Fault::NoDone));
    conn.last_chunk(wire.closing(about, done).as_bytes())
        .await?;
    Ok(Done::Whole(match job.fault {
        Some(Fault::Garble { .. }) => End::Broken,
        _ => End::Answered,
    }))
}

/// All events of a whole answer.
pub(super) fn events(job: &Job<'_>) -> Vec<Vec<u8>> {
    let wire = job.shared.dialect.wire();
    let about = About {
        id: job.id,
        model: &job.shared.model,
        usage: job.usage(),
    };
    let token = |index| wire.token(about, &token(&job.ask.prompt, index, job.length));
    let mut events = vec![wire.opening(about)];
    events.extend((job.said + 1..=job.length).map(token));
    events.push(wire.closing(about, true));
    events.into_iter().map(String::into_bytes).collect()
}

/// An event that is neither JSON nor UTF-8.
const GARBLED: &str = "data: {\"choices\":[{\"delta\":{\"con\u{1}\u{2}te\n\n";

pub(super) fn opening() -> Vec<u8> {
    let headers = [
        ("content-type", "text/event-stream".to_owned()),
        ("cache-control", "no-cache".to_owned()),
        ("transfer-encoding", "chunked".to_owned()),
    ];
    head(200, &headers)
}

/// Breaks the stream if it is to break after so many tokens.
async fn strike(conn: &mut Conn, job: &Job<'_>, sent: u32) -> Result<Option<Done>, Gone> {
    let wire = job.shared.dialect.wire();
    match job.fault {
        Some(Fault::Pings) => loop {
            conn.chunk(wire.ping().as_bytes()).await?;
            conn.wait(job.shared.scale.to_wall(PING)).await?;
        },
        Some(Fault::StallAfter { tokens }) if sent >= tokens => Err(conn.gone().await),
        Some(Fault::ErrorAfter { tokens }) if sent >= tokens => {
            let (_, body) = wire.refusal(&Refusal::Server(500));
            conn.last_chunk(wire.error_event(&body).as_bytes()).await?;
            Ok(Some(Done::Whole(End::Broken)))
        }
        Some(Fault::CutAfter { tokens, how }) if sent >= tokens => match how {
            Cut::Clean => {
                conn.end_chunks().await?;
                Ok(Some(Done::Whole(End::Broken)))
            }
            Cut::Fin => Ok(Some(Done::Close)),
            Cut::Rst => Ok(Some(Done::Reset)),
        },
        _ => Ok(None),
    }
}

/// Whether the pieces of an event already take up its gap.
fn is_hurried(job: &Job<'_>) -> bool {
    matches!(job.fault, Some(Fault::Trickle))
}

/// Sends an event, in pieces if it is to trickle.
async fn send(conn: &mut Conn, job: &Job<'_>, sent: u32, event: &[u8]) -> Result<(), Gone> {
    if !is_hurried(job) {
        return conn.chunk(event).await;
    }
    let pieces = u32::try_from(event.len().div_ceil(TRICKLE)).unwrap_or(u32::MAX);
    let gap = job
        .due(sent + 2)
        .saturating_duration_since(job.due(sent + 1))
        / pieces.max(1);
    let mut at = Instant::now();
    for piece in event.chunks(TRICKLE) {
        conn.chunk(piece).await?;
        at += gap;
        conn.wait_until(at).await?;
    }
    Ok(())
}
