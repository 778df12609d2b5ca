//! An adaptive circuit breaker for AI calls, as a tower layer.
//!
//! A breaker keeps calls away from a target that cannot answer them, so that they fail (or go elsewhere) at once
//! instead of waiting, and lets them back step by step when it can. The usual rules are made for many short calls.
//! AI calls are rare, long and costly, and their outages are long and mostly *partial*: a third of the calls
//! fails, or all become ten times slower. A rule of "half of the last 100 calls" sees neither, and takes an hour
//! to count to 100.
//!
//! The [`guide`] has all of it on one page: why it works as it does, how to choose the one knob, how to adopt it,
//! and when not to use it.
//!
//! # What it does
//!
//! 1. It **learns what is normal**: the share of errors, the rate of calls, the time to first content.
//! 2. It weighs each outcome as **evidence** against that (CUSUM charts): a few failures in a row, a third of
//!    the calls, or first contents that are overdue. A call from which nothing comes is noticed at the age at
//!    which a good one would have spoken, not at its timeout.
//! 3. On an alarm it **opens** if another target is left ([`Attempt::others`]); if not, it **sheds** a share of
//!    the calls that grows with the share of bad ones: a sick target is better than none. It opens even so when
//!    all but all calls fail.
//! 4. While open it lets single **probes** through, at periods that grow with jitter from 1 s to 15 s, in old
//!    outages to 60 s, and shrink again once the target is well. A server's own wait is kept to.
//! 5. It comes back by a **ramp**: one call at a time at first, twice as many after each round of first contents,
//!    until a sequential test says that the target is well. There is no flood on a target that has just risen.
//!
//! What a call says counts only in the *generation* that admitted it, so that a late success from before the
//! outage cannot close the circuit, nor a late failure reopen it. A call that a [`Follow`] strategy keeps in its
//! response (a stream) settles at its end; a dropped one gives back what it held.
//!
//! # What is not health
//!
//! | outcome | what happens |
//! |---|---|
//! | rate limit | calls wait until the server's time is over, then keep to a rate that is learnt; the circuit stays closed |
//! | money or quota used up, key refused | the [`Key`] is shut on all its targets: 5 min, growing to 30 min, then single probes |
//! | key refused that worked minutes ago | an outage of sign-in: a failure like any other |
//! | no such model | the target is shut, if it names the model; if callers do, after three in a row |
//! | caller's mistakes, refusals, conflicts | nothing; places and probes are given back |
//! | cancelled by the caller | nothing; after 10 s without content, a slow call |
//!
//! A call that is not sent fails with [`Shed`], which has the reason and the wait; that is an error of the call
//! and never a lack of readiness. While the circuit is open, an inner service that is not ready keeps no caller
//! waiting.
//!
//! # Examples
//!
//! ```
//! use tower::{BoxError, Service, ServiceExt};
//! use tower_ai_breaker::BreakerLayer;
//! use tower_ai_core::error::{Shed, cause_ref};
//! use tower_ai_core::Mode;
//! use tower_layer::Layer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let layer = BreakerLayer::adaptive();
//! let handle = layer.handle();
//! let mut service = layer.layer(tower::service_fn(|prompt: &'static str| async move {
//!     if prompt == "hi" { Ok("hello") } else { Err("the provider is down") }
//! }));
//!
//! assert_eq!(service.ready().await?.call("hi").await?, "hello");
//! while handle.mode() != Mode::Open {
//!     assert!(service.ready().await?.call("fail").await.is_err());
//! }
//! let error = service.ready().await?.call("hi").await.unwrap_err();
//! let shed = cause_ref::<Shed>(&*error).expect("not sent");
//! assert!(shed.wait().is_some());
//! # Ok(())
//! # }
//! ```
//!
//! One circuit per target, with other settings and repeatable choices:
//!
//! ```
//! use std::time::Duration;
//! use tower_ai_breaker::{BreakerLayer, InvalidBreaker};
//! use tower_ai_core::{HttpCarry, Mode, Target};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let base = BreakerLayer::adaptive()
//!     .false_trips_per_day(0.1)?
//!     .longest_open(Duration::from_secs(30))?
//!     .seed(7)
//!     .carry(HttpCarry);
//!
//! let target = Target::new("gpt-main")?;
//! let layer = base.for_target(&target);
//! layer.handle().force_open();
//! assert_eq!(target.health().mode(), Mode::Open, "routers read it there");
//!
//! let nonsense = BreakerLayer::adaptive().false_trips_per_day(0.0);
//! assert_eq!(nonsense.unwrap_err(), InvalidBreaker::FalseTripsPerDay);
//! # Ok(())
//! # }
//! ```
//!
//! # Defaults
//!
//! | setting | default |
//! |---|---|
//! | [`false_trips_per_day`](BreakerLayer::false_trips_per_day) | 1 |
//! | [`longest_open`](BreakerLayer::longest_open) | 15 s, growing to 60 s in an outage of twenty minutes |
//! | every duration | [`Tuning::new`](tower_ai_core::Tuning::new) |
//! | following, carrying | plain responses; nothing is carried |
//!
//! Beside the adaptive rule there are two plain ones: [`BreakerLayer::consecutive_failures`], which costs least, and
//! [`BreakerLayer::failure_rate`], which is that of resilience4j with its names ([`FailureRate`]).
//!
//! The one knob is the number of false trips a day. Its default suits most: a false trip costs seconds. With no
//! other target to go to, less may be better.
//!
//! # Reading its state
//!
//! [`BreakerHandle::state`] shows the mode, the evidence beside the level at which it is an alarm, what counts as
//! normal, and how many calls were rejected; [`BreakerHandle::watch`] waits for changes of mode, which are
//! `tracing` events too (target `tower_ai_breaker`). To see what it would do before it does it, begin with
//! [`BreakerLayer::observe_only`].
//!
//! # When not to use it
//!
//! - To bound retries: that is what a budget is for. A breaker decides *where* to send, a budget *how often*.
//! - In front of a set of replicas behind one address: it can only close the door on all of them.
//! - For calls whose healthy time to first content is over a minute (long jobs without a stream): raise
//!   `slow_ceiling` of the [`Tuning`](tower_ai_core::Tuning), or they count as slow.
//!
//! # Cost
//!
//! A call that a closed circuit admits, and that succeeds, takes no lock and allocates nothing: two clock reads
//! (one where the start time is carried; none with the plain rule) and a few atomic operations. Memory is bounded:
//! some 10 kB for each circuit, however many calls are under way (4 kB with a plain rule).
//!
//! [`Attempt::others`]: tower_ai_core::Attempt::others
//! [`Follow`]: tower_ai_core::Follow
//! [`Key`]: tower_ai_core::Key
//! [`Shed`]: tower_ai_core::error::Shed

#![cfg_attr(docsrs, feature(doc_cfg))]

mod baseline;
mod chart;
mod circuit;
pub mod error;
mod evidence;
mod failure_rate;
pub mod future;
pub mod guide;
mod handle;
mod keyed;
mod layer;
#[cfg(all(test, loom))]
mod loom_tests;
mod machine;
mod outage;
mod permit;
mod ramp;
mod rate;
mod registry;
mod ring;
mod rules;
mod service;
mod shed;
mod streak;
mod time;
mod window;
mod word;

pub use self::error::InvalidBreaker;
pub use self::failure_rate::FailureRate;
pub use self::handle::{BreakerHandle, Evidence, Latency, Snapshot, Transition, Watch};
pub use self::keyed::{KeyedBreaker, KeyedBreakerLayer, KeyedHandle};
pub use self::layer::BreakerLayer;
pub use self::permit::Permit;
pub use self::service::Breaker;
pub use self::window::Tally;
