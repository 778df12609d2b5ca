//! Three fake providers to break by hand, from any language.
//!
//! ```console
//! cargo run -p tower-ai-drill --example provider
//! ```
//!
//! Ask for a fault by the model's name: `fault:cut:4`, `fault:429:2`, `fault:stall`, …

use std::time::Duration;

use tower_ai_drill::{Dialect, Provider};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let providers = [
        Provider::builder("alpha").start().await?,
        Provider::builder("beta")
            .dialect(Dialect::Anthropic)
            .start()
            .await?,
        Provider::builder("gamma")
            .dialect(Dialect::Gemini)
            .start()
            .await?,
    ];
    for provider in &providers {
        println!(
            "{:<6} {} ({:?})",
            provider.name(),
            provider.url(),
            provider.dialect()
        );
    }
    println!(
        "\ncurl -N {}/v1/chat/completions -d '{{\"model\": \"fault:cut:4\", \"stream\": true, \
         \"messages\": [{{\"role\": \"user\", \"content\": \"hello\"}}]}}'\n",
        providers[0].url()
    );
    let mut seen = [0; 3];
    loop {
        for (provider, seen) in providers.iter().zip(&mut seen) {
            for entry in provider.log().entries().into_iter().skip(*seen) {
                *seen += 1;
                let fault = entry
                    .fault
                    .map_or("well".to_owned(), |fault| fault.to_string());
                println!("{:<6} {} {fault}", entry.provider, entry.model);
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
