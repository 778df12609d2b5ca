//! Holds the head of an answer until its first message has come.
//!
//! Retry and failover decide at the head of an answer; gRPC says in the trailers whether it was one. The
//! guard stands below both and brings the two together:
//!
//! 1. A head is held until its first whole message, its trailers, an error, or a bound on what is held. An
//!    answer that fails before its first message is passed on as *trailers-only*: its head says everything,
//!    and carries the [`Outcome`](tower_ai_core::Outcome). A connection that breaks before it is an error of
//!    the call. Nothing was delivered yet: such a call may be tried again.
//! 2. Unary answers may be held to their trailers ([`GrpcGuardLayer::whole`]), since no caller can use the
//!    message without the status: then every failure may be tried again.
//! 3. The answer to a request that is a stream (client-streaming, bidirectional) is not held: the caller may
//!    wait for the head before it writes on, and what was written could not be sent again.
//!    [`GrpcReplayLayer`](crate::GrpcReplayLayer), above, tells which those are.
//! 4. After that everything is passed on at once, and a bad end becomes an error of the body: an end without
//!    a status or within a message is [`Truncated`](crate::Truncated), silence an
//!    [`Elapsed`](tower_ai_core::error::Elapsed).
//! 5. A `grpc-status-details-bin` that is not base64 is removed; tonic would panic over it.
//!
//! # Bounds
//!
//! At most 4 MiB and one frame of an answer are held.
//!
//! # Examples
//!
//! ```
//! use std::convert::Infallible;
//! use bytes::Bytes;
//! use http::{HeaderMap, Request, Response};
//! use http_body::Frame;
//! use http_body_util::StreamBody;
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_ai_core::Outcome;
//! use tower_ai_grpc::GrpcGuardLayer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), tower_ai_core::BoxError> {
//! let service = ServiceBuilder::new()
//!     .layer(GrpcGuardLayer::new())
//!     .service_fn(|_: Request<()>| async {
//!         let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), "14".parse().unwrap())]);
//!         let frames = [Ok::<_, Infallible>(Frame::<Bytes>::trailers(trailers))];
//!         Ok::<_, Infallible>(Response::new(StreamBody::new(tokio_stream::iter(frames))))
//!     });
//!
//! let answer = service.oneshot(Request::new(())).await?;
//! assert_eq!(answer.headers()["grpc-status"], "14", "was in the trailers");
//! assert_eq!(answer.extensions().get(), Some(&Outcome::Fault));
//! # Ok(())
//! # }
//! ```
//!
//! With clocks, and for a server with ways of its own:
//!
//! ```
//! use std::time::Duration;
//! use tower_ai_grpc::{GrpcClassify, GrpcGuardLayer, Tei};
//!
//! let layer = GrpcGuardLayer::new()
//!     .classify(GrpcClassify::backend(Tei))
//!     .whole_of(["/tei.v1.Embed/Embed"])
//!     .first_message_timeout(Duration::from_secs(10))?
//!     .stall_timeout(Duration::from_secs(20))?;
//! # let _ = layer;
//! # Ok::<(), tower_ai_grpc::InvalidGrpc>(())
//! ```

mod body;
mod framing;
mod future;
mod layer;

pub use self::body::GuardedBody;
pub use self::future::ResponseFuture;
pub use self::layer::{GrpcGuard, GrpcGuardLayer};
