//! The truth about streamed AI answers: server-sent events as they arrive, clocks, commit point, endings.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod event;
mod parse;

pub use self::event::{Close, Event, Format, Framing, Usage};
pub use self::parse::Parser;
