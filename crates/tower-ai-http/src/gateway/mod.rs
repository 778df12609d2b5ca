//! What a gateway owes its callers: errors in their own dialect, and nothing of the connections behind it.
//!
//! A stack returns a `Result`, and its bodies end in typed errors. The caller of a gateway sees neither: only what
//! stands in the answer. [`GatewayLayer`] stands above everything else and puts it there:
//!
//! 1. **No answer**: an error becomes a 503 with `Retry-After` and the error body of the API that was called; a
//!    400 if no target was asked because the call itself is wrong. Answers of providers, good and bad, pass.
//! 2. **A broken stream**: the error of its body becomes an event that tells so, as the provider would have sent it,
//!    without the good end's mark; then the body fails, and with it the connection. Events are passed on whole,
//!    so that no half of one stands before the error. An error event that came from the provider is not told twice.
//! 3. **Headers**: those of the provider's connection are removed, with its cookies, `Alt-Svc` and
//!    `Strict-Transport-Security`.
//! 4. **Who served**, if [asked for](GatewayLayer::with_served): `x-tower-ai-target`, `x-tower-ai-attempts`,
//!    `x-tower-ai-waited-ms` and `x-tower-ai-tried`, a list of the targets that failed before, each with its outcome:
//!    `main=timed_out, spare=shed`. What a stream was [put together of](crate::ContinueLayer) stands in its trailer,
//!    `x-tower-ai-spliced`, for callers whose `TE` takes trailers.
//!
//! The API is known by the path of the request: `/v1/messages` is Anthropic's, `…/models/NAME:verb` Gemini's,
//! `/responses` OpenAI's newer one, `/api/chat` and `/api/generate` Ollama's; everything else is taken for OpenAI's
//! chat completions, and whoever speaks like them.
//!
//! | API | a stream's error |
//! |---|---|
//! | OpenAI | `data: {"error":{"message":…,"type":"server_error","param":null,"code":"answer_broke_off"}}` |
//! | OpenAI responses | `event: error` with the same, and a `type`, `code` and `message` at its top |
//! | Anthropic | `event: error` with `{"type":"error","error":{"type":"api_error","message":…}}` |
//! | Gemini | `data: {"error":{"code":503,"message":…,"status":"UNAVAILABLE"}}` |
//! | Ollama | `{"error":…}` on a line |
//!
//! Messages hold categories only, never a provider's or a caller's text, and no names of targets unless they are
//! asked for. A plain answer whose body breaks has no place for an error: its connection fails.
//!
//! # Bounds
//!
//! Of an event that has not come to its end, up to 256 KiB are held back. A longer one is passed on in parts; where
//! it breaks, the body fails without an event.
//!
//! # Cancel safety
//!
//! Dropping the future or the body drops what is below.
//!
//! # Examples
//!
//! ```
//! use std::time::Duration;
//! use bytes::Bytes;
//! use http_body_util::{BodyExt, Full};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_ai_core::error::AllFailed;
//! use tower_ai_http::GatewayLayer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), tower_ai_core::BoxError> {
//! // Where the stack would be: nobody answers.
//! let service = ServiceBuilder::new().layer(GatewayLayer::new()).service_fn(
//!     |_: http::Request<Full<Bytes>>| async {
//!         let wait = Some(Duration::from_millis(2500));
//!         Err::<http::Response<Full<Bytes>>, _>(AllFailed::new(Vec::new(), wait, None))
//!     },
//! );
//!
//! let request = http::Request::post("/v1/chat/completions").body(Full::default())?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.status(), 503);
//! assert_eq!(response.headers()["retry-after"], "3");
//! let body = response.into_body().collect().await?.to_bytes();
//! let told: serde_json::Value = serde_json::from_slice(&body)?;
//! assert_eq!(told["error"]["message"], "no target answered, try again in 3s");
//! # Ok(())
//! # }
//! ```
//!
//! For callers who may know who serves them:
//!
//! ```
//! # use bytes::Bytes;
//! # use http_body_util::Full;
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_ai_core::{Served, Target};
//! use tower_ai_http::GatewayLayer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), tower_ai_core::BoxError> {
//! let layer = GatewayLayer::new().with_served(true);
//! let service = ServiceBuilder::new().layer(layer).service_fn(|_: http::Request<Full<Bytes>>| async {
//!     let mut served = Served::default();
//!     served.set_target(Target::new("spare")?);
//!     served.add_attempts(2);
//!     let response = http::Response::builder().extension(served);
//!     Ok::<_, tower_ai_core::BoxError>(response.body(Full::<Bytes>::default())?)
//! });
//!
//! let response = service.oneshot(http::Request::new(Full::default())).await?;
//! assert_eq!(response.headers()["x-tower-ai-target"], "spare");
//! assert_eq!(response.headers()["x-tower-ai-attempts"], "2");
//! # Ok(())
//! # }
//! ```

mod api;
mod body;
mod events;
pub mod future;
mod headers;
mod layer;
mod told;

pub use self::body::GatewayBody;
pub use self::layer::{Gateway, GatewayLayer};
