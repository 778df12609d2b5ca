//! What is left of a provider's rate limits.

use std::time::Duration;

#[cfg(loom)]
use loom::sync::atomic::{AtomicU64, Ordering};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use crate::Epoch;

/// What is left of one rate limit, and when it is whole again.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tokio::time::Instant;
/// use tower_ai_core::Room;
///
/// let resets = Instant::now() + Duration::from_secs(20);
/// let room = Room::new(30, 600, resets);
/// assert_eq!((room.left(), room.share()), (30, 0.05));
/// assert_eq!(Room::new(700, 600, resets).share(), 1.0, "a limit that was raised");
/// assert_eq!(Room::new(0, 0, resets).share(), 0.0, "no limit known, and nothing left");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Room {
    left: u64,
    share: f32,
    resets: Instant,
}

impl Room {
    /// Notes that `left` of `limit` are left until `resets`, as the headers of an answer say.
    ///
    /// Without a limit (0) the share is 1, or 0 if nothing is left.
    #[must_use]
    pub fn new(left: u64, limit: u64, resets: Instant) -> Self {
        let share = match limit {
            0 if left == 0 => 0.0,
            0 => 1.0,
            _ => (left as f64 / limit as f64).min(1.0) as f32,
        };
        Self {
            left,
            share,
            resets,
        }
    }

    /// How many are left.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.left
    }

    /// The share of the limit that is left, from 0 to 1.
    #[must_use]
    pub const fn share(&self) -> f32 {
        self.share
    }

    /// When the limit is whole again.
    #[must_use]
    pub const fn resets(&self) -> Instant {
        self.resets
    }

    /// Whether less than [`Headroom::TIGHT`] of the limit is left.
    #[must_use]
    pub fn is_tight(&self) -> bool {
        self.share < Headroom::TIGHT
    }
}

/// What is left of a target's rate limits: of requests, and of tokens. `None` is unknown.
///
/// Many providers say it in the headers of every good answer. A router that reads it sends a call elsewhere
/// *before* it gets a 429.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tokio::time::Instant;
/// use tower_ai_core::{Headroom, Health, Room};
///
/// let (health, now) = (Health::new(), Instant::now());
/// let resets = now + Duration::from_secs(6);
/// let read = Headroom::new()
///     .with_requests(Room::new(499, 500, resets))
///     .with_tokens(Room::new(900, 30_000, resets));
/// health.note_headroom(now, &read);
///
/// assert!(health.headroom(now).is_tight(), "3 % of the tokens");
/// assert_eq!(health.headroom(resets), Headroom::new(), "whole again: nothing is known");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Headroom {
    /// What is left of the limit of requests.
    pub requests: Option<Room>,
    /// What is left of the limit of tokens.
    pub tokens: Option<Room>,
}

impl Headroom {
    /// With less than this share of a limit left, a target has nearly no room: a twentieth.
    ///
    /// Most limits are per minute, and a number in a header does not know the calls that are under way
    /// meanwhile. A twentieth of a minute's limit is what calls at the full rate use up in three seconds: about the
    /// time that an answer takes. Little is lost by it: what is not used is there after the reset.
    pub const TIGHT: f32 = 0.05;

    /// Nothing is known.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            requests: None,
            tokens: None,
        }
    }

    /// Sets what is left of the limit of requests. Of two (per minute, per day) the scarcer one stays.
    #[must_use]
    pub fn with_requests(mut self, room: Room) -> Self {
        self.requests = Some(scarcer(self.requests, room));
        self
    }

    /// Sets what is left of the limit of tokens. Of two (input, output) the scarcer one stays.
    #[must_use]
    pub fn with_tokens(mut self, room: Room) -> Self {
        self.tokens = Some(scarcer(self.tokens, room));
        self
    }

    /// Whether nothing is known.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        self.requests.is_none() && self.tokens.is_none()
    }

    /// Whether nearly nothing is left of a limit: less than [`TIGHT`](Self::TIGHT).
    #[must_use]
    pub fn is_tight(&self) -> bool {
        self.rooms().any(|room| room.is_tight())
    }

    /// The least share that is left of any limit; `None` if nothing is known.
    #[must_use]
    pub fn share(&self) -> Option<f32> {
        self.rooms().map(|room| room.share).min_by(f32::total_cmp)
    }

    fn rooms(&self) -> impl Iterator<Item = Room> {
        self.requests.into_iter().chain(self.tokens)
    }
}

fn scarcer(known: Option<Room>, room: Room) -> Room {
    known
        .filter(|known| known.share <= room.share)
        .unwrap_or(room)
}

/// A [`Headroom`] in atomics. Words of one note may be read beside those of another; each alone is whole.
#[derive(Debug)]
pub(crate) struct HeadroomCell {
    requests: AtomicU64,
    tokens: AtomicU64,
    /// Until when it is tight, in milliseconds; 0: it is not.
    tight: AtomicU64,
}

impl HeadroomCell {
    /// A reset that is farther away is not believed: after this long the target is asked again.
    const LONGEST: Duration = Duration::from_secs(3600);

    pub(crate) fn new() -> Self {
        Self {
            requests: AtomicU64::new(0),
            tokens: AtomicU64::new(0),
            tight: AtomicU64::new(0),
        }
    }

    pub(crate) fn note(&self, epoch: Epoch, now: Instant, headroom: &Headroom) {
        let noted = [
            (&self.requests, headroom.requests),
            (&self.tokens, headroom.tokens),
        ];
        for (word, room) in noted {
            if let Some(mut room) = room {
                room.resets = room.resets.min(now + Self::LONGEST);
                word.store(pack(epoch, &room), Ordering::Relaxed);
            }
        }
        let known = self.read(epoch, now);
        let tight = known.rooms().filter(Room::is_tight);
        let until = tight.map(|room| epoch.millis(room.resets)).max();
        self.tight.store(until.unwrap_or(0), Ordering::Relaxed);
    }

    /// What is known at `now`: what was to be whole again by then is not.
    pub(crate) fn read(&self, epoch: Epoch, now: Instant) -> Headroom {
        let room = |word: &AtomicU64| {
            let room = unpack(epoch, word.load(Ordering::Relaxed))?;
            (room.resets > now).then_some(room)
        };
        Headroom {
            requests: room(&self.requests),
            tokens: room(&self.tokens),
        }
    }

    #[inline]
    pub(crate) fn may_be_tight(&self) -> bool {
        self.tight.load(Ordering::Relaxed) != 0
    }

    /// Whether it is tight at `now`; forgets that it was, once that is over.
    pub(crate) fn is_tight(&self, epoch: Epoch, now: Instant) -> bool {
        let until = self.tight.load(Ordering::Relaxed);
        if until == 0 {
            return false;
        }
        let is_over = until <= epoch.millis(now);
        if is_over {
            let _newer =
                self.tight
                    .compare_exchange(until, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
        !is_over
    }
}

/// The reset in milliseconds (40 bits: 34 years), the share (8 bits), the upper half of the count as a float
/// (16 bits: to within a hundredth, rounded down).
const SHARES: f32 = 255.0;

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share from 0 to 1"
)]
fn pack(epoch: Epoch, room: &Room) -> u64 {
    const LAST: u64 = (1 << 40) - 1;
    // What is tight before stays so, and what is not does not become it.
    let share = match (room.share * SHARES) as u64 {
        rounded if !room.is_tight() => rounded.max((Headroom::TIGHT * SHARES).ceil() as u64),
        rounded => rounded,
    };
    let left = u64::from((room.left as f32).to_bits() >> 16);
    // Never zero, which is unknown.
    epoch.millis(room.resets).clamp(1, LAST) << 24 | share << 16 | left
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "parts of a word"
)]
fn unpack(epoch: Epoch, word: u64) -> Option<Room> {
    let left = f32::from_bits(((word & 0xffff) as u32) << 16);
    let share = (word >> 16 & 0xff) as f32 / SHARES;
    (word != 0).then(|| Room {
        left: left as u64,
        share,
        resets: epoch.instant(word >> 24),
    })
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SEC: Duration = Duration::from_secs(1);

    fn of_requests(left: u64, limit: u64, resets: Instant) -> Headroom {
        Headroom::new().with_requests(Room::new(left, limit, resets))
    }

    #[test]
    fn the_scarcer_of_two_limits_stays() {
        let now = Instant::now();
        let (minute, day) = (Room::new(50, 100, now + SEC), Room::new(9, 1000, now + SEC));
        for (a, b) in [(minute, day), (day, minute)] {
            let headroom = Headroom::new().with_requests(a).with_requests(b);
            assert_eq!(headroom.requests, Some(day));
        }
    }

    #[test]
    fn tightness_ends_with_the_reset_and_with_better_news() {
        let (cell, now) = (HeadroomCell::new(), Instant::now());
        let epoch = Epoch::at(now);
        cell.note(epoch, now, &of_requests(1, 100, now + SEC));
        assert!(cell.may_be_tight() && cell.is_tight(epoch, now));
        assert!(!cell.is_tight(epoch, now + SEC));
        assert!(!cell.may_be_tight(), "forgotten");
        cell.note(epoch, now, &of_requests(1, 100, now + SEC));
        cell.note(epoch, now, &of_requests(99, 100, now + SEC));
        assert!(!cell.may_be_tight());
    }

    #[test]
    fn news_of_one_limit_leaves_the_other() {
        let (cell, now) = (HeadroomCell::new(), Instant::now());
        let epoch = Epoch::at(now);
        cell.note(
            epoch,
            now,
            &Headroom::new().with_tokens(Room::new(0, 9, now + SEC)),
        );
        cell.note(epoch, now, &of_requests(9, 9, now + SEC));
        assert!(cell.is_tight(epoch, now));
        assert!(cell.read(epoch, now).tokens.is_some());
    }

    #[test]
    fn a_reset_that_is_days_away_is_not_believed() {
        let (cell, now) = (HeadroomCell::new(), Instant::now());
        let epoch = Epoch::at(now);
        cell.note(epoch, now, &of_requests(0, 9, now + 86_400 * SEC));
        assert!(cell.is_tight(epoch, now + 3599 * SEC));
        assert!(!cell.is_tight(epoch, now + 3600 * SEC));
    }

    proptest! {
        #[test]
        fn a_word_holds_what_was_noted(left in 0..10_000_000_u64, limit in 1..10_000_000_u64, millis in 1..3_600_000_u64) {
            let now = Instant::now();
            let (cell, epoch) = (HeadroomCell::new(), Epoch::at(now));
            let noted = Room::new(left, limit, now + Duration::from_millis(millis));
            cell.note(epoch, now, &Headroom::new().with_tokens(noted));
            let read = cell.read(epoch, now).tokens.unwrap();
            prop_assert_eq!(read.resets(), noted.resets());
            prop_assert_eq!(read.is_tight(), noted.is_tight());
            prop_assert!((read.share() - noted.share()).abs() <= 1.0 / SHARES);
            prop_assert!(read.left() <= left && read.left() as f64 >= left as f64 * 0.99 - 1.0);
        }
    }
}
