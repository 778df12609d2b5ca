//! An exact and semantic cache for AI answers, safe by construction, as a tower layer.

mod key;
mod normal;
mod refuse;

pub use self::key::{Key, PlaceId};
pub use self::refuse::{Rule, Rules, Treatment};
