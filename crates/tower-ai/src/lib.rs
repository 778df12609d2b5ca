// The first definition of a link counts: the README's own is relative, which docs.rs cannot follow.
#![doc = "[drill-picture]: https://raw.githubusercontent.com/tower-ai/tower-ai/main/docs/drill.png\n"]
#![doc = include_str!("../README.md")]
#![doc = include_str!("../docs/modes.md")]
//!
//! # Features
//!
//! Each module is a crate of its own that stands alone; a feature of the same name brings it in here.
//!
//! - `stack` (default): all of the following but the cache, and [`Stack`], which assembles them in the right order;
//! - `retry`, `breaker`, `failover`: layers for any service and any types;
//! - `stream`: the truth about streamed answers: clocks, commit point, endings;
//! - `http`: what AI providers' HTTP answers mean, replay, endpoint rewriting;
//! - `cache`, which `stack` leaves out: answers of before, and `StackBuilder::cached`, which puts it on top.
//!
//! Before it meets real calls: the [`guide`], with all defaults in one table, what each outcome does, why an SDK's own
//! retries belong switched off, and when a call may be billed twice.
//!
//! The words that all layers share ([`Outcome`], [`Target`], [`Budget`] and so on) are always here.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod guide;
#[cfg(feature = "stack")]
mod stack;

pub use tower_ai_core::*;

#[cfg(all(feature = "cache", feature = "stack"))]
pub use self::stack::CachedBuilder;
#[cfg(feature = "stack")]
pub use self::stack::{
    InvalidStack, ResponseFuture, Stack, StackBody, StackBuilder, StackHandle, StackPolicy,
};

#[cfg(feature = "breaker")]
pub use tower_ai_breaker as breaker;
#[cfg(feature = "cache")]
pub use tower_ai_cache as cache;
pub use tower_ai_core as core;
#[cfg(feature = "failover")]
pub use tower_ai_failover as failover;
#[cfg(feature = "http")]
pub use tower_ai_http as http;
#[cfg(feature = "retry")]
pub use tower_ai_retry as retry;
#[cfg(feature = "stream")]
pub use tower_ai_stream as stream;
