//! A provider that breaks at every byte of an answer in turn: nothing broken is ever given as good.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower::ServiceExt;
use tower_ai::http::{ReplayBody, Secret, TargetLayer};
use tower_ai::stream::Commit;
use tower_ai::{Key, Stack, Target};
use tower_ai_drill::{Call, Dialect, Endpoint, Grade, Pace, Provider, Reply};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Ours = Stack<Client<HttpConnector, ReplayBody<Full<Bytes>>>>;

/// The calls under way at a time, and those between two looks at whether the answer was whole.
const AT_ONCE: usize = 32;
const BATCH: usize = 256;
/// Longer than any answer here.
const BYTES_MAX: usize = 8192;

/// The ways to break an answer, by the names that the fake provider knows them by.
const CUTS: [&str; 3] = ["cut-at", "cut-at-rst", "cut-at-clean"];

/// One answer to be broken at every byte.
#[derive(Clone, Copy, Debug)]
struct Subject {
    dialect: Dialect,
    stream: bool,
    cut: &'static str,
    commit: Commit,
}

/// Two providers and the stack over them. The first one takes the caller's model, and so breaks as the
/// model's name asks; the second one has a model of its own, and is well.
struct Bench {
    breaking: Provider,
    _well: Provider,
    stack: Ours,
    endpoint: Endpoint,
}

impl Bench {
    async fn start(subject: Subject) -> Result<Self, BoxError> {
        let pace = Pace::new(Duration::ZERO, Duration::ZERO, 2..=2)?;
        let provider = |name| {
            let provider = Provider::builder(name).dialect(subject.dialect);
            provider.pace(pace.clone()).start()
        };
        let (breaking, well) = (provider("breaking").await?, provider("well").await?);
        let target = |provider: &Provider, model: Option<&str>| {
            let endpoint = provider.endpoint();
            let mut target = Target::builder(&endpoint.name)
                .provider(&endpoint.name)
                .endpoint(&endpoint.url)
                .key(Key::named(endpoint.key.clone()));
            if let Some(model) = model {
                target = target.model(model);
            }
            let layer = TargetLayer::new(target.build()?)?.with_dialect(spoken(subject.dialect));
            Ok::<_, BoxError>(layer.with_secret(&Secret::new(&endpoint.key))?)
        };
        let stack = Stack::builder()
            .target(target(&breaking, None)?)
            .target(target(&well, Some("well-1"))?)
            // Every call is to see its own fault, and no other.
            .breaker(|breaker| breaker.observe_only())
            .retry(|retry| retry.clone().max_retries(0).unwrap_or(retry))
            .commit(subject.commit)
            .build(Client::builder(TokioExecutor::new()).build_http())?;
        let endpoint = breaking.endpoint();
        Ok(Self {
            breaking,
            _well: well,
            stack,
            endpoint,
        })
    }

    /// What a call is worth whose answer breaks after so many bytes.
    async fn grade(&self, subject: Subject, bytes: usize) -> Result<Grade, BoxError> {
        let mut endpoint = self.endpoint.clone();
        endpoint.model = format!("fault:{}:{bytes}", subject.cut);
        let mut call = Call::new(bytes.to_string(), "how are you", Duration::from_secs(30));
        call.stream = subject.stream;
        let request = call.request(&endpoint)?.map(Full::new);
        let reply = match self.stack.clone().oneshot(request).await {
            Ok(response) => Reply::read(subject.dialect, call.stream, response).await,
            Err(error) => Reply::failed(&*error),
        };
        let grade = reply.grade(&call, Duration::ZERO);
        assert_ne!(grade, Grade::Broken, "{subject:?} at {bytes}: {reply:?}");
        Ok(grade)
    }

    /// Whether the provider got its whole answer out in a call.
    fn was_whole(&self, bytes: usize) -> bool {
        let attempts = self.breaking.log().of_call(&bytes.to_string());
        attempts.iter().any(tower_ai_drill::Entry::is_answered)
    }
}

const fn spoken(dialect: Dialect) -> tower_ai::http::Dialect {
    match dialect {
        Dialect::Anthropic => tower_ai::http::Dialect::Anthropic,
        Dialect::Gemini => tower_ai::http::Dialect::Gemini,
        _ => tower_ai::http::Dialect::OpenAi,
    }
}

/// The grades of an answer that breaks after 0, 1, 2 bytes and so on, up to the whole of it.
async fn grades(subject: Subject) -> Result<Vec<Grade>, BoxError> {
    let bench = Arc::new(Bench::start(subject).await?);
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut grades = vec![Grade::Late; BYTES_MAX];
    for from in (0..BYTES_MAX).step_by(BATCH) {
        let mut calls = JoinSet::new();
        for bytes in from..from + BATCH {
            let (bench, room) = (Arc::clone(&bench), Arc::clone(&room));
            calls.spawn(async move {
                let _place = room.acquire().await?;
                Ok::<_, BoxError>((bytes, bench.grade(subject, bytes).await?))
            });
        }
        while let Some(call) = calls.join_next().await {
            let (bytes, grade) = call??;
            grades[bytes] = grade;
        }
        if bench.was_whole(from + BATCH - 1) {
            let whole = (0..from + BATCH).find(|bytes| bench.was_whole(*bytes));
            grades.truncate(whole.unwrap_or(from) + 1);
            return Ok(grades);
        }
    }
    Err(format!("{subject:?} has no end").into())
}

/// Breaks streamed and plain answers of a dialect in every way, all at once.
async fn break_everywhere(dialect: Dialect, commit: Commit) -> Result<(), BoxError> {
    let mut subjects = JoinSet::new();
    for stream in [false, true] {
        // What is held back to its end has no part for a connection to break off in two ways.
        let cuts = if commit == Commit::Complete {
            &CUTS[1..]
        } else {
            &CUTS
        };
        for cut in cuts {
            let subject = Subject {
                dialect,
                stream,
                cut,
                commit,
            };
            subjects.spawn(async move { (subject, grades(subject).await) });
        }
    }
    while let Some(done) = subjects.join_next().await {
        let (subject, grades) = done?;
        judge(subject, &grades?);
    }
    Ok(())
}

fn judge(subject: Subject, grades: &[Grade]) {
    let answered = |grades: &[Grade]| grades.iter().all(|grade| *grade == Grade::Answered);
    let bytes = grades.len();
    assert!(bytes > 200, "{subject:?}: {bytes} bytes are no answer");
    assert!(
        answered(&grades[..60]),
        "{subject:?}: nothing is out yet, the other one answers"
    );
    assert!(
        answered(&grades[bytes - 1..]),
        "{subject:?}: the whole answer"
    );
    let failed = grades
        .iter()
        .filter(|grade| **grade == Grade::Failed)
        .count();
    let late = grades.iter().filter(|grade| **grade == Grade::Late).count();
    assert_eq!(late, 0, "{subject:?}");
    if subject.commit == Commit::Complete {
        assert_eq!(failed, 0, "{subject:?}: nothing is out before it is whole");
    } else if subject.stream {
        assert!(failed > 0, "{subject:?}: who has seen a part is told");
    }
}

macro_rules! everywhere {
    ($($name:ident => $dialect:ident, $commit:ident;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() -> Result<(), BoxError> {
                break_everywhere(Dialect::$dialect, Commit::$commit).await
            }
        )*
    };
}

everywhere! {
    openai_at_first_content => OpenAi, FirstContent;
    openai_when_complete => OpenAi, Complete;
    anthropic_at_first_content => Anthropic, FirstContent;
    anthropic_when_complete => Anthropic, Complete;
    gemini_at_first_content => Gemini, FirstContent;
    gemini_when_complete => Gemini, Complete;
}
