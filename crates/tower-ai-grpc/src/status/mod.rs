//! Turns errors into the status that a gRPC client expects.
//!
//! A generated client gives its user a [`tonic::Status`]. tonic makes one of any error of the service below,
//! and knows neither ours nor what a broken connection means: a breaker that is open would be `UNKNOWN`, a
//! timeout or a dying server `CANCELLED`, as if the user had cancelled. [`GrpcStatusLayer`], outermost, knows:
//!
//! | error | code | beside it |
//! |---|---|---|
//! | a [`Status`](tonic::Status) that a server sent, or a service made | its own | all it had |
//! | [`Shed`](tower_ai_core::error::Shed): not sent | `UNAVAILABLE` | `grpc-retry-pushback-ms` |
//! | [`Elapsed`](tower_ai_core::error::Elapsed), [`TimeoutExpired`](tonic::TimeoutExpired) | `DEADLINE_EXCEEDED` | |
//! | [`AllFailed`](tower_ai_core::error::AllFailed) | by the last outcome, mostly `UNAVAILABLE` | which targets said what; `grpc-retry-pushback-ms` |
//! | [`Truncated`](crate::Truncated): no status at the end | `UNKNOWN`, as the specification asks | |
//! | the connection broke, or the server left | `UNAVAILABLE` | |
//! | the server reset the call | by gRPC's table of HTTP/2 reasons | |
//! | anything else | what tonic makes of it | |
//!
//! Errors of the call and of the body are turned alike; each stays the status's source.
//!
//! # Examples
//!
//! ```
//! use http::{Request, Response};
//! use tonic::Code;
//! use tonic::body::Body;
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_ai_core::BoxError;
//! use tower_ai_core::error::Shed;
//! use tower_ai_grpc::GrpcStatusLayer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let service = ServiceBuilder::new()
//!     .layer(GrpcStatusLayer::new())
//!     .service_fn(|_: Request<Body>| async {
//!         Err::<Response<Body>, BoxError>(Shed::open(None).into())
//!     });
//! let status = service.oneshot(Request::new(Body::empty())).await.unwrap_err();
//! assert_eq!(status.code(), Code::Unavailable);
//! # }
//! ```

mod convert;
mod layer;

pub use self::convert::error_status;
pub use self::layer::{GrpcStatus, GrpcStatusLayer, ResponseFuture, StatusBody};
