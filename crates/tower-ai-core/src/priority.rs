//! How much a call matters.

/// How much a call matters when not all can be answered.
///
/// While a target that [declared its capacity](crate::TargetBuilder::capacity) fills up, calls of low classes are
/// turned away first, so that the others still find room.
///
/// It travels in an [`Attempt`](crate::Attempt); over `http` types it may also stand alone in the request's
/// extensions.
///
/// # Default
///
/// `Normal`.
///
/// # Examples
///
/// ```
/// use tower_ai_core::{Carry, HttpCarry, Priority};
///
/// let mut request = http::Request::new("sum up last night's tickets");
/// request.extensions_mut().insert(Priority::Low);
/// assert_eq!(HttpCarry.priority(&request), Priority::Low);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Priority {
    /// Can wait: batches, evaluations, what no user is looking at.
    Low,
    /// What says nothing else.
    #[default]
    Normal,
    /// Must not wait: a user in a conversation, a step that holds up many others.
    High,
}

impl Priority {
    /// How many of `capacity` calls at a time may be under way when one of this class comes, and still let it in,
    /// where `top` is the highest class in use.
    ///
    /// The highest class in use has all of it; below it, `Normal` has four fifths and `Low` half, and at least one.
    /// Nothing is kept for a class that nobody uses.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_ai_core::Priority;
    ///
    /// let room = |class: Priority| class.room(10, Priority::High);
    /// assert_eq!([Priority::Low, Priority::Normal, Priority::High].map(room), [5, 8, 10]);
    /// assert_eq!(Priority::Normal.room(10, Priority::Normal), 10);
    /// ```
    #[must_use]
    pub fn room(self, capacity: u32, top: Self) -> u32 {
        let share = match self {
            class if class >= top => return capacity,
            Self::Low => capacity / 2,
            _ => capacity - capacity.div_ceil(5),
        };
        share.max(1)
    }
}
