//! AI services over gRPC: outcomes from trailers, server waits, deadlines, replay, for tonic.
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
