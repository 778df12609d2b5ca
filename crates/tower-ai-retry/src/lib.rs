//! Backoff retry for calls to AI providers.
//!
//! A failed call to a hosted model is worth a second try more often than not, and tried again
//! carelessly it is what keeps the provider down. This crate retries
//!
//! - only what can succeed: what each outcome allows stands in one table ([`Outcome::advice`]); a
//!   refused prompt, a dead key or a silent target is not asked again;
//! - when it can succeed: after the wait that the server named, never short of it; else after
//!   exponential backoff with full jitter; never into the call's deadline;
//! - no more than the provider can bear: a [`Budget`] bounds the extra attempts of all calls together
//!   to a fifth, and it is on by default.
//!
//! [`RetryPolicy`] holds the rules and works in tower's own retry layer; [`RetryLayer`] is ours: on a
//! response it says how often it was tried ([`Served`]), and a retry that a breaker
//! below refuses to send costs the caller nothing of the answer before it.
//!
//! A retry happens before the response is passed on: at its head for a streamed one. And a call that
//! timed out may have been executed: a provider may bill it twice.
//!
//! # Examples
//!
//! ```
//! use std::io;
//! use std::sync::atomic::{AtomicU32, Ordering};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_ai_retry::RetryLayer;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
//! let calls = AtomicU32::new(0);
//! let service = ServiceBuilder::new()
//!     .layer(RetryLayer::default())
//!     .service_fn(|prompt: &'static str| {
//!         let failed = calls.fetch_add(1, Ordering::Relaxed) == 0;
//!         async move { if failed { Err(io::Error::other("reset")) } else { Ok(prompt.len()) } }
//!     });
//!
//! assert_eq!(service.oneshot("hello").await?, 5);
//! assert_eq!(calls.load(Ordering::Relaxed), 2, "failed once, then answered");
//! # Ok::<(), io::Error>(()) })?;
//! # Ok::<(), io::Error>(())
//! ```
//!
//! Configured, and with what HTTP responses mean (the classifier of `tower-ai-http` reads more):
//!
//! ```
//! use std::time::Duration;
//! use tower_ai_core::{Budget, HttpCarry, Outcome, classify_fn};
//! use tower_ai_retry::{RetryLayer, RetryPolicy};
//!
//! let budget = Budget::new(0.1, 20)?;
//! let policy = RetryPolicy::new()
//!     .max_retries(3)?
//!     .backoff(Duration::from_millis(100), Duration::from_secs(5))?
//!     .budget(budget.clone())
//!     .carry(HttpCarry)
//!     .classify(classify_fn(|result: Result<&http::Response<()>, &std::io::Error>| {
//!         match result.map(|response| response.status().as_u16()) {
//!             Ok(429) => Outcome::RateLimited { wait: None },
//!             Ok(500..) | Err(_) => Outcome::Fault,
//!             Ok(_) => Outcome::Success,
//!         }
//!     }));
//! let layer = RetryLayer::new(policy);
//! # let _ = layer;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Outcome::advice`]: tower_ai_core::Outcome::advice
//! [`Budget`]: tower_ai_core::Budget
//! [`Served`]: tower_ai_core::Served

mod backoff;
pub mod future;
mod policy;
mod service;
mod session;

pub use self::policy::{InvalidRetry, RetryPolicy};
pub use self::service::{Retry, RetryLayer};
