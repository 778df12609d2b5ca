//! A generated client over the whole stack, against servers on sockets.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use support::model::{EmbedRequest, GenerateRequest, Part};
use support::server::{Mode, Server};
use support::stack::{Settings, client, has_counted};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::Code;
use tower_ai_core::Served;

fn embed(text: &str) -> EmbedRequest {
    EmbedRequest { text: text.into() }
}

fn generate(tokens: u32) -> GenerateRequest {
    GenerateRequest {
        prompt: "hi".into(),
        tokens,
    }
}

fn part(text: &str) -> Part {
    Part { text: text.into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unary_call_is_answered_and_says_by_whom() {
    let (one, two) = (Server::start("one"), Server::start("two"));
    let (mut client, _) = client(
        &Settings::default(),
        [("one", one.channel()), ("two", two.channel())],
    );
    let answer = client.embed(embed("hello")).await.unwrap();
    let served = answer.extensions().get::<Served>().unwrap();
    assert_eq!(served.target().unwrap().name(), "one");
    assert_eq!(
        (answer.get_ref().server.as_str(), answer.get_ref().length),
        ("one", 5)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_answers_comes_whole() {
    let one = Server::start("one");
    let (mut client, _) = client(&Settings::default(), [("one", one.channel())]);
    for count in [0, 1, 100] {
        let stream = client.generate(generate(count)).await.unwrap().into_inner();
        let tokens: Vec<_> = stream.collect().await;
        assert_eq!(tokens.len(), count as usize);
        assert!(tokens.iter().all(Result::is_ok));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_requests_arrives_whole() {
    let one = Server::start("one");
    let (mut client, _) = client(&Settings::default(), [("one", one.channel())]);
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        for n in 0..20 {
            sender.send(part(&n.to_string())).unwrap();
            tokio::task::yield_now().await;
        }
    });
    let answer = client
        .upload(UnboundedReceiverStream::new(receiver))
        .await
        .unwrap();
    assert_eq!(answer.get_ref().parts, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_talk_in_turn() {
    let one = Server::start("one");
    let (mut client, _) = client(&Settings::default(), [("one", one.channel())]);
    let (sender, receiver) = mpsc::unbounded_channel();
    sender.send(part("0")).unwrap();
    let mut answers = client
        .chat(UnboundedReceiverStream::new(receiver))
        .await
        .unwrap()
        .into_inner();
    for n in 1..5 {
        let text = answers.message().await.unwrap().unwrap().text;
        assert_eq!(text, format!("re: {}", n - 1));
        sender.send(part(&n.to_string())).unwrap();
    }
    drop(sender);
    assert_eq!(answers.message().await.unwrap().unwrap().text, "re: 4");
    assert!(answers.message().await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_may_wait_for_the_head_before_it_says_a_word() {
    let one = Server::start("one");
    let (mut client, _) = client(&Settings::default(), [("one", one.channel())]);
    let (sender, receiver) = mpsc::unbounded_channel();
    let head = client.chat(UnboundedReceiverStream::new(receiver));
    let mut answers = timeout(support::LONG, head)
        .await
        .unwrap()
        .unwrap()
        .into_inner();
    sender.send(part("hello")).unwrap();
    assert_eq!(answers.message().await.unwrap().unwrap().text, "re: hello");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_one_of_two_servers_under_load_fails_no_call() {
    let (mut one, two) = (Server::start("one"), Server::start("two"));
    let channels = [("one", one.channel()), ("two", two.channel())];
    let (client, _) = client(&Settings::default(), channels);
    let (calls, attempts) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let (mut client, calls, attempts) = (client.clone(), calls.clone(), attempts.clone());
            tokio::spawn(async move {
                for _ in 0..100 {
                    let answer = client.embed(embed("hello")).await.unwrap();
                    let served = answer.extensions().get::<Served>().unwrap();
                    calls.fetch_add(1, Ordering::Relaxed);
                    attempts.fetch_add(served.attempts(), Ordering::Relaxed);
                    sleep(Duration::from_millis(2)).await;
                }
            })
        })
        .collect();
    while calls.load(Ordering::Relaxed) < 200 {
        sleep(Duration::from_millis(1)).await;
    }
    one.kill();
    for worker in workers {
        timeout(support::LONG, worker).await.unwrap().unwrap();
    }
    let (calls, attempts) = (
        calls.load(Ordering::Relaxed),
        attempts.load(Ordering::Relaxed),
    );
    assert_eq!(calls, 800);
    assert!(
        f64::from(attempts) <= 1.2 * f64::from(calls),
        "{attempts} attempts for {calls} calls"
    );
    assert!(two.calls() >= 500, "the second took over: {}", two.calls());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_cut_ends_unavailable_and_the_breaker_counts_it() {
    let mut one = Server::start("one");
    one.set(Mode::StallsAfter(3));
    let (mut client, breakers) = client(&Settings::default(), [("one", one.channel())]);
    let mut tokens = client.generate(generate(9)).await.unwrap().into_inner();
    for n in 0..3 {
        assert_eq!(tokens.message().await.unwrap().unwrap().text, n.to_string());
    }
    assert!(!has_counted(&breakers[0]), "nothing is known yet");
    one.kill();
    let status = timeout(support::LONG, tokens.message())
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert!(has_counted(&breakers[0]), "counted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_read_to_its_end_speaks_for_its_target() {
    let one = Server::start("one");
    one.set(Mode::SaysAfter(2, tonic::Status::internal("cuda")));
    let (mut client, breakers) = client(&Settings::default(), [("one", one.channel())]);
    let mut tokens = client.generate(generate(9)).await.unwrap().into_inner();
    while tokens.message().await.is_ok_and(|token| token.is_some()) {}
    assert!(has_counted(&breakers[0]), "an error in the trailers counts");
}
