//! An exact and semantic cache for AI answers, safe by construction, as a tower layer.
//!
//! # Examples
//!
//! ```
//! use tower::{Layer, ServiceExt, service_fn};
//! use tower_ai_cache::CacheLayer;
//! use tower_ai_core::{Question, Scope, ask_fn, keep_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicUsize, Ordering};
//!
//! let calls = Arc::new(AtomicUsize::new(0));
//! let count = calls.clone();
//! let model = service_fn(move |_prompt: String| {
//!     count.fetch_add(1, Ordering::Relaxed);
//!     async { Ok::<_, std::io::Error>("A passport or an identity card.".to_owned()) }
//! });
//!
//! let ask = ask_fn(|prompt: &String| Some(Question::new(Scope::tenant("acme"), prompt.clone())));
//! let keep = keep_fn(|answer: &String| Some(answer.len()));
//! let cache = CacheLayer::new(ask, keep).layer(model);
//!
//! for prompt in ["Which documents prove an identity?", "which documents prove an  identity"] {
//!     let answer = cache.clone().oneshot(prompt.to_owned()).await?;
//!     assert_eq!(answer, "A passport or an identity card.");
//! }
//! assert_eq!(calls.load(Ordering::Relaxed), 1);
//! # Ok::<(), tower_ai_core::BoxError>(()) }).unwrap();
//! ```

mod entry;
pub mod error;
mod flight;
pub mod future;
mod guard;
mod handle;
mod hit;
#[cfg(feature = "http")]
pub mod http;
mod index;
mod key;
mod layer;
mod memory;
#[cfg(feature = "minilm")]
pub mod minilm;
mod normal;
mod places;
mod refuse;
mod run;
mod semantic;
mod service;
mod settings;
mod state;
mod tags;

pub use self::entry::Entry;
pub use self::guard::{Guard, guard};
pub use self::handle::CacheHandle;
pub use self::index::{Candidate, FlatIndex, Index, Indexed};
pub use self::key::{Key, PlaceId};
pub use self::layer::CacheLayer;
pub use self::memory::Limits;
pub use self::refuse::{Rule, Rules, Treatment};
pub use self::semantic::{Semantic, Threshold};
pub use self::service::Cache;
