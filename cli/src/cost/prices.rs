//! List prices, which are inputs.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

use super::bill::{Amounts, Host};

/// The prices of both hosts, and how long the functions work.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prices {
    /// When the prices were read.
    pub(super) as_of: String,
    aws: List,
    cloudflare: List,
    pub(super) durations: Durations,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    per_million: BTreeMap<String, f64>,
}

/// Assumed durations.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Durations {
    /// A call of the API on Lambda, in milliseconds.
    pub(super) api_ms: f64,
    /// A message of the ingest on Lambda besides the reading of the file, in milliseconds.
    pub(super) message_ms: f64,
    /// The bytes of a table that are converted in a second.
    pub(super) bytes_per_s: f64,
    /// The CPU time of a call of the API on Workers, in milliseconds.
    pub(super) worker_api_cpu_ms: f64,
    /// The CPU time of a message of the ingest on Workers besides the reading of the file, in milliseconds.
    pub(super) worker_message_cpu_ms: f64,
}

impl Prices {
    /// Reads the prices of a file, or the built-in ones.
    pub(super) fn read(file: Option<&Path>) -> anyhow::Result<Self> {
        let Some(file) = file else {
            return toml::from_str(include_str!("prices.toml"))
                .context("the built-in prices cannot be read");
        };
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("{} cannot be read", file.display()))?;
        toml::from_str(&text).with_context(|| format!("{} has no prices", file.display()))
    }

    /// Returns the price of one of what `name` counts, in US dollars.
    pub(super) fn of(&self, host: Host, name: &str) -> anyhow::Result<f64> {
        let list = match host {
            Host::Aws => &self.aws,
            Host::Cloudflare => &self.cloudflare,
        };
        let price = list.per_million.get(name);
        let price = price.with_context(|| format!("the prices have no `{name}`"))?;
        Ok(price / 1e6)
    }

    /// Returns the price of all amounts, in US dollars.
    pub(super) fn total(&self, host: Host, amounts: &Amounts) -> anyhow::Result<f64> {
        let prices = amounts
            .iter()
            .map(|(name, amount)| Ok(self.of(host, name)? * amount));
        prices.sum()
    }
}
