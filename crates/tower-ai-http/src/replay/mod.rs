//! Makes request bodies replayable, so that a call can be tried again or elsewhere.
//!
//! A request body is a stream that can be read once; a second attempt needs it again. [`ReplayLayer`]
//! stands above the layers that make attempts and turns `http::Request<B>` into
//! `http::Request<ReplayBody<B>>`, which is `Clone`:
//!
//! 1. A body that is whole already (`Full`, `Bytes` in one frame) is kept as it is: a clone is a counted
//!    reference, whatever its size.
//! 2. A streamed body is kept as it is sent, up to a limit of bytes. Its clones share what was kept and
//!    yield it from the beginning; whichever comes to the end of it first reads on from the source. An
//!    attempt that is dropped half-way therefore loses nothing, and two attempts may read at once.
//! 3. A body that outgrows the limit is passed on to the reader that got so far, and what was kept is let
//!    go: it can no longer be replayed, [`ReplayBody::is_replayable`] says so, and a clone that is sent
//!    nevertheless ends in [`NotReplayable`].
//!
//! What stands above all attempts also says once what they have in common: a call that asks for its answer as a
//! stream (`"stream": true` in a body that is whole, or Gemini's path) carries that down in its
//! [`Attempt`](tower_ai_core::Attempt), for layers that learn how long a first content takes.
//!
//! # Bounds
//!
//! A streamed body keeps at most the limit, in at most 16,384 frames, and one frame of the caller's.
//!
//! # Examples
//!
//! ```
//! use bytes::Bytes;
//! use http_body_util::{BodyExt, Full};
//! use tower::{Layer, Service, ServiceExt, service_fn};
//! use tower_ai_http::{ReplayBody, ReplayLayer, try_clone_request};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), tower_ai_core::BoxError> {
//! let twice = service_fn(|request: http::Request<ReplayBody<Full<Bytes>>>| async move {
//!     let again = try_clone_request(&request).ok_or("cannot be replayed")?;
//!     let first = request.into_body().collect().await?.to_bytes();
//!     let second = again.into_body().collect().await?.to_bytes();
//!     Ok::<_, tower_ai_core::BoxError>((first, second))
//! });
//! let (first, second) = ReplayLayer::new()
//!     .layer(twice)
//!     .oneshot(http::Request::new(Full::from("a prompt")))
//!     .await?;
//! assert_eq!(first, "a prompt");
//! assert_eq!(first, second);
//! # Ok(())
//! # }
//! ```
//!
//! With another limit:
//!
//! ```
//! use tower_ai_http::ReplayLayer;
//!
//! let layer = ReplayLayer::with_limit(64 * 1024)?;
//! assert_eq!(layer.limit(), 65_536);
//! assert!(ReplayLayer::with_limit(0).is_err(), "nothing could ever be replayed");
//! # Ok::<(), tower_ai_http::InvalidLimit>(())
//! ```

mod body;
mod error;
mod layer;
mod shared;
mod streamed;

pub use self::body::{ReplayBody, try_clone_request};
pub use self::error::{InvalidLimit, NotReplayable};
pub use self::layer::{Replay, ReplayLayer};
