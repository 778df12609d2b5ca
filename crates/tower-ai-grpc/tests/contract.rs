//! Each layer keeps tower's contract: readiness of the instance that is called, clones, drops.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::convert::Infallible;

use http::{Request, Response};
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok};
use tonic::body::Body;
use tower::limit::ConcurrencyLimitLayer;
use tower::util::{BoxCloneSyncService, BoxService};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_ai_grpc::{
    GrpcGuard, GrpcGuardLayer, GrpcReplay, GrpcReplayLayer, GrpcStatus, GrpcStatusLayer,
    GrpcTarget, GrpcTargetLayer, ReplayBody,
};
use tower_test::mock;

fn request() -> Request<Body> {
    Request::new(Body::empty())
}

/// The promises that all layers keep alike; the mock panics if it is called without being ready.
macro_rules! keeps_the_contract {
    ($($name:ident: $layer:expr, $inner:ty;)*) => {$(
        #[tokio::test]
        async fn $name() {
            let (mock, mut handle) = mock::pair::<Request<$inner>, Response<Body>>();
            let layered = BoxService::<Request<Body>, _, _>::new($layer.layer(mock));
            let mut service = mock::Spawn::new(layered);
            handle.allow(0);
            assert_pending!(service.poll_ready());
            handle.allow(1);
            assert!(service.is_woken());
            assert_ready_ok!(service.poll_ready());
            let future = service.call(request());
            let (_, send) = handle.next_request().await.unwrap();
            send.send_response(tonic::Status::aborted("x").into_http());
            let answer = future.await.unwrap();
            assert_eq!(answer.headers()["grpc-status"], "10");

            handle.allow(1);
            assert_ready_ok!(service.poll_ready());
            let future = service.call(request());
            let (_, send) = handle.next_request().await.unwrap();
            drop(future);
            send.send_response(Response::new(Body::empty()));

            handle.send_error("gone");
            assert_ready_err!(service.poll_ready());
        }
    )*};
}

keeps_the_contract! {
    the_guard_keeps_the_contract: GrpcGuardLayer::new(), Body;
    the_replay_keeps_the_contract: GrpcReplayLayer::new(), ReplayBody;
    the_target_keeps_the_contract: GrpcTargetLayer::new(), Body;
    the_status_keeps_the_contract: GrpcStatusLayer::new(), Body;
}

#[tokio::test]
async fn a_clone_of_a_ready_stack_becomes_ready_by_itself() {
    let stack = ServiceBuilder::new()
        .layer(GrpcStatusLayer::new())
        .layer(GrpcReplayLayer::new())
        .layer(GrpcGuardLayer::new())
        .layer(GrpcTargetLayer::new())
        .layer(ConcurrencyLimitLayer::new(1))
        .service(service_fn(|_: Request<Body>| async {
            Ok::<_, Infallible>(tonic::Status::ok("").into_http::<Body>())
        }));
    let mut ready = BoxCloneSyncService::<Request<Body>, _, _>::new(stack);
    ready.ready().await.unwrap();
    let mut clone = ready.clone();
    let waiting = tokio::spawn(async move { clone.ready().await.map(|_| ()) });
    ready.call(request()).await.unwrap();
    waiting.await.unwrap().unwrap();
}

#[test]
fn services_cross_threads_and_can_be_cloned() {
    const fn check<T: Clone + Send + Sync>() {}
    check::<GrpcStatus<GrpcReplay<GrpcGuard<GrpcTarget<()>>>>>();
    let _layers = GrpcGuardLayer::new().layer(());
}
