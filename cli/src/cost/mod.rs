//! `consign cost`: what uploads cost on AWS and on Cloudflare, from counted port calls and list prices.

mod bill;
mod calls;
mod document;
mod prices;
mod show;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use consign_core::config::Config;
use consign_core::policy::{Category, Ingest, Strategy};

use bill::{Amounts, Host};
use calls::{Build, Steps, count};
use prices::Prices;

use crate::out;

/// The size up to which the ingest reads an object once, in bytes: `functions/ingest-on-object-created/src/read.rs`.
const READ_ONCE_BYTES_MAX: u64 = 1 << 20;
/// The length of a part of an output, in bytes: `shared/aws/src/writer.rs`, `shared/cloudflare/src/r2/writer.rs`.
const AWS_PART_BYTES: u64 = 8 << 20;
const R2_PART_BYTES: u64 = 5 << 20;
/// Assumption: the Parquet file has a third of the size of its table.
const PARQUET_SHARE: u64 = 3;
/// The number of parts in the life that was counted.
const COUNTED_PARTS: u64 = 3;

/// Arguments of `consign cost`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "The calls of typical uploads were counted; the prices are list prices. Left out: storage, traffic out of the bucket, logs,
free tiers and discounts.

Examples:
  consign cost --policy consign.toml --uploads-per-month 1000000
  consign cost --policy consign.toml --uploads-per-month 50000 --category document --size 2MB --confirmed-share 0
  consign cost --policy consign.toml --uploads-per-month 1000000 --prices prices.toml --json"
)]
pub(super) struct CostArgs {
    /// The policy that says how files are processed
    #[arg(long, value_name = "FILE", default_value = "consign.toml")]
    policy: PathBuf,
    /// The uploads of a month
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    uploads_per_month: u64,
    /// The category of the uploads [default: the policy's default category]
    #[arg(long, value_name = "NAME")]
    category: Option<String>,
    /// The size of a file, such as 500kB, 10MB or 2GB
    #[arg(long, value_name = "SIZE", default_value = "10MB", value_parser = size_bytes)]
    size: u64,
    /// The share of the uploads that their clients confirm, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 1.0, value_parser = share)]
    confirmed_share: f64,
    /// Status requests per upload
    #[arg(long, value_name = "N", default_value_t = 2)]
    status_polls: u64,
    /// Downloads per upload
    #[arg(long, value_name = "N", default_value_t = 1)]
    downloads: u64,
    /// The share of the uploads that their owners delete, from 0 to 1. The deletion of a table is counted; that of a
    /// file without outputs costs less
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    deleted_share: f64,
    /// A file of prices, in the form of cli/src/cost/prices.toml
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print docs/COST.md
    #[arg(long, hide = true, conflicts_with = "json")]
    markdown: bool,
}

/// What an upload is, as far as its cost depends on it.
#[derive(Debug, Clone, Copy)]
struct Case {
    is_table: bool,
    /// The number of parts of a multipart upload.
    parts: Option<u64>,
    size_bytes: u64,
    confirmed_share: f64,
    deleted_share: f64,
    status_polls: u64,
    downloads: u64,
}

impl Case {
    fn of(args: &CostArgs) -> anyhow::Result<Self> {
        let policy = read_policy(&args.policy)?;
        let category = match &args.category {
            Some(name) => policy.policy.category(name),
            None => {
                let default = policy.policy.categories().find(|one| one.default);
                default.or_else(|| policy.policy.categories().next())
            }
        };
        let category = category.context("the policy has no such category")?;
        let size_bytes = args.size;
        anyhow::ensure!(
            size_bytes <= category.size_bytes_max,
            "the category `{}` takes files of at most {} bytes",
            category.name,
            category.size_bytes_max
        );
        anyhow::ensure!(
            size_bytes >= category.size_bytes_min,
            "the category `{}` takes files of at least {} bytes",
            category.name,
            category.size_bytes_min
        );
        // As sign-upload chooses it.
        let is_large = size_bytes > category.multipart_over_bytes;
        let is_parted = category.strategies.contains(&Strategy::Multipart)
            && (is_large || !category.strategies.contains(&Strategy::Put));
        let part_bytes = category.part_size_bytes_for(size_bytes).max(1);
        Ok(Self {
            is_table: is_table(category),
            parts: is_parted.then(|| size_bytes.div_ceil(part_bytes)),
            size_bytes,
            confirmed_share: args.confirmed_share,
            deleted_share: args.deleted_share,
            status_polls: args.status_polls,
            downloads: args.downloads,
        })
    }

    /// Returns what one upload bills.
    fn bill(&self, host: Host, build: &Build, prices: &Prices) -> anyhow::Result<Amounts> {
        let (event, confirmed) = match (self.is_table, self.parts) {
            (_, Some(_)) => ("multipart", "multipart"),
            (true, None) => ("event", "confirmed"),
            (false, None) => ("verified", "verified_confirmed"),
        };
        let mut amounts = Amounts::new();
        let share = self.confirmed_share;
        for (life, share) in [(event, 1.0 - share), (confirmed, share)] {
            let life = self.life(host, build.life(life)?);
            for (step, facts) in &life {
                let times = match step.as_str() {
                    "status" => count(self.status_polls),
                    "download" => count(self.downloads),
                    _ => 1.0,
                };
                let bytes = if step == "ingest" && self.is_table {
                    count(self.size_bytes)
                } else {
                    0.0
                };
                let step = bill::step(host, build, facts, &prices.durations, bytes);
                bill::add(&mut amounts, &step, share * times);
            }
        }
        for step in ["delete", "sweep"] {
            if let Some(facts) = build.life("deleted")?.get(step) {
                let step = bill::step(host, build, facts, &prices.durations, 0.0);
                bill::add(&mut amounts, &step, self.deleted_share);
            }
        }
        amounts.retain(|_, amount| *amount > 0.0);
        Ok(amounts)
    }

    /// Returns the counted steps, adapted to the size of the file.
    fn life(&self, host: Host, counted: &Steps) -> Steps {
        let mut steps = counted.clone();
        if let (Some(parts), Some(send)) = (self.parts, steps.get_mut("send")) {
            send.insert("client_puts".to_owned(), parts);
        }
        let Some(ingest) = steps.get_mut("ingest") else {
            return steps;
        };
        let mut more = |name: &str, times: u64| {
            *ingest.entry(name.to_owned()).or_default() += times;
        };
        match self.parts {
            // A file in parts was counted with a table of 10 MB, so both reads are there. One that is no table has no
            // outputs.
            Some(_) if !self.is_table => {
                ingest.remove("finish");
                ingest.remove("put");
                ingest.insert("get".to_owned(), 1);
                return steps;
            }
            None if self.is_table && self.size_bytes > READ_ONCE_BYTES_MAX => more("get", 1),
            Some(_) | None => {}
        }
        let part_bytes = match host {
            Host::Aws => AWS_PART_BYTES,
            Host::Cloudflare => R2_PART_BYTES,
        };
        let output_bytes = self.size_bytes / PARQUET_SHARE;
        if self.is_table && output_bytes >= part_bytes {
            // A begin, the parts and a completion, instead of one PUT.
            more("finish", output_bytes.div_ceil(part_bytes) + 1);
        }
        steps
    }
}

fn is_table(category: &Category) -> bool {
    match category.ingest {
        Ingest::Tabular => true,
        Ingest::Verify => false,
    }
}

/// Reads a policy. Its secrets are not needed, so any text stands for them.
fn read_policy(path: &Path) -> anyhow::Result<Config> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    let any = "0123456789abcdef0123456789abcdef";
    let config = Config::parse(&text, &|_| Some(any.to_owned()));
    config.with_context(|| format!("{} is no policy", path.display()))
}

/// Runs the command.
pub(super) fn run(args: &CostArgs) -> anyhow::Result<ExitCode> {
    let prices = Prices::read(args.prices.as_deref())?;
    if args.markdown {
        out::line(document::text(&prices)?.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    let (build, case) = (Build::present()?, Case::of(args)?);
    if args.json {
        let json = show::json(&case, &build, &prices, args.uploads_per_month)?;
        out::line(format_args!("{json:#}"))?;
    } else {
        let text = show::text(&case, &build, &prices, args.uploads_per_month)?;
        out::line(text.trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "must be a number".to_owned())?;
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err("must be from 0 to 1".to_owned())
    }
}

fn size_bytes(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 8] = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("kB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
        ("B", 1),
    ];
    let wrong = || "must be a whole number with a unit, such as 500kB, 10MB or 2GiB".to_owned();
    let unit = UNITS.iter().find(|(unit, _)| text.ends_with(unit));
    let (unit, factor) = unit.copied().unwrap_or(("", 1));
    let number = text.strip_suffix(unit).unwrap_or(text).trim_end();
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(factor).ok_or_else(wrong)
}
