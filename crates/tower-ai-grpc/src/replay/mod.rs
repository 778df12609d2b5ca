//! Makes gRPC requests that can be sent again, or elsewhere.
//!
//! A request body is read once; a second attempt needs it again. [`GrpcReplayLayer`] stands above the layers
//! that make attempts, turns any body into a [`ReplayBody`], which is `Clone`, and:
//!
//! 1. takes a body in that is all there, up to a limit of bytes: that of every unary and server-streaming
//!    method, since tonic encodes its one message at once. Its clones are counted references.
//! 2. passes a body on that is still being written (client-streaming, bidirectional), or too large, as a
//!    stream that is sent once. As long as nothing of it has gone out, it can still be sent: a target that
//!    was not reached costs nothing. After that, [`GrpcTargetLayer`](crate::GrpcTargetLayer) sends it nowhere
//!    again: a second attempt ends in [`NotReplayable`](crate::NotReplayable), an
//!    [`Outcome::Shed`](tower_ai_core::Outcome::Shed), which costs neither an attempt nor budget, and leaves
//!    the caller the answer of the first. The guard makes a failure of such a request one that is not worth a
//!    wait at the same target ([`Outcome::TimedOut`](tower_ai_core::Outcome::TimedOut)).
//! 3. counts the caller's `grpc-timeout` ([`tonic::Request::set_timeout`]) from here on, as the deadline of
//!    the call over all attempts.
//!
//! # Bounds
//!
//! At most the limit (1 MiB) and one message of the caller's are kept of a request.
//!
//! # Examples
//!
//! ```
//! use http::{Request, Response};
//! use http_body_util::{BodyExt, Full};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_ai_core::BoxError;
//! use tower_ai_grpc::{GrpcReplayLayer, ReplayBody};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let twice = ServiceBuilder::new()
//!     .layer(GrpcReplayLayer::new())
//!     .service_fn(|request: Request<ReplayBody>| async move {
//!         let again = request.body().clone();
//!         let first = request.into_body().collect().await?.to_bytes();
//!         assert_eq!(first, again.collect().await?.to_bytes());
//!         Ok::<_, BoxError>(Response::new(first))
//!     });
//! let answer = twice.oneshot(Request::new(Full::from("a prompt"))).await?;
//! assert_eq!(answer.into_body(), "a prompt");
//! # Ok(())
//! # }
//! ```
//!
//! With another limit:
//!
//! ```
//! use tower_ai_grpc::GrpcReplayLayer;
//!
//! let layer = GrpcReplayLayer::with_limit(64 * 1024)?;
//! assert!(GrpcReplayLayer::with_limit(0).is_err(), "nothing could ever be sent again");
//! # let _ = layer;
//! # Ok::<(), tower_ai_grpc::InvalidGrpc>(())
//! ```

mod body;
mod layer;

pub(crate) use self::body::Once;
pub use self::body::ReplayBody;
pub(crate) use self::layer::CallEnd;
pub use self::layer::{GrpcReplay, GrpcReplayLayer, ResponseFuture};
