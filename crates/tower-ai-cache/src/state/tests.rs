use std::collections::HashMap;
use std::sync::Mutex;

use proptest::prelude::*;
use tower::service_fn;
use tower_ai_core::{BoxError, Scope};

use super::*;
use crate::index::{Candidate, FlatIndex, Index};
use crate::memory::Limits;
use crate::refuse::Rules;
use crate::semantic::Semantic;

/// A flat index that remembers what it holds.
struct Watched {
    flat: FlatIndex,
    held: Mutex<HashMap<u64, (PlaceId, Key)>>,
}

impl Index for Watched {
    fn insert(&self, place: &PlaceId, entry: Indexed, vector: &[f32]) -> bool {
        let taken = self.flat.insert(place, entry, vector);
        if taken {
            self.held
                .lock()
                .unwrap()
                .insert(entry.id, (*place, entry.key));
        }
        taken
    }

    fn remove(&self, place: &PlaceId, id: u64) {
        self.flat.remove(place, id);
        self.held.lock().unwrap().remove(&id);
    }

    fn search(&self, place: &PlaceId, vector: &[f32], most: usize) -> Vec<Candidate> {
        self.flat.search(place, vector, most)
    }

    fn len(&self) -> usize {
        self.flat.len()
    }
}

fn state(limits: Limits) -> (State<u64>, Arc<Watched>) {
    let watched = Arc::new(Watched {
        flat: FlatIndex::new(limits.places),
        held: Mutex::default(),
    });
    let index = Arc::clone(&watched);
    let embedder = service_fn(|_: Vec<String>| async { Ok::<_, BoxError>(vec![vec![1.0]]) });
    let settings = Settings {
        limits,
        rules: Rules::none(),
        semantic: Some(Semantic::new(embedder).index(move |_| Arc::<Watched>::clone(&index))),
        ..Settings::default()
    };
    (State::new(settings), watched)
}

fn small() -> Limits {
    Limits {
        entries: 20,
        bytes: 40 << 10,
        ..Limits::default()
    }
}

fn lookup(state: &State<u64>, tenant: u8, text: u8, tag: u8) -> Lookup {
    let scope = Scope::tenant(tenant.to_string());
    let question = Question::new(scope, format!("question {text}")).tagged(tag.to_string());
    state.plan(state.ask(question).unwrap()).unwrap()
}

/// An angle of its own for each text.
fn vector(text: u8) -> [f32; 2] {
    let angle = f32::from(text) * 0.02;
    [angle.cos(), angle.sin()]
}

#[derive(Clone, Debug)]
enum Step {
    Keep { tenant: u8, text: u8, tag: u8 },
    Look { tenant: u8, text: u8 },
    RemoveSome,
    InvalidateTag(u8),
    InvalidateAll,
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..3_u8, 0..60_u8, 0..3_u8)
            .prop_map(|(tenant, text, tag)| Step::Keep { tenant, text, tag }),
        4 => (0..3_u8, 0..60_u8).prop_map(|(tenant, text)| Step::Look { tenant, text }),
        2 => Just(Step::RemoveSome),
        1 => (0..3_u8).prop_map(Step::InvalidateTag),
        1 => Just(Step::InvalidateAll),
        2 => Just(Step::Settle),
    ]
}

fn run(state: &State<u64>, watched: &Watched, step: &Step, now: Instant) {
    match *step {
        Step::Keep { tenant, text, tag } => {
            let lookup = lookup(state, tenant, text, tag);
            state.keep(&lookup, 1, 1500, Some(&vector(text)), now);
        }
        Step::Look { tenant, text } => {
            let lookup = lookup(state, tenant, text, 0);
            if let Exact::Fresh(hit) = state.exact(&lookup, now) {
                assert_eq!(*hit.entry.text, *lookup.question.text());
            }
        }
        Step::RemoveSome => {
            let some = watched.held.lock().unwrap().keys().next().copied();
            some.map(|id| state.store.remove_by_id(id));
        }
        Step::InvalidateTag(tag) => state.invalidate_tag(&tag.to_string()),
        Step::InvalidateAll => state.invalidate_all(),
        Step::Settle => state.store.settle(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens, once moka's pending tasks have run the index holds exactly the entries of the store.
    #[test]
    fn after_pending_tasks_index_and_store_hold_the_same(
        steps in prop::collection::vec(step(), 1..200)
    ) {
        let (state, watched) = state(small());
        let now = Instant::now();
        for step in &steps {
            run(&state, &watched, step, now);
        }
        state.store.settle();
        let held = watched.held.lock().unwrap().clone();
        prop_assert_eq!(held.len() as u64, state.store.entries());
        prop_assert_eq!(held.len(), watched.flat.len());
        prop_assert!(held.len() <= 20 && state.store.bytes() <= 40 << 10);
        for (id, (_, key)) in held {
            let Got::Now(Some(entry)) = state.store.get(&key) else {
                return Err(TestCaseError::fail("indexed, and not in the store"));
            };
            prop_assert_eq!(entry.id, id);
        }
    }

    /// An index that never forgets anything: no answer comes of what the store does not have.
    #[test]
    fn an_index_that_lags_is_checked_against_the_store(
        steps in prop::collection::vec(step(), 1..80), asked in 0..60_u8
    ) {
        struct Never(FlatIndex);
        impl Index for Never {
            fn insert(&self, place: &PlaceId, entry: Indexed, vector: &[f32]) -> bool {
                self.0.insert(place, entry, vector)
            }
            fn remove(&self, _: &PlaceId, _: u64) {}
            fn search(&self, place: &PlaceId, vector: &[f32], most: usize) -> Vec<Candidate> {
                self.0.search(place, vector, most)
            }
            fn len(&self) -> usize {
                self.0.len()
            }
        }
        let (mut state, watched) = state(small());
        if let Some(matcher) = state.matcher.as_mut().and_then(Arc::get_mut) {
            matcher.index = Arc::new(Never(FlatIndex::new(9)));
        }
        let now = Instant::now();
        for step in &steps {
            run(&state, &watched, step, now);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        for tenant in 0..3 {
            let lookup = lookup(&state, tenant, asked, 0);
            let found = runtime.block_on(state.similar(&lookup, &vector(asked)));
            if let Some(hit) = found.fresh {
                let Got::Now(Some(entry)) = state.store.get(&hit.entry.key) else {
                    return Err(TestCaseError::fail("served, and not in the store"));
                };
                prop_assert_eq!(entry.id, hit.entry.id);
                prop_assert!(state.is_usable(&entry, &lookup, now));
            }
        }
    }
}
