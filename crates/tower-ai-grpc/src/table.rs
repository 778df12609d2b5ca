//! The one table of what gRPC answers mean.

use http::StatusCode;
use tonic::Code;
use tower_ai_core::Outcome;

use crate::answer::Answer;

/// What a gRPC status means.
const CODES: [(Code, Outcome); 17] = [
    (Code::Ok, Outcome::Success),
    (Code::Cancelled, Outcome::Cancelled),
    (Code::Unknown, Outcome::Fault),
    (Code::InvalidArgument, Outcome::Invalid),
    (Code::DeadlineExceeded, Outcome::TimedOut),
    (Code::NotFound, Outcome::Missing),
    (Code::AlreadyExists, Outcome::Invalid),
    (Code::PermissionDenied, Outcome::Unauthorized),
    (Code::ResourceExhausted, Outcome::RateLimited { wait: None }),
    (Code::FailedPrecondition, Outcome::Invalid),
    (Code::Aborted, Outcome::Conflict),
    (Code::OutOfRange, Outcome::Invalid),
    (Code::Unimplemented, Outcome::Missing),
    (Code::Internal, Outcome::Fault),
    (Code::Unavailable, Outcome::Fault),
    (Code::DataLoss, Outcome::Fault),
    (Code::Unauthenticated, Outcome::Unauthorized),
];

/// What the HTTP status means where there is no gRPC status: something before the server answered.
const HTTP: [(u16, Outcome); 6] = [
    (401, Outcome::Unauthorized),
    (403, Outcome::Unauthorized),
    (404, Outcome::Missing),
    (429, Outcome::RateLimited { wait: None }),
    (503, Outcome::Overloaded { wait: None }),
    (504, Outcome::TimedOut),
];

/// Says that the prompt is longer than the model's window. Read only where the status agrees.
const TOO_LONG: [&str; 8] = [
    "context length",
    "context window",
    "context size",
    "maximum number of tokens",
    "prompt is too long",
    "input is too long",
    "too many tokens",
    "exceeds the maximum length",
];

/// What a tonic server says, as `CANCELLED`, when the client's `grpc-timeout` is over.
const TIME_IS_OVER: [&str; 1] = ["timeout expired"];

/// Says that the message is larger than the server takes, which the same status calls a resource.
const TOO_LARGE: [&str; 3] = [
    "larger than max",
    "exceeds maximum size",
    "message too large",
];

impl Answer<'_> {
    /// What the answer means, by the table of the [crate docs](crate#what-an-answer-means).
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let means = match self.code() {
            Some(code) => self.by_code(code),
            None => by_http(self.http_status()),
        };
        self.with_wish(means)
    }

    /// Adds to an outcome what the server wishes: a wait, or no further try.
    pub(crate) fn with_wish(&self, means: Outcome) -> Outcome {
        if self.forbids_retry() {
            return not_here_again(means);
        }
        match (means, self.wait()) {
            // It asked us to stay away: that is an overload.
            (Outcome::Fault, Some(wait)) if !wait.is_zero() => {
                Outcome::Overloaded { wait: Some(wait) }
            }
            (_, wait) => means.with_wait(wait),
        }
    }

    fn by_code(&self, code: Code) -> Outcome {
        let says = |phrases: &[&str]| {
            let message = self.message().to_lowercase();
            phrases.iter().any(|phrase| message.contains(phrase))
        };
        match code {
            Code::Cancelled if says(&TIME_IS_OVER) => Outcome::TimedOut,
            Code::InvalidArgument if self.details().key_invalid => Outcome::Unauthorized,
            Code::InvalidArgument | Code::OutOfRange if says(&TOO_LONG) => Outcome::TooLong,
            Code::ResourceExhausted if self.details().long_quota => {
                Outcome::Exhausted { wait: None }
            }
            Code::ResourceExhausted if says(&TOO_LARGE) => Outcome::Invalid,
            _ => by_code(code),
        }
    }
}

/// What a code means by itself.
pub(crate) fn by_code(code: Code) -> Outcome {
    let row = CODES.iter().find(|row| row.0 == code);
    row.map_or(Outcome::Fault, |row| row.1)
}

fn by_http(status: StatusCode) -> Outcome {
    let row = HTTP.iter().find(|row| row.0 == status.as_u16());
    row.map_or(Outcome::Fault, |row| row.1)
}

/// The same outcome without another try at the same target.
///
/// A failure becomes [`Outcome::TimedOut`], which is exactly that in the one table: elsewhere yes, here
/// never. So does a rate limit that no wait ends. A conflict that no retry solves is the caller's.
pub(crate) const fn not_here_again(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Fault | Outcome::Overloaded { .. } | Outcome::RateLimited { .. } => {
            Outcome::TimedOut
        }
        Outcome::Conflict => Outcome::Invalid,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderMap;

    use super::*;
    use crate::answer::{MESSAGE, PUSHBACK, STATUS};
    use crate::details::DETAILS;
    use crate::details::tests::{header, retry_info};

    const DOCS: &str = include_str!("docs/table.md");

    fn headers(code: Code) -> HeaderMap {
        let status = (code as i32).to_string().parse().unwrap();
        HeaderMap::from_iter([(STATUS, status)])
    }

    fn outcome(headers: &HeaderMap) -> Outcome {
        Answer::new(StatusCode::OK, headers).outcome()
    }

    #[test]
    fn every_code_has_its_row_and_the_docs_show_it() {
        for (number, (code, means)) in CODES.into_iter().enumerate() {
            assert_eq!(code as usize, number, "in order");
            assert_eq!(outcome(&headers(code)), means);
            let debug = format!("{means:?}");
            let name = debug.split(' ').next().unwrap();
            let found = DOCS.lines().any(|line| {
                line.contains(&format!(" {number} |")) && line.contains(&format!("`{name}`"))
            });
            assert!(found, "not in the docs: {number} means {name}");
        }
    }

    #[test]
    fn without_a_grpc_status_the_http_status_decides() {
        let none = HeaderMap::new();
        for (status, means) in HTTP {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(Answer::new(status, &none).outcome(), means);
        }
        for status in [
            StatusCode::OK,
            StatusCode::BAD_GATEWAY,
            StatusCode::BAD_REQUEST,
        ] {
            assert_eq!(
                Answer::new(status, &none).outcome(),
                Outcome::Fault,
                "{status}"
            );
        }
    }

    #[test]
    fn a_named_wait_makes_a_fault_an_overload() {
        let mut headers = headers(Code::Unavailable);
        headers.insert(DETAILS, header(&retry_info(3, 0)));
        let wait = Some(Duration::from_secs(3));
        assert_eq!(outcome(&headers), Outcome::Overloaded { wait });
    }

    #[test]
    fn a_negative_pushback_takes_away_the_retry_here_only() {
        use tower_ai_core::{Again, Elsewhere};
        for code in [
            Code::Unavailable,
            Code::ResourceExhausted,
            Code::Internal,
            Code::Aborted,
        ] {
            let mut headers = headers(code);
            headers.insert(PUSHBACK, "-1".parse().unwrap());
            assert_eq!(outcome(&headers).advice().again, Again::No, "{code:?}");
        }
        let mut headers = headers(Code::Unavailable);
        headers.insert(PUSHBACK, "x".parse().unwrap());
        assert_eq!(outcome(&headers).advice().elsewhere, Elsewhere::Yes);
    }

    #[test]
    fn phrases_are_looked_for_where_the_status_agrees() {
        let mut long = headers(Code::InvalidArgument);
        long.insert(
            MESSAGE,
            "maximum%20Context%20Length is 4096".parse().unwrap(),
        );
        assert_eq!(outcome(&long), Outcome::TooLong);
        long.insert(STATUS, "13".parse().unwrap());
        assert_eq!(outcome(&long), Outcome::Fault);

        let mut late = headers(Code::Cancelled);
        late.insert(MESSAGE, "Timeout%20expired".parse().unwrap());
        assert_eq!(outcome(&late), Outcome::TimedOut);

        let mut large = headers(Code::ResourceExhausted);
        let text = "grpc: received message larger than max (9 vs. 4)";
        large.insert(MESSAGE, text.parse().unwrap());
        assert_eq!(outcome(&large), Outcome::Invalid);
    }
}
