//! An exact and semantic cache for AI answers, safe by construction, as a tower layer.

mod entry;
pub mod error;
mod flight;
mod hit;
mod key;
mod memory;
mod normal;
mod places;
mod refuse;
mod settings;
mod state;
mod tags;

pub use self::entry::Entry;
pub use self::key::{Key, PlaceId};
pub use self::memory::Limits;
pub use self::refuse::{Rule, Rules, Treatment};
