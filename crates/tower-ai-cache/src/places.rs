//! One copy of each place, however many answers it holds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::key::{Place, PlaceId};

/// The places that entries stand in. Forgets those without an entry whenever it has doubled.
#[derive(Default)]
pub(crate) struct Places(Mutex<Known>);

#[derive(Default)]
struct Known {
    map: HashMap<PlaceId, Weak<Place>>,
    sweep_at: usize,
}

const FIRST_SWEEP: usize = 1024;

impl Places {
    pub(crate) fn intern(&self, id: PlaceId, make: impl FnOnce() -> Arc<Place>) -> Arc<Place> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = known.map.get(&id).and_then(Weak::upgrade) {
            return place;
        }
        if known.map.len() >= known.sweep_at.max(FIRST_SWEEP) {
            known.map.retain(|_, place| place.strong_count() > 0);
            known.sweep_at = 2 * known.map.len();
        }
        let place = make();
        known.map.insert(id, Arc::downgrade(&place));
        place
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.0.lock().unwrap().map.len()
    }
}

#[cfg(test)]
mod tests {
    use tower_ai_core::{Question, Scope};

    use super::*;

    #[test]
    fn places_without_an_entry_are_forgotten() {
        let places = Places::default();
        let question = Question::new(Scope::shared(), "");
        let mut kept = Vec::new();
        for i in 0..10_000_u32 {
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&i.to_le_bytes());
            let id = PlaceId::new(bytes);
            let place = places.intern(id, || Place::new(id, &question, None, 0));
            if i % 1000 == 0 {
                kept.push(place);
            }
        }
        assert!(places.len() <= FIRST_SWEEP + kept.len(), "{}", places.len());
        let again = places.intern(kept[0].id, || unreachable!());
        assert!(Arc::ptr_eq(&again, &kept[0]));
    }
}
