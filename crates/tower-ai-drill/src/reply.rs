//! What a caller got, and what it is worth.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use http::{Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::Instant;

use crate::reader::Reader;
use crate::{Call, Dialect, Usage, is_whole};

/// The most of an error's text that is kept.
const ERROR_MAX: usize = 4096;

/// What a contender gave its caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// The status, if there was an answer at all.
    pub status: Option<u16>,
    /// The text that came.
    pub text: String,
    /// The model that says it answered.
    pub model: Option<String>,
    /// What the answer says it cost.
    pub usage: Option<Usage>,
    /// The error that the caller was told: of the call, the status, the body or inside the stream.
    pub error: Option<String>,
    /// What is wrong with what was passed off as an answer.
    pub defect: Option<Defect>,
    /// From reading the head to the first content.
    pub first_content: Option<Duration>,
    /// The target that the contender says answered, if it says.
    pub served_by: Option<String>,
}

/// How an answer that ended without an error is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Defect {
    /// A part of it cannot be read.
    Garbled,
    /// It has no good end.
    Truncated,
}

/// What a reply is worth to its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grade {
    /// A whole, unbroken, right answer in time.
    Answered,
    /// A broken or wrong answer, given as a good one.
    Broken,
    /// An error, told as one, by the deadline.
    Failed,
    /// Nothing within the deadline.
    Late,
}

impl Reply {
    /// A call that ended in an error. Every cause is kept in the text.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_ai_drill::Reply;
    ///
    /// let error = std::io::Error::other("connection reset");
    /// assert_eq!(Reply::failed(&error).error.as_deref(), Some("connection reset"));
    /// ```
    pub fn failed(error: &(dyn Error + 'static)) -> Self {
        Self {
            error: Some(causes(error)),
            ..Self::default()
        }
    }

    /// Reads an answer to its end, as a caller of this dialect would.
    ///
    /// It takes the contender's word: what the body calls an error becomes
    /// [`error`](Self::error), and what ends without one is checked for its
    /// [defects](Self::defect).
    pub async fn read<B>(dialect: Dialect, stream: bool, response: Response<B>) -> Self
    where
        B: Body,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (head, body) = response.into_parts();
        let mut reply = Self {
            status: Some(head.status.as_u16()),
            ..Self::default()
        };
        let started = Instant::now();
        let mut reader = Reader::new(dialect, stream && head.status.is_success());
        let mut body = std::pin::pin!(body);
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => {
                    if let Ok(data) = frame.into_data() {
                        reader.push(data);
                    }
                }
                Err(error) => {
                    let error = error.into();
                    reply.error = Some(causes(error.as_ref()));
                    break;
                }
            }
            if reply.first_content.is_none() && reader.has_content() {
                reply.first_content = Some(Instant::now().saturating_duration_since(started));
            }
        }
        reply.take(reader, head.status);
        reply
    }

    /// What this reply to `call` is worth, after the caller waited so long for it.
    pub fn grade(&self, call: &Call, waited: Duration) -> Grade {
        // An error that tells of the deadline comes at the deadline, and a little after.
        let told_by = call.deadline.saturating_add(call.deadline / 10);
        if self.error.is_some() && waited <= told_by {
            Grade::Failed
        } else if waited > call.deadline {
            Grade::Late
        } else if self.defect.is_none() && is_whole(&call.prompt, &self.text) {
            Grade::Answered
        } else {
            Grade::Broken
        }
    }

    fn take(&mut self, reader: Reader, status: StatusCode) {
        if !status.is_success() {
            let body = reader.into_raw();
            let text = String::from_utf8_lossy(&body[..body.len().min(ERROR_MAX)]);
            self.error
                .get_or_insert_with(|| format!("{status}: {text}"));
            return;
        }
        let (reading, defect) = reader.finish();
        self.text = reading.text;
        self.model = reading.model;
        self.usage = reading.usage;
        if self.error.is_none() {
            self.error = reading.error;
        }
        if self.error.is_none() {
            self.defect = defect;
        }
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answered => "answered",
            Self::Broken => "broken",
            Self::Failed => "failed",
            Self::Late => "late",
        })
    }
}

/// An error with its causes, shortened.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause.take_if(|_| text.len() < ERROR_MAX) {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
