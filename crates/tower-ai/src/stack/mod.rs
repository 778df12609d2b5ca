//! The whole stack over HTTP, assembled in the right order.

mod builder;
#[cfg(feature = "cache")]
mod cached;
mod handle;
mod invalid;
mod policy;
mod service;

pub use self::builder::StackBuilder;
#[cfg(feature = "cache")]
pub use self::cached::CachedBuilder;
pub use self::handle::StackHandle;
pub use self::invalid::InvalidStack;
pub use self::policy::StackPolicy;
pub use self::service::{ResponseFuture, Stack, StackBody};
