//! The counted port calls of a build, and what its adapters make of them.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde::Deserialize;

/// What a step does, by name.
pub(super) type Facts = BTreeMap<String, u64>;

/// The steps of a life, by name.
pub(super) type Steps = BTreeMap<String, Facts>;

/// A build: its calls, and its adapters.
#[derive(Debug, Deserialize)]
pub(super) struct Build {
    /// One run of the sweep that finds nothing due.
    pub(super) idle: Facts,
    pub(super) lives: BTreeMap<String, Steps>,
    pub(super) dynamodb: DynamoDb,
    pub(super) d1: D1,
}

/// The adapter of DynamoDB.
#[derive(Debug, Deserialize)]
pub(super) struct DynamoDb {
    pub(super) insert_items: u64,
    pub(super) find_by_object_reads: u64,
    /// The fact that counts the changes of the owner's index.
    pub(super) owner_index: String,
    /// Read units of an idle sweep.
    pub(super) due_reads: u64,
}

/// The adapter of D1.
#[derive(Debug, Deserialize)]
pub(super) struct D1 {
    pub(super) insert_rows: u64,
    pub(super) save_rows: u64,
    pub(super) due_lines: u64,
}

impl Build {
    /// Returns this build.
    pub(super) fn present() -> anyhow::Result<Self> {
        let text = concat!(
            include_str!("calls.toml"),
            "\n",
            include_str!("adapters.toml")
        );
        Self::read(text)
    }

    /// Returns earlier builds by their commits, oldest first.
    pub(super) fn earlier() -> anyhow::Result<Vec<(&'static str, Self)>> {
        Ok(vec![
            ("1146be4", Self::read(include_str!("earlier/1146be4.toml"))?),
            ("a4628a1", Self::read(include_str!("earlier/a4628a1.toml"))?),
        ])
    }

    fn read(text: &str) -> anyhow::Result<Self> {
        toml::from_str(text).context("the counted calls cannot be read")
    }

    /// Returns the steps of a life.
    pub(super) fn life(&self, name: &str) -> anyhow::Result<&Steps> {
        let life = self.lives.get(name);
        life.with_context(|| format!("no calls were counted for the life `{name}`"))
    }
}

/// Returns a fact, or 0.
pub(super) fn fact(facts: &Facts, name: &str) -> f64 {
    count(facts.get(name).copied().unwrap_or(0))
}

/// Returns a count as a number to calculate with.
#[expect(
    clippy::cast_precision_loss,
    reason = "no count comes near the 53 bits that a double holds exactly"
)]
pub(super) fn count(count: u64) -> f64 {
    count as f64
}
