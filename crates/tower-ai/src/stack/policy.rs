//! What the stack adds to the application's policy.

use std::any::type_name;
use std::fmt;

use http::Request;
use tower_ai_core::Target;
use tower_ai_failover::Policy;
use tower_ai_http::ReplayBody;

/// The application's policy; and no hedge for a request whose body cannot be sent twice.
#[derive(Clone, Copy)]
pub struct StackPolicy<P>(pub(super) P);

impl<P, B> Policy<Request<ReplayBody<B>>> for StackPolicy<P>
where
    P: Policy<Request<ReplayBody<B>>>,
{
    fn allows(&self, request: &Request<ReplayBody<B>>, target: &Target) -> bool {
        self.0.allows(request, target)
    }

    fn may_try_refused(&self, request: &Request<ReplayBody<B>>, refused: &Target) -> bool {
        self.0.may_try_refused(request, refused)
    }

    fn may_hedge(&self, request: &Request<ReplayBody<B>>) -> bool {
        request.body().is_replayable() && self.0.may_hedge(request)
    }

    fn tokens(&self, request: &Request<ReplayBody<B>>) -> Option<u32> {
        self.0.tokens(request)
    }
}

impl<P> fmt::Debug for StackPolicy<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StackPolicy")
            .field(&format_args!("{}", type_name::<P>()))
            .finish()
    }
}
