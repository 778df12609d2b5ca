//! What all services of one layer share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;
use tower_ai_core::{CacheUse, Directive, Near, Question};

use crate::entry::{Entry, Freshness};
use crate::flight::Flights;
use crate::hit::Hit;
use crate::index::Indexed;
use crate::key::{Key, Place, PlaceId, user_of};
use crate::memory::Memory;
use crate::normal::normalise;
use crate::places::Places;
use crate::refuse::{Rule, Verdict};
use crate::semantic::{Matcher, TOP};
use crate::settings::Settings;
use crate::tags::Tags;

/// The state of a cache: one for each layer.
pub(crate) struct State<T> {
    pub(crate) settings: Settings<T>,
    pub(crate) flights: Arc<Flights<T>>,
    pub(crate) memory: Memory<T>,
    pub(crate) tags: Tags,
    pub(crate) matcher: Option<Arc<Matcher>>,
    places: Places,
    epoch: AtomicU64,
    ids: AtomicU64,
}

/// A question with all that is needed to look for its answer and to keep it.
pub(crate) struct Lookup {
    pub(crate) question: Question,
    pub(crate) key: Key,
    pub(crate) normal: String,
    pub(crate) semantic: bool,
    place: PlaceId,
    personal: bool,
    epoch: u64,
    tags: Box<[(Box<str>, u64)]>,
}

impl Lookup {
    fn user(&self) -> Option<&str> {
        user_of(self.question.scope(), self.personal)
    }
}

/// What the semantic tier found.
pub(crate) struct Similar<T> {
    pub(crate) fresh: Option<Hit<T>>,
    /// What may stand in for a failure.
    pub(crate) stale: Option<Hit<T>>,
    /// The nearest that was not taken.
    pub(crate) near: Option<Near>,
}

impl<T> Default for Similar<T> {
    fn default() -> Self {
        Self {
            fresh: None,
            stale: None,
            near: None,
        }
    }
}

/// What the exact tier found.
pub(crate) enum Exact<T> {
    Fresh(Hit<T>),
    Stale(Hit<T>),
    Nothing,
}

impl<T: Send + Sync + 'static> State<T> {
    pub(crate) fn new(settings: Settings<T>) -> Self {
        let places = settings.limits.places;
        let matcher = settings
            .semantic
            .as_ref()
            .map(|semantic| Arc::new(semantic.build(places)));
        let index = matcher.as_ref().map(|matcher| Arc::clone(&matcher.index));
        let memory = Memory::new(&settings.limits, move |entry: &Entry<T>| {
            if let Some(index) = &index {
                index.remove(entry.place_id(), entry.id);
            }
        });
        Self {
            settings,
            flights: Arc::default(),
            memory,
            tags: Tags::default(),
            matcher,
            places: Places::default(),
            epoch: AtomicU64::new(0),
            ids: AtomicU64::new(0),
        }
    }

    /// Judges a question, and makes a look-up of it if it may be cached.
    pub(crate) fn plan(&self, question: Question) -> Result<Lookup, &'static str> {
        let (personal, semantic) = match question.directive() {
            Directive::Skip => return Err("skip"),
            // Whoever forces the cache still does not share what is personal.
            Directive::Force => (true, true),
            _ => match self.settings.rules.judge(&question) {
                Verdict::Bypass(rule) => return Err(rule.name()),
                Verdict::Cache { personal, semantic } => (personal, semantic),
            },
        };
        let normal = normalise(question.text());
        if normal.is_empty() {
            return Err(Rule::TooShort.name());
        }
        let epoch = self.epoch.load(Ordering::Acquire);
        let user = user_of(question.scope(), personal);
        let place = PlaceId::of(&question, user, epoch);
        Ok(Lookup {
            key: Key::of(&place, &normal),
            tags: self.tags.counted(question.tags()),
            question,
            normal,
            semantic,
            place,
            personal,
            epoch,
        })
    }

    /// Looks for an equal question that has been answered.
    pub(crate) fn exact(&self, lookup: &Lookup, now: Instant) -> Exact<T> {
        let Some(entry) = self.memory.get(&lookup.key) else {
            return Exact::Nothing;
        };
        // The hash is not trusted: what was stored must be what is asked.
        if *entry.normal != *lookup.normal || !self.is_usable(&entry, lookup, now) {
            return Exact::Nothing;
        }
        match entry.freshness(now) {
            Freshness::Fresh => Exact::Fresh(Hit::new(entry, CacheUse::Exact)),
            Freshness::Stale => Exact::Stale(Hit::new(entry, CacheUse::Exact).stale()),
            Freshness::Gone => {
                self.memory.remove(&entry);
                Exact::Nothing
            }
        }
    }

    /// Looks for a question of the same meaning, among the nearest in order.
    pub(crate) fn similar(&self, lookup: &Lookup, vector: &[f32], now: Instant) -> Similar<T> {
        let mut found = Similar::default();
        let Some(matcher) = &self.matcher else {
            return found;
        };
        for candidate in matcher.index.search(&lookup.place, vector, TOP) {
            // The index may lag: what counts is what the store has.
            let entry = self.memory.get(&candidate.entry.key);
            let Some(entry) = entry.filter(|entry| entry.id == candidate.entry.id) else {
                continue;
            };
            let freshness = entry.freshness(now);
            if freshness == Freshness::Gone || !self.is_usable(&entry, lookup, now) {
                continue;
            }
            let score = candidate.score.min(1.0);
            let stale = freshness == Freshness::Stale;
            let judge = |stale| matcher.judge(lookup.question.text(), &entry.text, score, stale);
            let hit = || Hit::new(Arc::clone(&entry), CacheUse::Semantic { score });
            match judge(stale) {
                Ok(()) if !stale => {
                    found.fresh = Some(hit());
                    break;
                }
                Ok(()) => found.stale = found.stale.or_else(|| Some(hit().stale())),
                Err(guard) => {
                    found.near = found.near.or(Some(Near::new(score, guard)));
                    if found.stale.is_none() && judge(true).is_ok() {
                        found.stale = Some(hit().stale());
                    }
                }
            }
        }
        found
    }

    /// Whether an entry may answer a question, its text aside: same place, no tag void, not too old.
    pub(crate) fn is_usable(&self, entry: &Entry<T>, lookup: &Lookup, now: Instant) -> bool {
        entry
            .place
            .is_of(&lookup.question, lookup.user(), lookup.epoch)
            && self.tags.hold(&entry.tags)
            && lookup
                .question
                .max_age()
                .is_none_or(|most| entry.age(now) <= most)
    }

    /// Keeps an answer. `None` if its life is over before it begins.
    pub(crate) fn keep(
        &self,
        lookup: &Lookup,
        stored: T,
        weight: usize,
        vector: Option<&[f32]>,
        now: Instant,
    ) -> Option<Arc<Entry<T>>> {
        let fresh = (self.settings.life)(&lookup.question, &stored)?;
        let question = &lookup.question;
        let place = self.places.intern(lookup.place, || {
            Place::new(lookup.place, question, lookup.user(), lookup.epoch)
        });
        let bytes = size_of::<Entry<T>>()
            + weight
            + place.bytes()
            + question.text().len()
            + lookup.normal.len()
            + vector.map_or(0, |vector| 4 * vector.len() + 128);
        let entry = Arc::new(Entry {
            id: self.ids.fetch_add(1, Ordering::Relaxed),
            key: lookup.key,
            place,
            text: question.text().into(),
            normal: lookup.normal.as_str().into(),
            stored,
            born: now,
            fresh,
            stale: self.settings.stale.unwrap_or_default(),
            tags: lookup.tags.clone(),
            bytes,
        });
        // First the index: were the entry evicted in between, its removal would come too early.
        if let (Some(matcher), Some(vector)) = (&self.matcher, vector) {
            let indexed = Indexed {
                id: entry.id,
                key: entry.key,
            };
            matcher.index.insert(&lookup.place, indexed, vector);
        }
        self.memory.put(Arc::clone(&entry));
        Some(entry)
    }

    /// Makes everything that is kept, or is being asked for now, unreachable.
    pub(crate) fn invalidate_all(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.memory.clear();
    }

    pub(crate) fn invalidate_tag(&self, tag: &str) {
        if !self.tags.invalidate(tag) {
            self.invalidate_all();
        }
    }
}

impl<T> fmt::Debug for State<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("settings", &self.settings)
            .field("flights", &self.flights)
            .finish_non_exhaustive()
    }
}
