//! The whole stack over HTTP, assembled in the right order.

mod builder;
mod handle;
mod invalid;
mod policy;
mod service;

pub use self::builder::StackBuilder;
pub use self::handle::StackHandle;
pub use self::invalid::InvalidStack;
pub use self::policy::StackPolicy;
pub use self::service::{ResponseFuture, Stack, StackBody};
