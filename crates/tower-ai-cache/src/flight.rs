//! One inner call for however many wait for the same answer.
//!
//! A *flight* is the call for one key, in a task of its own. Its *riders* wait for it to *land*. The
//! first rider has first claim on the live response; when it is gone, any other takes it. A task
//! that nobody waits for any more is aborted, and no rider depends on another one being polled.

use std::any::Any;
use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tower_ai_core::Outcome;

use crate::hit::Hit;
use crate::key::Key;

/// The flights that are under way: never more than there are calls and recordings under way.
pub(crate) struct Flights<T> {
    map: Mutex<HashMap<Key, Arc<Flight<T>>>>,
}

/// One call that riders wait for.
pub(crate) struct Flight<T> {
    key: Key,
    stage: Mutex<Stage<T>>,
    moved: Notify,
}

struct Stage<T> {
    now: Now<T>,
    riders: usize,
    first_rides: bool,
    task: Option<AbortHandle>,
}

enum Now<T> {
    /// The inner call is under way.
    Flying,
    /// It answered; nobody has taken the live response yet.
    Answered(Box<dyn Any + Send>),
    /// A rider reads the live response; it is recorded meanwhile.
    Recording,
    /// It is over.
    Landed(Landing<T>),
}

/// How a flight ended for those who only waited.
pub(crate) enum Landing<T> {
    /// With an answer for everyone.
    Found(Hit<T>),
    /// With a failure that every rider would get.
    Failed(Outcome),
    /// With nothing to share.
    Lost,
}

impl<T> Clone for Landing<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Found(hit) => Self::Found(hit.clone()),
            Self::Failed(outcome) => Self::Failed(*outcome),
            Self::Lost => Self::Lost,
        }
    }
}

/// What a rider has at the end.
pub(crate) enum Arrival<T> {
    /// The live response, to be read by this rider.
    Live(Box<dyn Any + Send>),
    /// What everyone gets.
    Landed(Landing<T>),
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self {
            map: Mutex::default(),
        }
    }
}

impl<T> Flights<T> {
    /// Joins the flight for a key, or begins one. The first rider of a new flight must [start](Rider::start) it.
    pub(crate) fn join(self: &Arc<Self>, key: Key) -> Rider<T> {
        let mut map = lock(&self.map);
        let (flight, first) = match map.entry(key) {
            Slot::Occupied(slot) => (Arc::clone(slot.get()), false),
            Slot::Vacant(slot) => (Arc::clone(slot.insert(Flight::new(key))), true),
        };
        lock(&flight.stage).riders += 1;
        Rider {
            flights: Arc::clone(self),
            flight,
            first,
        }
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.map).len()
    }

    /// Ends a flight: it is forgotten first, so that whoever comes now looks into the store again.
    pub(crate) fn land(&self, flight: &Arc<Flight<T>>, landing: Landing<T>) {
        self.forget(flight);
        let before = {
            let mut stage = lock(&flight.stage);
            if matches!(stage.now, Now::Landed(_)) {
                return;
            }
            std::mem::replace(&mut stage.now, Now::Landed(landing))
        };
        flight.moved.notify_waiters();
        drop(before);
    }

    fn forget(&self, flight: &Arc<Flight<T>>) {
        let mut map = lock(&self.map);
        if map
            .get(&flight.key)
            .is_some_and(|now| Arc::ptr_eq(now, flight))
        {
            map.remove(&flight.key);
        }
    }
}

impl<T> Flight<T> {
    fn new(key: Key) -> Arc<Self> {
        Arc::new(Self {
            key,
            stage: Mutex::new(Stage {
                now: Now::Flying,
                riders: 0,
                first_rides: true,
                task: None,
            }),
            moved: Notify::new(),
        })
    }
}

/// The task of a flight: lands it as lost if it ends, panics or is aborted before it has answered.
pub(crate) struct Pilot<T> {
    flights: Arc<Flights<T>>,
    flight: Arc<Flight<T>>,
    done: bool,
}

impl<T> Pilot<T> {
    /// Hands the live response to the riders; one of them takes it.
    pub(crate) fn answer(mut self, response: Box<dyn Any + Send>) {
        self.done = true;
        let mut stage = lock(&self.flight.stage);
        if stage.riders == 0 || !matches!(stage.now, Now::Flying) {
            drop(stage);
            self.done = false;
            return;
        }
        stage.now = Now::Answered(response);
        drop(stage);
        self.flight.moved.notify_waiters();
    }

    /// Lands with an answer for everyone.
    pub(crate) fn found(mut self, hit: Hit<T>) {
        self.done = true;
        self.flights.land(&self.flight, Landing::Found(hit));
    }
}

impl<T> Drop for Pilot<T> {
    fn drop(&mut self) {
        if !self.done {
            self.flights.land(&self.flight, Landing::Lost);
        }
    }
}

/// One who waits for a flight.
pub(crate) struct Rider<T> {
    flights: Arc<Flights<T>>,
    flight: Arc<Flight<T>>,
    first: bool,
}

impl<T> Rider<T> {
    /// Whether this rider began the flight and must start it.
    pub(crate) fn is_first(&self) -> bool {
        self.first
    }

    /// The flight, to land it when a recording ends.
    pub(crate) fn flight(&self) -> (Arc<Flights<T>>, Arc<Flight<T>>) {
        (Arc::clone(&self.flights), Arc::clone(&self.flight))
    }

    /// Starts the flight's task.
    pub(crate) fn start(&self, spawn: impl FnOnce(Pilot<T>) -> AbortHandle) {
        let (flights, flight) = self.flight();
        let task = spawn(Pilot {
            flights,
            flight,
            done: false,
        });
        lock(&self.flight.stage).task = Some(task);
    }

    /// Lands the flight for all others.
    pub(crate) fn land(&self, landing: Landing<T>) {
        self.flights.land(&self.flight, landing);
    }

    /// Waits for the flight.
    ///
    /// Cancel safe: a rider that is dropped leaves the others as they are, and the live response to them.
    pub(crate) async fn arrive(&self) -> Arrival<T> {
        loop {
            let mut moved = pin!(self.flight.moved.notified());
            // Before the look: what moves after it wakes us.
            moved.as_mut().enable();
            if let Some(arrival) = self.look() {
                return arrival;
            }
            moved.await;
        }
    }

    fn look(&self) -> Option<Arrival<T>> {
        let mut stage = lock(&self.flight.stage);
        if let Now::Landed(landing) = &stage.now {
            return Some(Arrival::Landed(landing.clone()));
        }
        // The first rider has first claim, as long as it rides.
        let must_leave_it = stage.first_rides && !self.first;
        if must_leave_it || !matches!(stage.now, Now::Answered(_)) {
            return None;
        }
        match std::mem::replace(&mut stage.now, Now::Recording) {
            Now::Answered(response) => Some(Arrival::Live(response)),
            _ => None,
        }
    }
}

impl<T> Drop for Rider<T> {
    fn drop(&mut self) {
        // Under the map's lock: nobody joins between the look and the end.
        let mut map = lock(&self.flights.map);
        let mut stage = lock(&self.flight.stage);
        stage.riders -= 1;
        if self.first {
            stage.first_rides = false;
        }
        let waited_for = stage.riders > 0 || matches!(stage.now, Now::Recording | Now::Landed(_));
        let mut unread = None;
        if !waited_for {
            if map
                .get(&self.flight.key)
                .is_some_and(|now| Arc::ptr_eq(now, &self.flight))
            {
                map.remove(&self.flight.key);
            }
            if let Some(task) = stage.task.take() {
                task.abort();
            }
            unread = Some(std::mem::replace(
                &mut stage.now,
                Now::Landed(Landing::Lost),
            ));
        }
        let wakes = self.first && stage.riders > 0;
        drop(stage);
        drop(map);
        if wakes {
            self.flight.moved.notify_waiters();
        }
        // User code: a response that nobody reads is dropped outside of the locks.
        drop(unread);
    }
}

/// A panic elsewhere cannot leave these short sections half done.
fn lock<U>(mutex: &Mutex<U>) -> MutexGuard<'_, U> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> fmt::Debug for Flights<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flights").field("len", &self.len()).finish()
    }
}
