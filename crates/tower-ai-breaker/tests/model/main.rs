//! Whole circuits against models: random calls, failures, cancellations, silences and overruling.
//!
//! Where a rule is exact, the model says the same in the plainest way there is, and each step must agree. Where it
//! is not (what the adaptive rule has learnt, how the ramp judges), each step must keep what is promised.

mod consecutive;
mod driver;
mod failure_rate;
mod promises;
