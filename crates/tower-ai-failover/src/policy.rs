//! What the application decides: which request may go where.

use std::any::type_name;
use std::fmt;

use tower_ai_core::Target;

/// Decides which request may go to which target.
///
/// Every method has a default, so a policy says only what it cares for. `()` allows everything but the
/// second trial of a refused prompt. [`allow_fn`] makes a policy of a closure.
///
/// # Examples
///
/// Patients' data stays with the provider that has a contract for it:
///
/// ```
/// use tower_ai_core::Target;
/// use tower_ai_failover::Policy;
///
/// struct Prompt { personal: bool, tokens: u32 }
///
/// struct Contracts;
///
/// impl Policy<Prompt> for Contracts {
///     fn allows(&self, prompt: &Prompt, target: &Target) -> bool {
///         !prompt.personal || target.tag("contract") == Some("health")
///     }
///     fn tokens(&self, prompt: &Prompt) -> Option<u32> {
///         Some(prompt.tokens)
///     }
/// }
///
/// let plain = Target::new("plain")?;
/// assert!(!Contracts.allows(&Prompt { personal: true, tokens: 10 }, &plain));
/// # Ok::<(), tower_ai_core::InvalidTarget>(())
/// ```
pub trait Policy<Req> {
    /// Whether the request may go to the target at all. Defaults to yes.
    fn allows(&self, request: &Req, target: &Target) -> bool {
        let _ = (request, target);
        true
    }

    /// Whether a prompt that `refused` turned down by its safety policy may be tried elsewhere.
    /// Defaults to no: the reason reaches the caller.
    fn may_try_refused(&self, request: &Req, refused: &Target) -> bool {
        let _ = (request, refused);
        false
    }

    /// Whether the request may be sent to a second target while the first still works on it, where the router
    /// [hedges](crate::Hedge). Defaults to yes: say no for what must not be done, or billed, twice, and for what cannot
    /// be sent twice.
    fn may_hedge(&self, request: &Req) -> bool {
        let _ = request;
        true
    }

    /// The tokens that the request needs, prompt and answer, if that is known. A target whose context
    /// window is known to be smaller is skipped. Defaults to unknown.
    fn tokens(&self, request: &Req) -> Option<u32> {
        let _ = request;
        None
    }
}

impl<Req> Policy<Req> for () {}

/// A [`Policy`] made of a closure by [`allow_fn`].
#[derive(Clone, Copy)]
pub struct AllowFn<F> {
    f: F,
}

/// Makes a [`Policy`] of a closure that says which request may go to which target.
///
/// # Examples
///
/// ```
/// use tower_ai_core::Target;
/// use tower_ai_failover::{Policy, allow_fn};
///
/// let europe = allow_fn(|_: &&str, target: &Target| target.region() == Some("eu"));
/// let target = Target::builder("frankfurt").region("eu").build()?;
/// assert!(europe.allows(&"hi", &target));
/// # Ok::<(), tower_ai_core::InvalidTarget>(())
/// ```
pub const fn allow_fn<F, Req>(f: F) -> AllowFn<F>
where
    F: Fn(&Req, &Target) -> bool,
{
    AllowFn { f }
}

impl<F, Req> Policy<Req> for AllowFn<F>
where
    F: Fn(&Req, &Target) -> bool,
{
    fn allows(&self, request: &Req, target: &Target) -> bool {
        (self.f)(request, target)
    }
}

impl<F> fmt::Debug for AllowFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllowFn")
            .field("f", &format_args!("{}", type_name::<F>()))
            .finish()
    }
}
