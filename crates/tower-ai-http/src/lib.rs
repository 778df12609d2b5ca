//! AI providers over HTTP: what their answers mean, how long to wait, and how to send a call elsewhere.
//!
//! Everything of tower-ai that knows HTTP. The layers above it (retry, breaker, failover) see an
//! [`Outcome`](tower_ai_core::Outcome) and no status:
//!
//! - [`ReplayLayer`], once and above all attempts: makes request bodies replayable;
//! - [`TargetLayer`], one for each target, right above the client: rewrites the call for its target, reads a bad
//!   answer once and leaves its outcome beside it;
//! - [`HttpClassify`] and [`classify_head_fn`]: hand that outcome to any layer;
//! - [`FollowBody`]: settles an attempt when the body of its answer ends, breaks or is dropped;
//! - [`GatewayLayer`], above everything where the callers are HTTP's own: tells them of errors in their dialect, also
//!   within a stream;
//! - [`Answer`]: the tables of what providers' answers mean and of how long they ask us to wait, as a pure function.
//!
//! What each provider is known to say stands in [`providers`].
//!
//! No HTTP client comes with it: `TargetLayer` stands on any service of `http::Request<ReplayBody<B>>`, such as
//! hyper-util's.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod classify;
mod dialect;
pub mod follow;
pub mod gateway;
pub mod providers;
mod reading;
pub mod replay;
mod secret;
pub mod splice;
pub mod target;
mod wait;
mod wall;

pub use self::classify::{ClassifyHeadFn, Head, HttpClassify, classify_head_fn};
pub use self::dialect::Dialect;
pub use self::follow::{FollowBody, FollowedBody};
pub use self::gateway::{Gateway, GatewayBody, GatewayLayer};
pub use self::reading::Answer;
pub use self::replay::try_clone_request;
pub use self::replay::{InvalidLimit, NotReplayable, Replay, ReplayBody, ReplayLayer};
pub use self::secret::Secret;
pub use self::splice::{Continue, ContinueBody, ContinueLayer, InvalidContinue, Prefill};
pub use self::target::{Auth, InvalidTargetLayer, LayerRule, NotSent};
pub use self::target::{TargetBody, TargetLayer, TargetService};
pub use self::wall::WallTime;
