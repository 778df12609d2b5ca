//! The stack of tower-ai, as an application would set it up.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tower::{Service, ServiceExt};
use tower_ai::http::{Dialect, Prefill, Secret, TargetLayer};
use tower_ai::stream::Commit;
use tower_ai::{Key, Served, Stack, StackBuilder, Target, Tuning};
use tower_ai_drill::{Call, Endpoint, Factory, Reply, Setup, contender_fn};

use crate::BoxError;

pub(crate) fn factory() -> Factory {
    Arc::new(|setup| {
        let stack = builder(setup)?.build(client())?;
        let first = setup.endpoints.first().cloned().ok_or("no target")?;
        let handle = stack.handle();
        let state = move |name: &str| {
            let mut targets = handle.breakers().map(|(target, _)| target);
            let target = targets.find(|target| target.name() == name)?;
            Some(target.health().mode().name())
        };
        let send = move |call| send(stack.clone(), first.clone(), call);
        Ok(Arc::new(contender_fn(send).states(state)))
    })
}

/// The stack without its client.
pub(crate) fn builder(setup: &Setup) -> Result<StackBuilder, BoxError> {
    let targets: Result<Vec<_>, _> = setup.endpoints.iter().map(target).collect();
    Ok(Stack::builder()
        .targets(targets?)
        .tuning(Tuning::new().scaled(1.0 / setup.scale.factor())?)
        .deadline(setup.deadline)
        .commit(commit(setup.commit))
        .continue_streams(setup.commit == tower_ai_drill::Commit::Continue)
        .seed(setup.seed))
}

/// A pooled HTTP/1 client without TLS.
pub(crate) fn client<B>() -> Client<HttpConnector, B>
where
    B: Body + Send,
    B::Data: Send,
{
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).build(connector)
}

const fn commit(commit: tower_ai_drill::Commit) -> Commit {
    match commit {
        tower_ai_drill::Commit::Complete => Commit::Complete,
        _ => Commit::FirstContent,
    }
}

/// A fake provider as a target: its URL, model and key, and what it fails together with.
fn target(endpoint: &Endpoint) -> Result<TargetLayer, BoxError> {
    let mut target = Target::builder(&endpoint.name)
        .provider(&endpoint.name)
        .endpoint(&endpoint.url)
        .model(&endpoint.model)
        .key(Key::named(endpoint.key.clone()));
    if let Some(domain) = &endpoint.domain {
        target = target.domain(domain);
    }
    if let Some(window) = endpoint.window {
        target = target.context_window(window.try_into()?);
    }
    let layer = TargetLayer::new(target.build()?)?
        .with_dialect(dialect(endpoint.dialect))
        .with_prefill(Prefill::Message);
    Ok(layer.with_secret(&Secret::new(&endpoint.key))?)
}

const fn dialect(dialect: tower_ai_drill::Dialect) -> Dialect {
    match dialect {
        tower_ai_drill::Dialect::Anthropic => Dialect::Anthropic,
        tower_ai_drill::Dialect::Gemini => Dialect::Gemini,
        _ => Dialect::OpenAi,
    }
}

pub(crate) async fn send<S, B>(stack: S, first: Endpoint, call: Call) -> Reply
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = BoxError>,
    B: Body,
    B::Error: Into<BoxError>,
{
    // Written for the preferred provider; the stack rewrites it for whichever answers.
    let request = match call.request(&first) {
        Ok(request) => request.map(Full::new),
        Err(error) => return Reply::failed(&error),
    };
    let answer = async {
        match stack.oneshot(request).await {
            Ok(response) => {
                let served = response.extensions().get::<Served>();
                let by = served
                    .and_then(Served::target)
                    .map(|target| target.name().to_owned());
                let mut reply = Reply::read(first.dialect, call.stream, response).await;
                reply.served_by = by;
                reply
            }
            Err(error) => Reply::failed(&*error),
        }
    };
    match tokio::time::timeout(call.deadline, answer).await {
        Ok(reply) => reply,
        Err(elapsed) => Reply::failed(&elapsed),
    }
}
