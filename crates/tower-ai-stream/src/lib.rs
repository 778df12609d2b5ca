//! The truth about streamed AI answers: server-sent events as they arrive, clocks, commit point, endings.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod body;
mod clock;
mod error;
mod event;
pub mod future;
mod guard;
mod heard;
mod layer;
mod parse;
mod service;
mod settings;
mod sieve;

pub use self::body::GuardedBody;
pub use self::clock::{Clocks, Lapse, Limits};
pub use self::error::{Broken, Ending, InvalidGuard};
pub use self::event::{Close, Event, Format, Framing, Usage};
pub use self::heard::Heard;
pub use self::layer::StreamGuardLayer;
pub use self::parse::Parser;
pub use self::service::StreamGuard;
pub use self::settings::{Commit, Malformed};
