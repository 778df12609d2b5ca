//! A failover router over AI providers.
//!
//! A provider's bad day takes hours, and one competitor is usually up. [`Failover`] holds one service
//! for each [`Target`] (provider, model, key) and gives each call to the best one that takes it:
//!
//! 1. Targets are tried in the order of preference, or by latency ([`Order`]).
//! 2. A target whose circuit is open, that rate-limited us or whose key is shut is skipped without a call:
//!    the router reads that off the target's [`Health`].
//! 3. When an attempt fails, the table of outcomes ([`Outcome::advice`]) says whether another target may
//!    be tried: after a fault, yes; after the caller's own mistake, no; after "too long", one with a larger
//!    context window; after a refusal by a safety policy, only if the application's [`Policy`] allows it.
//! 4. Targets that share a *failure domain* with one that failed this call come last, and only while
//!    the [`Budget`] has a balance: all regions of a provider are not tried one by one by every call.
//!    The first attempt in a domain that has not failed is always allowed.
//! 5. One target has a bounded time for the head of its answer, and no more than half of what the call
//!    has left while others could still answer.
//! 6. When every target is away, the breakers of open ones are asked all the same, once each: one that is only
//!    partly sick lets a share of the calls through.
//! 7. When all fail, the caller gets the first answer that any target gave, unchanged; only when none
//!    answered is it an error, [`AllFailed`], which lists what was tried and when to try again.
//!
//! The router is always ready, and calls a clone of the chosen target's service: backpressure is per
//! attempt. It moves on until the head of an answer; a stream that breaks after it is not replaced here.
//!
//! # Examples
//!
//! ```
//! use std::io;
//! use tower::ServiceExt;
//! use tower::util::BoxCloneSyncService;
//! use tower_ai_core::Target;
//! use tower_ai_failover::Failover;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let sick = tower::service_fn(|_: &'static str| async { Err::<String, _>(io::Error::other("503")) });
//! let well = tower::service_fn(|prompt: &'static str| async move { Ok(format!("re: {prompt}")) });
//!
//! let router = Failover::new([
//!     (Target::new("main")?, BoxCloneSyncService::new(sick)),
//!     (Target::new("backup")?, BoxCloneSyncService::new(well)),
//! ])?;
//! assert_eq!(router.oneshot("hi").await?, "re: hi");
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(()) }).unwrap();
//! ```
//!
//! With a deadline, the least latency first, and a policy:
//!
//! ```
//! use std::time::Duration;
//! use tower_ai_core::Target;
//! use tower_ai_failover::{Failover, Order, allow_fn};
//!
//! # let answer = tower::service_fn(|_: &'static str| async { Ok::<_, std::io::Error>(()) });
//! let frankfurt = Target::builder("frankfurt").provider("a").region("eu").build()?;
//! let virginia = Target::builder("virginia").provider("b").region("us").build()?;
//! let router = Failover::new([(frankfurt, answer), (virginia, answer)])?
//!     .order(Order::LeastLatency)
//!     .deadline(Duration::from_secs(60))?
//!     .policy(allow_fn(|prompt: &&str, target: &Target| {
//!         !prompt.contains("GDPR") || target.region() == Some("eu")
//!     }));
//! # let _ = router;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`AllFailed`]: tower_ai_core::error::AllFailed
//! [`Budget`]: tower_ai_core::Budget
//! [`Health`]: tower_ai_core::Health
//! [`Outcome::advice`]: tower_ai_core::Outcome::advice
//! [`Target`]: tower_ai_core::Target

mod detour;
pub mod future;
mod handle;
mod invalid;
mod layer;
mod policy;
mod router;
mod run;
mod service;
mod set;
mod timed;
mod timer;

pub use self::handle::FailoverHandle;
pub use self::invalid::InvalidFailover;
pub use self::layer::FailoverLayer;
pub use self::policy::{AllowFn, Policy, allow_fn};
pub use self::router::{Order, Switch};
pub use self::service::Failover;
