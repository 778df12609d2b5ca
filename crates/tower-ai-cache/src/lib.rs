//! An exact and semantic cache for AI answers, safe by construction, as a tower layer.

mod key;
mod normal;

pub use self::key::{Key, PlaceId};
