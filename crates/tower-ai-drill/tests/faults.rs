//! Each fault as a client sees it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use support::{DIALECTS, MOMENT, ask, attempt, call, end, grade, http, quick};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_ai_drill::{Defect, End, Grade, Provider, Scale};

async fn each<F: AsyncFn(&Provider, bool)>(check: F) {
    for dialect in DIALECTS {
        let provider = quick("alpha").dialect(dialect).start().await.unwrap();
        for stream in [false, true] {
            check(&provider, stream).await;
        }
    }
}

#[tokio::test]
async fn a_well_provider_answers_in_its_name() {
    each(async |provider, stream| {
        let mut call = call("1");
        call.stream = stream;
        let reply = attempt(&http(), &provider.endpoint(), &call).await;
        assert_eq!(grade(&reply), Grade::Answered, "{reply:?}");
        assert_eq!(reply.model.as_deref(), Some("alpha-1"));
        let usage = reply.usage.unwrap();
        assert_eq!((usage.prompt, usage.answer), (3, 6));
        let entry = provider.log().entries().pop().unwrap();
        assert_eq!((entry.call.as_deref(), entry.stream), (Some("1"), stream));
        assert_eq!(
            (entry.fault, end(provider.log()).await),
            (None, Some(End::Answered))
        );
    })
    .await;
}

#[tokio::test]
async fn resets_and_cuts_are_errors() {
    each(async |provider, stream| {
        for fault in ["refuse", "reset", "cut:3", "cut-rst:3"] {
            let reply = ask(provider, fault, stream).await;
            assert_eq!(grade(&reply), Grade::Failed, "{fault} {reply:?}");
            assert_eq!(end(provider.log()).await, Some(End::Broken));
        }
    })
    .await;
}

#[tokio::test]
async fn what_hides_behind_clean_http_is_a_defect() {
    each(async |provider, stream| {
        let cut = ask(provider, "cut-clean:3", stream).await;
        assert_eq!(
            (cut.defect, grade(&cut)),
            (Some(Defect::Truncated), Grade::Broken)
        );
        let garbled = ask(provider, "garble:2", stream).await;
        assert_eq!(
            (garbled.defect, grade(&garbled)),
            (Some(Defect::Garbled), Grade::Broken)
        );
    })
    .await;
}

#[tokio::test]
async fn errors_inside_a_200_are_read() {
    each(async |provider, stream| {
        for fault in ["error:0", "error:3"] {
            let reply = ask(provider, fault, stream).await;
            assert_eq!(
                (reply.status, grade(&reply)),
                (Some(200), Grade::Failed),
                "{fault}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn odd_but_whole_answers_are_answers() {
    each(async |provider, stream| {
        for fault in ["no-done", "trickle", "slow:2", "late:0.02"] {
            let reply = ask(provider, fault, stream).await;
            assert_eq!(grade(&reply), Grade::Answered, "{fault} {reply:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn stalls_last_until_the_client_leaves() {
    each(async |provider, stream| {
        for fault in ["stall", "stall:0", "stall:3", "pings"] {
            assert!(
                timeout(MOMENT, ask(provider, fault, stream)).await.is_err(),
                "{fault}"
            );
            assert_eq!(end(provider.log()).await, Some(End::ClientLeft), "{fault}");
            assert_eq!(provider.in_flight(), 0);
        }
    })
    .await;
}

#[tokio::test]
async fn refusals_have_their_status_in_every_dialect() {
    let expected = [
        ("401", [401; 3]),
        ("429", [429; 3]),
        ("500", [500; 3]),
        ("502", [502; 3]),
        ("context", [400; 3]),
        ("model", [404; 3]),
        ("overload", [529, 503, 503]),
        ("policy", [400, 200, 400]),
        ("prefill", [400; 3]),
        ("quota", [400, 429, 429]),
        ("no such fault", [404; 3]),
    ];
    for (index, dialect) in DIALECTS.into_iter().enumerate() {
        let provider = quick("alpha").dialect(dialect).start().await.unwrap();
        for (fault, statuses) in expected {
            let fault = fault.replace(' ', "-");
            let reply = ask(&provider, &fault, false).await;
            assert_eq!(reply.status, Some(statuses[index]), "{fault} {dialect:?}");
            assert_eq!(grade(&reply), Grade::Failed, "{fault} {dialect:?}");
        }
    }
}

/// The whole answer to a request for a fault, as text.
async fn raw(provider: &Provider, model: &str) -> String {
    try_raw(provider, model).await.unwrap()
}

async fn try_raw(provider: &Provider, model: &str) -> std::io::Result<String> {
    let address = provider.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let body = format!(r#"{{"model":"{model}","stream":true,"messages":[]}}"#);
    let head = "POST /v1/chat/completions HTTP/1.1\r\nconnection: close\r\n";
    let chunk = format!(
        "transfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    stream
        .write_all(format!("{head}{chunk}").as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn a_reset_is_a_reset() {
    let provider = quick("alpha").start().await.unwrap();
    for model in ["fault:reset", "fault:cut-rst:2"] {
        let error = try_raw(&provider, model).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{model}");
    }
}

#[tokio::test]
async fn done_is_left_out_and_nothing_else() {
    let provider = quick("alpha").start().await.unwrap();
    assert!(raw(&provider, "any").await.contains("data: [DONE]"));
    let answer = raw(&provider, "fault:no-done").await;
    assert!(answer.contains(r#""finish_reason":"stop""#) && !answer.contains("[DONE]"));
    assert!(answer.ends_with("0\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_cut_ends_in_the_middle_of_http() {
    let provider = quick("alpha").start().await.unwrap();
    assert!(!raw(&provider, "fault:cut:2").await.ends_with("0\r\n\r\n"));
    assert!(
        raw(&provider, "fault:cut-clean:2")
            .await
            .ends_with("0\r\n\r\n")
    );
}

#[tokio::test]
async fn the_wait_is_scaled_and_exact() {
    let scale = Scale::new(10.0).unwrap();
    let provider = quick("alpha").scale(scale).start().await.unwrap();
    let answer = raw(&provider, "fault:429:2").await;
    assert!(answer.contains("retry-after: 0.2\r\n"), "{answer}");
    assert!(answer.contains("retry-after-ms: 200\r\n"), "{answer}");
    assert!(!raw(&provider, "fault:429").await.contains("retry-after"));
}

#[tokio::test]
async fn a_malformed_request_is_refused() {
    let provider = quick("alpha").start().await.unwrap();
    let address = provider.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"\x16\x03\x01 not http\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}
