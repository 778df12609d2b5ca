//! What the tests share.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame};
use tower_ai_core::{BoxError, Outcome, Settle};

/// What a scripted body does next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Data(Bytes),
    /// Not ready once; wakes itself.
    Later,
    Fail(&'static str),
    Trailers(http::HeaderMap),
    /// Never ready again, unless woken by [`Script::resume`].
    Stall,
}

/// A body that does as told.
#[derive(Debug, Default)]
pub(crate) struct Script {
    steps: VecDeque<Step>,
    waker: Arc<Mutex<Option<Waker>>>,
    resumed: Arc<Mutex<bool>>,
}

impl Script {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            ..Self::default()
        }
    }

    pub(crate) fn of_chunks(chunks: &[&'static str]) -> Self {
        Self::new(
            chunks
                .iter()
                .map(|chunk| Step::Data(Bytes::from_static(chunk.as_bytes()))),
        )
    }

    /// Ends its stall.
    pub(crate) fn resume(&self) -> impl Fn() + use<> {
        let (waker, resumed) = (self.waker.clone(), self.resumed.clone());
        move || {
            *resumed.lock().unwrap() = true;
            if let Some(waker) = waker.lock().unwrap().take() {
                waker.wake();
            }
        }
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.steps.pop_front() {
            None => Poll::Ready(None),
            Some(Step::Data(data)) => Poll::Ready(Some(Ok(Frame::data(data)))),
            Some(Step::Trailers(map)) => Poll::Ready(Some(Ok(Frame::trailers(map)))),
            Some(Step::Fail(text)) => Poll::Ready(Some(Err(text.into()))),
            Some(Step::Later) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Step::Stall) => {
                if *self.resumed.lock().unwrap() {
                    return self.poll_frame(cx);
                }
                *self.waker.lock().unwrap() = Some(cx.waker().clone());
                self.steps.push_front(Step::Stall);
                Poll::Pending
            }
        }
    }
}

/// What a handle was told, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn handle(&self) -> Handle {
        Handle {
            log: self.clone(),
            settled: false,
        }
    }

    pub(crate) fn entries(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn add(&self, entry: impl Into<String>) {
        self.0.lock().unwrap().push(entry.into());
    }
}

/// Writes down what it is told.
#[derive(Debug)]
pub(crate) struct Handle {
    log: Log,
    settled: bool,
}

impl Settle for Handle {
    fn first_content(&mut self) {
        self.log.add("content");
    }

    fn settle(mut self, outcome: Outcome) {
        self.settled = true;
        self.log.add(outcome.name());
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if !self.settled {
            self.log.add("cancelled");
        }
    }
}

/// What a server got.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) head: Arc<http::request::Parts>,
    pub(crate) body: Bytes,
}

/// Serves on a socket of its own; answers by `answer`. Returns the base URL and what came.
pub(crate) async fn serve<F>(answer: F) -> (String, Arc<Mutex<Vec<Got>>>)
where
    F: Fn(&Got) -> http::Response<http_body_util::combinators::UnsyncBoxBody<Bytes, BoxError>>
        + Clone
        + Send
        + 'static,
{
    use http_body_util::BodyExt;
    use hyper_util::rt::TokioIo;

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let got = Arc::new(Mutex::new(Vec::new()));
    let log = got.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (answer, log) = (answer.clone(), log.clone());
            let service =
                hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
                    let (answer, log) = (answer.clone(), log.clone());
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body
                            .collect()
                            .await
                            .map(|body| body.to_bytes())
                            .unwrap_or_default();
                        let got = Got {
                            head: Arc::new(head),
                            body,
                        };
                        log.lock().unwrap().push(got.clone());
                        Ok::<_, Infallible>(answer(&got))
                    }
                });
            let http1 = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http1.serve_connection(TokioIo::new(stream), service));
        }
    });
    (url, got)
}
