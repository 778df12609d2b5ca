//! JSON chats over HTTP: OpenAI chat and Responses, Anthropic, Gemini.
//!
//! [`HttpAsk`] reads the question off the body and puts the body back. [`HttpKeep`] passes an answer on as it
//! comes, a stream as a stream, and keeps it when it has ended well: whole, with the provider's own good end
//! mark, no refusal, not cut off by a limit, every tool call valid JSON, not put together of two targets' answers,
//! nothing left out. What was kept of a stream (events, or JSON by
//! lines as of Ollama) is given again as a stream, as fast as its reader reads or [at its pace](HttpKeep::at_pace).
//!
//! An answer out of the cache says so: in [`Served`](tower_ai_core::Served), and in the headers `Age`, `Cache-Status` and,
//! where it stands in for a failure, `Warning: 111`.
//!
//! What counts as the same request: the URI, the headers that shape an answer (`accept`, versions and
//! betas, organisation and project) and the whole body bar the last text of the user. Keys are not part of it: the
//! [`Scope`](tower_ai_core::Scope) says whose answers are whose. A streamed answer is not given to who wants a whole
//! one, nor the other way round.
//!
//! `Cache-Control` of a request is heeded: `no-store` skips the cache, `no-cache` asks anew, `max-age` takes nothing
//! older. A [`Directive`](tower_ai_core::Directive) in the request's extensions goes before it.
//!
//! # Examples
//!
//! ```
//! use http_body_util::{BodyExt, Full};
//! use tower::{Layer, ServiceExt, service_fn};
//! use tower_ai_cache::CacheLayer;
//! use tower_ai_cache::http::{HttpAsk, HttpKeep};
//! use tower_ai_core::{CacheUse, Scope, Served};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let provider = service_fn(|_request| async {
//!     let answer = r#"{"choices":[{"finish_reason":"stop","message":{"content":"A passport."}}]}"#;
//!     let response = http::Response::builder().header("content-type", "application/json");
//!     Ok::<_, http::Error>(response.body(Full::<bytes::Bytes>::from(answer))?)
//! });
//! let cache = CacheLayer::new(HttpAsk::new(Scope::tenant("acme")), HttpKeep::new()).layer(provider);
//!
//! for expected in [CacheUse::Miss, CacheUse::Exact] {
//!     let chat = r#"{"model":"m","messages":[{"role":"user","content":"Which documents prove an identity?"}]}"#;
//!     let request = http::Request::post("https://api.example.com/v1/chat/completions")
//!         .header("content-type", "application/json")
//!         .body(Full::<bytes::Bytes>::from(chat))?;
//!     let response = cache.clone().oneshot(request).await?;
//!     let served = response.extensions().get::<Served>().and_then(Served::cache).unwrap().how;
//!     assert_eq!(served, expected);
//!     assert!(response.into_body().collect().await?.to_bytes().ends_with(b"}"));
//! }
//! # Ok::<(), tower_ai_core::BoxError>(()) }).unwrap();
//! ```

mod ask;
mod body;
mod chat;
mod embeddings;
mod end;
mod keep;
mod strict;
mod text;

pub use self::ask::{HttpAsk, ReadQuestion};
pub use self::body::{AnswerBody, RequestBody};
pub use self::chat::question;
pub use self::embeddings::{Embedded, Embeddings};
pub use self::keep::{HttpKeep, StoredAnswer};
