//! AI providers over HTTP: what their answers mean, how long to wait, and how to send a call elsewhere.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod classify;
mod dialect;
pub mod follow;
mod reading;
pub mod replay;
mod secret;
pub mod target;
mod wait;
mod wall;

pub use self::classify::{ClassifyHeadFn, Head, HttpClassify, classify_head_fn};
pub use self::dialect::Dialect;
pub use self::follow::{FollowBody, FollowedBody};
pub use self::reading::Answer;
pub use self::replay::try_clone_request;
pub use self::replay::{InvalidLimit, NotReplayable, Replay, ReplayBody, ReplayLayer};
pub use self::secret::Secret;
pub use self::target::{Auth, InvalidTargetLayer, LayerRule, NotSent};
pub use self::target::{TargetBody, TargetLayer, TargetService};
pub use self::wall::WallTime;
