//! What to know before all of it meets real calls and a real bill: four pages.
//!
//! - [`defaults`]: every default, in one table;
//! - [`outcomes`]: what each outcome makes each layer do;
//! - [`sdk_retries`]: your SDK's own retries: set them to 0, and why;
//! - [`billing`]: a call that timed out may be billed twice.

#[doc = include_str!("billing.md")]
pub mod billing {}
#[doc = include_str!("defaults.md")]
pub mod defaults {}
#[doc = include_str!("outcomes.md")]
pub mod outcomes {}
#[doc = include_str!("sdk_retries.md")]
pub mod sdk_retries {}
