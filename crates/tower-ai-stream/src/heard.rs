//! What was learnt of an answer while it went by.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::parse::Model;
use crate::{Ending, Finish, Format, Parser, Usage};

/// What was learnt of an answer while it went by: stands in the extensions of every guarded response.
///
/// A handle: clone it before the body is read, and ask it again at the end. Values are brought up to date when the
/// answer is passed on and when it ends (or is dropped), not with each event.
///
/// # Examples
///
/// ```
/// use http_body_util::{BodyExt, Full};
/// use tower::{Layer, ServiceExt, service_fn};
/// use tower_ai_stream::{Ending, Finish, Heard, StreamGuardLayer};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let provider = service_fn(|_: http::Request<()>| async {
///     let answer = "data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n\
///                   data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n\
///                   data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n\
///                   data: [DONE]\n\n";
///     let response = http::Response::builder().header("content-type", "text/event-stream");
///     response.body(Full::<bytes::Bytes>::from(answer))
/// });
/// let response = StreamGuardLayer::new().layer(provider).oneshot(http::Request::new(())).await?;
/// let heard = response.extensions().get::<Heard>().cloned().expect("a guarded answer");
/// response.into_body().collect().await?;
///
/// assert_eq!(heard.model().as_deref(), Some("m"));
/// assert_eq!(heard.usage().output, Some(2));
/// assert_eq!(heard.ending(), Some(Ending::Good));
/// assert_eq!(heard.finish(), Some(Finish::Length));
/// # Ok::<(), tower_ai_core::BoxError>(()) }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct Heard {
    said: Arc<Mutex<Said>>,
}

#[derive(Clone, Default)]
struct Said {
    format: Option<Format>,
    model: Model,
    usage: Usage,
    skipped: u32,
    first_content: Option<Duration>,
    ending: Option<Ending>,
    finish: Option<Finish>,
}

impl Heard {
    /// Whose events they were.
    #[must_use]
    pub fn format(&self) -> Option<Format> {
        self.with(|said| said.format)
    }

    /// The model that answered, by its own word.
    #[must_use]
    pub fn model(&self) -> Option<String> {
        self.with(|said| said.model.as_str().map(str::to_owned))
    }

    /// The tokens that the answer cost.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.with(|said| said.usage)
    }

    /// How many malformed events were left out, as the application chose.
    #[must_use]
    pub fn skipped(&self) -> u32 {
        self.with(|said| said.skipped)
    }

    /// How long after the call its first content came.
    #[must_use]
    pub fn first_content(&self) -> Option<Duration> {
        self.with(|said| said.first_content)
    }

    /// How the answer ended; `None` while it goes on.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        self.with(|said| said.ending)
    }

    /// Why it ended, by its provider's word; `None` while it goes on, and where the provider did not say.
    ///
    /// A stream is passed on with its first content: that it was refused after ten words, or cut off at its limit, is
    /// told here and nowhere else.
    #[must_use]
    pub fn finish(&self) -> Option<Finish> {
        self.with(|said| said.finish)
    }

    pub(crate) fn note_first_content(&self, after: Duration) {
        self.with(|said| said.first_content = Some(after));
    }

    pub(crate) fn note(&self, parser: &Parser, skipped: u32, ending: Option<Ending>) {
        self.with(|said| {
            said.format = parser.format();
            said.model = parser.model_held();
            said.usage = parser.usage();
            said.finish = parser.finish();
            said.skipped = skipped;
            said.ending = said.ending.or(ending);
        });
    }

    fn with<T>(&self, read: impl FnOnce(&mut Said) -> T) -> T {
        read(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = self.with(|said| said.clone());
        f.debug_struct("Heard")
            .field("format", &said.format)
            .field("model", &said.model.as_str())
            .field("usage", &said.usage)
            .field("skipped", &said.skipped)
            .field("first_content", &said.first_content)
            .field("ending", &said.ending)
            .field("finish", &said.finish)
            .finish()
    }
}
