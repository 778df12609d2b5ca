//! An OpenAI-compatible gateway: any client, in any language, gets answers while a provider has a bad day.
//!
//! ```console
//! cargo run --release --example gateway -- --demo
//! cargo run --release --example gateway -- \
//!     --target https://api.openai.com/v1,model=gpt-5-mini,key-env=OPENAI_API_KEY \
//!     --target https://api.groq.com/openai/v1,model=openai/gpt-oss-120b,key-env=GROQ_API_KEY
//! ```
//!
//! What it does with a call stands in `src/lib.rs`.

use std::process::ExitCode;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::signal;
use tower_ai::BoxError;
use tower_ai_gateway_example::{Args, Demo, USAGE, router};

#[tokio::main]
async fn main() -> ExitCode {
    let env = |name: &str| std::env::var(name).ok();
    let args = match Args::parse(std::env::args().skip(1), env) {
        Ok(Some(args)) => args,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(rule) => {
            eprintln!("{rule}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(mut args: Args) -> Result<(), BoxError> {
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|error| format!("--listen: {}: {error}", args.listen))?;
    let url = format!("http://{}", listener.local_addr()?);
    println!("listening on {url}");
    if args.demo {
        let demo = Demo::start().await?;
        args.targets = demo.targets()?;
        println!("{}", demo.welcome(&url));
        tokio::spawn(demo.watch());
    }
    for target in &args.targets {
        println!("target {}", target.target().name());
    }
    let router = router(args.targets, &args.settings)?;
    let listener = listener.tap_io(|connection| {
        // A word is to go out when it comes. Without, it goes out later.
        let _ = connection.set_nodelay(true);
    });
    axum::serve(listener, router)
        .with_graceful_shutdown(stopped())
        .await?;
    Ok(())
}

/// Waits for Ctrl-C, or for what service managers send. Streams that run may end; a second Ctrl-C cuts them.
async fn stopped() {
    #[cfg(unix)]
    let terminated = async {
        match signal::unix::signal(signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        _ = signal::ctrl_c() => {}
        () = terminated => {}
    }
    eprintln!("waiting for running answers to end; Ctrl-C again cuts them off");
    tokio::spawn(async {
        if signal::ctrl_c().await.is_ok() {
            std::process::exit(130);
        }
    });
}
