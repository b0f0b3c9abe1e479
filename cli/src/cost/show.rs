//! The costs as text and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Case;
use super::bill::{self, Amounts, Host};
use super::calls::{Build, count};
use super::prices::Prices;

/// What is not calculated.
pub(super) const LEFT_OUT: &str =
    "Left out: storage, traffic out of the bucket, logs, free tiers and discounts.";

/// A line of the table.
pub(super) struct Line {
    pub(super) name: &'static str,
    /// Per upload.
    pub(super) amount: f64,
    /// Per million uploads, in US dollars.
    pub(super) usd_per_million: f64,
}

/// Returns the lines of a host, the most expensive first.
pub(super) fn lines(host: Host, amounts: &Amounts, prices: &Prices) -> anyhow::Result<Vec<Line>> {
    let mut lines = Vec::new();
    for (name, amount) in amounts {
        lines.push(Line {
            name,
            amount: *amount,
            usd_per_million: prices.of(host, name)? * amount * 1e6,
        });
    }
    lines.sort_by(|one, other| other.usd_per_million.total_cmp(&one.usd_per_million));
    Ok(lines)
}

pub(super) fn text(
    case: &Case,
    build: &Build,
    prices: &Prices,
    uploads: u64,
) -> anyhow::Result<String> {
    let mut text = String::new();
    for host in Host::ALL {
        let amounts = case.bill(host, build, prices)?;
        let million = prices.total(host, &amounts)? * 1e6;
        let idle = prices.total(host, &bill::idle(host, build, &prices.durations))?;
        writeln!(
            text,
            "{}: {:.1} billed operations per upload, {million:.2} USD per million uploads",
            host.title(),
            bill::operations(&amounts)
        )?;
        writeln!(
            text,
            "  {:<36} {:>12} {:>16} {:>16}",
            "", "per upload", "USD per million", "USD per month"
        )?;
        for line in lines(host, &amounts, prices)? {
            writeln!(
                text,
                "  {:<36} {:>12.2} {:>16.2} {:>16.2}",
                line.name,
                line.amount,
                line.usd_per_million,
                line.usd_per_million * count(uploads) / 1e6
            )?;
        }
        let month = million * count(uploads) / 1e6;
        writeln!(
            text,
            "  {:<66} {idle:>16.2}",
            "the sweep and the polling of the queue, without uploads"
        )?;
        writeln!(text, "  {:<66} {:>16.2}\n", "a month in all", month + idle)?;
    }
    writeln!(text, "List prices of {}. {LEFT_OUT}", prices.as_of)?;
    Ok(text)
}

pub(super) fn json(
    case: &Case,
    build: &Build,
    prices: &Prices,
    uploads: u64,
) -> anyhow::Result<Value> {
    let mut hosts = serde_json::Map::new();
    for host in Host::ALL {
        let amounts = case.bill(host, build, prices)?;
        let million = prices.total(host, &amounts)? * 1e6;
        let idle = prices.total(host, &bill::idle(host, build, &prices.durations))?;
        let lines = lines(host, &amounts, prices)?.into_iter().map(|line| {
            json!({
                "name": line.name,
                "per_upload": line.amount,
                "usd_per_million_uploads": line.usd_per_million,
            })
        });
        hosts.insert(
            host.title().to_lowercase(),
            json!({
                "operations_per_upload": bill::operations(&amounts),
                "usd_per_million_uploads": million,
                "usd_per_month": million * count(uploads) / 1e6 + idle,
                "usd_per_month_idle": idle,
                "items": lines.collect::<Vec<_>>(),
            }),
        );
    }
    Ok(json!({ "uploads_per_month": uploads, "prices_as_of": prices.as_of, "hosts": hosts }))
}
