//! Each fault as a client sees it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::Duration;

use support::{ask, attempt, call, http, quick};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tower_ai_drill::{
    Capacity, Defect, Dialect, End, Fault, Grade, Log, Pace, Provider, Reply, Rule, Scale, Script,
};

const DIALECTS: [Dialect; 3] = [Dialect::Anthropic, Dialect::Gemini, Dialect::OpenAi];
const MOMENT: Duration = Duration::from_millis(150);

fn grade(reply: &Reply) -> Grade {
    reply.grade(&call("1"), Duration::ZERO)
}

/// Waits for the last entry of a log to end.
async fn end(log: &Log) -> Option<End> {
    for _ in 0..200 {
        if let Some((_, end)) = log.entries().last().and_then(|entry| entry.end) {
            return Some(end);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    None
}

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

/// The whole answer to a request for a fault, as bytes.
async fn raw(provider: &Provider, model: &str) -> String {
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
    stream.read_to_string(&mut answer).await.unwrap();
    answer
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

#[tokio::test]
async fn a_closed_listener_refuses_and_opens_again() {
    let provider = quick("alpha").start().await.unwrap();
    provider.set_script(Script::always(Fault::Refuse));
    tokio::time::sleep(MOMENT).await;
    let address = provider.url().trim_start_matches("http://").to_owned();
    let refused = TcpStream::connect(&address).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    provider.set_script(Script::well());
    tokio::time::sleep(MOMENT).await;
    let reply = attempt(&http(), &provider.endpoint(), &call("1")).await;
    assert_eq!(grade(&reply), Grade::Answered);
}

#[tokio::test]
async fn only_its_own_key_opens_it() {
    for dialect in DIALECTS {
        let provider = quick("alpha")
            .dialect(dialect)
            .key("right")
            .start()
            .await
            .unwrap();
        let mut endpoint = provider.endpoint();
        let reply = attempt(&http(), &endpoint, &call("1")).await;
        assert_eq!(grade(&reply), Grade::Answered, "{dialect:?}");
        endpoint.key = "wrong".to_owned();
        let reply = attempt(&http(), &endpoint, &call("1")).await;
        assert_eq!(reply.status, Some(401), "{dialect:?}");
    }
}

#[tokio::test]
async fn a_prompt_is_measured() {
    let provider = quick("alpha").window(2).start().await.unwrap();
    let reply = attempt(&http(), &provider.endpoint(), &call("1")).await;
    assert!(reply.error.unwrap().contains("context_length_exceeded"));
}

#[tokio::test]
async fn beyond_capacity_it_refuses_at_once() {
    let pace = Pace::new(MOMENT, Duration::ZERO, 1..=1).unwrap();
    let capacity = Capacity::new(1, 1).unwrap();
    let builder = Provider::builder("alpha").pace(pace).capacity(capacity);
    let provider = builder.start().await.unwrap();
    let (http, endpoint) = (http(), provider.endpoint());
    let replies = futures(&http, &endpoint, 3).await;
    let answered = replies
        .iter()
        .filter(|reply| grade(reply) == Grade::Answered)
        .count();
    assert_eq!(answered, 2, "one works, one waits, one is refused");
    assert!(replies.iter().any(|reply| reply.status == Some(503)));
}

async fn futures(
    http: &support::Http,
    endpoint: &tower_ai_drill::Endpoint,
    calls: usize,
) -> Vec<Reply> {
    let mut tasks = tokio::task::JoinSet::new();
    for id in 0..calls {
        let (http, endpoint) = (http.clone(), endpoint.clone());
        tasks.spawn(async move { attempt(&http, &endpoint, &call(&id.to_string())).await });
    }
    tasks.join_all().await
}

#[tokio::test]
async fn a_half_is_gone_on_with() {
    let provider = quick("alpha").start().await.unwrap();
    let body = r#"{"messages":[{"role":"user","content":"how are you"},
        {"role":"assistant","content":"re x: 1/4 2/4"}]}"#;
    let mut request = call("1").request(&provider.endpoint()).unwrap();
    *request.body_mut() = body.into();
    let response = http()
        .request(request.map(http_body_util::Full::new))
        .await
        .unwrap();
    let reply = Reply::read(Dialect::OpenAi, false, response).await;
    assert_eq!(reply.text, " 3/4 4/4");
}

#[tokio::test]
async fn the_pace_is_kept() {
    let pace = Pace::new(Duration::from_secs(4), Duration::from_secs(1), 5..=5).unwrap();
    let scale = Scale::new(40.0).unwrap();
    let provider = Provider::builder("alpha")
        .pace(pace)
        .scale(scale)
        .start()
        .await
        .unwrap();
    let started = Instant::now();
    let reply = attempt(&http(), &provider.endpoint(), &call("1").streamed()).await;
    let took = Instant::now() - started;
    assert!(took >= Duration::from_millis(200), "{took:?}");
    assert!(reply.first_content.unwrap() >= Duration::from_millis(90));
}

#[tokio::test]
async fn the_same_seed_breaks_the_same_calls_in_any_order() {
    let mut runs = Vec::new();
    for backwards in [false, true] {
        let rule = Rule::new(Fault::Status(500)).share(0.5).unwrap();
        let script = Script::well().rule(rule);
        let provider = quick("alpha").seed(7).script(script).start().await.unwrap();
        let (http, endpoint) = (http(), provider.endpoint());
        let mut ids: Vec<u32> = (0..40).collect();
        if backwards {
            ids.reverse();
        }
        for id in ids {
            attempt(&http, &endpoint, &call(&id.to_string())).await;
        }
        let entries = provider.log().entries();
        let struck = entries.iter().filter(|entry| entry.fault.is_some());
        let mut struck: Vec<_> = struck.filter_map(|entry| entry.call.clone()).collect();
        struck.sort();
        runs.push(struck);
    }
    assert_eq!(runs[0], runs[1]);
    assert!((8..32).contains(&runs[0].len()), "{}", runs[0].len());
}

#[tokio::test]
async fn a_dropped_provider_closes_all() {
    let provider = quick("alpha").start().await.unwrap();
    let log = provider.log().clone();
    let (address, mut endpoint) = (provider.url().to_owned(), provider.endpoint());
    endpoint.model = "fault:stall".to_owned();
    let stalled = tokio::spawn(async move { attempt(&http(), &endpoint, &call("1")).await });
    while log.running() == 0 {
        tokio::task::yield_now().await;
    }
    drop(provider);
    assert_eq!(grade(&stalled.await.unwrap()), Grade::Failed);
    assert_eq!(end(&log).await, Some(End::ShutDown));
    let refused = TcpStream::connect(address.trim_start_matches("http://")).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn a_log_has_a_limit_and_can_be_counted_by_time() {
    let provider = quick("alpha").log_limit(2).start().await.unwrap();
    let (http, endpoint) = (http(), provider.endpoint());
    let started = Instant::now();
    for id in ["1", "1", "2"] {
        attempt(&http, &endpoint, &call(id)).await;
    }
    let log = provider.log();
    assert_eq!((log.len(), log.beyond(), log.running()), (2, 1, 0));
    assert_eq!(log.of_call("1")[1].attempt, 2);
    let second = log.entries()[1].at;
    assert_eq!(log.count(&(started..second)), 1);
    assert_eq!(log.count(&(started..Instant::now())), 2);
}

#[tokio::test]
async fn a_domain_fails_its_providers_together() {
    let cloud = tower_ai_drill::Domain::new(Script::always(Fault::Overload));
    let alpha = quick("alpha")
        .domain("cloud", &cloud)
        .start()
        .await
        .unwrap();
    let beta = quick("beta").domain("cloud", &cloud).start().await.unwrap();
    for provider in [&alpha, &beta] {
        let reply = attempt(&http(), &provider.endpoint(), &call("1")).await;
        assert_eq!(reply.status, Some(503));
    }
    cloud.set_script(Script::well());
    for provider in [&alpha, &beta] {
        let reply = attempt(&http(), &provider.endpoint(), &call("2")).await;
        assert_eq!(grade(&reply), Grade::Answered);
    }
}
