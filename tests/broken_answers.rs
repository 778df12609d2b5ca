//! Answers that break are made good by another target: streams are gone on with, plain ones replaced. The whole stack,
//! over real sockets.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tower::ServiceExt;
use tower_ai::http::{Dialect, Prefill, ReplayBody, TargetLayer};
use tower_ai::{Budget, Joint, Outcome, Served, Splice, Stack, StackHandle, Target, Tuning};
use tower_ai_drill::{
    Call, Cut, Dialect as Language, Fault, Grade, Pace, Provider, Reply, Script, is_whole,
};

const TOKENS: u32 = 12;

/// Two providers of one language, the first of which breaks once, and a stack over both.
struct Pair {
    first: Provider,
    second: Provider,
    stack: Stack<Client<HttpConnector, ReplayBody<Full<Bytes>>>>,
    handle: StackHandle,
}

async fn pair(language: Language, fault: Fault, takes_prefill: bool, budget: Budget) -> Pair {
    let (wait, gap) = (Duration::from_millis(5), Duration::from_millis(1));
    let pace = Pace::new(wait, gap, TOKENS..=TOKENS).expect("a pace");
    let named = |name: &str| {
        let provider = Provider::builder(name).dialect(language);
        let provider = provider.pace(pace.clone());
        if takes_prefill {
            provider
        } else {
            provider.without_prefill()
        }
    };
    let first = named("first").script(Script::first(1, fault)).start();
    let (first, second) = (first.await.expect("a port"), named("second").start().await);
    let second = second.expect("a port");
    let target = |provider: &Provider| {
        let target = Target::builder(provider.name()).endpoint(provider.url());
        // One domain, so that going on needs a balance.
        let target = target
            .model(provider.endpoint().model)
            .domain("one")
            .build();
        let layer = TargetLayer::new(target.expect("a target")).expect("an endpoint");
        let layer = layer.with_prefill(Prefill::Message);
        match language {
            Language::Gemini => layer.with_dialect(Dialect::Gemini),
            _ => layer,
        }
    };
    let stack = Stack::builder()
        .targets([target(&first), target(&second)])
        .tuning(Tuning::new().scaled(0.1).expect("a factor"))
        .budget(budget)
        .continue_streams(true)
        .build(Client::builder(TokioExecutor::new()).build(HttpConnector::new()))
        .expect("a stack");
    Pair {
        handle: stack.handle(),
        first,
        second,
        stack,
    }
}

/// Makes a streamed call, and reads the answer as a client of that language does.
async fn call(pair: &Pair, language: Language) -> (Grade, Reply, Served) {
    let call = Call::new("1", "how are you", Duration::from_secs(20));
    send(pair, language, call.streamed()).await
}

async fn send(pair: &Pair, language: Language, call: Call) -> (Grade, Reply, Served) {
    let request = call.request(&pair.first.endpoint()).expect("a request");
    let response = pair.stack.clone().oneshot(request.map(Full::new)).await;
    let response = response.expect("an answer begins");
    let served = response.extensions().get::<Served>().cloned();
    let reply = Reply::read(language, call.stream, response).await;
    let grade = reply.grade(&call, Duration::ZERO);
    (grade, reply, served.expect("the stack says who served"))
}

const ALL: [Language; 3] = [Language::Anthropic, Language::Gemini, Language::OpenAi];

fn cut(tokens: u32) -> Fault {
    Fault::CutAfter {
        tokens,
        how: Cut::Fin,
    }
}

fn joints(served: &Served) -> Vec<Joint> {
    served.splices().iter().map(|splice| splice.joint).collect()
}

#[tokio::test]
async fn another_target_goes_on_with_what_was_said() {
    for language in ALL {
        let pair = pair(language, cut(5), true, Budget::default()).await;
        let (grade, reply, served) = call(&pair, language).await;
        assert_eq!(grade, Grade::Answered, "{language:?}: {reply:?}");
        assert_eq!(
            reply.model.as_deref(),
            Some("first-1"),
            "one answer, by its first model"
        );
        assert_eq!(joints(&served), [Joint::Prefill]);
        let Splice { from, to, why, .. } = &served.splices()[0];
        let name = |target: &Option<Target>| target.as_ref().map(|it| it.name().to_owned());
        assert_eq!(name(from).as_deref(), Some("first"));
        assert_eq!(name(to).as_deref(), Some("second"));
        assert_eq!((*why, served.attempts()), (Outcome::Fault, 2));
        assert_eq!((pair.first.log().len(), pair.second.log().len()), (1, 1));
        let usage = reply.usage.expect("the second says what it cost");
        assert_eq!(
            usage.answer,
            u64::from(TOKENS - 5),
            "it said the rest alone"
        );
    }
}

#[tokio::test]
async fn a_refused_prefill_is_a_restart() {
    for language in ALL {
        let pair = pair(language, cut(5), false, Budget::default()).await;
        let (grade, reply, served) = call(&pair, language).await;
        assert_eq!(grade, Grade::Answered, "{language:?}: {reply:?}");
        assert_eq!(joints(&served), [Joint::Restart]);
        assert_eq!(served.attempts(), 3);
        assert_eq!((pair.first.log().len(), pair.second.log().len()), (1, 2));
    }
}

#[tokio::test]
async fn wherever_it_breaks_the_answer_is_whole() {
    let faults = (1..TOKENS).flat_map(|tokens| {
        let rst = Fault::CutAfter {
            tokens,
            how: Cut::Rst,
        };
        [
            cut(tokens),
            rst,
            Fault::ErrorAfter { tokens },
            Fault::Garble { tokens },
        ]
    });
    for fault in faults.chain([Fault::StallAfter { tokens: 7 }]) {
        let pair = pair(Language::OpenAi, fault, true, Budget::default()).await;
        let (grade, reply, served) = call(&pair, Language::OpenAi).await;
        assert_eq!(grade, Grade::Answered, "{fault}: {reply:?}");
        // A reset may overtake what was sent before it.
        assert!(
            served.splices().len() <= 1 && served.attempts() == 2,
            "{fault}"
        );
    }
}

#[tokio::test]
async fn its_failure_is_settled_as_any_other() {
    let pair = pair(Language::OpenAi, cut(5), true, Budget::default()).await;
    let (grade, ..) = call(&pair, Language::OpenAi).await;
    assert_eq!(grade, Grade::Answered);
    let state = |name: &str| pair.handle.breaker(name).expect("a breaker").state();
    let evidence = |name: &str| state(name).evidence.some_fail;
    assert!(evidence("first") > 0.0, "the breaker has counted it");
    assert!(evidence("second") <= 0.0);
    assert_eq!(pair.first.in_flight() + pair.second.in_flight(), 0);
}

#[tokio::test]
async fn without_a_balance_the_failure_reaches_the_caller() {
    let budget = Budget::new(0.0, 1).expect("a budget");
    assert!(budget.withdraw(), "the burst is gone");
    let pair = pair(Language::OpenAi, cut(5), true, budget).await;
    let (grade, reply, served) = call(&pair, Language::OpenAi).await;
    assert_eq!(grade, Grade::Failed);
    assert!(!is_whole("how are you", &reply.text));
    let error = reply.error.expect("a typed error");
    assert!(error.contains("broke off"), "{error}");
    assert_eq!((pair.second.log().len(), served.splices().len()), (0, 0));
}

#[tokio::test]
async fn a_plain_answer_that_says_200_and_is_broken_is_replaced() {
    for language in ALL {
        for fault in [
            cut(7),
            Fault::CutAfter {
                tokens: 7,
                how: Cut::Rst,
            },
            Fault::CutAfter {
                tokens: 7,
                how: Cut::Clean,
            },
            Fault::ErrorAfter { tokens: 7 },
            Fault::Garble { tokens: 7 },
            Fault::StallAfter { tokens: 7 },
        ] {
            let pair = pair(language, fault, true, Budget::default()).await;
            // Two in a row, as a fault is tried once more where it happened.
            pair.first.set_script(Script::first(2, fault));
            let call = Call::new("1", "how are you", Duration::from_secs(20));
            let (grade, reply, served) = send(&pair, language, call).await;
            assert_eq!(grade, Grade::Answered, "{language:?} {fault}: {reply:?}");
            assert_eq!(served.target().map(Target::name), Some("second"), "{fault}");
            assert_eq!(served.tried().len(), 1, "{fault}");
        }
    }
}
