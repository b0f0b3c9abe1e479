//! `consign bucket init`: makes a store ready for the policy, and says what it cannot do by itself.

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
    /// Make and verify the policy's buckets with their CORS, lifecycle and notification rules
    Init(InitArgs),
}

/// Arguments of `consign bucket init`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "It may be run again at any time: what is there stays, and rules of others are left alone. Ours have ids that begin with
`consign`. The credentials are S3_ACCESS_KEY and S3_SECRET_KEY, or AWS_ACCESS_KEY_ID and so on, or what the policy names.
It fails when something is missing at the end.

Examples:
  S3_ACCESS_KEY=… S3_SECRET_KEY=… consign bucket init --s3-endpoint http://127.0.0.1:9000
  consign bucket init --config consign.toml --origin https://app.example.org --queue-arn arn:aws:sqs:eu-central-1:1:ingest
  consign bucket init --check"
)]
struct InitArgs {
    /// The policy [default: consign.toml here, else the built-in one]
    #[arg(long, value_name = "FILE", env = "CONSIGN_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    s3: S3Args,
    /// A web page's origin that may upload and download; may be repeated [default: the policy's]
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// Where notifications go [default for MinIO: its webhook named `consign`]
    #[arg(long, value_name = "ARN", env = "S3_QUEUE_ARN")]
    queue_arn: Option<String>,
    /// Only look; fail when something is missing
    #[arg(long)]
    check: bool,
    /// Write this marker, which the log names, into the policy's buckets: the records then take them for the ones they know
    #[arg(long, value_name = "MARKER", conflicts_with = "check", value_parser = marker)]
    adopt: Option<String>,
}

/// A marker as the records name it: 32 hexadecimal digits.
fn marker(text: &str) -> Result<String, String> {
    let is_marker = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_marker {
        Ok(text.to_owned())
    } else {
        Err("must be the 32 hexadecimal digits that the log has as `marker`".to_owned())
    }
}

pub(super) async fn run(args: BucketArgs) -> anyhow::Result<ExitCode> {
    let Command::Init(args) = args.command;
    init(&args, &ServeEnvironment::of_process()?).await
}

async fn init(args: &InitArgs, environment: &ServeEnvironment) -> anyhow::Result<ExitCode> {
    // 1. The policy, and the store that it or the arguments name.
    let text = policy_text(args.config.as_deref(), &environment.cwd)?;
    let config = parse(&text, environment)?;
    let s3 = S3::find(&args.s3, &config.store, &environment.variables)?.context(
        "the policy uses the embedded store, which `consign serve` makes ready by itself; name another with --s3-endpoint",
    )?;
    let origins = match args.origins.as_slice() {
        [] => config.store.origins.clone(),
        told => told.to_vec(),
    };
    // 2. What is wanted of each bucket, and what of that there is.
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
    // 3. What came of it.
    println!("{}, {}\n\n{table}", s3.endpoint_url(), kind.name());
    Ok(if table.is_complete() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The policy, whose secrets are not needed here but for the store's own: those that are not set are left out.
fn parse(text: &str, environment: &ServeEnvironment) -> anyhow::Result<Config> {
    let unset = "a secret that is not needed here";
    let secret = |name: &str| {
        let told = environment.get(name);
        Some(told.unwrap_or_else(|| unset.to_owned()))
    };
    let mut config = Config::parse(text, &secret).context("the policy is wrong")?;
    config.store.credentials = config
        .store
        .credentials
        .filter(|known| known.access_key != unset && known.secret_key.expose() != unset);
    Ok(config)
}

/// What all buckets have in common.
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
        let is_there = matches!(existence.state, RowState::There | RowState::Made);
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

    /// Makes the bucket the one that the records know, as after a restore into a new one.
    async fn adopt(&self, bucket: &str, marker: &str) -> Row {
        use consign_core::ports::ObjectStore as _;

        let object = ObjectRef::new(bucket, format!("{MARKER_PREFIX}{marker}"));
        let written = self.store.put(&object, "text/plain", Bytes::new()).await;
        match written {
            Ok(_) => Row::new("marker", RowState::Made, object.key),
            Err(fault) => Row::new("marker", RowState::Failed, chain(&fault)),
        }
    }

    /// By the bucket's rules; where the store has none, by what it answers a browser.
    async fn cors(&self, plan: &Plan<'_>, bucket: &Bucket) -> Row {
        let item = "CORS";
        if self.origins.is_empty() {
            let note = "no origin is known: `origins` in the policy's [store], or --origin";
            return Row::new(item, RowState::Skipped, note);
        }
        let found = bucket.cors(&self.origins, self.mode).await;
        if !matches!(found, Ok(RuleState::Missing) | Err(SetupError::Unsupported)) {
            return row(item, found, self.origins.join(" "));
        }
        let mut refused = Vec::new();
        for origin in &self.origins {
            if !self.is_let_in(plan.bucket, origin).await {
                refused.push(origin.as_str());
            }
        }
        match (refused.as_slice(), found) {
            ([], _) => Row::new(
                item,
                RowState::ByStore,
                "the store lets these origins in by itself",
            ),
            (_, Ok(_)) if self.kind != Kind::Minio => {
                row(item, Ok(RuleState::Missing), String::new())
            }
            (refused, _) => Row::new(item, RowState::Missing, self.kind.without_cors(refused)),
        }
    }

    /// Whether a page of the origin may PUT, as a browser would ask.
    async fn is_let_in(&self, bucket: &str, origin: &str) -> bool {
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

/// A row for what was found or made; `note` says what it is.
fn row(item: &'static str, outcome: Result<RuleState, SetupError>, note: String) -> Row {
    match outcome {
        Ok(RuleState::There) => Row::new(item, RowState::There, note),
        Ok(RuleState::Made) => Row::new(item, RowState::Made, note),
        Ok(RuleState::Missing) => {
            Row::new(item, RowState::Missing, "`consign bucket init` makes it")
        }
        Err(SetupError::Unsupported) => {
            Row::new(item, RowState::ByHand, "the store does not have this")
        }
        Err(
            error
            @ (SetupError::Refused { .. } | SetupError::Foreign { .. } | SetupError::Fault(_)),
        ) => Row::new(item, RowState::Failed, chain(&error)),
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
