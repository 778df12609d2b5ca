//! What a request asks, as far as a cache must know.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// Whose answers may be given to whom: the hard partition of a cache.
///
/// There is no default: an answer is kept for one tenant, or [`Scope::shared`] is written out.
/// With a user set, nothing is shared between users, not even whether something was asked before.
///
/// # Examples
///
/// ```
/// use tower_ai_core::Scope;
///
/// let ann = Scope::tenant("acme").user("ann");
/// assert_ne!(ann, Scope::tenant("acme").user("bob"));
/// assert_eq!(format!("{ann:?}"), "Scope { tenant: true, user: true, .. }");
/// ```
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Scope {
    tenant: Option<Arc<str>>,
    user: Option<Arc<str>>,
    if_personal: bool,
}

impl Scope {
    /// Answers are kept for this tenant alone.
    #[must_use]
    pub fn tenant(id: impl Into<Arc<str>>) -> Self {
        Self {
            tenant: Some(id.into()),
            ..Self::shared()
        }
    }

    /// Answers are given to everyone who reaches the cache.
    #[must_use]
    pub const fn shared() -> Self {
        Self {
            tenant: None,
            user: None,
            if_personal: false,
        }
    }

    /// Keeps everything apart for this user.
    #[must_use]
    pub fn user(mut self, id: impl Into<Arc<str>>) -> Self {
        self.user = Some(id.into());
        self.if_personal = false;
        self
    }

    /// Keeps apart for this user only what is asked in the first person ("my order"). Other
    /// questions are shared within the tenant: users can learn by timing that one was asked before.
    #[must_use]
    pub fn user_if_personal(mut self, id: impl Into<Arc<str>>) -> Self {
        self.user = Some(id.into());
        self.if_personal = true;
        self
    }

    /// The tenant; `None` is shared by all.
    #[must_use]
    pub fn tenant_id(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The user.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Whether the user counts for personal questions only.
    #[must_use]
    pub const fn is_user_if_personal(&self) -> bool {
        self.if_personal
    }
}

/// Shows what is set, never whose it is.
impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("tenant", &self.tenant.is_some())
            .field("user", &self.user.is_some())
            .finish_non_exhaustive()
    }
}

/// What a caller wants of the cache for one call.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Directive {
    /// The cache's own rules decide.
    #[default]
    ByRule,
    /// Cached whatever its text and parameters look like: the application knows better.
    Force,
    /// Asked anew, and the answer is kept.
    Refresh,
    /// Neither looked up nor kept.
    Skip,
}

/// What of a request decides whether its answer may be kept, beside its text.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Facts {
    /// The temperature, where one is set.
    pub temperature: Option<f64>,
    /// It asks for more than one answer.
    pub several: bool,
    /// It offers tools or holds their results.
    pub tools: bool,
    /// It holds images, sound or files.
    pub media: bool,
    /// It sets a seed or asks for the probabilities of tokens.
    pub sampled: bool,
    /// It asks its provider or us not to store anything.
    pub no_store: bool,
    /// The server keeps the conversation: what was said before is not in the request.
    pub remote_state: bool,
}

/// What a request asks, as far as a cache must know: whose it is, the last words of the user, and
/// everything else as its *frame*.
///
/// Two questions can have the same answer only if scope and frame are equal byte for byte; the text
/// alone may be matched by meaning. A typed request writes every field but the text into the
/// frame: destructure it, so that a field added later cannot be forgotten.
///
/// # Examples
///
/// ```
/// use tower_ai_core::{Question, Scope};
///
/// struct Prompt { model: &'static str, system: &'static str, text: &'static str }
///
/// fn question(prompt: &Prompt) -> Question {
///     let Prompt { model, system, text } = prompt;
///     Question::new(Scope::tenant("acme"), *text).framed(model).framed(system)
/// }
/// let prompt = Prompt { model: "m", system: "be brief", text: "What is the fee?" };
/// assert_eq!(question(&prompt).text(), "What is the fee?");
/// assert!(!format!("{:?}", question(&prompt)).contains("fee"), "prompts are not shown");
/// ```
#[derive(Clone)]
pub struct Question {
    scope: Scope,
    frame: Vec<u8>,
    /// What comes before `frame`, once it is wanted.
    later: Option<Arc<Later>>,
    text: String,
    tags: Vec<Box<str>>,
    facts: Facts,
    directive: Directive,
    max_age: Option<Duration>,
    route: Option<Cow<'static, str>>,
}

/// A whole frame, made when it is wanted first.
type Later = LazyLock<Vec<u8>, Box<dyn FnOnce() -> Vec<u8> + Send>>;

impl Question {
    /// The most tags that one question holds; more are dropped.
    pub const MAX_TAGS: usize = 8;

    /// A question with an empty frame.
    #[must_use]
    pub fn new(scope: Scope, text: impl Into<String>) -> Self {
        Self {
            scope,
            frame: Vec::new(),
            later: None,
            text: text.into(),
            tags: Vec::new(),
            facts: Facts::default(),
            directive: Directive::ByRule,
            max_age: None,
            route: None,
        }
    }

    /// Adds a part to the frame. Parts are kept apart: `"ab", "c"` is not `"a", "bc"`.
    #[must_use]
    pub fn framed(mut self, part: impl AsRef<[u8]>) -> Self {
        if let Some(later) = self.later.take() {
            self.frame = later.to_vec();
        }
        push(&mut self.frame, part.as_ref());
        self
    }

    /// Adds a last part to the frame that is made when the frame is wanted first: nothing is made for a call that a
    /// fact keeps out of the cache. A part that is added after it makes it at once.
    #[must_use]
    pub fn framed_later<P: AsRef<[u8]>>(
        mut self,
        part: impl FnOnce() -> P + Send + 'static,
    ) -> Self {
        if let Some(later) = self.later.take() {
            self.frame = later.to_vec();
        }
        let mut frame = std::mem::take(&mut self.frame);
        let make = move || {
            push(&mut frame, part().as_ref());
            frame
        };
        self.later = Some(Arc::new(LazyLock::new(Box::new(make))));
        self
    }

    /// Adds a tag by which the answer can be invalidated later.
    #[must_use]
    pub fn tagged(mut self, tag: impl Into<Box<str>>) -> Self {
        if self.tags.len() < Self::MAX_TAGS {
            self.tags.push(tag.into());
        }
        self
    }

    /// Says what decides whether the answer may be kept.
    #[must_use]
    pub const fn with_facts(mut self, facts: Facts) -> Self {
        self.facts = facts;
        self
    }

    /// Says what the caller wants of the cache.
    #[must_use]
    pub const fn with_directive(mut self, directive: Directive) -> Self {
        self.directive = directive;
        self
    }

    /// Takes no answer that is older.
    #[must_use]
    pub const fn with_max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Names the route that it takes: how near another question must be to share its answer is set by route.
    ///
    /// It does not tell questions apart: equal ones share an answer on all routes.
    #[must_use]
    pub fn routed(mut self, route: impl Into<Cow<'static, str>>) -> Self {
        self.route = Some(route.into());
        self
    }

    /// Whose it is.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Everything but the text, as bytes that are equal when it is.
    #[must_use]
    pub fn frame(&self) -> &[u8] {
        self.later.as_ref().map_or(&self.frame, |later| later)
    }

    /// The last words of the user.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The tags.
    #[must_use]
    pub fn tags(&self) -> &[Box<str>] {
        &self.tags
    }

    /// What decides whether the answer may be kept.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// What the caller wants of the cache.
    #[must_use]
    pub const fn directive(&self) -> Directive {
        self.directive
    }

    /// The route that it takes.
    #[must_use]
    pub fn route(&self) -> Option<&str> {
        self.route.as_deref()
    }

    /// The oldest answer that the caller takes.
    #[must_use]
    pub const fn max_age(&self) -> Option<Duration> {
        self.max_age
    }
}

fn push(frame: &mut Vec<u8>, part: &[u8]) {
    frame.extend_from_slice(&(part.len() as u64).to_le_bytes());
    frame.extend_from_slice(part);
}

impl PartialEq for Question {
    fn eq(&self, other: &Self) -> bool {
        self.scope == other.scope
            && self.text == other.text
            && self.tags == other.tags
            && self.facts == other.facts
            && self.directive == other.directive
            && self.max_age == other.max_age
            && self.route == other.route
            && self.frame() == other.frame()
    }
}

/// Shows sizes, never words.
impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("scope", &self.scope)
            .field("frame_bytes", &self.frame().len())
            .field("text_bytes", &self.text.len())
            .field("facts", &self.facts)
            .field("directive", &self.directive)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_frame_are_kept_apart() {
        let of = |a: &str, b: &str| Question::new(Scope::shared(), "").framed(a).framed(b);
        assert_ne!(of("ab", "c").frame(), of("a", "bc").frame());
        assert_ne!(of("", "a").frame(), of("a", "").frame());
    }

    #[test]
    fn a_part_made_later_is_the_same_part() {
        let new = || Question::new(Scope::shared(), "").framed("a");
        let later = new().framed_later(|| "b");
        assert_eq!(later.frame(), new().framed("b").frame());
        assert_eq!(later.clone().framed("c"), new().framed("b").framed("c"));
        let twice = later.framed_later(|| "c");
        assert_eq!(twice, new().framed("b").framed("c"));
    }

    #[test]
    fn tags_are_bounded() {
        let mut question = Question::new(Scope::shared(), "");
        for i in 0..20 {
            question = question.tagged(i.to_string());
        }
        assert_eq!(question.tags().len(), Question::MAX_TAGS);
    }
}
