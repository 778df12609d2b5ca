//! The truth about streamed AI answers: how they began, went on and ended.
//!
//! Most answers of models are streams, and most failures that people see are in them: a 200 that never speaks,
//! pings that hide a stall, an error after ten words, an end without an end. To a client these look like
//! success. [`StreamGuardLayer`] reads each answer of one target as it goes by and tells the truth about it:
//!
//! 1. *It holds the answer back until it is worth something* ([`Commit`]): until its first content, or until it
//!    is whole. A failure before that point is one that retry and failover above can still make good.
//! 2. *It runs clocks that pings do not fool* ([`Clocks`]): only content counts, no role, comment or ping.
//! 3. *It lets no broken answer end like a good one*: a truncated, stalled, garbled, reset or failed answer ends
//!    in a [`Broken`] error, at the call or on the body.
//! 4. *It notes what was said* ([`Heard`]): the model, the tokens, how the answer ended.
//!
//! It understands the streams of OpenAI (chat and responses), Anthropic, Gemini, OpenRouter, Ollama and everyone
//! who speaks like one of them ([`Format`]), and finds out which by itself. Bytes are passed on as they came and
//! are not copied.
//!
//! # What becomes of an answer
//!
//! | the answer | before it is passed on | after |
//! |---|---|---|
//! | holds an error | `Ok`, unchanged, with the error's [`Outcome`] in its extensions | the error as it came, then `Err` |
//! | is refused by a filter, without content | `Ok`, unchanged, with [`Outcome::Refused`] | – |
//! | ends without an end mark, stalls, is reset | `Err` | `Err` |
//! | holds an event that cannot be read | `Err`, or the event is left out ([`Malformed`]) | the same, before the event |
//! | ends well, or is over and held open | `Ok` | the end, at once or after a second |
//!
//! [`Outcome`]: tower_ai_core::Outcome
//! [`Outcome::Refused`]: tower_ai_core::Outcome::Refused
//!
//! Every `Err` is known to [`outcome_of`](tower_ai_core::error::outcome_of): a clock is
//! [`TimedOut`](tower_ai_core::Outcome::TimedOut), everything else a [`Fault`](tower_ai_core::Outcome::Fault) or
//! what the error said.
//!
//! An answer that is not streamed but one JSON text (`application/json`) is held to its end, whatever the mode,
//! because nobody can use half of it; it must be whole JSON and hold no error. Answers with another status than
//! 200, to `HEAD`, of other types, or compressed, pass untouched: take `accept-encoding` off requests whose answers are to be
//! guarded. Events that belong to no format above are no content, so that a stream of something else than a
//! model's answer never begins: leave such calls outside of the guard.
//!
//! # Limits
//!
//! The parser needs less than 1 KiB a stream, whatever the size of events. What is held back is bounded
//! ([`hold`](StreamGuardLayer::hold), [`hold_whole`](StreamGuardLayer::hold_whole)); an answer that exceeds it is
//! passed on from there, and a failure is then an error of the body.
//!
//! An answer whose choices have all ended, on a connection that is held open without an end mark, is taken for
//! whole after the time to linger. A further choice that begins later than that is missed: ask such a server for one.
//!
//! Some servers give a reason to end with every event. There an answer that was cut looks whole as long as its
//! connection was closed in order; nobody can tell.
//!
//! # Examples
//!
//! With the defaults: an answer that broke off before its first word is an error that a retry can act on.
//!
//! ```
//! use http_body_util::{BodyExt, Full};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_ai_core::Outcome;
//! use tower_ai_core::error::outcome_of;
//! use tower_ai_stream::StreamGuardLayer;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let provider = ServiceBuilder::new().layer(StreamGuardLayer::new()).service_fn(
//!     |request: http::Request<&'static str>| async move {
//!         let response = http::Response::builder().header("content-type", "text/event-stream");
//!         response.body(Full::<bytes::Bytes>::from(request.into_body()))
//!     },
//! );
//!
//! let cut = "event: message_start\ndata: {\"type\":\"message_start\"}\n\n";
//! let error = provider.clone().oneshot(http::Request::new(cut)).await.unwrap_err();
//! assert_eq!(outcome_of(&*error), Outcome::Fault);
//!
//! let good = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\n";
//! let answer = provider.oneshot(http::Request::new(good)).await?;
//! assert_eq!(answer.into_body().collect().await?.to_bytes(), good);
//! # Ok::<(), tower_ai_core::BoxError>(()) }).unwrap();
//! ```
//!
//! For a caller that collects the text, and would rather miss an event than the answer:
//!
//! ```
//! # use http_body_util::{BodyExt, Full};
//! # use tower::{ServiceBuilder, ServiceExt};
//! use std::time::Duration;
//! use tower_ai_stream::{Commit, Heard, Malformed, StreamGuardLayer};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let layer = StreamGuardLayer::new()
//!     .commit(Commit::Complete)
//!     .malformed(Malformed::Skip)
//!     .first_content(Duration::from_secs(5))?
//!     .whole(Duration::from_secs(60))?;
//! # let provider = ServiceBuilder::new().layer(layer).service_fn(
//! #     |request: http::Request<&'static str>| async move {
//! #         let response = http::Response::builder().header("content-type", "text/event-stream");
//! #         response.body(Full::<bytes::Bytes>::from(request.into_body()))
//! #     },
//! # );
//!
//! let answer = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: {\"cho\n\ndata: [DONE]\n\n";
//! let answer = provider.oneshot(http::Request::new(answer)).await?;
//! assert_eq!(answer.extensions().get::<Heard>().map(Heard::skipped), Some(1));
//! let text = answer.into_body().collect().await?.to_bytes();
//! assert_eq!(text, "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: [DONE]\n\n");
//! # Ok::<(), tower_ai_core::BoxError>(()) }).unwrap();
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

mod body;
mod clock;
mod error;
mod event;
pub mod future;
mod guard;
mod heard;
mod layer;
mod parse;
mod queue;
mod service;
mod settings;
mod sieve;

pub use self::body::GuardedBody;
pub use self::clock::{Clocks, Lapse, Limits};
pub use self::error::{Broken, Ending, InvalidGuard};
pub use self::event::{Close, Event, Finish, Format, Framing, Usage};
pub use self::heard::Heard;
pub use self::layer::StreamGuardLayer;
pub use self::parse::Parser;
pub use self::service::StreamGuard;
pub use self::settings::{Commit, Malformed};
