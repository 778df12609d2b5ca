//! async-openai over the stack: the preferred provider is down, and the SDK's user does not notice.
//!
//! ```console
//! cargo run -p tower-ai-sdk-examples --example async_openai
//! ```

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::types::chat::{
    ChatCompletionRequestUserMessageArgs, CreateChatCompletionRequestArgs,
};
use tower_ai::http::{Secret, TargetLayer};
use tower_ai::{BoxError, Stack, Target};
use tower_ai_drill::{Fault, Provider, Script};
use tower_ai_sdk_examples::{reqwest_client, under_async_openai};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    // Fake providers; put your own URLs, models and keys in their place.
    let down = Script::always(Fault::Status(500));
    let main = Provider::builder("main").script(down).start().await?;
    let backup = Provider::builder("backup").start().await?;
    let target = |provider: &Provider| -> Result<TargetLayer, BoxError> {
        let at = provider.endpoint();
        let target = Target::builder(at.name).endpoint(at.url).model(at.model);
        Ok(TargetLayer::new(target.build()?)?.with_secret(&Secret::new(at.key))?)
    };
    let stack = Stack::builder()
        .target(target(&main)?)
        .target(target(&backup)?)
        .build(reqwest_client(reqwest::Client::new()))?;

    // Key and model of the SDK's configuration are replaced by each target's.
    let config = OpenAIConfig::new().with_api_key("any");
    let client = Client::with_config(config).with_http_service(under_async_openai(stack));

    let question = ChatCompletionRequestUserMessageArgs::default()
        .content("Who is there?")
        .build()?;
    let request = CreateChatCompletionRequestArgs::default()
        .model("any")
        .messages([question.into()])
        .build()?;
    let answer = client.chat().create(request).await?;
    println!(
        "{} answered: {:?}",
        answer.model, answer.choices[0].message.content
    );
    Ok(())
}
