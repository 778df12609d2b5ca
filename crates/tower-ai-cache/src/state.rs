//! What all services of one layer share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tower_ai_core::{CacheUse, Chance, Directive, Near, Question};

use crate::check::Checks;
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
use crate::store::{Gone, Got, Store};
use crate::tags::Tags;

/// The state of a cache: one for each layer.
pub(crate) struct State<T> {
    pub(crate) settings: Settings<T>,
    pub(crate) flights: Arc<Flights<T>>,
    pub(crate) store: Arc<dyn Store<T>>,
    pub(crate) checks: Option<Checks<T>>,
    pub(crate) tags: Tags,
    pub(crate) matcher: Option<Arc<Matcher>>,
    places: Places,
    epoch: AtomicU64,
    ids: AtomicU64,
}

/// How long a store may take to find an entry.
const STORE_TIME: Duration = Duration::from_millis(250);

/// A question with what is needed to look for an equal one.
pub(crate) struct Asked {
    pub(crate) question: Question,
    pub(crate) key: Key,
    normal: String,
    epoch: u64,
    /// What the rules say; `None` while they have not looked at the text.
    verdict: Option<Cacheable>,
}

/// What the rules say of a question that may be cached.
#[derive(Clone, Copy)]
struct Cacheable {
    personal: bool,
    semantic: bool,
}

/// A question with all that is needed to look for its answer and to keep it.
pub(crate) struct Lookup {
    pub(crate) question: Question,
    pub(crate) key: Key,
    pub(crate) normal: String,
    pub(crate) semantic: bool,
    pub(crate) route: usize,
    place: PlaceId,
    personal: bool,
    epoch: u64,
    tags: Box<[(Box<str>, u64)]>,
}

impl Asked {
    /// The user that its answer is kept apart for.
    fn user(&self) -> Option<&str> {
        user_of(
            self.question.scope(),
            self.verdict.is_some_and(|v| v.personal),
        )
    }

    fn is_by_rule(&self) -> bool {
        self.question.directive() != Directive::Force
    }
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
        let promise = settings.verify.as_ref().map(|verify| verify.promise);
        let matcher = settings
            .semantic
            .as_ref()
            .map(|semantic| Arc::new(semantic.build(places, promise)));
        let index = matcher.as_ref().map(|matcher| Arc::clone(&matcher.index));
        let gone = Gone::new(move |entry: &Entry<T>| {
            if let Some(index) = &index {
                index.remove(entry.place_id(), entry.id);
            }
        });
        let store = match &settings.store {
            Some(make) => make(gone),
            None => Arc::new(Memory::new(&settings.limits, gone)),
        };
        Self {
            flights: Arc::default(),
            store,
            checks: settings.verify.clone().map(Checks::new),
            tags: Tags::default(),
            matcher,
            places: Places::default(),
            epoch: AtomicU64::new(settings.epoch),
            // Numbers of two processes over one store should not meet.
            ids: AtomicU64::new(match &settings.store {
                Some(_) => Chance::new().draw() >> 1,
                None => 0,
            }),
            settings,
        }
    }

    /// Makes ready to look for an equal question.
    ///
    /// The rules look at the text now only where its key depends on what they say. An equal text that was let in
    /// before need not be judged again: [`known`](Self::known).
    pub(crate) fn ask(&self, question: Question) -> Result<Asked, &'static str> {
        let verdict = match question.directive() {
            Directive::Skip => return Err("skip"),
            // Whoever forces the cache still does not share what is personal.
            Directive::Force => Some(Cacheable {
                personal: true,
                semantic: true,
            }),
            _ if question.scope().is_user_if_personal() => Some(self.judge(&question)?),
            _ => {
                let bypass = self.settings.rules.judge_facts(&question);
                bypass.map_or(Ok(None), |rule| Err(rule.name()))?
            }
        };
        let normal = normalise(question.text());
        if normal.is_empty() {
            return Err(Rule::TooShort.name());
        }
        let epoch = self.epoch.load(Ordering::Acquire);
        let scope = question.scope();
        let user = user_of(scope, verdict.is_some_and(|verdict| verdict.personal));
        let key = Key::of(epoch, scope.tenant_id(), user, question.frame(), &normal);
        Ok(Asked {
            question,
            key,
            normal,
            epoch,
            verdict,
        })
    }

    fn judge(&self, question: &Question) -> Result<Cacheable, &'static str> {
        match self.settings.rules.judge(question) {
            Verdict::Bypass(rule) => Err(rule.name()),
            Verdict::Cache { personal, semantic } => Ok(Cacheable { personal, semantic }),
        }
    }

    /// The entry of an equal question, if it is at hand and fresh, and the rules let this very text in when it was
    /// kept: they need not judge it again.
    pub(crate) fn known(&self, asked: &Asked, now: Instant) -> Option<Hit<T>> {
        let Got::Now(Some(entry)) = self.store.get(&asked.key) else {
            return None;
        };
        let same = entry.by_rule == asked.is_by_rule() && *entry.text == *asked.question.text();
        let usable =
            same && self.may_answer(&entry, &asked.question, asked.user(), asked.epoch, now);
        (usable && entry.freshness(now) == Freshness::Fresh)
            .then(|| Hit::new(entry, CacheUse::Exact))
    }

    /// Makes a look-up of a question, if it may be cached.
    pub(crate) fn plan(&self, asked: Asked) -> Result<Lookup, &'static str> {
        let Cacheable { personal, semantic } = match asked.verdict {
            Some(verdict) => verdict,
            None => self.judge(&asked.question)?,
        };
        let Asked {
            question,
            key,
            normal,
            epoch,
            ..
        } = asked;
        let user = user_of(question.scope(), personal);
        let matcher = self.matcher.as_ref();
        Ok(Lookup {
            key,
            place: PlaceId::of(&question, user, epoch),
            route: matcher.map_or(0, |matcher| matcher.routes.find(question.route())),
            tags: self.tags.counted(question.tags()),
            question,
            normal,
            semantic,
            personal,
            epoch,
        })
    }

    /// Looks for an equal question that has been answered, as far as the store has it at hand.
    pub(crate) fn exact(&self, lookup: &Lookup, now: Instant) -> Exact<T> {
        match self.store.get(&lookup.key) {
            Got::Now(entry) => self.read(entry, lookup, now),
            Got::Later(_) => Exact::Nothing,
        }
    }

    /// The same, if the store has to ask; nothing if it has it at hand.
    pub(crate) async fn exact_later(&self, lookup: &Lookup) -> Exact<T> {
        match self.store.get(&lookup.key) {
            Got::Now(_) => Exact::Nothing,
            Got::Later(asking) => {
                let entry = timeout(STORE_TIME, asking).await.ok().flatten();
                self.read(entry, lookup, Instant::now())
            }
        }
    }

    /// What the entry under a key is worth.
    fn read(&self, entry: Option<Arc<Entry<T>>>, lookup: &Lookup, now: Instant) -> Exact<T> {
        let Some(entry) = entry else {
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
                self.store.remove(&entry.key, entry.id);
                Exact::Nothing
            }
        }
    }

    /// Looks for a question of the same meaning, among the nearest in order.
    pub(crate) async fn similar(&self, lookup: &Lookup, vector: &[f32]) -> Similar<T> {
        let mut found = Similar::default();
        let Some(matcher) = &self.matcher else {
            return found;
        };
        for candidate in matcher.index.search(&lookup.place, vector, TOP) {
            // The index may lag: what counts is what the store has.
            let id = candidate.entry.id;
            let (entry, tells) = match self.store.get(&candidate.entry.key) {
                Got::Now(entry) => (entry, true),
                Got::Later(asking) => (timeout(STORE_TIME, asking).await.ok().flatten(), false),
            };
            let Some(entry) = entry.filter(|entry| entry.id == id) else {
                // A store that has to ask does not tell what leaves it.
                if !tells {
                    matcher.index.remove(&lookup.place, id);
                }
                continue;
            };
            let now = Instant::now();
            let freshness = entry.freshness(now);
            if freshness == Freshness::Gone || !self.is_usable(&entry, lookup, now) {
                continue;
            }
            let score = candidate.score.min(1.0);
            let stale = freshness == Freshness::Stale;
            let (asked, route) = (lookup.question.text(), lookup.route);
            let judge = |stale| matcher.judge(asked, &entry.text, score, route, stale);
            let hit = |near| Hit {
                near,
                ..Hit::new(Arc::clone(&entry), CacheUse::Semantic { score })
            };
            match judge(stale) {
                Ok(()) if !stale => {
                    matcher.routes.count_hit(route);
                    found.fresh = Some(hit(found.near));
                    break;
                }
                Ok(()) => found.stale = found.stale.or_else(|| Some(hit(found.near).stale())),
                Err(guard) => {
                    found.near = found.near.or(Some(Near::new(score, guard)));
                    if found.stale.is_none() && judge(true).is_ok() {
                        found.stale = Some(hit(found.near).stale());
                    }
                }
            }
        }
        found
    }

    fn is_usable(&self, entry: &Entry<T>, lookup: &Lookup, now: Instant) -> bool {
        self.may_answer(entry, &lookup.question, lookup.user(), lookup.epoch, now)
    }

    /// Whether an entry may answer a question, its text aside: same place, no tag void, not too old.
    fn may_answer(
        &self,
        entry: &Entry<T>,
        question: &Question,
        user: Option<&str>,
        epoch: u64,
        now: Instant,
    ) -> bool {
        entry.place.is_of(question, user, epoch)
            && self.tags.hold(&entry.tags)
            && question.max_age().is_none_or(|most| entry.age(now) <= most)
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
            by_rule: question.directive() != Directive::Force,
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
        self.store.put(Arc::clone(&entry));
        Some(entry)
    }

    /// Makes everything that is kept, or is being asked for now, unreachable.
    pub(crate) fn invalidate_all(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.store.clear();
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

#[cfg(test)]
mod tests;
