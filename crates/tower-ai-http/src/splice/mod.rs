//! Goes on elsewhere with a stream that broke off after its first words: the commit mode *continue*.
//!
//! Once words of an answer are out, no other attempt can silently take its place, and all that is left is a clean
//! error. [`ContinueLayer`] stands above the router and makes one more thing possible: another target goes on where
//! the first broke off, if that can be done honestly:
//!
//! 1. *By prefill*: a target that is known to take the beginning of an answer ([`Prefill`]) is given what the caller
//!    has, and goes on with it.
//! 2. *By a restart*: any other is asked for the whole answer again. While it says exactly what the caller has
//!    already, that is swallowed; what comes then is passed on.
//! 3. Otherwise the caller gets the failure as it came: the error within the stream and the error of the body.
//!
//! A target that refuses the prefill with a 4xx, or does not go on where it should, is asked for a restart; its own
//! error reaches nobody. An answer that says something else than the caller has is dropped before a word of it is
//! out. Which target goes on is for the router to say, by health, order and budget: to go on is a further attempt of
//! the call. The one that broke off is avoided, and its failure is settled as any other.
//!
//! # What the caller sees
//!
//! One answer: identity and model of the first, one role or `message_start`, one good end. Only the usage is that of
//! the last target, for its part. That it was put together stands in [`Served::splices`], to be read at the end, and
//! in the trailer `x-tower-ai-spliced` (`first>second;prefill`).
//!
//! # What is never spliced
//!
//! Only one text can be gone on with. So these are left alone: requests that offer tools, ask for JSON or any other
//! structure, for reasoning, sound or more than one choice; answers in which a tool call, reasoning, a refusal or
//! anything else than text was heard, or whose text was over; requests whose body cannot be replayed. It works for
//! OpenAI's chat completions (and all who speak like that), Anthropic's messages and Gemini's
//! `streamGenerateContent?alt=sse`, as server-sent events; everything else is passed through. Targets must speak
//! the dialect of the request.
//!
//! # What it takes
//!
//! A [`StreamGuardLayer`](tower_ai_stream::StreamGuardLayer) below, which tells a broken stream from a good one, and a
//! [`ReplayLayer`](crate::ReplayLayer) above. The prefill is put into the request by the
//! [`TargetLayer`](crate::TargetLayer); without one there are restarts only.
//!
//! The call's deadline was met when the answer began, so what goes on has a deadline of its own
//! ([`within`](ContinueLayer::within)).
//!
//! # Bounds
//!
//! The text that the caller has, up to [a limit](ContinueLayer::text_limit); one event of up to 64 KiB; 256 events
//! that are held back around a break. What exceeds one of these is passed on and not gone on with.
//!
//! [`Served::splices`]: tower_ai_core::Served::splices
//!
//! # Examples
//!
//! A provider that breaks off after two words, and says the same when asked again:
//!
//! ```
//! use std::sync::atomic::{AtomicBool, Ordering};
//! use std::sync::Arc;
//! use bytes::Bytes;
//! use http_body_util::{BodyExt, Full, StreamBody};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_ai_core::{BoxError, Joint, Served};
//! use tower_ai_http::{ContinueLayer, ReplayBody, ReplayLayer};
//! use tower_ai_stream::StreamGuardLayer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! fn says(words: &str) -> String {
//!     format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{words}\"}},\"index\":0}}]}}\n\n")
//! }
//!
//! let is_well = Arc::new(AtomicBool::new(false));
//! let provider = move |_: http::Request<ReplayBody<Full<Bytes>>>| {
//!     let answer = match is_well.swap(true, Ordering::Relaxed) {
//!         false => says("Once ") + &says("upon"),
//!         true => says("Once upon") + &says(" a time.") + "data: [DONE]\n\n",
//!     };
//!     // In a body that does not know its length.
//!     let frames = [Ok::<_, std::io::Error>(http_body::Frame::data(Bytes::from(answer)))];
//!     let body = StreamBody::new(tokio_stream::iter(frames));
//!     let response = http::Response::builder().header("content-type", "text/event-stream");
//!     async move { response.body(body) }
//! };
//! let service = ServiceBuilder::new()
//!     .layer(ReplayLayer::new())
//!     .layer(ContinueLayer::new())
//!     .layer(StreamGuardLayer::new())
//!     .service_fn(provider);
//!
//! let request = http::Request::post("/v1/chat/completions")
//!     .body(Full::from(r#"{"stream": true, "messages": [{"role": "user", "content": "Tell!"}]}"#))?;
//! let answer = service.oneshot(request).await?;
//! let served = answer.extensions().get::<Served>().cloned().expect("what happens is noted here");
//! let answer = answer.into_body().collect().await?;
//! assert_eq!(answer.to_bytes(), says("Once ") + &says("upon") + &says(" a time.") + "data: [DONE]\n\n");
//!
//! let splices = served.splices();
//! assert_eq!((splices[0].joint, splices[0].after), (Joint::Restart, "Once upon".len()));
//! # Ok(())
//! # }
//! ```
//!
//! With less patience, and no restarts:
//!
//! ```
//! use std::time::Duration;
//! use tower_ai_http::ContinueLayer;
//!
//! let layer = ContinueLayer::new()
//!     .within(Duration::from_secs(10))?
//!     .attempts(1)?
//!     .restarts(false);
//! assert!(ContinueLayer::new().within(Duration::ZERO).is_err());
//! # let _ = layer;
//! # Ok::<(), tower_ai_http::InvalidContinue>(())
//! ```

mod body;
mod cutter;
pub mod future;
mod layer;
mod prefill;
mod service;
mod splicer;
mod wire;
mod work;

pub use self::body::ContinueBody;
pub use self::layer::{ContinueLayer, InvalidContinue};
pub use self::prefill::Prefill;
pub use self::service::Continue;

pub(crate) use self::prefill::{Prefilled, Resume};
