//! `consign doctor`: checks the server and its store, and says how to fix what it finds.

use std::process::ExitCode;

use clap::Args;
use consign_core::time::{self, Timestamp};
use reqwest::{Response, Url};
use serde_json::Value;

use crate::environment::now;
use crate::show::printable;
use consign_client::{Client, ClientError, ListFiles};

/// The accepted clock difference in seconds. Signatures tolerate 15 minutes.
const SKEW_S_MAX: i64 = 60;
/// The advice for a store whose clock is off.
const STORE_SKEW: &str =
    "synchronise the clock of the store (NTP): it refuses signatures whose time is off";

/// Arguments of `consign doctor`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "The exit status is 1 if a check fails.

Examples:
  consign doctor
  consign --url https://files.example.org doctor --bucket-url https://s3.example.org/uploads")]
pub(super) struct DoctorArgs {
    /// URL of a bucket for the CORS check [default: from the health answer of the server]
    #[arg(long, value_name = "URL")]
    bucket_url: Option<Url>,
}

/// The result of a check; an error comes with advice.
type Finding = Result<String, (String, &'static str)>;

pub(super) async fn run(args: DoctorArgs, client: &Client) -> anyhow::Result<ExitCode> {
    let mut report = Report { failures: 0 };
    let (status, date, health) = match client.health().await {
        Ok(answer) => answer,
        Err(error) => {
            let advice =
                "check that `consign serve` is running and that --url (CONSIGN_URL) is correct";
            report.add("server", Err((chain(&error), advice)));
            return Ok(report.code());
        }
    };
    report.add("server", Ok(client.base().to_string()));
    report.add("clock", clock(date.as_deref(), now()));
    report.add("store", store(status.as_u16(), &health));
    report.add("token", token(client).await);
    match args.bucket_url.or_else(|| bucket_url(&health)) {
        Some(url) => {
            let preflight = client.preflight(url).await;
            let date = preflight.as_ref().ok().and_then(date_of);
            report.add(
                "times",
                clock(date, now()).map_err(|(found, _)| (found, STORE_SKEW)),
            );
            report.add("cors", cors(client, preflight));
        }
        None => println!(
            "skip  cors    only a token with the scope `metrics` sees the buckets; set --bucket-url"
        ),
    }
    if health["storage_backend"] == "minio" {
        match client.takes_events().await {
            Ok(true) => report.add(
                "events",
                Ok("the server accepts MinIO's webhook at /events/minio".to_owned()),
            ),
            Ok(false) => println!(
                "skip  events  the server accepts no webhook; set S3_EVENT_TOKEN for `consign serve`, then run `consign bucket init`;\n\
                 \u{20}             without it, confirm or the sweep starts the ingest"
            ),
            Err(error) => report.add(
                "events",
                Err((chain(&error), "check that the server can be reached")),
            ),
        }
    }
    Ok(report.code())
}

struct Report {
    failures: u32,
}

impl Report {
    fn add(&mut self, check: &str, finding: Finding) {
        match finding {
            Ok(found) => println!("ok    {check:<7} {}", printable(&found)),
            Err((found, advice)) => {
                self.failures += 1;
                println!(
                    "FAIL  {check:<7} {}\n              {advice}",
                    found.replace('\n', "\n              ")
                );
            }
        }
    }

    fn code(&self) -> ExitCode {
        if self.failures == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

fn clock(date: Option<&str>, now: Timestamp) -> Finding {
    let Some(there) = date.and_then(|date| time::parse_http_date(date).ok()) else {
        return Ok("the server sends no Date header to compare with".to_owned());
    };
    let skew_s = now.timestamp() - there.timestamp();
    let found = format!("{skew_s} s difference to the server");
    if skew_s.abs() <= SKEW_S_MAX {
        return Ok(found);
    }
    Err((
        found,
        "synchronise both clocks (NTP): stores refuse signatures whose time is off",
    ))
}

fn store(status: u16, health: &Value) -> Finding {
    let text = |name: &str| match &health[name] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Some(other.to_string())
        }
    };
    let mut found: Vec<String> = ["status", "storage_backend", "endpoint"]
        .iter()
        .filter_map(|name| text(name))
        .collect();
    found.extend(text("response_time_ms").map(|ms| format!("{ms} ms")));
    if status == 200 {
        return Ok(found.join(", "));
    }
    found.extend(text("errors"));
    Err((
        found.join(", "),
        "check the endpoint and credentials of the server's store, and that the buckets exist",
    ))
}

async fn token(client: &Client) -> Finding {
    let filter = ListFiles {
        limit: 1,
        ..ListFiles::default()
    };
    match client.list(&filter).await {
        Ok(_) => Ok("accepted".to_owned()),
        Err(error) => Err((
            chain(&error),
            "check aud, iss and exp of the token; `consign token` creates one for development",
        )),
    }
}

fn date_of(answer: &Response) -> Option<&str> {
    let date = answer.headers().get(http::header::DATE);
    date.and_then(|date| date.to_str().ok())
}

fn cors(client: &Client, preflight: Result<Response, ClientError>) -> Finding {
    let advice = "allow this origin, PUT, POST and GET on the bucket, and expose ETag; `consign bucket init` does so or says how";
    let answer = match preflight {
        Ok(answer) => answer,
        Err(error) => {
            return Err((
                chain(&error),
                "check the public endpoint of the store: browsers must be able to reach it",
            ));
        }
    };
    let header = |name: &str| {
        answer
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let (origin, methods) = (
        header("access-control-allow-origin"),
        header("access-control-allow-methods"),
    );
    let ours = client.base().origin().ascii_serialization();
    let found = format!(
        "preflight HTTP {}: origin {origin:?}, methods {methods:?}",
        answer.status().as_u16()
    );
    let is_allowed = origin == "*" || origin == ours;
    let has_put = methods
        .split(',')
        .any(|method| matches!(method.trim(), "PUT" | "*"));
    if answer.status().is_success() && is_allowed && has_put {
        Ok(found)
    } else {
        Err((found, advice))
    }
}

/// Returns a URL in the first bucket of the health answer.
fn bucket_url(health: &Value) -> Option<Url> {
    let endpoint = health["public_endpoint"]
        .as_str()
        .or(health["endpoint"].as_str())?;
    let buckets = &health["buckets_accessible"];
    let bucket = match buckets {
        Value::Array(list) => list.first()?.as_str()?,
        Value::Object(map) => map.keys().next()?.as_str(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
    };
    Url::parse(&format!(
        "{}/{bucket}/consign-doctor",
        endpoint.trim_end_matches('/')
    ))
    .ok()
}

fn chain(error: &ClientError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_found() {
        let now = time::parse("2025-11-06T08:49:37Z").unwrap();
        assert!(clock(Some("Thu, 06 Nov 2025 08:49:30 GMT"), now).is_ok());
        assert!(clock(Some("Thu, 06 Nov 2025 08:39:30 GMT"), now).is_err());
        assert!(clock(None, now).is_ok());
    }

    #[test]
    fn the_bucket_is_taken_from_the_health_answer() {
        let url = |health: Value| bucket_url(&health).map(|url| url.to_string());
        assert_eq!(
            url(serde_json::json!({"endpoint": "http://a:9000/", "buckets_accessible": ["b"]}))
                .as_deref(),
            Some("http://a:9000/b/consign-doctor")
        );
        assert_eq!(
            url(serde_json::json!({"endpoint": "http://a", "buckets_accessible": true})),
            None
        );
    }
}
