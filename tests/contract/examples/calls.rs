//! Writes the port calls of typical lives of an upload to standard output:
//! `cargo run -p consign-contract --example calls > cli/src/cost/calls.toml`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match contract::calls().await {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("calls: {error}");
            ExitCode::FAILURE
        }
    }
}
