//! What the tower-ai layers share: the words in which they speak of an AI call.
//!
//! Every layer of tower-ai stands alone and knows only this crate:
//!
//! - [`Outcome`]: what an attempt told us about its target, and the one table
//!   ([`Outcome::advice`]) of what that means for retry, breaker and failover;
//! - [`Classify`]: reads an outcome off a result; [`classify_fn`] makes one of a closure;
//! - [`Settle`] and [`Follow`]: report an outcome once, when it is truly known (for a stream, at its end);
//! - [`Budget`]: the shared allowance of extra attempts; [`Deadline`]: the end of a call's time;
//! - [`Target`], its [`Health`] and its [`Key`]: one place a call can go, and what is known of it;
//! - [`Attempt`], [`Served`], [`Carry`]: what travels down with a request and back with a response;
//! - [`Question`], [`Ask`], [`Keep`]: how a request shows a cache what it asks, and how a response is kept;
//! - [`Tuning`]: every duration, in one place; [`mod@error`]: the errors that layers add.
//!
//! # Features
//!
//! - `tower`: implements tower's retry `Budget` trait for [`Budget`].

#![cfg_attr(docsrs, feature(doc_cfg))]

mod advice;
mod ask;
mod attempt;
mod budget;
mod cached;
mod carry;
mod chance;
mod classify;
mod deadline;
mod epoch;
pub mod error;
mod headroom;
mod health;
mod keep;
mod key;
mod key_ring;
mod outcome;
mod priority;
mod question;
mod sequel;
mod served;
mod settle;
mod target;
mod tuning;

pub use self::advice::{Advice, Again, Elsewhere, Lesson};
pub use self::ask::{Ask, AskFn, ask_fn};
pub use self::attempt::Attempt;
pub use self::budget::{Budget, InvalidBudget};
pub use self::cached::{CacheNote, CacheUse, Near};
pub use self::carry::{Carry, HttpCarry, NoCarry, Report};
pub use self::chance::Chance;
pub use self::classify::{And, ByResult, Classify, ClassifyExt, ClassifyFn, Or, classify_fn};
pub use self::deadline::Deadline;
pub use self::epoch::Epoch;
pub use self::error::BoxError;
pub use self::headroom::{Headroom, Room};
pub use self::health::{Availability, Health, Mode};
pub use self::keep::{Drained, Keep, KeepFn, Kept, Recorder, keep_fn};
pub use self::key::Key;
pub use self::key_ring::KeyRing;
pub use self::outcome::Outcome;
pub use self::priority::Priority;
pub use self::question::{Directive, Facts, Question, Scope};
pub use self::sequel::{Joint, Sequel, Splice};
pub use self::served::{Served, Tried};
pub use self::settle::{AtOnce, Follow, Settle, SettleFn, settle_fn};
pub use self::target::{InvalidTarget, Target, TargetBuilder, TargetRule};
pub use self::tuning::{InvalidTuning, Tuning};
