//! The binary `consign-bridge`: reads the command line once, runs until it is told to stop, and says what went wrong.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use bridge::{Options, Running};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Does on this machine what AWS does between S3, SQS, EventBridge, API Gateway and Lambda.
#[derive(Debug, Parser)]
#[command(
    name = "consign-bridge",
    version,
    about,
    after_help = "\
MinIO reports an object to /events; the report goes on the queue; batches of the queue go to the ingest function; what it
names as failed stays on the queue, the rest is deleted. The functions are any runtime that takes
`POST /2015-03-31/functions/NAME/invocations`, such as `cargo lambda watch`.

Examples:
  consign-bridge
  consign-bridge --runtime http://127.0.0.1:9300 --queue consign-ingest --sweep-every 60
  consign-bridge --gateway 127.0.0.1:8080 --origin http://localhost:5173"
)]
struct Cli {
    #[command(flatten)]
    options: Options,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("warn,bridge=info"))
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .with_target(false)
        .compact()
        .init();
    match serve(cli.options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("consign-bridge: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(options: Options) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let running = Running::start(options, stop.clone()).await?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        tracing::info!("finishing what is under way");
        stop.cancel();
    });
    running.wait().await;
    Ok(())
}
