//! Reading the question off an HTTP request.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{Method, Request};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_ai_core::{Ask, Directive, Question, Scope};

use super::body::{RequestBody, poll_bytes};
use super::chat::question_framed as question;
use super::strict::Strict;

/// Reads questions off JSON chats over HTTP.
///
/// See the [module docs](crate::http).
#[derive(Clone)]
pub struct HttpAsk {
    scope: ScopeFn,
    route: Option<RouteFn>,
    tags: Option<TagsFn>,
    limit: usize,
}

type TagsFn = Arc<dyn Fn(&Parts) -> Vec<Box<str>> + Send + Sync>;

type RouteFn = Arc<dyn Fn(&Parts) -> Option<Cow<'static, str>> + Send + Sync>;

type ScopeFn = Arc<dyn Fn(&Parts) -> Option<Scope> + Send + Sync>;

/// Headers that shape an answer.
const SHAPING: [&str; 7] = [
    "anthropic-version",
    "anthropic-beta",
    "openai-beta",
    "openai-organization",
    "openai-project",
    "accept-language",
    "accept",
];

impl HttpAsk {
    /// Every request has this scope.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        Self::by(move |_| Some(scope.clone()))
    }

    /// Each request's scope is read off it; one without a scope is passed by.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_ai_cache::http::HttpAsk;
    /// use tower_ai_core::Scope;
    ///
    /// let ask = HttpAsk::by(|parts| {
    ///     let tenant = parts.headers.get("x-tenant")?.to_str().ok()?;
    ///     Some(Scope::tenant(tenant))
    /// });
    /// # let _ = ask;
    /// ```
    #[must_use]
    pub fn by(scope: impl Fn(&Parts) -> Option<Scope> + Send + Sync + 'static) -> Self {
        Self {
            scope: Arc::new(scope),
            route: None,
            tags: None,
            limit: 1 << 20,
        }
    }

    /// Sets the largest body that is read; a larger one passes by as it is. Defaults to 1 MiB.
    #[must_use]
    pub const fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Reads the [route](Question::routed) off each request. Defaults to none.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_ai_cache::http::HttpAsk;
    /// use tower_ai_core::Scope;
    ///
    /// let ask = HttpAsk::new(Scope::tenant("acme")).route(|parts| {
    ///     parts.uri.path().starts_with("/faq/").then_some("faq".into())
    /// });
    /// # let _ = ask;
    /// ```
    #[must_use]
    pub fn route(
        mut self,
        route: impl Fn(&Parts) -> Option<Cow<'static, str>> + Send + Sync + 'static,
    ) -> Self {
        self.route = Some(Arc::new(route));
        self
    }

    /// Reads off each request the tags by which its answer can be invalidated later. Defaults to none.
    #[must_use]
    pub fn tags(mut self, tags: impl Fn(&Parts) -> Vec<Box<str>> + Send + Sync + 'static) -> Self {
        self.tags = Some(Arc::new(tags));
        self
    }

    fn question(&self, parts: &Parts, body: &[u8]) -> Option<Question> {
        let scope = (self.scope)(parts)?;
        let Strict(chat) = serde_json::from_slice(body).ok()?;
        let mut question = question(scope, chat, |new| framed(new, parts))?;
        if let Some(route) = self.route.as_ref().and_then(|route| route(parts)) {
            question = question.routed(route);
        }
        for tag in self.tags.iter().flat_map(|tags| tags(parts)) {
            question = question.tagged(tag);
        }
        let said = parts.extensions.get::<Directive>().copied();
        Some(match said {
            Some(directive) => question.with_directive(directive),
            None => heed(question, parts),
        })
    }
}

/// Adds what of a request's head shapes its answer.
fn framed(mut question: Question, parts: &Parts) -> Question {
    let uri = &parts.uri;
    question = question
        .framed(uri.scheme_str().unwrap_or_default())
        .framed(uri.authority().map_or("", |authority| authority.as_str()))
        .framed(uri.path_and_query().map_or("", |path| path.as_str()));
    // Most requests have none of these: one look at each header is less than one look-up for each name.
    let has = |name: &&str| parts.headers.keys().any(|key| key.as_str() == *name);
    for name in SHAPING.into_iter().filter(has) {
        for value in parts.headers.get_all(name) {
            question = question.framed(name).framed(value);
        }
    }
    question
}

/// Heeds what `Cache-Control` says.
fn heed(mut question: Question, parts: &Parts) -> Question {
    for value in parts.headers.get_all(CACHE_CONTROL) {
        for word in value.to_str().unwrap_or_default().split(',') {
            match word.trim().split_once('=') {
                Some(("max-age", age)) => {
                    let age = age.parse().map_or(Duration::ZERO, Duration::from_secs);
                    question = question.with_max_age(age);
                }
                _ if word.trim() == "no-store" => return question.with_directive(Directive::Skip),
                _ if word.trim() == "no-cache" => {
                    question = question.with_directive(Directive::Refresh);
                }
                _ => {}
            }
        }
    }
    question
}

impl<B: Body + Unpin> Ask<Request<B>> for HttpAsk {
    type Request = Request<RequestBody<B>>;
    type Future = ReadQuestion<B>;

    fn ask(&self, request: Request<B>) -> ReadQuestion<B> {
        let (parts, body) = request.into_parts();
        let json = parts.headers.get(CONTENT_TYPE).is_some_and(|value| {
            value
                .to_str()
                .is_ok_and(|value| value.starts_with("application/json"))
        });
        let too_large = body.size_hint().lower() > self.limit as u64;
        ReadQuestion {
            wanted: parts.method == Method::POST && json && !too_large,
            ask: self.clone(),
            parts: Some(parts),
            read: VecDeque::new(),
            bytes: 0,
            body: Some(body),
        }
    }
}

pin_project! {
    /// Reads the body of a request, up to a limit.
    pub struct ReadQuestion<B> {
        wanted: bool,
        ask: HttpAsk,
        parts: Option<Parts>,
        read: VecDeque<Bytes>,
        bytes: usize,
        // Moved on when the reading ends: it must be `Unpin`, or boxed.
        body: Option<B>,
    }
}

impl<B: Body + Unpin> Future for ReadQuestion<B> {
    type Output = (Request<RequestBody<B>>, Option<Question>);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut failed = None;
        let mut whole = false;
        while let Some(body) = this.body.as_mut().filter(|_| *this.wanted) {
            match ready!(poll_bytes(Pin::new(body), cx)) {
                // Trailers of a request: nobody reads them.
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        *this.bytes += data.len();
                        this.read.push_back(data);
                    }
                }
                Some(Err(error)) => failed = Some(error),
                None => whole = true,
            }
            if whole || failed.is_some() || *this.bytes > this.ask.limit {
                break;
            }
        }
        let Some(parts) = this.parts.take() else {
            return Poll::Pending;
        };
        let all: Vec<u8>;
        let question = match (whole, this.read.len()) {
            (false, _) => None,
            (true, 1) => this.ask.question(&parts, &this.read[0]),
            (true, _) => {
                all = this.read.iter().flatten().copied().collect();
                this.ask.question(&parts, &all)
            }
        };
        let rest = this.body.take().filter(|_| !whole && failed.is_none());
        let body = RequestBody {
            read: std::mem::take(this.read),
            failed,
            rest,
        };
        Poll::Ready((Request::from_parts(parts, body), question))
    }
}

impl fmt::Debug for HttpAsk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpAsk")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl<B> fmt::Debug for ReadQuestion<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadQuestion")
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}
