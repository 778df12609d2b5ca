//! The crates of tower-ai under one roof.
//!
//! - [`core`]: the words that all layers share, re-exported here whole;
//! - [`retry`], [`breaker`], [`failover`]: layers for any service and any types;
//! - [`http`]: what AI providers' HTTP answers mean, replay, endpoint rewriting;
//! - [`Stack`]: all of it, assembled in the right order.
//!
//! Each module is a crate of its own that stands alone; a feature of the same name brings it in here.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "stack")]
mod stack;

pub use tower_ai_core::*;

#[cfg(feature = "stack")]
pub use self::stack::{InvalidStack, ResponseFuture, Stack, StackBody, StackBuilder, StackHandle};

#[cfg(feature = "breaker")]
pub use tower_ai_breaker as breaker;
pub use tower_ai_core as core;
#[cfg(feature = "failover")]
pub use tower_ai_failover as failover;
#[cfg(feature = "http")]
pub use tower_ai_http as http;
#[cfg(feature = "retry")]
pub use tower_ai_retry as retry;
