//! The binary `consign`: reads the command line and the environment once, runs the command and prints its error.

use std::process::ExitCode;

use clap::Parser as _;
use consign::{Cli, CliEnvironment, is_closed, run};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli, &CliEnvironment::read()).await {
        Ok(code) => code,
        Err(error) => {
            if !is_closed(&error) {
                eprintln!("consign: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}
