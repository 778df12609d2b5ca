//! How [`Attempt`] travels with a request and [`Served`] with a response.

use std::mem;

use crate::{Attempt, Priority, Served};

/// Gets and sets the [`Attempt`] on a request.
///
/// [`HttpCarry`] does it for `http::Request` (tonic's included) through its extensions. [`NoCarry`],
/// the default of every layer, carries nothing and costs nothing; then a layer goes by its own settings.
/// For a request type of your own, implement it with a field:
///
/// ```
/// use tokio::time::Instant;
/// use tower_ai_core::{Attempt, Carry};
///
/// struct Prompt {
///     text: String,
///     attempt: Option<Attempt>,
/// }
///
/// #[derive(Clone, Copy)]
/// struct PromptCarry;
///
/// impl Carry<Prompt> for PromptCarry {
///     fn get(&self, request: &Prompt) -> Option<Attempt> {
///         request.attempt
///     }
///     fn set(&self, request: &mut Prompt, attempt: Attempt) {
///         request.attempt = Some(attempt);
///     }
/// }
///
/// let mut prompt = Prompt { text: "hi".into(), attempt: None };
/// PromptCarry.set(&mut prompt, Attempt::begin(Instant::now()));
/// assert_eq!(PromptCarry.get(&prompt).map(|attempt| attempt.number()), Some(0));
/// ```
pub trait Carry<Req> {
    /// Returns what the layers above said.
    fn get(&self, request: &Req) -> Option<Attempt>;

    /// Tells the layers below.
    fn set(&self, request: &mut Req, attempt: Attempt);

    /// Returns how much the call matters. Defaults to what its [`Attempt`] says.
    fn priority(&self, request: &Req) -> Priority {
        self.get(request)
            .map_or(Priority::Normal, |attempt| attempt.priority())
    }

    /// Whether anything is carried at all; a layer saves the clock where nothing is. Defaults to `true`.
    fn carries(&self) -> bool {
        true
    }

    /// Copies a request that is about to be sent, for another attempt. Defaults to a clone.
    ///
    /// The copy may leave out the [`Attempt`], which is set anew before the copy is sent.
    fn spare(&self, request: &mut Req) -> Req
    where
        Req: Clone,
    {
        request.clone()
    }
}

/// Writes [`Served`] beside a response.
pub trait Report<Res> {
    /// Changes what stands beside the response, or the default where nothing does yet.
    fn report(&self, response: &mut Res, change: impl FnOnce(&mut Served));

    /// Reads what stands beside the response.
    fn served<'a>(&self, response: &'a Res) -> Option<&'a Served>;
}

/// Carries nothing, for any type.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct NoCarry;

impl<Req> Carry<Req> for NoCarry {
    fn get(&self, _: &Req) -> Option<Attempt> {
        None
    }

    fn set(&self, _: &mut Req, _: Attempt) {}

    fn carries(&self) -> bool {
        false
    }
}

impl<Res> Report<Res> for NoCarry {
    fn report(&self, _: &mut Res, _: impl FnOnce(&mut Served)) {}

    fn served<'a>(&self, _: &'a Res) -> Option<&'a Served> {
        None
    }
}

/// Carries in the extensions of `http` requests and responses. A [`Priority`] that stands there alone counts before
/// that of an [`Attempt`].
///
/// # Examples
///
/// ```
/// use tower_ai_core::{HttpCarry, Report, Served};
///
/// let mut response = http::Response::new(());
/// HttpCarry.report(&mut response, |served| served.add_attempts(1));
/// assert_eq!(response.extensions().get::<Served>().unwrap().attempts(), 1);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct HttpCarry;

impl<B> Carry<http::Request<B>> for HttpCarry {
    fn get(&self, request: &http::Request<B>) -> Option<Attempt> {
        request.extensions().get().copied()
    }

    fn set(&self, request: &mut http::Request<B>, attempt: Attempt) {
        request.extensions_mut().insert(attempt);
    }

    /// Extensions that hold nothing but the [`Attempt`] are not copied: that would be three allocations.
    fn spare(&self, request: &mut http::Request<B>) -> http::Request<B>
    where
        http::Request<B>: Clone,
    {
        let extensions = mem::take(request.extensions_mut());
        let mut spare = request.clone();
        if extensions.len() > 1 || extensions.get::<Attempt>().is_none() {
            spare.extensions_mut().clone_from(&extensions);
        }
        *request.extensions_mut() = extensions;
        spare
    }

    fn priority(&self, request: &http::Request<B>) -> Priority {
        let attempt = || self.get(request).map(|attempt| attempt.priority());
        let alone = request.extensions().get().copied();
        alone.or_else(attempt).unwrap_or_default()
    }
}

impl<B> Report<http::Response<B>> for HttpCarry {
    fn report(&self, response: &mut http::Response<B>, change: impl FnOnce(&mut Served)) {
        change(response.extensions_mut().get_or_insert_default());
    }

    fn served<'a>(&self, response: &'a http::Response<B>) -> Option<&'a Served> {
        response.extensions().get()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[test]
    fn a_spare_leaves_out_the_attempt_alone_and_keeps_what_the_application_put_there() {
        let mut request = http::Request::new("hello");
        HttpCarry.set(&mut request, Attempt::begin(Instant::now()));
        let spare = HttpCarry.spare(&mut request);
        assert!(spare.extensions().is_empty());
        assert!(HttpCarry.get(&request).is_some());

        request.extensions_mut().insert(7_u8);
        let spare = HttpCarry.spare(&mut request);
        assert_eq!(spare.extensions().get::<u8>(), Some(&7));
        assert_eq!(spare.into_body(), "hello");
    }

    #[test]
    fn a_spare_of_a_request_without_an_attempt_keeps_its_only_extension() {
        let mut request = http::Request::new(());
        request.extensions_mut().insert("mine");
        let spare = HttpCarry.spare(&mut request);
        assert_eq!(spare.extensions().get(), Some(&"mine"));
    }
}
