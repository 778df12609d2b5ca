//! AI services over gRPC: outcomes from trailers, server waits, deadlines, replay, for tonic.
//!
//! A gRPC answer begins with HTTP 200, whatever comes of it: whether it was one is said in the trailers. A
//! breaker that looks at the HTTP status sees a healthy server until the end of all days, and a retry that
//! looks at the head of an answer never retries. This crate tells the other layers of tower-ai what they
//! need to know, for any service that speaks gRPC over `http` types, tonic's `Channel` first of all:
//!
//! - [`GrpcClassify`] and [`FollowTrailers`] read the status wherever it stands: in the trailers, in the head,
//!   or nowhere (the answer was cut);
//! - [`GrpcGuardLayer`] holds the head of an answer to its first message, so that a failure before it is one
//!   that retry and failover see; after it, every bad end is an error ([`mod@guard`]);
//! - [`GrpcReplayLayer`] makes requests that can be sent again ([`mod@replay`]);
//! - [`GrpcTargetLayer`] sends each attempt what is left of the deadline ([`mod@target`]);
//! - [`GrpcStatusLayer`] turns our errors into the [`tonic::Status`] that a generated client's user expects
//!   ([`mod@status`]).
//!
//! # The stack
//!
//! A generated client runs over all of it with no change but its constructor:
//!
//! ```text
//!  ModelClient::new(
//!      GrpcStatusLayer         errors become statuses
//!      GrpcReplayLayer         requests can be sent again
//!      Failover                one stack per target:
//!          RetryLayer              with GrpcClassify
//!          BreakerLayer            with FollowTrailers
//!          GrpcGuardLayer          holds heads, watches bodies
//!          GrpcTargetLayer         deadline, attempts, key
//!              Channel
//!  )
//! ```
//!
//! ```
//! use tonic::body::Body;
//! use tonic::client::Grpc;
//! use tonic::transport::Channel;
//! use tower::ServiceBuilder;
//! use tower_ai_breaker::BreakerLayer;
//! use tower_ai_core::{Budget, HttpCarry, Target};
//! use tower_ai_failover::Failover;
//! use tower_ai_grpc::{
//!     FollowTrailers, GrpcClassify, GrpcGuardLayer, GrpcReplayLayer, GrpcStatusLayer, GrpcTargetLayer,
//! };
//! use tower_ai_retry::{RetryLayer, RetryPolicy};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let budget = Budget::default();
//! let retry = RetryPolicy::new()
//!     .budget(budget.without_deposit())
//!     .classify(GrpcClassify::new())
//!     .carry(HttpCarry);
//! let breaker = BreakerLayer::adaptive().follow(FollowTrailers::new()).carry(HttpCarry);
//!
//! let targets = [("http://10.0.0.1:8001", "main"), ("http://10.0.0.2:8001", "backup")];
//! let targets = targets.into_iter().map(|(endpoint, name)| {
//!     let target = Target::new(name)?;
//!     let service = ServiceBuilder::new()
//!         .layer(RetryLayer::new(retry.clone()))
//!         .layer(breaker.for_target(&target))
//!         .layer(GrpcGuardLayer::new())
//!         .layer(GrpcTargetLayer::new())
//!         .service(Channel::from_static(endpoint).connect_lazy());
//!     Ok((target, service))
//! });
//! let targets: Vec<_> = targets.collect::<Result<_, tower_ai_core::InvalidTarget>>()?;
//! let router = Failover::new(targets)?
//!     .budget(budget)
//!     .classify(GrpcClassify::new())
//!     .carry(HttpCarry);
//! let stack = ServiceBuilder::new()
//!     .layer(GrpcStatusLayer::new())
//!     .layer(GrpcReplayLayer::new())
//!     .service(router);
//!
//! // What a generated client is: `ModelClient::new(stack)`.
//! let client = Grpc::new(stack);
//! # fn runs<S: tonic::client::GrpcService<Body> + Clone + Send>(_: Grpc<S>) {}
//! # runs(client);
//! # Ok(())
//! # }
//! ```
//!
//! # What an answer means
//!
#![doc = include_str!("docs/table.md")]
//!
//! An answer that names a wait (`grpc-retry-pushback-ms`, else `RetryInfo` in `grpc-status-details-bin`) has it
//! in its outcome; a `Fault` that names one is an `Overloaded`. A pushback that is negative or no number says
//! not to try again *here*: a failure becomes `TimedOut`, which is never retried at the same target, and a
//! `Conflict` the caller's. What each outcome means for each layer stands in
//! [`Outcome::advice`](tower_ai_core::Outcome::advice). A server that means something else by a status is a
//! [`Backend`]: [`Tei`], [`Triton`], or a closure ([`backend_fn`]).
//!
//! # What may be retried
//!
//! gRFC A6 has the rules of gRPC's own retries. This crate and the retry and failover layers keep to them, but:
//!
#![doc = include_str!("docs/retries.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
mod backend;
mod classify;
mod details;
mod error;
mod follow;
pub mod guard;
pub mod replay;
pub mod status;
mod table;
pub mod target;
mod timeout;
mod wire;

pub use self::answer::Answer;
pub use self::backend::{Backend, BackendFn, Tei, Triton, backend_fn};
pub use self::classify::GrpcClassify;
pub use self::error::{InvalidGrpc, NotReplayable, Truncated, error_outcome};
pub use self::follow::{FollowTrailers, FollowedBody};
pub use self::guard::{GrpcGuard, GrpcGuardLayer, GuardedBody};
pub use self::replay::{GrpcReplay, GrpcReplayLayer, ReplayBody};
pub use self::status::{GrpcStatus, GrpcStatusLayer, StatusBody, error_status};
pub use self::target::{GrpcTarget, GrpcTargetLayer};
