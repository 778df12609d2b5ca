//! What callers get when servers fail, against servers on sockets.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::Duration;

use http::HeaderMap;
use support::model::model_client::ModelClient;
use support::model::{EmbedRequest, GenerateRequest, Part};
use support::raw;
use support::server::{Mode, Server, channel};
use support::stack::{Settings, Stack, client, has_counted};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use tower_ai_core::Served;
use tower_ai_core::error::{AllFailed, Elapsed, cause_ref};
use tower_ai_grpc::{GrpcClassify, GrpcGuardLayer, Tei, Truncated};

fn embed() -> EmbedRequest {
    EmbedRequest { text: "hi".into() }
}

fn generate() -> GenerateRequest {
    GenerateRequest {
        prompt: "hi".into(),
        tokens: 5,
    }
}

async fn who<S: Stack>(client: &mut ModelClient<S>) -> Result<String, Status> {
    let answer = timeout(support::LONG, client.embed(embed()))
        .await
        .unwrap()?;
    Ok(answer.into_inner().server)
}

/// Reads a stream to its end, good or bad.
async fn tokens<S: Stack>(client: &mut ModelClient<S>) -> (usize, Result<(), Status>) {
    let mut count = 0;
    let reading = async {
        let mut tokens = client.generate(generate()).await?.into_inner();
        while tokens.message().await?.is_some() {
            count += 1;
        }
        Ok(())
    };
    let end = timeout(support::LONG, reading).await.unwrap();
    (count, end)
}

fn pushback(millis: &'static str) -> Status {
    let mut metadata = MetadataMap::new();
    metadata.insert("grpc-retry-pushback-ms", millis.parse().unwrap());
    Status::with_metadata(Code::Unavailable, "later", metadata)
}

#[tokio::test]
async fn an_answer_of_trailers_only_moves_on() {
    let (one, two) = (Server::start("one"), Server::start("two"));
    let channels = [("one", one.channel()), ("two", two.channel())];
    let (mut client, _) = client(&Settings::default(), channels);
    for code in [
        Code::Unauthenticated,
        Code::Unimplemented,
        Code::DeadlineExceeded,
    ] {
        one.set(Mode::Says(Status::new(code, "no")));
        assert_eq!(who(&mut client).await.unwrap(), "two", "{code:?}");
    }
}

#[tokio::test]
async fn the_callers_mistake_reaches_the_caller_at_once() {
    let (one, two) = (Server::start("one"), Server::start("two"));
    let channels = [("one", one.channel()), ("two", two.channel())];
    let (mut client, _) = client(&Settings::default(), channels);
    one.set(Mode::Says(Status::invalid_argument("empty")));
    let status = who(&mut client).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::InvalidArgument, "empty")
    );
    assert_eq!((one.calls(), two.calls()), (1, 0));
}

#[tokio::test]
async fn a_failure_in_the_trailers_before_a_message_moves_on() {
    let (one, two) = (Server::start("one"), Server::start("two"));
    let channels = [("one", one.channel()), ("two", two.channel())];
    let (mut client, _) = client(&Settings::default(), channels);
    one.set(Mode::SaysAfter(0, Status::deadline_exceeded("busy")));
    assert_eq!(tokens(&mut client).await.0, 5);
    assert_eq!((one.calls(), two.calls()), (1, 1));
}

#[tokio::test]
async fn a_failure_after_a_message_is_never_replaced() {
    let (one, two) = (Server::start("one"), Server::start("two"));
    let channels = [("one", one.channel()), ("two", two.channel())];
    let (mut client, _) = client(&Settings::default(), channels);
    one.set(Mode::SaysAfter(2, Status::internal("cuda")));
    let (count, end) = tokens(&mut client).await;
    assert_eq!((count, end.unwrap_err().code()), (2, Code::Internal));
    assert_eq!(two.calls(), 0);
}

#[tokio::test]
async fn a_status_left_out_is_no_good_answer() {
    let parts = [raw::Part::Data(raw::message("a"))];
    for head_only in [true, false] {
        let frames = if head_only {
            Vec::new()
        } else {
            parts.to_vec()
        };
        let one = raw::start(raw::grpc(), frames).await;
        let (mut client, breakers) = client(&Settings::default(), [("one", channel(one))]);
        let (count, end) = tokens(&mut client).await;
        let status = end.unwrap_err();
        assert_eq!(count, usize::from(!head_only));
        assert!(cause_ref::<Truncated>(&status).is_some(), "{status:?}");
        let code = if head_only {
            Code::Unavailable
        } else {
            Code::Unknown
        };
        assert_eq!(status.code(), code);
        assert!(has_counted(&breakers[0]));
    }
}

#[tokio::test]
async fn a_status_left_out_before_a_message_moves_on() {
    let one = raw::start(raw::grpc(), Vec::new()).await;
    let two = Server::start("two");
    let channels = [("one", channel(one)), ("two", two.channel())];
    let (mut client, _) = client(&Settings::default(), channels);
    assert_eq!(who(&mut client).await.unwrap(), "two");
    assert_eq!(tokens(&mut client).await.0, 5);
}

#[tokio::test]
async fn a_message_cut_under_a_good_status_is_an_error() {
    let mut cut = raw::message("abc");
    cut.truncate(7);
    let good = HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]);
    let frames = vec![
        raw::Part::Data(raw::message("whole")),
        raw::Part::Data(cut),
        raw::Part::Trailers(good),
    ];
    let one = raw::start(raw::grpc(), frames).await;
    let (mut client, _) = client(&Settings::default(), [("one", channel(one))]);
    let (count, end) = tokens(&mut client).await;
    assert_eq!((count, end.unwrap_err().code()), (1, Code::Unknown));
}

#[tokio::test]
async fn details_that_are_no_base64_do_not_panic() {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "9".parse().unwrap());
    trailers.insert("grpc-status-details-bin", "!!!".parse().unwrap());
    let frames = vec![raw::Part::Trailers(trailers)];
    let one = raw::start(raw::grpc(), frames).await;
    let (mut client, _) = client(&Settings::default(), [("one", channel(one))]);
    let status = who(&mut client).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn a_page_of_a_proxy_is_no_answer() {
    let page = http::Response::builder()
        .status(502)
        .header("content-type", "text/html");
    let one = raw::start(
        page.body(()).unwrap(),
        vec![raw::Part::Data(b"<html>".to_vec())],
    )
    .await;
    let two = Server::start("two");
    let channels = [("one", channel(one)), ("two", two.channel())];
    let (mut client, _) = client(&Settings::default(), channels);
    assert_eq!(who(&mut client).await.unwrap(), "two");
}

#[tokio::test]
async fn a_server_that_never_answers_is_left_for_another_and_not_asked_again() {
    let (one, two) = (Server::start("one"), Server::start("two"));
    one.set(Mode::Stalls);
    let settings = Settings {
        attempt_timeout: Duration::from_millis(200),
        ..Settings::default()
    };
    let channels = [("one", one.channel()), ("two", two.channel())];
    let (mut client, _) = client(&settings, channels);
    assert_eq!(who(&mut client).await.unwrap(), "two");
    assert_eq!(one.calls(), 1);
}

#[tokio::test]
async fn a_stall_after_a_message_ends_in_a_deadline() {
    let one = Server::start("one");
    one.set(Mode::StallsAfter(2));
    let settings = Settings {
        guard: GrpcGuardLayer::new()
            .stall_timeout(Duration::from_millis(100))
            .unwrap(),
        ..Settings::default()
    };
    let (mut client, breakers) = client(&settings, [("one", one.channel())]);
    let (count, end) = tokens(&mut client).await;
    let status = end.unwrap_err();
    assert_eq!((count, status.code()), (2, Code::DeadlineExceeded));
    assert!(cause_ref::<Elapsed>(&status).is_some());
    assert!(has_counted(&breakers[0]));
}

#[tokio::test]
async fn a_first_message_that_does_not_come_is_left_for_another() {
    let (one, two) = (Server::start("one"), Server::start("two"));
    one.set(Mode::StallsAfter(0));
    let limit = Duration::from_millis(200);
    let settings = Settings {
        guard: GrpcGuardLayer::new().first_message_timeout(limit).unwrap(),
        ..Settings::default()
    };
    let channels = [("one", one.channel()), ("two", two.channel())];
    let (mut client, _) = client(&settings, channels);
    assert_eq!(tokens(&mut client).await.0, 5);
}

#[tokio::test]
async fn pushback_is_slept_through_before_the_retry() {
    let one = Server::start("one");
    one.set(Mode::Says(pushback("400")));
    let (mut client, _) = client(&Settings::default(), [("one", one.channel())]);
    let start = Instant::now();
    let status = who(&mut client).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let tries = u32::try_from(one.calls()).unwrap();
    assert!(tries >= 2, "tried again: {tries}");
    assert!(Instant::now() - start >= Duration::from_millis(400) * (tries - 1));
}

#[tokio::test]
async fn a_negative_pushback_is_never_retried_there() {
    let (one, two) = (Server::start("one"), Server::start("two"));
    one.set(Mode::Says(pushback("-1")));
    let (mut alone, _) = client(&Settings::default(), [("one", one.channel())]);
    assert_eq!(who(&mut alone).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(one.calls(), 1);
    let channels = [("one", one.channel()), ("two", two.channel())];
    let (mut both, _) = client(&Settings::default(), channels);
    assert_eq!(who(&mut both).await.unwrap(), "two");
    assert_eq!(one.calls(), 2);
}

#[tokio::test]
async fn a_fault_is_retried_once_and_then_moves_on() {
    let (one, two) = (Server::start("one"), Server::start("two"));
    one.set(Mode::Says(Status::internal("oops")));
    let channels = [("one", one.channel()), ("two", two.channel())];
    let (mut client, _) = client(&Settings::default(), channels);
    let answer = client.embed(embed()).await.unwrap();
    assert_eq!(answer.get_ref().server, "two");
    assert_eq!((one.calls(), two.calls()), (2, 1));
    let served = answer.extensions().get::<Served>().unwrap();
    assert_eq!(served.attempts(), 3);
    let before: Vec<_> = [one.seen(), two.seen()]
        .concat()
        .iter()
        .map(|seen| seen.get("grpc-previous-rpc-attempts").cloned())
        .collect();
    assert_eq!(before[0], None);
    assert!(
        before[1..]
            .iter()
            .all(|before| before.as_ref().unwrap() != "0"),
        "{before:?}"
    );
}

#[tokio::test]
async fn a_stream_of_requests_is_sent_once() {
    let (one, two) = (Server::start("one"), Server::start("two"));
    one.set(Mode::Says(Status::unavailable("full")));
    let channels = [("one", one.channel()), ("two", two.channel())];
    let (mut client, _) = client(&Settings::default(), channels);
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        for text in ["a", "b"] {
            tokio::task::yield_now().await;
            sender.send(Part { text: text.into() }).unwrap();
        }
    });
    let upload = client.upload(UnboundedReceiverStream::new(receiver));
    let status = timeout(support::LONG, upload).await.unwrap().unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::Unavailable, "full"),
        "the first answer"
    );
    assert_eq!((one.calls(), two.calls()), (1, 0));
}

#[tokio::test]
async fn a_stream_of_requests_that_broke_half_way_is_unavailable() {
    let (mut one, two) = (Server::start("one"), Server::start("two"));
    let channels = [("one", one.channel()), ("two", two.channel())];
    let (mut client, _) = client(&Settings::default(), channels);
    let (sender, receiver) = mpsc::unbounded_channel();
    let upload = client.upload(UnboundedReceiverStream::new(receiver));
    let kill = async {
        sender.send(Part { text: "a".into() }).unwrap();
        while one.parts() < 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        one.kill();
    };
    let both = timeout(support::LONG, async { tokio::join!(upload, kill) });
    let status = both.await.unwrap().0.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert_eq!(two.calls(), 0);
}

#[tokio::test]
async fn a_stream_of_requests_that_reached_nobody_is_sent_elsewhere() {
    let (mut one, two) = (Server::start("one"), Server::start("two"));
    one.kill();
    let channels = [("one", one.channel()), ("two", two.channel())];
    let (mut client, _) = client(&Settings::default(), channels);
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        sender.send(Part { text: "a".into() }).unwrap();
    });
    let upload = client.upload(UnboundedReceiverStream::new(receiver));
    let answer = timeout(support::LONG, upload).await.unwrap().unwrap();
    assert_eq!(
        (answer.get_ref().server.as_str(), answer.get_ref().parts),
        ("two", 1)
    );
}

#[tokio::test]
async fn when_nobody_answers_the_status_names_who_was_asked() {
    let (mut one, mut two) = (Server::start("one"), Server::start("two"));
    let channels = [("one", one.channel()), ("two", two.channel())];
    one.kill();
    two.kill();
    let (mut client, _) = client(&Settings::default(), channels);
    let status = who(&mut client).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let all = cause_ref::<AllFailed>(&status).unwrap();
    assert_eq!(all.tried().len(), 2);
    assert!(
        status.message().contains("one fault, two fault"),
        "{}",
        status.message()
    );
}

#[tokio::test]
async fn a_fault_that_tei_calls_a_precondition_moves_on() {
    let (one, two) = (Server::start("one"), Server::start("two"));
    one.set(Mode::Says(Status::failed_precondition("backend")));
    let channels = || [("one", one.channel()), ("two", two.channel())];
    let (mut plain, _) = client(&Settings::default(), channels());
    assert_eq!(
        who(&mut plain).await.unwrap_err().code(),
        Code::FailedPrecondition
    );

    let defaults = Settings::default();
    let settings = Settings {
        guard: GrpcGuardLayer::new().classify(GrpcClassify::backend(Tei)),
        target: defaults.target,
        attempt_timeout: defaults.attempt_timeout,
        deadline: None,
    };
    let (mut tei, _) = client(&settings, channels());
    assert_eq!(who(&mut tei).await.unwrap(), "two");
}
