//! Answers in one piece.

use super::serve::{Done, Job};
use crate::answer::token;
use crate::dialect::{About, Refusal};
use crate::http1::{Conn, Gone, head};
use crate::{Cut, End, Fault};

/// The pieces of a body that trickles.
const TRICKLE: usize = 7;

/// Writes a plain answer, broken as the job has it.
pub(super) async fn write(conn: &mut Conn, job: &Job<'_>) -> Result<Done, Gone> {
    let tokens = job.length - job.said;
    if matches!(job.fault, Some(Fault::Pings)) {
        return Err(conn.gone().await);
    }
    conn.wait_until(job.due(tokens)).await?;
    let body = body(job);
    let share = |struck: u32| body.len() * struck.min(tokens) as usize / tokens.max(1) as usize;
    match job.fault {
        Some(Fault::CutAfter { tokens, how }) => {
            // A clean cut says that it is whole, and so must have the length it says.
            let part = &body[..share(tokens)];
            let length = if how == Cut::Clean {
                part.len()
            } else {
                body.len()
            };
            conn.write(&ok(length)).await?;
            conn.write(part).await?;
            Ok(match how {
                Cut::Clean => Done::Whole(End::Broken),
                Cut::Fin => Done::Close,
                Cut::Rst => Done::Reset,
            })
        }
        Some(Fault::StallAfter { tokens }) => {
            conn.write(&ok(body.len())).await?;
            conn.write(&body[..share(tokens)]).await?;
            Err(conn.gone().await)
        }
        Some(Fault::Trickle) => {
            conn.write(&ok(body.len())).await?;
            for piece in body.chunks(TRICKLE) {
                conn.write(piece).await?;
                tokio::task::yield_now().await;
            }
            Ok(Done::Whole(End::Answered))
        }
        Some(Fault::Garble { .. } | Fault::ErrorAfter { .. }) => {
            whole(conn, &body, End::Broken).await
        }
        _ => whole(conn, &body, End::Answered).await,
    }
}

async fn whole(conn: &mut Conn, body: &[u8], end: End) -> Result<Done, Gone> {
    let mut answer = ok(body.len());
    answer.extend_from_slice(body);
    conn.write(&answer).await?;
    Ok(Done::Whole(end))
}

/// The head of an answer of so many bytes.
pub(super) fn ok(length: usize) -> Vec<u8> {
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("content-length", length.to_string()),
    ];
    head(200, &headers)
}

/// The body: the answer, the answer with a hole in it, or an error in its place.
pub(super) fn body(job: &Job<'_>) -> Vec<u8> {
    let wire = job.shared.dialect.wire();
    if let Some(Fault::ErrorAfter { .. }) = job.fault {
        return wire
            .refusal(&Refusal::Server(500))
            .1
            .to_string()
            .into_bytes();
    }
    let text: String = (job.said + 1..=job.length)
        .map(|index| token(&job.ask.prompt, index, job.length))
        .collect();
    let about = About {
        id: job.id,
        model: &job.shared.model,
        usage: job.usage(),
    };
    let mut body = wire.plain(about, &text).to_string().into_bytes();
    if let Some(Fault::Garble { tokens }) = job.fault {
        let all = (job.length - job.said).max(1) as usize;
        let at = body.len() * (tokens as usize).min(all - 1) / all;
        let end = (at + 8).min(body.len());
        body[at..end].fill(b'\x01');
    }
    body
}
