//! Fake providers behind the gateway, of which one breaks on purpose.

use std::time::Duration;

use tower_ai::http::TargetLayer;
use tower_ai::{BoxError, Target};
use tower_ai_drill::{Cut, Fault, Invalid, Provider, Rule, Script};

/// What `alpha` does in each minute, from which second to which.
const MINUTE: [(u64, u64, &str, Fault); 4] = [
    (15, 25, "alpha answers with 500s", Fault::Status(500)),
    (
        25,
        35,
        "alpha accepts and never answers",
        Fault::StallBeforeHead,
    ),
    (
        35,
        45,
        "alpha cuts answers after three words",
        Fault::CutAfter {
            tokens: 3,
            how: Cut::Fin,
        },
    ),
    (45, 55, "alpha says that it is overloaded", Fault::Overload),
];

/// For how many minutes it goes on so.
const MINUTES: u64 = 6 * 60;

/// Two fake providers: `alpha`, which is preferred and has a bad quarter of each minute after another, and `beta`,
/// which is well.
#[derive(Debug)]
pub struct Demo {
    providers: [Provider; 2],
}

impl Demo {
    /// Starts them, on ports of their own.
    ///
    /// # Errors
    ///
    /// What the system says if it gives no port.
    pub async fn start() -> Result<Self, BoxError> {
        let alpha = Provider::builder("alpha").script(bad_minutes()?);
        let beta = Provider::builder("beta");
        Ok(Self {
            providers: [alpha.start().await?, beta.start().await?],
        })
    }

    /// The providers as targets. `alpha` gets the caller's model, so that a fault can be asked for by name.
    ///
    /// # Errors
    ///
    /// None, unless this example is at fault.
    pub fn targets(&self) -> Result<Vec<TargetLayer>, BoxError> {
        let [alpha, beta] = &self.providers;
        let alpha = Target::builder("alpha").endpoint(alpha.url());
        let beta = Target::builder("beta").endpoint(beta.url()).model("beta-1");
        Ok(vec![
            TargetLayer::new(alpha.build()?)?,
            TargetLayer::new(beta.build()?)?,
        ])
    }

    /// What to do with them.
    #[must_use]
    pub fn welcome(&self, url: &str) -> String {
        let mut text = "alpha breaks on purpose, every minute; beta is well:\n".to_owned();
        for (from, to, what, _) in MINUTE {
            text.push_str(&format!("  {from:>2} s to {to} s  {what}\n"));
        }
        text.push_str(&format!(
            "ask, and see who served (a model named fault:cut:4 breaks alpha by hand):\n  \
             curl -iN {url}/v1/chat/completions -H 'content-type: application/json' \\\n    \
             -d '{{\"model\": \"any\", \"stream\": true, \
             \"messages\": [{{\"role\": \"user\", \"content\": \"hello\"}}]}}'"
        ));
        text
    }

    /// Prints each attempt that reaches a provider, and what becomes of it.
    pub async fn watch(self) {
        let mut seen = [0; 2];
        loop {
            for (provider, seen) in self.providers.iter().zip(&mut seen) {
                for entry in provider.log().entries().into_iter().skip(*seen) {
                    *seen += 1;
                    let fault = entry.fault.map(|fault| fault.to_string());
                    let fault = fault.as_deref().unwrap_or("well");
                    println!("{:<6} {fault}", entry.provider);
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

fn bad_minutes() -> Result<Script, Invalid> {
    let mut script = Script::well();
    for minute in 0..MINUTES {
        for (from, to, _, fault) in MINUTE {
            let second = |second| Duration::from_secs(60 * minute + second);
            script = script.rule(Rule::new(fault).during(second(from)..second(to))?);
        }
    }
    Ok(script)
}
