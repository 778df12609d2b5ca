//! async-openai works over the stack as it does alone, and through an outage.

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::types::chat::{
    ChatCompletionRequestUserMessageArgs, CreateChatCompletionRequest,
    CreateChatCompletionRequestArgs,
};
use futures_util::StreamExt;
use tower_ai::error::{AllFailed, cause_ref};
use tower_ai::http::{Secret, TargetLayer};
use tower_ai::{Stack, Target};
use tower_ai_drill::{Fault, Provider, Script};
use tower_ai_sdk_examples::{reqwest_client, under_async_openai};

async fn provider(name: &str, script: Script) -> Provider {
    let builder = Provider::builder(name).script(script);
    builder.start().await.expect("a provider on loopback")
}

fn client(providers: &[&Provider]) -> Client<OpenAIConfig> {
    let targets = providers.iter().map(|provider| {
        let at = provider.endpoint();
        let target = Target::builder(at.name).endpoint(at.url).model(at.model);
        let layer = TargetLayer::new(target.build().expect("valid")).expect("valid");
        layer.with_secret(&Secret::new(at.key)).expect("valid")
    });
    let stack = Stack::builder().targets(targets);
    let stack = stack
        .build(reqwest_client(reqwest::Client::new()))
        .expect("valid");
    let config = OpenAIConfig::new().with_api_key("any");
    Client::with_config(config).with_http_service(under_async_openai(stack))
}

fn question() -> CreateChatCompletionRequest {
    let message = ChatCompletionRequestUserMessageArgs::default()
        .content("Who is there?")
        .build()
        .expect("a message");
    let mut request = CreateChatCompletionRequestArgs::default();
    let request = request.model("any").messages([message.into()]);
    request.build().expect("a request")
}

#[tokio::test]
async fn the_fallback_answers_a_plain_call() {
    let main = provider("main", Script::always(Fault::Status(500))).await;
    let backup = provider("backup", Script::well()).await;
    let client = client(&[&main, &backup]);
    let answer = client.chat().create(question()).await.expect("an answer");
    assert_eq!(answer.model, "backup-1");
    assert!(answer.usage.is_some());
}

#[tokio::test]
async fn the_fallback_answers_a_streamed_call() {
    let main = provider("main", Script::always(Fault::Status(503))).await;
    let backup = provider("backup", Script::well()).await;
    let client = client(&[&main, &backup]);
    let mut stream = client
        .chat()
        .create_stream(question())
        .await
        .expect("a stream");
    let mut words = 0;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.expect("a whole stream");
        words += chunk
            .choices
            .iter()
            .filter(|choice| choice.delta.content.is_some())
            .count();
    }
    assert!(words > 1, "{words}");
}

#[tokio::test]
async fn a_providers_own_error_reaches_the_caller_unchanged() {
    let main = provider("main", Script::always(Fault::Status(404))).await;
    let error = client(&[&main])
        .chat()
        .create(question())
        .await
        .unwrap_err();
    assert!(matches!(error, OpenAIError::ApiError(_)), "{error:?}");
}

#[tokio::test]
async fn our_errors_can_be_found_in_the_sdks() {
    let main = provider("main", Script::always(Fault::Reset)).await;
    let error = client(&[&main])
        .chat()
        .create(question())
        .await
        .unwrap_err();
    let OpenAIError::Boxed(error) = error else {
        panic!("not ours: {error:?}");
    };
    let all = cause_ref::<AllFailed>(&*error).expect("nobody answered");
    assert_eq!(all.tried()[0].target.name(), "main");
}
