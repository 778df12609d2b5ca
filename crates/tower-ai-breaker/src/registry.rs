//! The circuits of a keyed breaker: found without waiting for others, bounded, and dropped when idle.
//!
//! A table in 32 parts, each under a read-write lock of its own. A call whose key is known hashes it once, takes a
//! read lock for the look-up, and leaves a stamp of when that was. Whoever changes the table (a new key, an idle
//! one) holds the *hand* as well, so that there is one at a time; it looks around under read locks, and takes a
//! write lock only for the moment of the change itself.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hashbrown::HashTable;
use tokio::time::Instant;
use tower_ai_core::Mode;

use crate::circuit::Circuit;
use crate::rules::Settings;
use crate::time::{Clock, Nanos, nanos};

/// The parts of the table.
const SHARDS: usize = 32;

/// The time after which a circuit is idle, in ticks: the unit of stamps and of sweeps.
const IDLE_TICKS: u32 = 1024;

/// How many circuits are looked at for one that may go, before the oldest of those goes.
const SAMPLE: usize = 16;

/// The circuits of all keys.
pub(crate) struct Registry<Key> {
    settings: Settings,
    limit: usize,
    hasher: RandomState,
    shards: Box<[RwLock<Shard<Key>>]>,
    clock: Clock,
    tick: Nanos,
    len: AtomicUsize,
    /// The tick of the last sweep.
    swept: AtomicU32,
    evicted: AtomicU64,
    hand: Mutex<Place>,
}

/// One part of the table. Entries lie side by side, so that a hand can go around them; `index` has their places.
struct Shard<Key> {
    index: HashTable<usize>,
    entries: Vec<Entry<Key>>,
}

struct Entry<Key> {
    hash: u64,
    key: Key,
    /// The tick of the last call.
    used: AtomicU32,
    circuit: Arc<Circuit>,
}

/// Where an entry is, as long as the hand is held.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    shard: usize,
    entry: usize,
}

impl<Key> Registry<Key> {
    pub(crate) fn new(settings: Settings, limit: usize) -> Arc<Self> {
        let idle = nanos(settings.tuning.keys_idle);
        Arc::new(Self {
            settings,
            limit,
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| RwLock::new(Shard::new())).collect(),
            clock: Clock::starting(Instant::now()),
            tick: (idle / u64::from(IDLE_TICKS)).max(1),
            len: AtomicUsize::new(0),
            swept: AtomicU32::new(0),
            evicted: AtomicU64::new(0),
            hand: Mutex::new(Place::default()),
        })
    }

    pub(crate) const fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    pub(crate) const fn limit(&self) -> usize {
        self.limit
    }

    /// How many circuits had to go because of the limit.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// What `f` makes of each key and mode.
    pub(crate) fn map<R>(&self, mut f: impl FnMut(&Key, Mode) -> R) -> Vec<R> {
        let mut all = Vec::with_capacity(self.len());
        for shard in &self.shards {
            let entries = &read(shard).entries;
            all.extend(entries.iter().map(|e| f(&e.key, e.circuit.mode())));
        }
        all
    }

    /// A stamp for a moment; stamps wrap, and only how far they are apart is asked.
    #[expect(clippy::cast_possible_truncation, reason = "wraps on purpose")]
    fn stamp(&self, now: Instant) -> u32 {
        (self.clock.at(now) / self.tick) as u32
    }

    fn shard(&self, hash: u64) -> usize {
        // The table uses the lowest and the highest bits.
        (hash >> 32) as usize % self.shards.len()
    }

    fn hand(&self) -> MutexGuard<'_, Place> {
        self.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an entry out. The hand must be held since its place was found.
    fn take_out(&self, place: Place) {
        let entry = write(&self.shards[place.shard]).take_out(place.entry);
        self.len.fetch_sub(1, Ordering::Relaxed);
        // Without the lock: a key's drop is other people's code.
        drop(entry);
    }

    /// Makes room for one more: of some that are at rest, the one goes that was not used for longest.
    fn evict(&self, hand: &mut Place, now: u32) {
        let (mut at_rest, mut all) = (Oldest::default(), Oldest::default());
        let (mut seen, everything) = (0, self.len());
        while seen < everything && (seen < SAMPLE || at_rest.place.is_none()) {
            let shard = read(&self.shards[hand.shard]);
            let Some(entry) = shard.entries.get(hand.entry) else {
                *hand = self.next_shard(hand.shard);
                continue;
            };
            let age = entry.age(now);
            all.see(*hand, age);
            if entry.circuit.is_at_rest() {
                at_rest.see(*hand, age);
            }
            hand.entry += 1;
            seen += 1;
        }
        if let Some(place) = at_rest.place.or(all.place) {
            self.take_out(place);
            self.evicted.fetch_add(1, Ordering::Relaxed);
        }
    }

    const fn next_shard(&self, shard: usize) -> Place {
        Place {
            shard: (shard + 1) % self.shards.len(),
            entry: 0,
        }
    }

    /// Drops some of the circuits that are idle: all are looked at in the course of half the idle time.
    #[cold]
    fn sweep(&self, now: Instant, stamp: u32) {
        let Ok(mut hand) = self.hand.try_lock() else {
            return;
        };
        let ticks = after(stamp, self.swept.load(Ordering::Relaxed));
        if ticks == 0 {
            // Somebody else was here just now.
            return;
        }
        self.swept.store(stamp, Ordering::Relaxed);
        let part = self.len() as u64 * 2 / u64::from(IDLE_TICKS) + 4;
        let mut looks = part * u64::from(ticks.min(IDLE_TICKS));
        let mut shards = 0;
        while looks > 0 && shards <= self.shards.len() {
            let idle = self.next_idle(&mut hand, &mut looks, now, stamp);
            match idle {
                Some(place) => self.take_out(place),
                None if looks > 0 => {
                    *hand = self.next_shard(hand.shard);
                    shards += 1;
                }
                None => {}
            }
        }
    }

    /// The next idle circuit of the shard at hand.
    fn next_idle(
        &self,
        hand: &mut Place,
        looks: &mut u64,
        now: Instant,
        stamp: u32,
    ) -> Option<Place> {
        let shard = read(&self.shards[hand.shard]);
        while *looks > 0 {
            let entry = shard.entries.get(hand.entry)?;
            *looks -= 1;
            if entry.age(stamp) > IDLE_TICKS && entry.circuit.may_be_forgotten(now) {
                return Some(*hand);
            }
            hand.entry += 1;
        }
        None
    }
}

impl<Key: Eq + Hash> Registry<Key> {
    /// The circuit of a key, which is made if there is none.
    pub(crate) fn circuit(&self, key: Key, now: Instant) -> Arc<Circuit> {
        let hash = self.hasher.hash_one(&key);
        let stamp = self.stamp(now);
        let found = {
            let shard = read(&self.shards[self.shard(hash)]);
            let entry = shard.find(hash, |other| *other == key);
            entry.map(|entry| entry.touch(stamp))
        };
        if after(stamp, self.swept.load(Ordering::Relaxed)) > 0 {
            self.sweep(now, stamp);
        }
        found.unwrap_or_else(|| self.make(hash, key, stamp))
    }

    /// The circuit of a key, if there is one.
    pub(crate) fn get<Q>(&self, key: &Q) -> Option<Arc<Circuit>>
    where
        Key: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        let shard = read(&self.shards[self.shard(hash)]);
        let entry = shard.find(hash, |other| other.borrow() == key)?;
        Some(Arc::clone(&entry.circuit))
    }

    /// Drops the circuit of a key; calls under way end as if it were still there.
    pub(crate) fn remove<Q>(&self, key: &Q) -> bool
    where
        Key: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let _hand = self.hand();
        let hash = self.hasher.hash_one(key);
        let shard = self.shard(hash);
        let place = read(&self.shards[shard]).place(hash, |other| other.borrow() == key);
        let found = place.map(|entry| Place { shard, entry });
        found.inspect(|place| self.take_out(*place)).is_some()
    }

    #[cold]
    fn make(&self, hash: u64, key: Key, stamp: u32) -> Arc<Circuit> {
        let mut hand = self.hand();
        let shard = &self.shards[self.shard(hash)];
        // Somebody else may have made it just now.
        if let Some(entry) = read(shard).find(hash, |other| *other == key) {
            return entry.touch(stamp);
        }
        if self.len() >= self.limit {
            self.evict(&mut hand, stamp);
        }
        let settings = Settings {
            seed: self.settings.seed.map(|seed| seed ^ stable_hash(&key)),
            ..self.settings
        };
        let circuit = Circuit::new(settings, None);
        let entry = Entry {
            hash,
            key,
            used: AtomicU32::new(stamp),
            circuit: Arc::clone(&circuit),
        };
        write(shard).put(entry);
        self.len.fetch_add(1, Ordering::Relaxed);
        circuit
    }
}

impl<Key> Shard<Key> {
    const fn new() -> Self {
        Self {
            index: HashTable::new(),
            entries: Vec::new(),
        }
    }

    fn place(&self, hash: u64, is: impl Fn(&Key) -> bool) -> Option<usize> {
        let is_it = |&place: &usize| {
            let entry = &self.entries[place];
            entry.hash == hash && is(&entry.key)
        };
        self.index.find(hash, is_it).copied()
    }

    fn find(&self, hash: u64, is: impl Fn(&Key) -> bool) -> Option<&Entry<Key>> {
        let place = self.place(hash, is)?;
        Some(&self.entries[place])
    }

    fn put(&mut self, entry: Entry<Key>) {
        let (hash, place) = (entry.hash, self.entries.len());
        self.entries.push(entry);
        let entries = &self.entries;
        self.index
            .insert_unique(hash, place, |&place| entries[place].hash);
    }

    /// Takes an entry out; the last one takes its place.
    fn take_out(&mut self, place: usize) -> Entry<Key> {
        let last = self.entries.len() - 1;
        let hashes = [self.entries[place].hash, self.entries[last].hash];
        if let Ok(found) = self.index.find_entry(hashes[0], |&other| other == place) {
            found.remove();
        }
        if let Some(moved) = self.index.find_mut(hashes[1], |&other| other == last) {
            *moved = place;
        }
        self.entries.swap_remove(place)
    }
}

impl<Key> Entry<Key> {
    fn touch(&self, stamp: u32) -> Arc<Circuit> {
        // Written once per tick, so that the line stays shared.
        if self.used.load(Ordering::Relaxed) != stamp {
            self.used.store(stamp, Ordering::Relaxed);
        }
        Arc::clone(&self.circuit)
    }

    /// The ticks since the last call; a call that is ahead of us has none.
    fn age(&self, now: u32) -> u32 {
        after(now, self.used.load(Ordering::Relaxed))
    }
}

/// The ticks from one stamp to another; 0 if it came before.
const fn after(now: u32, then: u32) -> u32 {
    let ticks = now.wrapping_sub(then);
    if ticks > u32::MAX / 2 { 0 } else { ticks }
}

/// The entry that was not used for longest.
#[derive(Default)]
struct Oldest {
    place: Option<Place>,
    age: u32,
}

impl Oldest {
    fn see(&mut self, place: Place, age: u32) {
        if self.place.is_none() || age > self.age {
            (self.place, self.age) = (Some(place), age);
        }
    }
}

/// FNV-1a, so that one seed gives each key the same choices in every process.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

fn stable_hash(key: &impl Hash) -> u64 {
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    key.hash(&mut hasher);
    hasher.finish()
}

// No code of others runs under a write lock, so that none is left half changed.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::HashMap;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    /// What the docs say of memory.
    #[test]
    fn a_circuit_takes_about_ten_kilobytes() {
        let alone = std::mem::size_of::<Circuit>();
        let ring = |slots: u64| 2 * 8 * slots as usize;
        let (adaptive, plain) = (alone + ring(512), alone + ring(128));
        assert!((8_000..10_500).contains(&adaptive), "{adaptive}");
        assert!((3_000..4_200).contains(&plain), "{plain}");
    }

    proptest! {
        /// Against a plain map: what is found is what was made, and there are never more than allowed.
        #[test]
        fn it_finds_what_it_holds(
            limit in 1..40_usize,
            steps in prop::collection::vec((0..60_u16, 0..3_u8, 0..200_u64), 1..300),
        ) {
            let registry = Registry::new(Settings::adaptive(), limit);
            let (mut model, start, mut later) = (HashMap::new(), Instant::now(), 0);
            for (key, what, seconds) in steps {
                later += seconds;
                let now = start + Duration::from_secs(later);
                if what == 0 {
                    prop_assert_eq!(registry.remove(&key), model.remove(&key).is_some());
                } else {
                    let evicted = registry.evicted();
                    let circuit = registry.circuit(key, now);
                    if let Some(known) = model.insert(key, Arc::clone(&circuit)) {
                        prop_assert!(Arc::ptr_eq(&known, &circuit));
                    }
                    let had_room = model.len() <= limit;
                    prop_assert!(registry.evicted() == evicted || !had_room);
                }
                // What was evicted or idle is gone from both.
                model.retain(|key, _| registry.get(key).is_some());
                prop_assert_eq!(registry.len(), model.len());
                prop_assert!(model.len() <= limit);
                let mut keys = registry.map(|key, _| *key);
                keys.sort_unstable();
                keys.dedup();
                prop_assert_eq!(keys.len(), model.len());
                for (key, circuit) in &model {
                    prop_assert!(registry.get(key).is_some_and(|found| Arc::ptr_eq(&found, circuit)));
                }
            }
        }
    }
}
