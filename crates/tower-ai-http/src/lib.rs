//! AI providers over HTTP: what their answers mean, how long to wait, and how to send a call elsewhere.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod replay;

pub use self::replay::try_clone_request;
pub use self::replay::{InvalidLimit, NotReplayable, Replay, ReplayBody, ReplayLayer};
