//! The whole stack, as a user writes it.

use std::time::Duration;

use bytes::Bytes;
use http_body::Body as HttpBody;
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::transport::Channel;
use tower::ServiceBuilder;
use tower_ai_breaker::{BreakerHandle, BreakerLayer};
use tower_ai_core::{BoxError, Budget, HttpCarry, Mode, Target, Tuning};
use tower_ai_failover::Failover;
use tower_ai_grpc::{
    Backend, FollowTrailers, GrpcClassify, GrpcGuardLayer, GrpcReplayLayer, GrpcStatusLayer,
    GrpcTargetLayer,
};
use tower_ai_retry::{RetryLayer, RetryPolicy};

use super::model::model_client::ModelClient;

/// What tests change.
pub(crate) struct Settings<O = ()> {
    pub(crate) guard: GrpcGuardLayer<O>,
    pub(crate) target: GrpcTargetLayer,
    pub(crate) attempt_timeout: Duration,
    pub(crate) deadline: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            guard: GrpcGuardLayer::new(),
            target: GrpcTargetLayer::new(),
            attempt_timeout: Duration::from_secs(10),
            deadline: None,
        }
    }
}

/// A generated client over the whole stack, and the breaker of each target.
pub(crate) fn client<O, I>(
    settings: &Settings<O>,
    channels: I,
) -> (ModelClient<impl Stack + use<O, I>>, Vec<BreakerHandle>)
where
    O: Backend + Clone + Send + Sync + 'static,
    I: IntoIterator<Item = (&'static str, Channel)>,
{
    let budget = Budget::default();
    let mut breakers = Vec::new();
    let targets = channels.into_iter().map(|(name, channel)| {
        let target = Target::new(name).unwrap();
        let policy = RetryPolicy::new()
            .tuning(&Tuning::new().scaled(0.2).unwrap())
            .budget(budget.without_deposit())
            .classify(GrpcClassify::new())
            .carry(HttpCarry);
        let breaker = BreakerLayer::adaptive()
            .for_target(&target)
            .follow(FollowTrailers::new())
            .carry(HttpCarry);
        breakers.push(breaker.handle());
        let service = ServiceBuilder::new()
            .layer(RetryLayer::new(policy))
            .layer(breaker)
            .layer(settings.guard.clone())
            .layer(settings.target.clone())
            .service(channel);
        (target, service)
    });
    let mut router = Failover::new(targets)
        .unwrap()
        .attempt_timeout(settings.attempt_timeout)
        .unwrap()
        .budget(budget.clone())
        .classify(GrpcClassify::new())
        .carry(HttpCarry);
    if let Some(limit) = settings.deadline {
        router = router.deadline(limit).unwrap();
    }
    let stack = ServiceBuilder::new()
        .layer(GrpcStatusLayer::new())
        .layer(GrpcReplayLayer::new())
        .service(router);
    (ModelClient::new(stack), breakers)
}

/// Whether the breaker has counted a failure: there is evidence, or so much that it has opened.
pub(crate) fn has_counted(breaker: &BreakerHandle) -> bool {
    let state = breaker.state();
    state.mode != Mode::Closed || state.evidence.most_fail > 0.0
}

/// What a generated client asks of the service below it.
pub(crate) trait Stack:
    GrpcService<Body, ResponseBody: Answer, Future: Send> + Clone + Send + 'static
{
}

impl<T> Stack for T where
    T: GrpcService<Body, ResponseBody: Answer, Future: Send> + Clone + Send + 'static
{
}

/// What it asks of the answers.
pub(crate) trait Answer:
    HttpBody<Data = Bytes, Error: Into<BoxError> + Send> + Send + 'static
{
}

impl<T> Answer for T where T: HttpBody<Data = Bytes, Error: Into<BoxError> + Send> + Send + 'static {}
