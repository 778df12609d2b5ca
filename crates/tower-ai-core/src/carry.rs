//! How [`Attempt`] travels with a request and [`Served`] with a response.

use crate::{Attempt, Served};

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

    /// Whether anything is carried at all; a layer saves the clock where nothing is. Defaults to `true`.
    fn carries(&self) -> bool {
        true
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

/// Carries in the extensions of `http` requests and responses.
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
}

impl<B> Report<http::Response<B>> for HttpCarry {
    fn report(&self, response: &mut http::Response<B>, change: impl FnOnce(&mut Served)) {
        change(response.extensions_mut().get_or_insert_default());
    }

    fn served<'a>(&self, response: &'a http::Response<B>) -> Option<&'a Served> {
        response.extensions().get()
    }
}
