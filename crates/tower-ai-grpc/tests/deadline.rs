//! The time of a call over its attempts, against servers on sockets.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::Duration;

use support::model::EmbedRequest;
use support::server::{Mode, Server, channel};
use support::stack::{Settings, client};
use tokio::time::timeout;
use tonic::{Code, Request, Status};
use tower_ai_grpc::GrpcTargetLayer;

fn embed() -> EmbedRequest {
    EmbedRequest { text: "hi".into() }
}

/// The `grpc-timeout` of each call, in order.
fn timeouts(server: &Server) -> Vec<Option<Duration>> {
    let read = |value: &http::HeaderValue| {
        let text = value.to_str().unwrap();
        let (digits, unit) = text.split_at(text.len() - 1);
        let value: u64 = digits.parse().unwrap();
        match unit {
            "n" => Duration::from_nanos(value),
            "u" => Duration::from_micros(value),
            "m" => Duration::from_millis(value),
            _ => Duration::from_secs(value),
        }
    };
    server
        .seen()
        .iter()
        .map(|seen| seen.get("grpc-timeout").map(read))
        .collect()
}

#[tokio::test]
async fn the_deadline_shrinks_from_attempt_to_attempt() {
    let (one, two) = (Server::start("one"), Server::start("two"));
    let late = Duration::from_millis(50);
    one.set(Mode::SaysLate(late, Status::unavailable("no")));
    let limit = Duration::from_secs(30);
    let settings = Settings {
        deadline: Some(limit),
        ..Settings::default()
    };
    let channels = [("one", one.channel()), ("two", two.channel())];
    let (mut client, _) = client(&settings, channels);
    client.embed(embed()).await.unwrap();
    let sent: Vec<_> = [timeouts(&one), timeouts(&two)]
        .concat()
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(
        sent.len(),
        3,
        "two at the first, one at the second: {sent:?}"
    );
    assert!(sent[0] <= limit);
    assert!(
        sent.windows(2)
            .all(|pair| pair[1] <= pair[0].checked_sub(late).unwrap()),
        "{sent:?}"
    );
}

#[tokio::test]
async fn the_callers_own_timeout_counts_over_all_attempts() {
    let (one, two) = (Server::start("one"), Server::start("two"));
    let late = Duration::from_millis(50);
    one.set(Mode::SaysLate(late, Status::deadline_exceeded("no")));
    let channels = [("one", one.channel()), ("two", two.channel())];
    let (mut client, _) = client(&Settings::default(), channels);
    let limit = Duration::from_secs(9);
    let mut request = Request::new(embed());
    request.set_timeout(limit);
    client.embed(request).await.unwrap();
    assert!(timeouts(&one)[0].unwrap() <= limit);
    assert!(timeouts(&two)[0].unwrap() <= limit - late);
}

#[tokio::test]
async fn a_call_whose_time_is_over_is_a_deadline_and_not_cancelled() {
    // Accepts and never speaks, so that nobody but the client keeps the time.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let one = channel(silent.local_addr().unwrap());
    let (mut client, _) = client(&Settings::default(), [("one", one)]);
    let mut request = Request::new(embed());
    request.set_timeout(Duration::from_millis(100));
    let status = timeout(support::LONG, client.embed(request))
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
}

#[tokio::test]
async fn a_method_of_long_streams_gets_only_the_callers_own_timeout() {
    let one = Server::start("one");
    let settings = Settings {
        deadline: Some(Duration::from_secs(30)),
        target: GrpcTargetLayer::new().only_own_timeout_for(["/test.v1.Model/Embed"]),
        ..Settings::default()
    };
    let (mut client, _) = client(&settings, [("one", one.channel())]);
    client.embed(embed()).await.unwrap();
    let mut request = Request::new(embed());
    request.set_timeout(Duration::from_secs(7));
    client.embed(request).await.unwrap();
    let sent = timeouts(&one);
    assert_eq!(sent[0], None);
    assert!(sent[1].unwrap() <= Duration::from_secs(7));
}
