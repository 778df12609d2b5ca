//! A provider that answers step by step.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tokio::time::{Sleep, sleep};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_ai_core::BoxError;
use tower_ai_stream::{Broken, Ending, GuardedBody, StreamGuardLayer};

#[derive(Clone, Debug)]
pub enum Step {
    Data(Bytes),
    Wait(Duration),
    /// The connection fails.
    Reset,
    /// Nothing more comes, and the connection stays open.
    Hang,
}

pub fn data(text: &str) -> Step {
    Step::Data(Bytes::copy_from_slice(text.as_bytes()))
}

/// A body that follows its steps. Counts itself while it lives.
#[derive(Debug)]
pub struct Script {
    steps: VecDeque<Step>,
    sleep: Option<Pin<Box<Sleep>>>,
    _alive: Arc<()>,
}

impl Script {
    pub fn new(steps: Vec<Step>, alive: &Arc<()>) -> Self {
        Self {
            steps: steps.into(),
            sleep: None,
            _alive: alive.clone(),
        }
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
            }
            match self.steps.pop_front() {
                None => return Poll::Ready(None),
                Some(Step::Data(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Some(Step::Wait(time)) => self.sleep = Some(Box::pin(sleep(time))),
                Some(Step::Reset) => {
                    let error = std::io::ErrorKind::ConnectionReset.into();
                    return Poll::Ready(Some(Err(error)));
                }
                Some(Step::Hang) => {
                    self.steps.push_front(Step::Hang);
                    return Poll::Pending;
                }
            }
        }
    }
}

pub type Answer = Response<GuardedBody<Script>>;

/// Calls a provider that answers so, through a guard.
pub async fn call(
    layer: StreamGuardLayer,
    content_type: &'static str,
    steps: Vec<Step>,
) -> Result<Answer, BoxError> {
    let alive = Arc::new(());
    guarded(layer, content_type, steps, &alive)
        .oneshot(Request::new(()))
        .await
}

pub fn guarded(
    layer: StreamGuardLayer,
    content_type: &'static str,
    steps: Vec<Step>,
    alive: &Arc<()>,
) -> impl Service<Request<()>, Response = Answer, Error = BoxError> + Clone {
    let alive = alive.clone();
    layer.layer(service_fn(move |_: Request<()>| {
        let body = Script::new(steps.clone(), &alive);
        let head = Response::builder().header("content-type", content_type);
        async move { Ok::<_, BoxError>(head.body(body)?) }
    }))
}

/// The bytes of a body, and how it ended.
pub async fn drain(answer: Answer) -> (String, Ending) {
    let mut body = answer.into_body();
    let mut bytes = Vec::new();
    loop {
        match body.frame().await {
            None => return (String::from_utf8(bytes).expect("UTF-8"), Ending::Good),
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                assert!(!data.is_empty(), "an empty frame");
                bytes.extend_from_slice(&data);
            }
            Some(Err(error)) => {
                assert!(
                    body.frame().await.is_none(),
                    "something came after the error"
                );
                let text = String::from_utf8(bytes).expect("UTF-8");
                return (text, ending(&error));
            }
        }
    }
}

pub fn ending(error: &BoxError) -> Ending {
    let broken = tower_ai_core::error::cause_ref::<Broken>(&**error);
    broken.expect("our error").ending()
}
