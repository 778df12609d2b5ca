//! A cache over a mock: what the tests of the crate share.

#![allow(dead_code, reason = "not every test file uses everything")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::Duration;

use tokio::task::JoinHandle;
use tower::{Layer, ServiceExt};
use tower_ai_cache::{Cache, CacheLayer};
use tower_ai_core::error::Failed;
use tower_ai_core::{
    Ask, AskFn, BoxError, CacheNote, CacheUse, Keep, KeepFn, Kept, Outcome, Question, Scope,
    ask_fn, keep_fn,
};
use tower_test::mock::{self, Handle, Mock};

pub(crate) const SEC: Duration = Duration::from_secs(1);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// Asks nothing that the default rules refuse.
pub(crate) const PLAIN: &str = "Which documents prove an identity?";

/// A request whose every part a test can set.
#[derive(Clone, Debug)]
pub(crate) struct Prompt(pub(crate) Question);

impl Prompt {
    pub(crate) fn new(text: &str) -> Self {
        Self(Question::new(Scope::tenant("acme"), text))
    }

    pub(crate) fn of(scope: Scope, text: &str) -> Self {
        Self(Question::new(scope, text))
    }
}

/// An answer that shows what the cache did.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) text: &'static str,
    pub(crate) note: Option<CacheNote>,
}

impl Answer {
    pub(crate) fn how(&self) -> CacheUse {
        self.note.expect("a note").how
    }

    pub(crate) fn is_miss(&self) -> bool {
        self.how() == CacheUse::Miss
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.note.expect("a note").stale
    }
}

type AskPrompt = AskFn<fn(&Prompt) -> Option<Question>>;
type KeepAnswer = KeepFn<fn(&Answer) -> Option<usize>, Answer>;
pub(crate) type Backend = Handle<Prompt, Answer>;
pub(crate) type Mocked = Cache<Mock<Prompt, Answer>, AskPrompt, KeepAnswer>;

/// Refusals are not kept.
fn bytes(answer: &Answer) -> Option<usize> {
    (answer.text != "refused").then_some(answer.text.len())
}

pub(crate) type TestLayer = CacheLayer<AskPrompt, KeepAnswer>;

pub(crate) fn layer() -> TestLayer {
    let ask = ask_fn((|prompt: &Prompt| Some(prompt.0.clone())) as fn(&Prompt) -> Option<Question>);
    let keep = keep_fn(bytes as fn(&Answer) -> Option<usize>)
        .noting(|answer, note| answer.note = Some(note));
    CacheLayer::new(ask, keep)
}

pub(crate) fn mocked<A, K: Kept>(
    layer: &CacheLayer<A, K>,
) -> (Cache<Mock<Prompt, Answer>, A, K>, Backend) {
    let (service, backend) = mock::pair();
    (layer.layer(service), backend)
}

/// Calls in a task of its own.
pub(crate) fn call<A, K>(
    cache: &Cache<Mock<Prompt, Answer>, A, K>,
    prompt: Prompt,
) -> JoinHandle<Result<Answer, BoxError>>
where
    A: Ask<Prompt, Request = Prompt> + Send + Sync + 'static,
    A::Future: Send,
    K: Keep<Answer, Response = Answer> + Kept<Stored = Answer> + Send + Sync + 'static,
{
    tokio::spawn(cache.clone().oneshot(prompt))
}

pub(crate) async fn answer(backend: &mut Backend, text: &'static str) {
    let (_, reply) = backend.next_request().await.expect("a request");
    reply.send_response(Answer { text, note: None });
}

pub(crate) async fn fail(backend: &mut Backend, outcome: Outcome) {
    let (_, reply) = backend.next_request().await.expect("a request");
    reply.send_error(Failed::new(outcome, "no"));
}

/// Lets every task run as far as it gets.
pub(crate) async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// The mock sees no request now, however long we wait.
pub(crate) async fn assert_untouched(backend: &mut Backend) {
    settle().await;
    let mut next = tokio_test::task::spawn(backend.next_request());
    assert!(next.poll().is_pending(), "a request came");
}

/// Asks once and answers from the inner service.
pub(crate) async fn fill(
    cache: &Mocked,
    backend: &mut Backend,
    prompt: Prompt,
    text: &'static str,
) {
    let reply = call(cache, prompt);
    answer(backend, text).await;
    assert!(reply.await.unwrap().unwrap().is_miss());
}

/// Asks and must be answered without the inner service.
pub(crate) async fn hit(cache: &Mocked, backend: &mut Backend, prompt: Prompt) -> Answer {
    let reply = call(cache, prompt);
    assert_untouched(backend).await;
    reply.await.unwrap().unwrap()
}

/// Asks and must reach the inner service.
pub(crate) async fn miss(cache: &Mocked, backend: &mut Backend, prompt: Prompt) -> Answer {
    let reply = call(cache, prompt);
    answer(backend, "anew").await;
    reply.await.unwrap().unwrap()
}
