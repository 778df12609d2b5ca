//! The cache over typed gRPC calls, with a real client and server: what is asked and what is kept go through core's
//! traits, the transport is tonic's.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use tokio_stream::StreamExt;
use tonic::transport::Channel;
use tonic::{Code, Response, Status, Streaming};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_ai_cache::{CacheLayer, CachedStream, keep_stream};
use tower_ai_core::{BoxError, CacheUse, Outcome, Question, Scope, ask_fn, keep_fn};
use tower_ai_grpc::error_outcome;

use self::support::model::model_client::ModelClient;
use self::support::model::{EmbedReply, EmbedRequest, GenerateRequest, Token};
use self::support::server::{Mode, Server};

const TEXT: &str = "Which documents prove an identity?";

/// Every field but the text goes into the frame: a field added to the message breaks this, not the cache.
fn question(request: &GenerateRequest) -> Question {
    let GenerateRequest { prompt, tokens } = request;
    Question::new(Scope::tenant("acme"), prompt.clone())
        .framed("/test.v1.Model/Generate")
        .framed(tokens.to_le_bytes())
}

fn unary(
    channel: Channel,
) -> impl Service<EmbedRequest, Response = EmbedReply, Error = BoxError, Future: Send> + Clone {
    let ask = ask_fn(|request: &EmbedRequest| {
        let EmbedRequest { text } = request;
        Some(Question::new(Scope::tenant("acme"), text.clone()).framed("/test.v1.Model/Embed"))
    });
    let keep = keep_fn(|reply: &EmbedReply| Some(prost::Message::encoded_len(reply)));
    CacheLayer::new(ask, keep).layer(service_fn(move |request: EmbedRequest| {
        let mut client = ModelClient::new(channel.clone());
        async move { client.embed(request).await.map(Response::into_inner) }
    }))
}

fn streaming(
    channel: Channel,
) -> impl Service<
    GenerateRequest,
    Response = CachedStream<Streaming<Token>, Token>,
    Error = BoxError,
    Future: Send,
> + Clone {
    let ask = ask_fn(|request: &GenerateRequest| Some(question(request)));
    let keep = keep_stream(|token: &Token| token.text.len());
    CacheLayer::new(ask, keep).layer(service_fn(move |request: GenerateRequest| {
        let mut client = ModelClient::new(channel.clone());
        async move { client.generate(request).await.map(Response::into_inner) }
    }))
}

fn generate(tokens: u32) -> GenerateRequest {
    GenerateRequest {
        prompt: TEXT.to_owned(),
        tokens,
    }
}

type Tokens = (CacheUse, Result<Vec<Token>, Status>);

async fn read(mut stream: CachedStream<Streaming<Token>, Token>) -> Tokens {
    let how = stream.note().unwrap().how;
    let mut tokens = Vec::new();
    while let Some(token) = stream.next().await {
        match token {
            Ok(token) => tokens.push(token),
            Err(status) => return (how, Err(status)),
        }
    }
    (how, Ok(tokens))
}

#[tokio::test]
async fn a_typed_reply_is_given_again_without_a_call() {
    let server = Server::start("alpha");
    let cache = unary(server.channel());
    for _ in 0..3 {
        let request = EmbedRequest {
            text: TEXT.to_owned(),
        };
        let reply = cache.clone().oneshot(request).await.unwrap();
        assert_eq!(reply.server, "alpha");
    }
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn a_stream_is_given_again_after_its_good_end_and_not_for_other_parameters() {
    let server = Server::start("alpha");
    let cache = streaming(server.channel());
    let (how, live) = read(cache.clone().oneshot(generate(5)).await.unwrap()).await;
    assert_eq!(how, CacheUse::Miss);
    let (how, again) = read(cache.clone().oneshot(generate(5)).await.unwrap()).await;
    assert_eq!((how, again.unwrap()), (CacheUse::Exact, live.unwrap()));
    let (how, other) = read(cache.clone().oneshot(generate(6)).await.unwrap()).await;
    assert_eq!((how, other.unwrap().len()), (CacheUse::Miss, 6));
    assert_eq!(server.calls(), 2);
}

#[tokio::test]
async fn a_stream_that_ends_with_an_error_is_not_kept() {
    let server = Server::start("alpha");
    server.set(Mode::SaysAfter(3, Status::unavailable("gone")));
    let cache = streaming(server.channel());
    for calls in 1..3 {
        let (how, tokens) = read(cache.clone().oneshot(generate(5)).await.unwrap()).await;
        assert_eq!(
            (how, tokens.unwrap_err().code()),
            (CacheUse::Miss, Code::Unavailable)
        );
        assert_eq!(server.calls(), calls);
    }
}

#[tokio::test]
async fn an_error_keeps_its_meaning() {
    let server = Server::start("alpha");
    server.set(Mode::Says(Status::invalid_argument("no")));
    let request = EmbedRequest {
        text: TEXT.to_owned(),
    };
    let error = unary(server.channel()).oneshot(request).await.unwrap_err();
    assert_eq!(error_outcome(&*error), Outcome::Invalid);
}
