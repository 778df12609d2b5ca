//! An exact and semantic cache for AI answers, safe by construction, as a tower layer.
//!
//! [`CacheLayer`] answers what was answered before and asks the inner service for the rest, in this order:
//!
//! 1. *Exact*: an equal question, but for case, spaces and sentence marks. What was stored is compared with what
//!    is asked; the 256-bit key only finds it.
//! 2. *Semantic*, where an embedder was chosen ([`Semantic`]): the five nearest questions of the same place, each of
//!    which must reach the threshold **and** pass every [`Guard`]. Without an embedder the cache is exact only.
//! 3. *Single flight*: one inner call for all who ask the same at a time, in a task of its own, aborted when nobody
//!    waits. Who waits too long goes alone. A failure that all would meet is shared; any other is tried
//!    once more before everyone goes alone.
//! 4. The inner service. A hit never touches it, not even its readiness.
//!
//! # What is the same question
//!
//! Only the last text of the user is matched by meaning. Everything else, the *frame* (system prompt, history,
//! tools, parameters, model), must be equal byte for byte, and so must the [`Scope`]: the tenant, which cannot be
//! left out, and the user, where there is one. `CacheHandle::invalidate_all` begins a new epoch of policy.
//!
//! # What is not cached
//!
//! The table of [`Rule`]s: a temperature above 0, several answers, tools, media, seeds, words of time, words that
//! point outside of the text, personal data, code, very short or long texts, and questions in the first
//! person unless the scope has a user. An absent temperature is allowed; [`Rule::TemperatureAbsent`] says otherwise.
//! Never kept: errors, truncated or refused answers, and what the application's `Keep` refuses.
//!
//! # In an outage
//!
//! [`CacheLayer::stale_if_error`] lets an expired answer stand in when the inner service fails by an outcome of a bad
//! day. It is always marked: [`CacheNote`](tower_ai_core::CacheNote) says stale, how old, how near.
//!
//! # How often it is wrong
//!
//! `examples/cache_eval` plays two public sets of user questions as streams, with all-MiniLM-L6-v2. A hit counts as
//! wrong when the two questions bear different intents. Intent equality is not answer equality, and part of
//! the wrong hits are equal questions that bear two labels. The guards were tuned with these streams in view.
//!
//! | rule | banking77: hits | wrong per hit | clinc150: hits | wrong per hit |
//! |---|---|---|---|---|
//! | **default** (0.95, guards, rules) | 11.1 % | 1.45 % | 7.1 % | 0.53 % |
//! | balanced (0.92, guards, rules) | 15.2 % | 1.81 % | 10.1 % | 0.50 % |
//! | 0.95 and guards | 14.1 % | 2.17 % | 10.0 % | 0.64 % |
//! | 0.90 and guards | 21.8 % | 3.22 % | 17.0 % | 0.67 % |
//! | 0.90 alone | 40.9 % | 3.20 % | 28.7 % | 1.03 % |
//! | 0.92 alone | 32.7 % | 2.64 % | 22.7 % | 0.86 % |
//! | 0.95 alone | 19.1 % | 1.96 % | 13.3 % | 0.67 % |
//! | 0.97 alone | 10.0 % | 1.60 % | 7.0 % | 0.72 % |
//! | 0.98 alone | 5.6 % | 1.51 % | 4.1 % | 1.02 % |
//!
//! (Queries of clinc150 that are out of scope count as right for none but themselves.)
//!
//! Near-miss edits of 1,000 questions each that are served:
//!
//! | rule | negation | number | order | name | antonym | qualifier dropped | question word |
//! |---|---|---|---|---|---|---|---|
//! | **default** | 0 % | 0 % | 0 % | 0 % | 0.5 % | 1.7 % | 1.2 % |
//! | 0.95 alone | 86 % | 30 % | 100 % | 0.2 % | 15 % | 7.5 % | 34 % |
//!
//! On data that no guard was tuned with: in 10,991 commands to a home assistant (HWU64, 64 intents) the default answers
//! 1.9 %, 1.9 % of them wrong (4 of 212; 0.95 alone: 4.6 % and 1.2 %). Of 4,001 pairs of Quora's questions, made to be
//! hard, it takes 5.3 %, of which 8.5 % are not labelled as duplicates (0.95 alone: 9.9 % and 12.9 %).
//!
//! Measure on your own questions before choosing [`Threshold::Balanced`].
//!
//! # A guarantee
//!
//! [`CacheLayer::verify`] checks a share of the hits by meaning against the inner service, in the background, and keeps for each
//! route an upper bound on wrong ones; past the target set, the route becomes stricter, and says so: [`Verify`].
//!
//! # What is defended, and what is not
//!
//! Each line has a test in `tests/security.rs`, `tests/store.rs` or `src/key.rs`.
//!
//! - Nothing crosses a tenant, a user or a frame: not exactly, not by meaning, not by boarding a flight, not stale. Keys
//!   find entries; what was stored is compared byte by byte, also with what a foreign [`Store`] returns.
//! - With a user in the scope, a call takes the same way whatever other users have asked or are asking: nobody
//!   learns it by timing. With [`Scope::user_if_personal`] or without a user, users of one tenant can.
//! - No refused, cut, broken or unfinished answer is kept, and no answer to JSON in which a key stands twice.
//! - A prompt built to collide in the vectors still has to pass the guards, within its own scope. That makes
//!   poisoning hard, not impossible: within one scope, callers trust each other.
//! - Not defended: answers are not inspected for injected instructions, so keep guardrails outside of the cache; what a
//!   provider keeps on its side (memories, retrieval) is not in the request, so it is not told apart; users who share a
//!   scope see by a hit's speed that it is one.
//! - Prompts and answers are kept in memory in the clear, and shown in no log, error or `Debug`.
//!
//! # An absent temperature
//!
//! leaves the provider's default, which is 1 at most of them: the model would answer otherwise each time. Most applications
//! never set one and take the same answer twice gladly, so it is allowed. Who sets a temperature above 0 has thought about
//! it and wants variety: that is refused. [`Rules::with`] changes either: [`Rule::TemperatureAbsent`], [`Rule::Temperature`].
//!
//! # What it costs
//!
//! `cargo bench --bench cache` says it for your machine. An exact hit over typed requests took 177 ns over moka's own get of a
//! small key (158 ns there), and 259 ns for its key: normal form and hash, 43 letters; a call that the caller or a fact keeps
//! out, 70 ns. (Shared virtual machine, busy; 2026-11-23.)
//!
//! # Memory
//!
//! [`Limits`] bound entries, bytes, one answer and places. Flights are bounded by the calls under way, invalidated
//! tags by 4,096, texts that wait for the embedder by 256, routes by [`Semantic::MAX_ROUTES`], checks under way by
//! [`Verify::at_a_time`] and the verdicts that are remembered by the patience of [`Verify`]. Expired entries stay until they are
//! found or evicted. A soak of a million calls is in `tests/soak.rs`.
//!
//! # Features
//!
//! - `http`: JSON chats over HTTP, and an OpenAI-compatible embedder.
//! - `minilm`: all-MiniLM-L6-v2 in process.
//!
//! Typed requests and gRPC need neither: [`ask_fn`](tower_ai_core::ask_fn) and [`keep_fn`](tower_ai_core::keep_fn) for values,
//! [`keep_stream`] for streams of them (`tower-ai-grpc/tests/cached.rs` shows both over tonic).
//!
//! [`Scope`]: tower_ai_core::Scope
//! [`Scope::user_if_personal`]: tower_ai_core::Scope::user_if_personal
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
//!
//! By meaning, with rules and times of one's own:
//!
//! ```
//! use std::time::Duration;
//! use tower::service_fn;
//! use tower_ai_cache::{CacheLayer, Limits, Rule, Rules, Semantic, Threshold, Treatment};
//! use tower_ai_core::{Question, Scope, ask_fn, keep_fn};
//!
//! # let embedder = service_fn(|_texts: Vec<String>| async { Ok::<_, std::io::Error>(vec![vec![1.0]]) });
//! let ask = ask_fn(|prompt: &String| Some(Question::new(Scope::tenant("acme"), prompt.clone())));
//! let mut limits = Limits::default();
//! limits.entries = 10_000;
//! let layer = CacheLayer::new(ask, keep_fn(|answer: &String| Some(answer.len())))
//!     .semantic(Semantic::new(embedder).threshold(Threshold::Own(0.96)))
//!     .rules(Rules::default().with(Rule::Time, Treatment::ExactOnly))
//!     .ttl(Duration::from_secs(600))
//!     .stale_if_error(Duration::from_secs(86_400))
//!     .limits(limits);
//! assert_eq!(layer.handle().entries(), 0);
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

mod check;
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
mod proof;
mod record;
mod refuse;
mod routes;
mod run;
mod semantic;
mod service;
mod settings;
mod state;
mod store;
mod stream;
mod tags;
mod verify;

pub use self::entry::Entry;
pub use self::guard::{Guard, guard};
pub use self::handle::CacheHandle;
pub use self::index::{Candidate, FlatIndex, Index, Indexed};
pub use self::key::{Key, PlaceId};
pub use self::layer::CacheLayer;
pub use self::memory::Limits;
pub use self::record::Record;
pub use self::refuse::{Rule, Rules, Treatment};
pub use self::routes::{RouteReport, Standing};
pub use self::semantic::{Semantic, Threshold};
pub use self::service::Cache;
pub use self::store::{Asking, Gone, Got, Store};
pub use self::stream::{CachedStream, KeepStream, keep_stream};
pub use self::verify::{Check, InvalidVerify, Verify};
