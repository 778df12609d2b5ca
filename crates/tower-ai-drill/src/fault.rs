//! The ways in which a provider breaks.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::Invalid;

/// How a provider breaks one answer.
///
/// A fault has a name, with which any language's client can ask for it: the model `fault:cut:40`
/// cuts the answer after forty tokens. Durations in names are outage seconds.
///
/// | name | fault |
/// |---|---|
/// | `refuse` | [`Refuse`](Self::Refuse) |
/// | `reset` | [`Reset`](Self::Reset) |
/// | `stall` | [`StallBeforeHead`](Self::StallBeforeHead) |
/// | `stall:K` | [`StallAfter`](Self::StallAfter) K tokens; 0 is after the head |
/// | `pings` | [`Pings`](Self::Pings) |
/// | `late:S` | [`Late`](Self::Late) by S seconds |
/// | `slow:F` | [`Slow`](Self::Slow) by the factor F |
/// | `trickle` | [`Trickle`](Self::Trickle) |
/// | `cut:K`, `cut-rst:K`, `cut-clean:K` | [`CutAfter`](Self::CutAfter) K tokens |
/// | `cut-at:B`, `cut-at-rst:B`, `cut-at-clean:B` | [`CutAt`](Self::CutAt) B bytes |
/// | `garble:K` | [`Garble`](Self::Garble) the event after K tokens |
/// | `no-done` | [`NoDone`](Self::NoDone) |
/// | `error:K` | [`ErrorAfter`](Self::ErrorAfter) K tokens |
/// | `429`, `429:S` | [`RateLimit`](Self::RateLimit), with a wait of S seconds |
/// | `quota` | [`Quota`](Self::Quota) |
/// | `overload` | [`Overload`](Self::Overload) |
/// | `401` | [`Unauthorized`](Self::Unauthorized) |
/// | `context`, `policy`, `model`, `prefill` | the 400s and 404 of these names |
/// | any other status, as `500` | [`Status`](Self::Status) |
///
/// A plain answer has no events: where a fault counts tokens, it strikes at the same share of the
/// body; [`Pings`](Self::Pings) keep a plain answer's head back.
///
/// # Examples
///
/// ```
/// use tower_ai_drill::Fault;
///
/// let fault: Fault = "stall:12".parse()?;
/// assert_eq!(fault, Fault::StallAfter { tokens: 12 });
/// assert_eq!(fault.to_string(), "stall:12");
/// # Ok::<(), tower_ai_drill::Invalid>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// Refuses the prompt for its size, 400.
    ContextLength,
    /// Ends the answer with no end mark.
    CutAfter {
        /// Tokens sent before.
        tokens: u32,
        /// How the connection ends.
        how: Cut,
    },
    /// Ends the answer, which comes all at once, after so many bytes of it, head and framing included; if
    /// there are not so many, it is whole.
    CutAt {
        /// Bytes sent before; of a [clean](Cut::Clean) cut, bytes of the body.
        bytes: usize,
        /// How the connection ends.
        how: Cut,
    },
    /// Reports an error inside a 200.
    ErrorAfter {
        /// Tokens sent before.
        tokens: u32,
    },
    /// Sends one event that is no JSON, then goes on as if nothing had been.
    Garble {
        /// Tokens sent before.
        tokens: u32,
    },
    /// Sends the first token (of a plain answer: the head) later than usual.
    Late {
        /// By this much.
        by: Duration,
    },
    /// Leaves out `[DONE]`; the answer is whole. Other dialects have no such mark.
    NoDone,
    /// Does not know the model, 404.
    NoModel,
    /// Refuses at once for want of capacity: 503, Anthropic's 529.
    Overload,
    /// Sends the head and the role, then pings for ever and no content.
    Pings,
    /// Refuses the prompt by its content policy: 400, or Gemini's block reason in a 200.
    Policy,
    /// Refuses an assistant's turn at the end of the prompt, 400.
    Prefill,
    /// Refuses for money: 429, Anthropic's 400, with words that no wait helps.
    Quota,
    /// Limits the rate: 429.
    RateLimit {
        /// The wait it asks for, in outage time.
        wait: Option<Duration>,
    },
    /// Closes the listener for as long as a rule has it for all attempts; else as
    /// [`Reset`](Self::Reset).
    Refuse,
    /// Resets the connection once it has read the request.
    Reset,
    /// Answers well, but so many times more slowly.
    Slow {
        /// How many times; what is no number, or below zero, is for ever.
        factor: f64,
    },
    /// Sends the head and so many tokens, then nothing, with the connection open.
    StallAfter {
        /// Tokens sent before.
        tokens: u32,
    },
    /// Reads the request and never answers.
    StallBeforeHead,
    /// Answers with this status and the dialect's error body; 502, 504 and 52x with an edge's HTML.
    Status(
        /// The status.
        u16,
    ),
    /// Sends a whole answer in pieces of a few bytes, each event over twice its gap.
    Trickle,
    /// Refuses the key, 401.
    Unauthorized,
}

/// How a connection ends in the middle of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cut {
    /// HTTP says that the body is whole; only the dialect's end mark is missing.
    Clean,
    /// The sender closes in the middle of the body.
    Fin,
    /// The connection is reset.
    Rst,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ContextLength => f.write_str("context"),
            Self::CutAfter { tokens, how } => match how {
                Cut::Clean => write!(f, "cut-clean:{tokens}"),
                Cut::Fin => write!(f, "cut:{tokens}"),
                Cut::Rst => write!(f, "cut-rst:{tokens}"),
            },
            Self::CutAt { bytes, how } => match how {
                Cut::Clean => write!(f, "cut-at-clean:{bytes}"),
                Cut::Fin => write!(f, "cut-at:{bytes}"),
                Cut::Rst => write!(f, "cut-at-rst:{bytes}"),
            },
            Self::ErrorAfter { tokens } => write!(f, "error:{tokens}"),
            Self::Garble { tokens } => write!(f, "garble:{tokens}"),
            Self::Late { by } => write!(f, "late:{}", by.as_secs_f64()),
            Self::NoDone => f.write_str("no-done"),
            Self::NoModel => f.write_str("model"),
            Self::Overload => f.write_str("overload"),
            Self::Pings => f.write_str("pings"),
            Self::Policy => f.write_str("policy"),
            Self::Prefill => f.write_str("prefill"),
            Self::Quota => f.write_str("quota"),
            Self::RateLimit { wait: None } => f.write_str("429"),
            Self::RateLimit { wait: Some(wait) } => write!(f, "429:{}", wait.as_secs_f64()),
            Self::Refuse => f.write_str("refuse"),
            Self::Reset => f.write_str("reset"),
            Self::Slow { factor } => write!(f, "slow:{factor}"),
            Self::StallAfter { tokens } => write!(f, "stall:{tokens}"),
            Self::StallBeforeHead => f.write_str("stall"),
            Self::Status(status) => write!(f, "{status}"),
            Self::Trickle => f.write_str("trickle"),
            Self::Unauthorized => f.write_str("401"),
        }
    }
}

impl FromStr for Fault {
    type Err = Invalid;

    fn from_str(name: &str) -> Result<Self, Invalid> {
        match name.split_once(':') {
            None => plain(name),
            Some((name, amount)) => counted(name, amount),
        }
    }
}

/// Reads a name without an amount.
fn plain(name: &str) -> Result<Fault, Invalid> {
    Ok(match name {
        "401" => Fault::Unauthorized,
        "429" => Fault::RateLimit { wait: None },
        "context" => Fault::ContextLength,
        "model" => Fault::NoModel,
        "no-done" => Fault::NoDone,
        "overload" => Fault::Overload,
        "pings" => Fault::Pings,
        "policy" => Fault::Policy,
        "prefill" => Fault::Prefill,
        "quota" => Fault::Quota,
        "refuse" => Fault::Refuse,
        "reset" => Fault::Reset,
        "stall" => Fault::StallBeforeHead,
        "trickle" => Fault::Trickle,
        status => match status.parse() {
            Ok(status @ 400..=599) => Fault::Status(status),
            _ => return Err(Invalid::FaultName),
        },
    })
}

/// Reads a name with an amount.
fn counted(name: &str, amount: &str) -> Result<Fault, Invalid> {
    let tokens = || amount.parse().map_err(|_| Invalid::FaultName);
    let cut = |how| {
        Ok(Fault::CutAfter {
            tokens: tokens()?,
            how,
        })
    };
    let cut_at = |how| {
        let bytes = amount.parse().map_err(|_| Invalid::FaultName)?;
        Ok(Fault::CutAt { bytes, how })
    };
    match name {
        "429" => Ok(Fault::RateLimit {
            wait: Some(seconds(amount)?),
        }),
        "cut" => cut(Cut::Fin),
        "cut-at" => cut_at(Cut::Fin),
        "cut-at-clean" => cut_at(Cut::Clean),
        "cut-at-rst" => cut_at(Cut::Rst),
        "cut-clean" => cut(Cut::Clean),
        "cut-rst" => cut(Cut::Rst),
        "error" => Ok(Fault::ErrorAfter { tokens: tokens()? }),
        "garble" => Ok(Fault::Garble { tokens: tokens()? }),
        "late" => Ok(Fault::Late {
            by: seconds(amount)?,
        }),
        "slow" => Ok(Fault::Slow {
            factor: seconds(amount)?.as_secs_f64(),
        }),
        "stall" => Ok(Fault::StallAfter { tokens: tokens()? }),
        _ => Err(Invalid::FaultName),
    }
}

/// Reads a number of seconds, or any finite number that is not below zero.
fn seconds(amount: &str) -> Result<Duration, Invalid> {
    let seconds = amount.parse().map_err(|_| Invalid::FaultName)?;
    Duration::try_from_secs_f64(seconds).map_err(|_| Invalid::FaultName)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for name in [
            "401",
            "429",
            "429:2",
            "500",
            "529",
            "context",
            "cut-at-clean:4",
            "cut-at-rst:4",
            "cut-at:4",
            "cut-clean:4",
            "cut-rst:4",
            "cut:4",
            "error:0",
            "garble:3",
            "late:20",
            "model",
            "no-done",
            "overload",
            "pings",
            "policy",
            "prefill",
            "quota",
            "refuse",
            "reset",
            "slow:10",
            "stall",
            "stall:0",
            "trickle",
        ] {
            let fault: Fault = name.parse().unwrap();
            assert_eq!(fault.to_string(), name);
        }
    }

    #[test]
    fn unknown_names_are_refused() {
        for name in [
            "", "200", "cut", "cut:", "cut:x", "late:-1", "late:NaN", "slow:inf", "700",
        ] {
            assert_eq!(name.parse::<Fault>(), Err(Invalid::FaultName), "{name}");
        }
    }
}
