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
        let prices = toml::from_str(&text).map_err(anyhow::Error::from);
        let prices = prices.and_then(|prices: Self| prices.check().map(|()| prices));
        prices.with_context(|| format!("{} has no prices", file.display()))
    }

    /// Checks that every number can be one: a price of `nan` would silently take its item out of the sum.
    fn check(&self) -> anyhow::Result<()> {
        let durations = &self.durations;
        let durations = [
            ("durations.api_ms", durations.api_ms),
            ("durations.message_ms", durations.message_ms),
            ("durations.bytes_per_s", durations.bytes_per_s),
            ("durations.worker_api_cpu_ms", durations.worker_api_cpu_ms),
            (
                "durations.worker_message_cpu_ms",
                durations.worker_message_cpu_ms,
            ),
        ];
        let lists = [("aws", &self.aws), ("cloudflare", &self.cloudflare)];
        let prices = lists.into_iter().flat_map(|(host, list)| {
            let prices = list.per_million.iter();
            prices.map(move |(name, price)| (format!("{host}.per_million.{name}"), *price))
        });
        let durations = durations.map(|(field, value)| (field.to_owned(), value));
        for (field, value) in prices.chain(durations) {
            let is_rate = field == "durations.bytes_per_s";
            let is_number = value.is_finite() && value >= 0.0;
            anyhow::ensure!(
                is_number && (value > 0.0 || !is_rate),
                "`{field}` must be a number that is not negative, and a rate more than 0, not {value}"
            );
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_can_be_no_price_is_refused_by_its_field() {
        let given = include_str!("prices.toml");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("prices.toml");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            Prices::read(Some(&file)).map_err(|error| format!("{error:#}"))
        };
        assert!(read(given).is_ok());
        for (field, values) in [
            ("bytes_per_s", ["nan", "-1.0", "0.0"]),
            ("api_ms", ["nan", "-1.0", "inf"]),
        ] {
            for value in values {
                let lines = given.lines().map(|line| match line.split_once(" = ") {
                    Some((name, _)) if name == field => format!("{field} = {value}"),
                    _ => line.to_owned(),
                });
                let refused = read(&lines.collect::<Vec<_>>().join("\n")).unwrap_err();
                assert!(refused.contains(&format!("durations.{field}")), "{refused}");
            }
        }
    }
}
