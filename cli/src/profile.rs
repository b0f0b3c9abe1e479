//! A profile as text: one line for each column.

use anyhow::Context as _;
use consign_client::{Client, Variant};
use serde::Deserialize;
use serde_json::Value;

use crate::show::printable;

/// The longest profile that is read, in bytes. One of 10,000 columns has about 10 MB.
const PROFILE_BYTES_MAX: usize = 64 << 20;
/// The width of a name and of a value, in characters.
const WIDTH: usize = 24;
/// The heights of a bar.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A stored profile, as far as it is shown. Earlier builds wrote fewer fields.
#[derive(Deserialize)]
struct Profile {
    columns: Vec<Column>,
}

#[derive(Deserialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    nulls: u64,
    #[serde(default)]
    min: Value,
    #[serde(default)]
    max: Value,
    distinct: Option<Distinct>,
    histogram: Option<Histogram>,
    #[serde(default)]
    top_values: Vec<TopValue>,
}

#[derive(Deserialize)]
struct Distinct {
    count: u64,
    exact: bool,
}

#[derive(Deserialize)]
struct Histogram {
    counts: Vec<u64>,
}

#[derive(Deserialize)]
struct TopValue {
    value: Value,
    count: u64,
}

/// Fetches the profile of a table and returns its lines.
pub(super) async fn lines(client: &Client, file_id: &str) -> anyhow::Result<Vec<String>> {
    let signed = client.download_url(file_id, Variant::Profile).await?;
    let mut answer = client.fetch(&signed.url).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        bytes.extend_from_slice(&chunk);
        anyhow::ensure!(bytes.len() <= PROFILE_BYTES_MAX, "the profile is too long");
    }
    let profile: Profile = serde_json::from_slice(&bytes).context("the profile cannot be read")?;
    Ok(shown(&profile))
}

fn shown(profile: &Profile) -> Vec<String> {
    let head = format!(
        "{:<WIDTH$}  {:<13}  {:>10}  {:>10}  {:<WIDTH$}  {:<WIDTH$}  spread",
        "column", "type", "nulls", "distinct", "min", "max"
    );
    let rows = profile.columns.iter().map(|column| {
        format!(
            "{:<WIDTH$}  {:<13}  {:>10}  {:>10}  {:<WIDTH$}  {:<WIDTH$}  {}",
            cut(&column.name),
            column.kind,
            column.nulls,
            distinct(column.distinct.as_ref()),
            value(&column.min),
            value(&column.max),
            spread(column)
        )
        .trim_end()
        .to_owned()
    });
    std::iter::once(head).chain(rows).collect()
}

fn distinct(distinct: Option<&Distinct>) -> String {
    match distinct {
        None => "-".to_owned(),
        Some(Distinct { count, exact: true }) => count.to_string(),
        Some(Distinct {
            count,
            exact: false,
        }) => format!("~{count}"),
    }
}

/// Returns bars for the numbers of values in each bin, or the most frequent values.
fn spread(column: &Column) -> String {
    if let Some(histogram) = &column.histogram {
        let most = histogram.counts.iter().copied().max().unwrap_or(0).max(1);
        let bar = |count: &u64| match count {
            0 => ' ',
            count => {
                let height = u128::from(*count) * 7 / u128::from(most);
                BARS[usize::try_from(height).unwrap_or(0).min(7)]
            }
        };
        return histogram.counts.iter().map(bar).collect();
    }
    let top = column.top_values.iter().take(3);
    let top: Vec<String> = top
        .map(|top| format!("{} ({})", value(&top.value), top.count))
        .collect();
    top.join(", ")
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => cut(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            cut(&value.to_string())
        }
    }
}

/// Returns the first [`WIDTH`] characters. What is longer ends in `…`.
fn cut(text: &str) -> String {
    let text = printable(text);
    if text.chars().count() <= WIDTH {
        return text;
    }
    text.chars().take(WIDTH - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_has_a_line() {
        let profile = serde_json::json!({"rows": 4, "columns": [
            {"name": "id", "type": "int64", "nulls": 0, "min": 1, "max": 4, "distinct": {"count": 4, "exact": true},
             "histogram": {"from": 1, "to": 4, "counts": [1, 0, 8]}},
            {"name": "a name that is longer than the width", "type": "text", "nulls": 2, "min": "x\u{1b}[31m", "max": null,
             "distinct": {"count": 2, "exact": false}, "top_values": [{"value": "x", "count": 2}]},
            {"name": "old", "type": "date", "nulls": 0},
        ]});
        let lines = shown(&serde_json::from_value(profile).unwrap());
        assert_eq!(lines.len(), 4);
        assert!(
            lines[1].starts_with("id ") && lines[1].ends_with("▁ █"),
            "{}",
            lines[1]
        );
        assert!(
            lines[2].starts_with("a name that is longer t…"),
            "{}",
            lines[2]
        );
        assert!(
            lines[2].contains("~2") && lines[2].ends_with("x (2)"),
            "{}",
            lines[2]
        );
        assert!(!lines[2].contains('\u{1b}'));
    }
}
