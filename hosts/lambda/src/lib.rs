//! What the Lambda programs share. Each program only names its ports and its handler.
//!
//! A program reads its environment once, builds its host before the first poll of the runtime interface, and connects
//! to a service only when a request needs it. Its variables: `CONSIGN_CONFIG` (the policy; else `consign.toml` under
//! `LAMBDA_TASK_ROOT`), `CONSIGN_TABLE`, `CONSIGN_QUEUE_URL`, `CONSIGN_DEAD_LETTERS_URL`, `CONSIGN_LOG`,
//! `CONSIGN_METRICS` (the namespace of CloudWatch's metrics),
//! `CONSIGN_CREDENTIALS_S`, `S3_PUBLIC_ENDPOINT`, those that Lambda sets itself, `AWS_ENDPOINT_URL_S3`, `…_DYNAMODB`
//! and `…_SQS`, and the names of secrets in the policy.

#[cfg(feature = "batch")]
pub mod batch;
mod environment;
mod host;
#[cfg(feature = "http")]
pub mod http;
mod log;

use std::process::ExitCode;

pub use environment::{Environment, StartError};
#[cfg(feature = "queue")]
pub use host::dead_letters;
pub use host::{Builder, Host, Tokens};

/// Builds and runs a program on one thread, since a Lambda environment serves one invocation at a time.
fn start<H>(
    build: impl FnOnce(&Environment) -> Result<H, StartError>,
    run: impl AsyncFnOnce(H) -> Result<(), lambda_runtime::Error>,
) -> ExitCode {
    let environment = Environment::of_process();
    log::install(&environment);
    let started = build(&environment).map_err(lambda_runtime::Error::from);
    let ended = started.and_then(|host| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(run(host))
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = %error, "the function ended");
            ExitCode::FAILURE
        }
    }
}
