//! One connection: requests one after another, each well answered or broken.

use std::sync::Arc;

use http::HeaderMap;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until};

use super::{Shared, bytes, plain, refuse, stream};
use crate::answer::{Usage, progress};
use crate::dialect::{Ask, Refusal};
use crate::http1::{Conn, Gone, Request};
use crate::log::Open;
use crate::scale::{later, times};
use crate::script::Cast;
use crate::{End, Entry, Fault};

/// The header by which a call names itself to the providers.
pub const CALL_HEADER: &str = "x-drill-call";

/// How the work on an attempt ended, and whether the connection can go on.
#[derive(Debug)]
pub(super) enum Done {
    /// Whole: another request may follow.
    Whole(End),
    /// The connection is to be closed.
    Close,
    /// The connection is to be reset.
    Reset,
}

/// An answer that is to be given.
#[derive(Debug)]
pub(super) struct Job<'a> {
    pub(super) shared: &'a Shared,
    pub(super) ask: &'a Ask,
    pub(super) fault: Option<Fault>,
    pub(super) id: u64,
    /// Tokens that the caller has already.
    pub(super) said: u32,
    /// Tokens of the whole answer.
    pub(super) length: u32,
    pub(super) started: Instant,
}

impl Job<'_> {
    /// When so many tokens are to be out.
    pub(super) fn due(&self, tokens: u32) -> Instant {
        let pace = &self.shared.pace;
        let (mut factor, mut after) = (1.0, pace.first);
        match self.fault {
            Some(Fault::Slow { factor: slower }) => factor = slower,
            Some(Fault::Late { by }) => after = after.saturating_add(by),
            Some(Fault::Trickle) => factor = 2.0,
            _ => {}
        }
        let gaps = tokens.saturating_sub(1);
        let outage = times(after.saturating_add(pace.gap.saturating_mul(gaps)), factor);
        later(self.started, self.shared.scale.to_wall(outage))
    }

    pub(super) fn usage(&self) -> Usage {
        Usage {
            prompt: self.ask.words,
            answer: u64::from(self.length - self.said),
        }
    }
}

/// Serves a connection to its end.
pub(super) async fn run(stream: TcpStream, shared: Arc<Shared>) {
    let mut conn = Conn::new(stream);
    loop {
        let request = match conn.request().await {
            Ok(Some(request)) => request,
            Ok(None) => return,
            Err(unread) => return refuse::unread(&mut conn, unread).await,
        };
        let keep_alive = request.keep_alive;
        match attempt(&mut conn, &shared, &request).await {
            Done::Whole(_) if keep_alive => {}
            Done::Reset => return conn.reset(),
            Done::Whole(_) | Done::Close => return,
        }
    }
}

/// Answers one request, and notes it in the log.
async fn attempt(conn: &mut Conn, shared: &Shared, request: &Request) -> Done {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let asked = shared.dialect.wire().ask(&request.path, &body);
    let known = asked.is_some();
    let ask = asked.unwrap_or_default();
    let open = shared.log.open(entry(shared, request, &ask));
    let done = if !known {
        refuse::refuse(conn, shared, &Refusal::Path).await
    } else if body.is_null() {
        refuse::refuse(conn, shared, &Refusal::Unreadable).await
    } else {
        answer(conn, shared, &request.headers, &ask, &open).await
    };
    match &done {
        Ok(Done::Whole(end)) => open.close(*end),
        Ok(_) => open.close(End::Broken),
        Err(Gone) => open.close(End::ClientLeft),
    }
    done.unwrap_or(Done::Close)
}

/// Gives the answer that rules, script and capacity have for this attempt.
async fn answer(
    conn: &mut Conn,
    shared: &Shared,
    headers: &HeaderMap,
    ask: &Ask,
    open: &Open,
) -> Result<Done, Gone> {
    let cast = Cast {
        seed: shared.seed,
        provider: &shared.name,
        call: call(headers).unwrap_or_default(),
        attempt: open.attempt,
        model: &ask.model,
        stream: ask.stream,
        key: refuse::key(shared.dialect, headers),
    };
    let mut fault = refuse::inborn(shared, headers, ask).or_else(|| shared.scripted(&cast));
    let worker = if fault.is_none_or(works) {
        let worker = worker(conn, shared).await?;
        if worker.is_none() && shared.capacity.is_some() {
            fault = Some(Fault::Overload);
        }
        worker
    } else {
        None
    };
    open.broken_by(fault);
    let (said, length) = ask.prefill.as_deref().and_then(progress).unwrap_or((0, 0));
    let job = Job {
        shared,
        ask,
        fault,
        id: shared.answer_id(&cast),
        said,
        length: if length > 0 {
            length
        } else {
            shared.pace.length(&ask.prompt)
        },
        started: Instant::now(),
    };
    let done = act(conn, &job).await;
    if done.is_err() {
        waste(worker, &job);
    }
    done
}

/// Whether a fault strikes an answer that a worker is busy with.
fn works(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::CutAfter { .. }
            | Fault::CutAt { .. }
            | Fault::ErrorAfter { .. }
            | Fault::Garble { .. }
            | Fault::Late { .. }
            | Fault::NoDone
            | Fault::Slow { .. }
            | Fault::Trickle
    )
}

async fn worker(conn: &mut Conn, shared: &Shared) -> Result<Option<OwnedSemaphorePermit>, Gone> {
    let Some(capacity) = &shared.capacity else {
        return Ok(None);
    };
    tokio::select! {
        biased;
        worker = capacity.worker() => Ok(worker),
        gone = conn.gone() => Err(gone),
    }
}

/// Keeps the worker of an answer that nobody waits for busy to its end.
fn waste(worker: Option<OwnedSemaphorePermit>, job: &Job<'_>) {
    let wasteful = job
        .shared
        .capacity
        .as_ref()
        .is_some_and(|capacity| capacity.is_wasteful());
    if let (Some(worker), true) = (worker, wasteful) {
        let end = job.due(job.length - job.said);
        tokio::spawn(async move {
            sleep_until(end).await;
            drop(worker);
        });
    }
}

async fn act(conn: &mut Conn, job: &Job<'_>) -> Result<Done, Gone> {
    match job.fault {
        Some(Fault::Refuse | Fault::Reset) => Ok(Done::Reset),
        Some(Fault::StallBeforeHead) => Err(conn.gone().await),
        Some(Fault::CutAt { bytes, how }) => bytes::write(conn, job, bytes, how).await,
        Some(fault) => match refuse::refusal(job, fault) {
            Some(refusal) => refuse::refuse(conn, job.shared, &refusal).await,
            None if job.ask.stream => stream::write(conn, job).await,
            None => plain::write(conn, job).await,
        },
        None if job.ask.stream => stream::write(conn, job).await,
        None => plain::write(conn, job).await,
    }
}

fn entry(shared: &Shared, request: &Request, ask: &Ask) -> Entry {
    Entry {
        at: Instant::now(),
        provider: Arc::clone(&shared.name),
        call: call(&request.headers).map(Arc::from),
        attempt: 1,
        model: Arc::from(ask.model.as_str()),
        stream: ask.stream,
        fault: None,
        end: None,
    }
}

fn call(headers: &HeaderMap) -> Option<&str> {
    headers.get(CALL_HEADER)?.to_str().ok()
}
