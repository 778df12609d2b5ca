//! A failover router over AI providers.
//!
//! A provider's bad day takes hours, and one competitor is usually up. [`Failover`] holds one service
//! for each [`Target`] (provider, model, key) and gives each call to the best one that takes it:
//!
//! 1. Targets are tried in the order of preference, by latency, by cost or by weight ([`Order`]).
//! 2. A target whose circuit is open, that rate-limited us or whose key is shut is skipped without a call:
//!    the router reads that off the target's [`Health`].
//! 3. A target with nearly no room left in its rate limits ([`Headroom::TIGHT`]) comes after closed ones that have
//!    room: *before* it says 429. Where it is the only one left, it is called.
//! 4. A target that declared its capacity gets no more calls than that at a time, and calls of low [`Priority`] are
//!    turned away first: see [below](#when-only-a-smaller-backup-is-left).
//! 5. When an attempt fails, the table of outcomes ([`Outcome::advice`]) says whether another target may
//!    be tried: after a fault, yes; after the caller's own mistake, no; after "too long", one with a larger
//!    context window; after a refusal by a safety policy, only if the application's [`Policy`] allows it.
//! 6. Targets that share a *failure domain* with one that failed this call come last, and only while
//!    the [`Budget`] has a balance: all regions of a provider are not tried one by one by every call.
//!    The first attempt in a domain that has not failed is always allowed.
//! 7. A call that takes unusually long may be sent to a second target as well: [`Hedge`], off by default.
//! 8. One target has a bounded time for the head of its answer, and no more than half of what the call
//!    has left while others could still answer.
//! 9. When every target is away, the breakers of open ones are asked all the same, once each: one that is only
//!    partly sick lets a share of the calls through.
//! 10. When all fail, the caller gets the first answer that any target gave, unchanged; only when none
//!     answered is it an error, [`AllFailed`], which lists what was tried and when to try again.
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
//! # When only a smaller backup is left
//!
//! A backup is often smaller than what it stands in for: a local model, a second contract. Declare how many calls it
//! takes at a time ([`TargetBuilder::capacity`]), and say which calls matter ([`Priority`]: in the [`Attempt`], or alone
//! in the extensions of an `http` request). The highest class in use may fill all of the capacity, `Normal` below `High`
//! four fifths of it, and `Low` half: while it fills up, low classes are shed first. A call that finds no room fails
//! at once and costs nothing: [`AllFailed`] says when to try again, and beneath it stands a [`Shed`] whose reason is
//! [`Reason::Busy`].
//!
//! A call counts from its sending until a breaker below says that its answer is over; without one, until its head.
//!
//! ```
//! use std::time::Duration;
//! use tokio::time::sleep;
//! use tower::ServiceExt;
//! use tower_ai_core::error::{AllFailed, Reason, Shed, cause_ref};
//! use tower_ai_core::{HttpCarry, Priority, Target};
//! use tower_ai_failover::Failover;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
//! let answer = tower::service_fn(|_: http::Request<&'static str>| async {
//!     sleep(Duration::from_secs(4)).await;
//!     Ok::<_, std::io::Error>(http::Response::new("an answer"))
//! });
//! let small = Target::builder("local").capacity(2).build()?;
//! let router = Failover::new([(small, answer)])?.carry(HttpCarry);
//! let ask = |class: Priority| {
//!     let mut request = http::Request::new("hi");
//!     request.extensions_mut().insert(class);
//!     tokio::spawn(router.clone().oneshot(request))
//! };
//!
//! let user = ask(Priority::High);
//! sleep(Duration::from_millis(1)).await;
//! let error = ask(Priority::Low).await?.unwrap_err();
//! let shed = cause_ref::<Shed>(&*error).expect("it was not sent");
//! assert_eq!(shed.reason(), Reason::Busy);
//! assert!(cause_ref::<AllFailed>(&*error).and_then(AllFailed::wait).is_some());
//!
//! let another_user = ask(Priority::High);
//! assert!(user.await?.is_ok() && another_user.await?.is_ok());
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(()) }).unwrap();
//! ```
//!
//! [`AllFailed`]: tower_ai_core::error::AllFailed
//! [`Attempt`]: tower_ai_core::Attempt
//! [`Budget`]: tower_ai_core::Budget
//! [`Headroom::TIGHT`]: tower_ai_core::Headroom::TIGHT
//! [`Health`]: tower_ai_core::Health
//! [`Outcome::advice`]: tower_ai_core::Outcome::advice
//! [`Priority`]: tower_ai_core::Priority
//! [`Reason::Busy`]: tower_ai_core::error::Reason::Busy
//! [`Shed`]: tower_ai_core::error::Shed
//! [`Target`]: tower_ai_core::Target
//! [`TargetBuilder::capacity`]: tower_ai_core::TargetBuilder::capacity

mod choose;
mod detour;
pub mod future;
mod handle;
mod hedge;
mod invalid;
mod latency;
mod layer;
mod policy;
mod router;
mod run;
mod service;
mod set;
mod slot;
mod timed;
mod timer;

pub use self::handle::FailoverHandle;
pub use self::hedge::Hedge;
pub use self::invalid::InvalidFailover;
pub use self::layer::FailoverLayer;
pub use self::policy::{AllowFn, Policy, allow_fn};
pub use self::router::{Order, Switch};
pub use self::service::Failover;
