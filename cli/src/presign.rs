//! `consign presign`: presigns a URL, to try a store.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use consign_core::sigv4::{
    Addressing, Credentials, Operation, Request, Secret, Signer, SignerConfig,
};
use consign_core::time::Timestamp;

use crate::environment::now;
use crate::out;
use crate::pairs::name_value;
use crate::token::seconds;

/// The operation of the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Method {
    /// Upload a whole object
    Put,
    /// Download an object
    Get,
    /// Read the headers of an object
    Head,
    /// Delete an object
    Delete,
}

impl Method {
    fn operation(self) -> Operation {
        match self {
            Self::Put => Operation::PutObject,
            Self::Get => Operation::GetObject,
            Self::Head => Operation::HeadObject,
            Self::Delete => Operation::DeleteObject,
        }
    }
}

/// Arguments of `consign presign`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "The credentials are AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, if set, AWS_SESSION_TOKEN.

Examples:
  consign presign get uploads datasets/a.csv --endpoint http://127.0.0.1:9000
  curl -T a.csv -H 'content-type: text/csv' \\
      \"$(consign presign put uploads a.csv --header content-type=text/csv --expires 5m --endpoint http://127.0.0.1:9000)\""
)]
pub(super) struct PresignArgs {
    /// The operation
    #[arg(value_enum)]
    method: Method,
    /// The bucket
    bucket: String,
    /// The object key
    key: String,
    /// The endpoint of the store [default: the AWS endpoint of the region]
    #[arg(long, value_name = "URL", env = "AWS_ENDPOINT_URL_S3")]
    endpoint: Option<String>,
    /// The region; auto for R2
    #[arg(long, default_value = "us-east-1", env = "AWS_REGION")]
    region: String,
    /// How long the URL is valid: seconds, or a number with a unit, such as 15m, 8h, 7d
    #[arg(long, default_value = "15m", value_parser = seconds)]
    expires: u32,
    /// A header to sign; the client must send it unchanged; may be repeated
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = name_value)]
    headers: Vec<(String, String)>,
    /// A query parameter to sign; may be repeated
    #[arg(long = "query", value_name = "NAME=VALUE", value_parser = name_value)]
    query: Vec<(String, String)>,
    /// Use the bucket as part of the host name [default: only without --endpoint]
    #[arg(long)]
    virtual_host: bool,
    #[arg(long, hide = true, env = "AWS_ACCESS_KEY_ID", hide_env_values = true)]
    access_key: Option<String>,
    #[arg(
        long,
        hide = true,
        env = "AWS_SECRET_ACCESS_KEY",
        hide_env_values = true
    )]
    secret_key: Option<String>,
    #[arg(long, hide = true, env = "AWS_SESSION_TOKEN", hide_env_values = true)]
    session_token: Option<String>,
}

pub(super) fn run(args: &PresignArgs) -> anyhow::Result<ExitCode> {
    out::line(presign(args, now())?)?;
    Ok(ExitCode::SUCCESS)
}

fn presign(args: &PresignArgs, now: Timestamp) -> anyhow::Result<String> {
    let signer = Signer::new(SignerConfig {
        endpoint: args.endpoint.as_deref(),
        region: &args.region,
        addressing: if args.virtual_host || args.endpoint.is_none() {
            Addressing::Virtual
        } else {
            Addressing::Path
        },
        credentials: Credentials {
            access_key: args
                .access_key
                .clone()
                .context("AWS_ACCESS_KEY_ID is not set")?,
            secret_key: args
                .secret_key
                .as_deref()
                .map(Secret::from)
                .context("AWS_SECRET_ACCESS_KEY is not set")?,
            session_token: args
                .session_token
                .as_deref()
                .filter(|token| !token.is_empty())
                .map(Secret::from),
            expires_at: None,
        },
    })?;
    let (headers, query) = (borrowed(&args.headers), borrowed(&args.query));
    let request = Request {
        operation: args.method.operation(),
        bucket: &args.bucket,
        key: &args.key,
        headers: &headers,
        query: &query,
        expires_s: args.expires,
    };
    Ok(signer.presign(&request, now)?)
}

fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use consign_core::time;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: PresignArgs,
    }

    #[test]
    fn a_url_is_presigned_as_the_specification_shows() {
        // The example of "Authenticating Requests: Using Query Parameters", S3 API reference.
        let line = "x get examplebucket test.txt --expires 1d --access-key AKIAIOSFODNN7EXAMPLE \
                    --secret-key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY --endpoint https://s3.amazonaws.com --virtual-host \
                    --region us-east-1";
        let args = Line::try_parse_from(line.split_whitespace())
            .unwrap_or_else(|error| panic!("{error}"))
            .args;
        let url = presign(&args, time::parse("2013-05-24T00:00:00Z").unwrap()).unwrap();
        assert!(
            url.starts_with("https://examplebucket.s3.amazonaws.com/test.txt?"),
            "{url}"
        );
        let signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
        assert!(url.ends_with(signature), "{url}");
    }
}
