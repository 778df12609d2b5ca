//! The seam to the client stack under test.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_core::future::BoxFuture;

use crate::{Call, Endpoint, Reply, Scale};

/// A client stack under test.
///
/// It is called as an application would call it: once per call, however many attempts it makes of
/// that. Each attempt must carry the call's id in the header [`CALL_HEADER`](crate::CALL_HEADER), as
/// [`Call::request`] sets it: the providers know calls by it.
///
/// # Examples
///
/// ```
/// use tower_ai_drill::{Contender, Reply, contender_fn};
///
/// let mute = contender_fn(|_call| async { Reply::failed(&std::fmt::Error) });
/// let _: &dyn Contender = &mute;
/// ```
pub trait Contender: Send + Sync {
    /// Makes a call.
    fn call(&self, call: Call) -> BoxFuture<'static, Reply>;

    /// The state in which it holds a target now, as `closed` or `open`, for reports to show; `None`
    /// if it keeps none. Defaults to that.
    ///
    /// It is asked a few times a second of outage time, and never judged by what it says.
    fn state(&self, target: &str) -> Option<&'static str> {
        let _unknown = target;
        None
    }
}

impl<C: Contender + ?Sized> Contender for Arc<C> {
    fn call(&self, call: Call) -> BoxFuture<'static, Reply> {
        (**self).call(call)
    }

    fn state(&self, target: &str) -> Option<&'static str> {
        (**self).state(target)
    }
}

/// A [`Contender`] that is a closure; made by [`contender_fn`].
#[derive(Clone, Copy)]
pub struct ContenderFn<F, S = fn(&str) -> Option<&'static str>> {
    call: F,
    state: S,
}

/// Makes a contender of a closure.
pub fn contender_fn<F, Fut>(f: F) -> ContenderFn<F>
where
    F: Fn(Call) -> Fut,
    Fut: Future<Output = Reply> + Send + 'static,
{
    ContenderFn {
        call: f,
        state: |_| None,
    }
}

impl<F, S> ContenderFn<F, S> {
    /// Has a closure say in which state a target is held: see [`Contender::state`].
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_ai_drill::{Contender, Reply, contender_fn};
    ///
    /// let mute = contender_fn(|_call| async { Reply::failed(&std::fmt::Error) })
    ///     .states(|target| (target == "alpha").then_some("open"));
    /// assert_eq!(mute.state("alpha"), Some("open"));
    /// assert_eq!(mute.state("beta"), None);
    /// ```
    pub fn states<T>(self, state: T) -> ContenderFn<F, T>
    where
        T: Fn(&str) -> Option<&'static str>,
    {
        ContenderFn {
            call: self.call,
            state,
        }
    }
}

impl<F, Fut, S> Contender for ContenderFn<F, S>
where
    F: Fn(Call) -> Fut + Send + Sync,
    Fut: Future<Output = Reply> + Send + 'static,
    S: Fn(&str) -> Option<&'static str> + Send + Sync,
{
    fn call(&self, call: Call) -> BoxFuture<'static, Reply> {
        Box::pin((self.call)(call))
    }

    fn state(&self, target: &str) -> Option<&'static str> {
        (self.state)(target)
    }
}

impl<F, S> fmt::Debug for ContenderFn<F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ContenderFn")
            .field(&std::any::type_name::<F>())
            .finish()
    }
}

/// What a contender is built from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Setup {
    /// The targets, the preferred one first. There is at least one.
    pub endpoints: Vec<Endpoint>,
    /// The time scale; a contender divides its own times by it.
    pub scale: Scale,
    /// The seed of the contender's own chance.
    pub seed: u64,
    /// How long a call may take, on the wall.
    pub deadline: Duration,
    /// When a stream may be shown.
    pub commit: Commit,
}

/// When a stream may be shown to the caller, for stacks that know the difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Commit {
    /// Once it is whole.
    Complete,
    /// From its first content on; if it breaks after that, another target goes on with it.
    Continue,
    /// From its first content on.
    #[default]
    FirstContent,
}

impl Commit {
    /// Its name, as `first-content`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Continue => "continue",
            Self::FirstContent => "first-content",
        }
    }
}

/// Builds a contender; called anew for each scenario, so that nothing learnt is carried over.
pub type Factory =
    Arc<dyn Fn(&Setup) -> Result<Arc<dyn Contender>, Box<dyn Error + Send + Sync>> + Send + Sync>;

impl Setup {
    /// Creates a setup at the scale of the wall, with half a minute per call.
    pub fn new(endpoints: Vec<Endpoint>) -> Self {
        Self {
            endpoints,
            scale: Scale::ONE,
            seed: 0,
            deadline: Duration::from_secs(30),
            commit: Commit::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn _obj_safe(_: Box<dyn Contender>) {}
}
