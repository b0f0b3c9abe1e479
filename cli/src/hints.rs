//! What the person says of a table.

use anyhow::Context as _;
use clap::Args;
use consign_hints::Hints;
use serde_json::{Map, Value, json};

use crate::pairs::name_value;

/// Hints: each is found out where it is not given, and binds where it is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Hints, which bind")]
pub(crate) struct HintArgs {
    /// utf-8, utf-16le, utf-16be or windows-1252
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
    /// One character, or `tab`
    #[arg(long, value_name = "C")]
    delimiter: Option<String>,
    /// Whether the first row names the columns
    #[arg(long, value_name = "true|false")]
    header: Option<bool>,
    /// Lines at the beginning to leave out
    #[arg(long, value_name = "N")]
    skip_rows: Option<u64>,
    /// What stands before the fraction of a number: `.` or `,`
    #[arg(long, value_name = "C")]
    decimal: Option<String>,
    /// What stands between thousands: `,`, `.`, `'`, a space, or nothing
    #[arg(long, value_name = "C")]
    thousands: Option<String>,
    /// The order of the parts of a date, as dmy or mdy
    #[arg(long, value_name = "ORDER")]
    date_order: Option<String>,
    /// A cell that is null, may be repeated
    #[arg(long = "null", value_name = "TEXT")]
    null_values: Vec<String>,
    /// The type of a column, may be repeated
    #[arg(long = "column", value_name = "NAME=TYPE", value_parser = name_value)]
    columns: Vec<(String, String)>,
    /// The sheet of a workbook
    #[arg(long, value_name = "NAME")]
    sheet: Option<String>,
    /// The same as one JSON object; the options above come first
    #[arg(long, value_name = "JSON")]
    hints: Option<String>,
}

impl HintArgs {
    /// The hints, checked.
    pub(crate) fn read(&self) -> anyhow::Result<Hints> {
        let mut fields: Map<String, Value> = match &self.hints {
            Some(text) => serde_json::from_str(text).context("--hints: no JSON object")?,
            None => Map::new(),
        };
        let delimiter = self.delimiter.as_deref().map(|delimiter| match delimiter {
            "tab" | "\\t" => "\t",
            other => other,
        });
        let columns: Map<String, Value> = self
            .columns
            .iter()
            .map(|(name, kind)| (name.clone(), json!(kind)))
            .collect();
        let said = [
            ("encoding", json!(self.encoding)),
            ("delimiter", json!(delimiter)),
            ("header", json!(self.header)),
            ("skip_rows", json!(self.skip_rows)),
            ("decimal", json!(self.decimal)),
            ("thousands", json!(self.thousands)),
            ("date_order", json!(self.date_order)),
            ("sheet", json!(self.sheet)),
        ];
        fields.extend(
            said.into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name.to_owned(), value)),
        );
        if !self.null_values.is_empty() {
            fields.insert("null_values".to_owned(), json!(self.null_values));
        }
        if !columns.is_empty() {
            fields.insert("columns".to_owned(), Value::Object(columns));
        }
        Hints::from_json(&Value::Object(fields))
            .map_err(|bad| anyhow::anyhow!("the hint `{}` {}", bad.field, bad.what))
    }
}
