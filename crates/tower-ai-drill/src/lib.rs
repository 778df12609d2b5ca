//! Fake AI providers that break on purpose.

mod answer;
mod call;
mod contender;
mod dialect;
mod draw;
mod fault;
mod http1;
mod invalid;
mod log;
pub mod provider;
mod reader;
mod reply;
mod rule;
mod scale;
mod script;

pub use self::answer::{Pace, Usage, is_whole};
pub use self::call::{Call, Endpoint};
pub use self::contender::{Commit, Contender, ContenderFn, Factory, Setup, contender_fn};
pub use self::dialect::Dialect;
pub use self::fault::{Cut, Fault};
pub use self::invalid::Invalid;
pub use self::log::{End, Entry, Log};
pub use self::provider::{Capacity, Provider};
pub use self::reply::{Defect, Grade, Reply};
pub use self::rule::Rule;
pub use self::scale::Scale;
pub use self::script::{Domain, Script};
