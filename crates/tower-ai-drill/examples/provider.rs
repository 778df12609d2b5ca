//! Fake providers to break by hand or by script, from any language.
//!
//! ```console
//! cargo run -p tower-ai-drill --example provider
//! cargo run -p tower-ai-drill --example provider -- main,script=500*1,script=stall@10-20 spare
//! ```
//!
//! Prints where each of them is found, and then each attempt that reaches one. Any of them breaks by the
//! name of the model as well: `fault:cut:4`, `fault:429:2`, `fault:stall`, …

use std::process::ExitCode;
use std::time::Duration;

use tower_ai_drill::provider::Builder;
use tower_ai_drill::{Dialect, Fault, Pace, Provider, Rule, Script};

const USAGE: &str = "\
usage: provider [NAME[,OPTION=VALUE]…]…

  dialect=openai|anthropic|gemini
  script=FAULT[*N][@FROM-TO]  breaks all attempts, or the first N, or those from one second to another;
                              the first script that strikes decides. FAULT: 500, 429:2, reset, stall, cut:4, …
  window=WORDS                the size of its context window
  prefill=no                  refuses prompts that end with an assistant's turn
  pace=FIRST/GAP/TOKENS       milliseconds to the first token and between tokens, and how many; 50/10/10
";

#[tokio::main]
async fn main() -> ExitCode {
    let mut given: Vec<String> = std::env::args().skip(1).collect();
    if given.is_empty() {
        let three = ["alpha", "beta,dialect=anthropic", "gamma,dialect=gemini"];
        given = three.map(str::to_owned).to_vec();
    }
    let mut providers = Vec::new();
    for text in given {
        match builder(&text) {
            Ok(builder) => match builder.start().await {
                Ok(provider) => providers.push(provider),
                Err(error) => {
                    eprintln!("{text}: {error}");
                    return ExitCode::FAILURE;
                }
            },
            Err(rule) => {
                eprintln!("{text}: {rule}\n\n{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    for provider in &providers {
        let (name, url) = (provider.name(), provider.url());
        println!("{name:<6} {url} ({:?})", provider.dialect());
    }
    println!(
        "\ncurl -N {}/v1/chat/completions -d '{{\"model\": \"fault:cut:4\", \"stream\": true, \
         \"messages\": [{{\"role\": \"user\", \"content\": \"hello\"}}]}}'\n",
        providers[0].url()
    );
    watch(&providers).await
}

/// Prints each attempt as it comes.
async fn watch(providers: &[Provider]) -> ! {
    let mut seen = vec![0; providers.len()];
    loop {
        for (provider, seen) in providers.iter().zip(&mut seen) {
            if provider.log().len() == *seen {
                continue;
            }
            for entry in provider.log().entries().into_iter().skip(*seen) {
                *seen += 1;
                let fault = entry.fault.map(|fault| fault.to_string());
                let fault = fault.as_deref().unwrap_or("well");
                println!("{:<6} {} {fault}", entry.provider, entry.model);
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Reads `NAME[,OPTION=VALUE]…`.
fn builder(text: &str) -> Result<Builder, String> {
    let mut parts = text.split(',');
    let mut builder = Provider::builder(parts.next().unwrap_or_default());
    let mut script = Script::well();
    for part in parts {
        let (option, value) = part.split_once('=').unwrap_or((part, ""));
        let rule = || format!("{option} does not take {value:?}");
        builder = match option {
            "dialect" => builder.dialect(match value {
                "openai" => Dialect::OpenAi,
                "anthropic" => Dialect::Anthropic,
                "gemini" => Dialect::Gemini,
                _ => return Err(rule()),
            }),
            "script" => {
                script = script.rule(scripted(value).ok_or_else(rule)?);
                builder
            }
            "window" => builder.window(value.parse().map_err(|_| rule())?),
            "prefill" if value == "no" => builder.without_prefill(),
            "pace" => builder.pace(paced(value).ok_or_else(rule)?),
            _ => return Err(rule()),
        };
    }
    Ok(builder.script(script))
}

/// Reads `FAULT[*N][@FROM-TO]`.
fn scripted(text: &str) -> Option<Rule> {
    let (text, window) = text
        .split_once('@')
        .map_or((text, None), |(a, b)| (a, Some(b)));
    let (fault, first) = text
        .split_once('*')
        .map_or((text, None), |(a, b)| (a, Some(b)));
    let mut rule = Rule::new(fault.parse::<Fault>().ok()?);
    if let Some(first) = first {
        rule = rule.first(first.parse().ok()?);
    }
    if let Some(window) = window {
        let (from, to) = window.split_once('-')?;
        let second = |text: &str| Duration::try_from_secs_f64(text.parse().ok()?).ok();
        rule = rule.during(second(from)?..second(to)?).ok()?;
    }
    Some(rule)
}

/// Reads `FIRST/GAP/TOKENS`.
fn paced(text: &str) -> Option<Pace> {
    let mut numbers = text.split('/').map(str::parse);
    let mut next = || -> Option<u32> { numbers.next()?.ok() };
    let (first, gap, tokens) = (next()?, next()?, next()?);
    let millis = |number: u32| Duration::from_millis(number.into());
    Pace::new(millis(first), millis(gap), tokens..=tokens).ok()
}
