//! An adaptive circuit breaker for AI calls, as a tower layer.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod baseline;
mod chart;
mod circuit;
pub mod error;
mod evidence;
pub mod future;
mod handle;
mod layer;
#[cfg(all(test, loom))]
mod loom_tests;
mod machine;
mod outage;
mod permit;
mod ramp;
mod rate;
mod ring;
mod rules;
mod service;
mod shed;
mod streak;
mod time;
mod word;

pub use self::error::InvalidBreaker;
pub use self::handle::{BreakerHandle, Evidence, Snapshot, Transition, Watch};
pub use self::layer::BreakerLayer;
pub use self::permit::Permit;
pub use self::service::Breaker;
