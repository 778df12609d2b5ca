//! Sends a call to one target, and reads its answer once.
//!
//! A call is written for one provider. To go to another, it needs that one's URL, key and model, and nothing of
//! the caller's that is not meant for it. [`TargetLayer`] stands right above the client, one for each target:
//!
//! 1. **URL**: the path of the request is joined to the endpoint of the target. What the end of the endpoint's
//!    path and the beginning of the request's share stands there once: `https://host/openai/v1` and
//!    `/v1/chat/completions` make `https://host/openai/v1/chat/completions`. Parameters are kept; those of the
//!    endpoint win. Providers do not agree on the part before `/chat/completions`: to fail over between them, call
//!    `/chat/completions` and give each endpoint its own beginning.
//! 2. **Key**: put where the target wants it ([`Auth`]), marked as sensitive. The caller's own credentials are
//!    removed from headers and parameters, also where the target has no key: a caller's key never reaches a
//!    provider that it was not meant for, unless [`Auth::Caller`] says that it is.
//!    A target may have several keys ([`TargetLayer::with_secrets`]): calls take them in turn, and what one is refused
//!    for is charged to that key alone. [`Served::key`](tower_ai_core::Served::key) names the one that was used.
//! 3. **Model**: the target's model replaces the one at the top of the JSON body, or in the path where the
//!    provider has it there, and not another byte. A body that is not JSON passes untouched to a target without a model of its
//!    own; others are skipped ([`NotSent`]) at no cost, as is one too large to be read.
//! 4. **Headers**: those of the caller's connection are removed, `Host` and `Content-Length` are made right,
//!    `Accept-Encoding` is removed because answers are read, the target's extra headers are added.
//! 5. **Answer**: a good one is passed on unread; what its headers say is left of the target's rate limits goes to
//!    the target's [`Health`](tower_ai_core::Health) ([`Answer::headroom`](crate::Answer::headroom)). Of any other, up
//!    to 64 KiB of the body are read, for at most a second, and put back, so that the caller gets every byte. What it
//!    says is put into the extensions of the response as an [`Outcome`](tower_ai_core::Outcome).
//!
//! Redirects are answers like any other. A client that follows them by itself may carry keys elsewhere: switch
//! that off.
//!
//! # Bounds
//!
//! An error body is read up to its limit and one frame.
//!
//! # Examples
//!
//! ```
//! use bytes::Bytes;
//! use http_body_util::{BodyExt, Full};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_ai_core::{BoxError, Outcome, Target};
//! use tower_ai_http::{ReplayBody, ReplayLayer, Secret, TargetLayer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let target = Target::builder("gpt")
//!     .endpoint("https://api.openai.com/v1")
//!     .model("gpt-5-mini")
//!     .build()?;
//!
//! // Where a real client would be.
//! let client = service_fn(|request: http::Request<ReplayBody<Full<Bytes>>>| async move {
//!     assert_eq!(request.uri(), "https://api.openai.com/v1/chat/completions");
//!     assert_eq!(request.headers()["authorization"], "Bearer sk-secret");
//!     let body = request.into_body().collect().await?.to_bytes();
//!     assert_eq!(body, r#"{"model": "gpt-5-mini", "messages": []}"#);
//!     let refused = r#"{"error": {"code": "insufficient_quota"}}"#;
//!     let response = http::Response::builder().status(429).body(Full::<Bytes>::from(refused));
//!     Ok::<_, BoxError>(response?)
//! });
//!
//! let service = ServiceBuilder::new()
//!     .layer(ReplayLayer::new())
//!     .layer(TargetLayer::new(target)?.with_secret(&Secret::new("sk-secret"))?)
//!     .service(client);
//!
//! let request = http::Request::post("/v1/chat/completions")
//!     .header("authorization", "Bearer of-the-caller")
//!     .body(Full::from(r#"{"model": "any", "messages": []}"#))?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.extensions().get(), Some(&Outcome::Exhausted { wait: None }));
//! let body = response.into_body().collect().await?.to_bytes();
//! assert_eq!(body, r#"{"error": {"code": "insufficient_quota"}}"#);
//! # Ok(())
//! # }
//! ```
//!
//! What differs between providers follows from the target's [`Dialect`](crate::Dialect), which is guessed from its
//! provider's name and its host, and can be set:
//!
//! ```
//! use std::time::Duration;
//! use tower_ai_core::Target;
//! use tower_ai_http::{Dialect, Secret, TargetLayer};
//!
//! // Azure: the key in `api-key`, the deployment in the path, the version as a parameter.
//! let azure = Target::builder("azure")
//!     .endpoint("https://me.openai.azure.com/openai/deployments/gpt?api-version=2024-10-21")
//!     .build()?;
//! // Vertex: an access token, which is the application's to renew.
//! let vertex = Target::builder("vertex")
//!     .endpoint("https://eu-aiplatform.googleapis.com/v1/projects/p/locations/eu/endpoints/openapi")
//!     .model("google/gemini-3-flash")
//!     .build()?;
//! assert_eq!(Dialect::of(&vertex), Dialect::Vertex);
//!
//! let layer = TargetLayer::new(azure)?
//!     .with_dialect(Dialect::Azure) // as guessed
//!     .with_secret(&Secret::new("0123"))?
//!     .with_header("x-team", "search")?
//!     .with_error_limit(4096)?
//!     .with_error_time(Duration::from_millis(200));
//! assert_eq!(layer.target().name(), "azure");
//! # Ok::<(), tower_ai_core::BoxError>(())
//! ```
//!
//! | endpoint | a call for `/v1/chat/completions` goes to |
//! |---|---|
//! | Azure: `https://me.openai.azure.com/openai/deployments/gpt?api-version=…` | `…/openai/deployments/gpt/chat/completions?api-version=…` |
//! | Azure: `https://me.openai.azure.com/openai/v1` | `…/openai/v1/chat/completions` |
//! | Gemini: `https://generativelanguage.googleapis.com/v1beta/openai` | `…/v1beta/openai/chat/completions` |
//! | Vertex: `https://eu-aiplatform.googleapis.com/v1/projects/p/locations/eu/endpoints/openapi` | `…/endpoints/openapi/chat/completions` |
//! | Bedrock: `https://bedrock-runtime.eu-west-1.amazonaws.com/openai/v1` | `…/openai/v1/chat/completions` |
//! | Groq: `https://api.groq.com/openai/v1` | `…/openai/v1/chat/completions` |
//!
//! Bedrock is called with its API keys; requests that must be signed (`SigV4`) are signed by a client below. A target's
//! model goes into the path where the provider has it there: `/models/NAME:verb` (Gemini, Vertex), `/deployments/NAME/…`
//! (Azure), `/model/NAME/…` (Bedrock), `/models/NAME/…` (Triton).

mod auth;
mod body;
mod config;
mod endpoint;
mod error;
pub mod future;
pub(crate) mod hygiene;
mod layer;
mod model;
mod service;

pub use self::auth::Auth;
pub use self::body::TargetBody;
pub use self::error::{InvalidTargetLayer, LayerRule, NotSent};
pub use self::layer::TargetLayer;
pub use self::service::TargetService;
