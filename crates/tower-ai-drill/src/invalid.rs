//! What is wrong with a setting.

use std::error::Error;
use std::fmt;

/// A setting that breaks a rule; found when it is made, not when it is used.
///
/// # Examples
///
/// ```
/// use tower_ai_drill::{Invalid, Scale};
///
/// assert_eq!(Scale::new(f64::NAN), Err(Invalid::Scale));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Invalid {
    /// A capacity has no worker.
    Capacity,
    /// The text names no fault.
    FaultName,
    /// An answer has no token or over 100 000, or its range of lengths is empty.
    Pace,
    /// A rate of calls is not above zero, or it is too high, or makes too many calls.
    Rate,
    /// A time scale is not within a thousandth and a million.
    Scale,
    /// A share is not a number within 0 and 1.
    Share,
    /// A rule is to hold over a time that ends before it starts.
    Window,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Capacity => "a capacity needs at least one worker",
            Self::FaultName => "no fault has this name; see `Fault` for the names",
            Self::Pace => "an answer has one to 100 000 tokens, and its lengths are a range",
            Self::Rate => {
                "a rate must lie above zero, up to a million, and make under ten million calls"
            }
            Self::Scale => "a time scale must lie within a thousandth and a million",
            Self::Share => "a share must lie within 0 and 1",
            Self::Window => "a rule's time must end after it starts",
        })
    }
}

impl Error for Invalid {}
