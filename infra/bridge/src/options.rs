//! What a bridge is told.

use std::net::SocketAddr;

use clap::Args;
use consign_core::sigv4::Secret;

/// Options of `consign-bridge`. The defaults are those of `cargo xtask services up`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Where MinIO reports the objects that were made, at the path /events
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9400")]
    pub listen: SocketAddr,
    /// What MinIO has to send as `Authorization: Bearer TOKEN`
    #[arg(
        long,
        value_name = "TOKEN",
        default_value = "consign-development",
        env = "CONSIGN_WEBHOOK_TOKEN",
        hide_env_values = true
    )]
    pub webhook_token: Secret,
    /// Where the functions are invoked
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:9300",
        env = "CONSIGN_RUNTIME"
    )]
    pub runtime: String,
    /// The function that takes the queue's batches and the schedule's events
    #[arg(long, value_name = "NAME", default_value = "ingest-on-object-created")]
    pub function: String,
    /// The queue's name
    #[arg(
        long,
        value_name = "NAME",
        default_value = "consign-ingest",
        env = "CONSIGN_QUEUE"
    )]
    pub queue: String,
    /// Where the queue is
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:9324",
        env = "AWS_ENDPOINT_URL_SQS"
    )]
    pub sqs_endpoint: String,
    /// The table of the records, made where it is missing; empty is none
    #[arg(
        long,
        value_name = "NAME",
        default_value = "consign",
        env = "CONSIGN_TABLE"
    )]
    pub table: String,
    /// Where the table is
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:8000",
        env = "AWS_ENDPOINT_URL_DYNAMODB"
    )]
    pub dynamodb_endpoint: String,
    /// The region of queue and table
    #[arg(
        long,
        value_name = "REGION",
        default_value = "us-east-1",
        env = "AWS_REGION"
    )]
    pub region: String,
    /// The access key for queue and table
    #[arg(
        long,
        value_name = "KEY",
        default_value = "consign",
        env = "AWS_ACCESS_KEY_ID",
        hide_env_values = true
    )]
    pub access_key: String,
    /// The secret key for queue and table
    #[arg(
        long,
        value_name = "KEY",
        default_value = "consign-development",
        env = "AWS_SECRET_ACCESS_KEY",
        hide_env_values = true
    )]
    pub secret_key: Secret,
    /// Messages in a batch, at most
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=10))]
    pub batch: u8,
    /// Batches at once
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub concurrency: u8,
    /// Give an invocation of the ingest up after so long [default: the queue's visibility time-out; a minute for the sweep]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=43_200))]
    pub invoke_timeout: Option<u32>,
    /// Invoke the sweep so often; 0 is never
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub sweep_every: u32,
    /// Serve the functions here at the paths of the wire, as API Gateway does
    #[arg(long, value_name = "ADDRESS", env = "CONSIGN_GATEWAY")]
    pub gateway: Option<SocketAddr>,
    /// Other sites whose pages may call the functions through the gateway; `*` is any
    #[arg(long = "origin", value_name = "ORIGIN")]
    pub origins: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn a_batch_has_one_to_ten_messages() {
        for (batch, is_taken) in [("0", false), ("1", true), ("10", true), ("11", false)] {
            let parsed = Cli::try_parse_from(["consign-bridge", "--batch", batch]);
            assert_eq!(parsed.is_ok(), is_taken, "{batch}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let args = [
            "consign-bridge",
            "--webhook-token",
            "hush",
            "--secret-key",
            "hush",
        ];
        let shown = format!("{:?}", Cli::try_parse_from(args).unwrap().options);
        assert!(!shown.contains("hush"), "{shown}");
    }
}
