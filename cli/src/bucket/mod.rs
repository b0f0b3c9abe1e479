//! `consign bucket init`: prepares the buckets of the policy, and reports what it cannot set itself.

mod advice;
mod plan;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use bytes::Bytes;
use clap::{Args, Subcommand};
use consign_aws::{Bucket, Mode, RuleState, SetupError};
use consign_core::config::Config;
use consign_core::ids::ObjectRef;
use consign_core::policy::MARKER_PREFIX;
use reqwest::Url;

use advice::Kind;
use consign_client::http_client;
use consign_local::{S3, S3Args};
use consign_local::{ServeEnvironment, policy_text};
use plan::Plan;
use table::{Row, RowState, Table};

/// Arguments of `consign bucket`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  consign bucket init --s3-endpoint http://127.0.0.1:9000
  consign bucket init --check")]
pub(super) struct BucketArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Subcommand)]
enum Command {
    /// Create and check the buckets of the policy with their CORS, lifecycle and notification rules
    Init(InitArgs),
}

/// Arguments of `consign bucket init`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "The command can be repeated. Existing settings and rules of others stay; the ids of consign's rules begin with `consign`.
The credentials are S3_ACCESS_KEY and S3_SECRET_KEY, or AWS_ACCESS_KEY_ID and so on, or those that the policy names.
The exit status is 1 if something is missing at the end.

Examples:
  S3_ACCESS_KEY=… S3_SECRET_KEY=… consign bucket init --s3-endpoint http://127.0.0.1:9000
  consign bucket init --config consign.toml --origin https://app.example.org --queue-arn arn:aws:sqs:eu-central-1:1:ingest
  consign bucket init --check"
)]
struct InitArgs {
    /// The policy [default: ./consign.toml, otherwise the built-in policy]
    #[arg(long, value_name = "FILE", env = "CONSIGN_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    s3: S3Args,
    /// An origin whose pages may upload and download; may be repeated [default: the origins of the policy]
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// The target of notifications [default for MinIO: its webhook `consign`]
    #[arg(long, value_name = "ARN", env = "S3_QUEUE_ARN")]
    queue_arn: Option<String>,
    /// Change nothing; fail if something is missing
    #[arg(long)]
    check: bool,
    /// Write this marker (from the log) to the policy's buckets, so that the server accepts them, for example after a
    /// restore
    #[arg(long, value_name = "MARKER", conflicts_with = "check", value_parser = marker)]
    adopt: Option<String>,
}

/// Parses a bucket marker: 32 hexadecimal digits.
fn marker(text: &str) -> Result<String, String> {
    let is_marker = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_marker {
        Ok(text.to_owned())
    } else {
        Err("must be 32 hexadecimal digits, as in the field `marker` of the log".to_owned())
    }
}

pub(super) async fn run(args: BucketArgs) -> anyhow::Result<ExitCode> {
    let Command::Init(args) = args.command;
    init(&args, &ServeEnvironment::of_process()?).await
}

async fn init(args: &InitArgs, environment: &ServeEnvironment) -> anyhow::Result<ExitCode> {
    // 1. Read the policy, and the store that it or the arguments name.
    let text = policy_text(args.config.as_deref(), &environment.cwd)?;
    let config = parse(&text, environment)?;
    let s3 = S3::find(&args.s3, &config.store, &environment.variables)?.context(
        "the policy uses the embedded store, which `consign serve` sets up itself; set --s3-endpoint for another store",
    )?;
    let origins = match args.origins.as_slice() {
        [] => config.store.origins.clone(),
        given => given.to_vec(),
    };
    // 2. Check and set up each bucket.
    let http = http_client()?;
    let kind = Kind::find(&http, s3.provider, &s3.endpoint_url()).await;
    let setup = Setup {
        store: s3.store(),
        kind,
        public_url: s3.public_url(),
        http,
        queue_arn: args
            .queue_arn
            .clone()
            .filter(|arn| !arn.is_empty())
            .or_else(|| kind.own_queue_arn().map(str::to_owned)),
        origins,
        mode: if args.check { Mode::Check } else { Mode::Make },
        adopt: args.adopt.clone(),
    };
    let mut table = Table::default();
    for plan in Plan::of(&config.policy) {
        setup.bucket(&plan, &mut table).await;
    }
    // 3. Print the result.
    println!("{}, {}\n\n{table}", s3.endpoint_url(), kind.name());
    Ok(if table.is_complete() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Parses the policy. Only the secrets of the store are needed; others may be unset.
fn parse(text: &str, environment: &ServeEnvironment) -> anyhow::Result<Config> {
    let unset = "a secret that is not needed here";
    let secret = |name: &str| {
        let given = environment.get(name);
        Some(given.unwrap_or_else(|| unset.to_owned()))
    };
    let mut config = Config::parse(text, &secret).context("the policy is invalid")?;
    config.store.credentials = config
        .store
        .credentials
        .filter(|known| known.access_key != unset && known.secret_key.expose() != unset);
    Ok(config)
}

/// What all buckets share.
struct Setup {
    store: consign_aws::S3Store,
    kind: Kind,
    public_url: String,
    http: reqwest::Client,
    queue_arn: Option<String>,
    origins: Vec<String>,
    mode: Mode,
    adopt: Option<String>,
}

impl Setup {
    async fn bucket(&self, plan: &Plan<'_>, table: &mut Table) {
        let bucket = self.store.bucket(plan.bucket);
        let existence = row("bucket", bucket.existence(self.mode).await, String::new());
        let is_there = matches!(existence.state, RowState::Present | RowState::Created);
        table.add(plan.bucket, existence);
        if !is_there {
            return;
        }
        if let Some(marker) = &self.adopt {
            table.add(plan.bucket, self.adopt(plan.bucket, marker).await);
        }
        table.add(plan.bucket, self.cors(plan, &bucket).await);
        for (item, rule) in plan.cleanings() {
            let found = match self.kind.takes(rule) {
                true => bucket.cleaning(rule, self.mode).await,
                false => Err(SetupError::Unsupported),
            };
            let row = match found {
                Err(SetupError::Unsupported) => self.kind.without_cleaning(item, rule),
                other => row(item, other, String::new()),
            };
            table.add(plan.bucket, row);
        }
        if !plan.prefixes.is_empty() {
            table.add(plan.bucket, self.notifications(plan, &bucket).await);
        }
    }

    /// Writes the marker that the records have for the bucket, for example after a restore into a new one.
    async fn adopt(&self, bucket: &str, marker: &str) -> Row {
        use consign_core::ports::ObjectStore as _;

        let object = ObjectRef::new(bucket, format!("{MARKER_PREFIX}{marker}"));
        let written = self.store.put(&object, "text/plain", Bytes::new()).await;
        match written {
            Ok(_) => Row::new("marker", RowState::Created, object.key),
            Err(fault) => Row::new("marker", RowState::Failed, chain(&fault)),
        }
    }

    /// Sets the CORS rules of the bucket. If the store has none, checks its answer to a preflight.
    async fn cors(&self, plan: &Plan<'_>, bucket: &Bucket) -> Row {
        let item = "CORS";
        if self.origins.is_empty() {
            let note = "no origin is set; set `origins` in [store] of the policy, or --origin";
            return Row::new(item, RowState::Skipped, note);
        }
        let found = bucket.cors(&self.origins, self.mode).await;
        if !matches!(found, Ok(RuleState::Missing) | Err(SetupError::Unsupported)) {
            return row(item, found, self.origins.join(" "));
        }
        let mut refused = Vec::new();
        for origin in &self.origins {
            if !self.is_allowed_origin(plan.bucket, origin).await {
                refused.push(origin.as_str());
            }
        }
        match (refused.as_slice(), found) {
            ([], _) => Row::new(
                item,
                RowState::ByStore,
                "the store allows these origins by default",
            ),
            (_, Ok(_)) if self.kind != Kind::Minio => {
                row(item, Ok(RuleState::Missing), String::new())
            }
            (refused, _) => Row::new(item, RowState::Missing, self.kind.without_cors(refused)),
        }
    }

    /// Whether a page of the origin may PUT, by a preflight.
    async fn is_allowed_origin(&self, bucket: &str, origin: &str) -> bool {
        let asked = if origin == "*" {
            "https://any.example"
        } else {
            origin
        };
        let Ok(url) = Url::parse(&format!("{}/{bucket}/consign", self.public_url)) else {
            return false;
        };
        let preflight = self
            .http
            .request(http::Method::OPTIONS, url)
            .header("origin", asked)
            .header("access-control-request-method", "PUT")
            .header(
                "access-control-request-headers",
                "content-type,if-none-match",
            );
        let Ok(answer) = preflight.send().await else {
            return false;
        };
        let allowed = answer.headers().get("access-control-allow-origin");
        answer.status().is_success()
            && allowed.is_some_and(|allowed| allowed == "*" || allowed == asked)
    }

    async fn notifications(&self, plan: &Plan<'_>, bucket: &Bucket) -> Row {
        let item = "notifications";
        let Some(arn) = &self.queue_arn else {
            return self.kind.without_queue(item, plan);
        };
        match bucket.notifications(arn, &plan.prefixes, self.mode).await {
            Err(SetupError::Unsupported) => self.kind.without_notifications(item, plan),
            Err(error @ SetupError::Refused { .. }) => Row::new(
                item,
                RowState::Failed,
                self.kind.refused_notifications(arn, &error),
            ),
            other => row(item, other, format!("to {arn}")),
        }
    }
}

/// Returns the row of a result. `note` describes it.
fn row(item: &'static str, outcome: Result<RuleState, SetupError>, note: String) -> Row {
    match outcome {
        Ok(RuleState::Present) => Row::new(item, RowState::Present, note),
        Ok(RuleState::Created) => Row::new(item, RowState::Created, note),
        Ok(RuleState::Missing) => Row::new(
            item,
            RowState::Missing,
            "run `consign bucket init` to create it",
        ),
        Err(SetupError::Unsupported) => Row::new(
            item,
            RowState::Manual,
            "the store does not support this rule",
        ),
        Err(
            error
            @ (SetupError::Refused { .. } | SetupError::Foreign { .. } | SetupError::Fault(_)),
        ) => Row::new(item, RowState::Failed, chain(&error)),
    }
}

/// Returns an error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
