//! What a sender or the policy says of a table: [`Hints`], and how much of it may be wrong ([`AtMost`]).
//!
//! A hint binds: it is obeyed, or the file is refused by its name. The engine follows the hints, the wire and the policy
//! check them.
//!
//! ```
//! use consign_hints::Hints;
//! use serde_json::json;
//!
//! let hints = Hints::from_json(&json!({"delimiter": ";", "columns": {"zip": "text"}}))?;
//! assert_eq!(hints.delimiter, Some(';'));
//! let wrong = Hints::from_json(&json!({"columns": {"zip": "words"}})).unwrap_err();
//! assert_eq!(wrong.field, "columns.zip");
//! # Ok::<(), consign_hints::BadHint>(())
//! ```

mod at_most;
mod column_type;
mod encoding;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use at_most::AtMost;
pub use column_type::ColumnType;
pub use encoding::{Charset, Encoding};

/// The most columns of a table.
pub const COLUMNS_MAX: usize = 10_000;
/// The longest column name in bytes; names are repeated in the footer for each row group.
pub const COLUMN_NAME_BYTES_MAX: usize = 1024;

/// The most lines that may be skipped.
const SKIP_ROWS_MAX: u64 = 1_000_000;
/// The most words that may stand for null.
const NULL_VALUES_MAX: usize = 100;
/// The longest of them in bytes.
const NULL_VALUE_BYTES_MAX: usize = 256;
/// The longest name of a sheet in bytes; spreadsheets allow 31 letters.
const SHEET_BYTES_MAX: usize = 256;

/// What the sender of a file says of it; each part is optional, and what is not said is found out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Hints {
    /// How the text is written. For a workbook it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    /// What stands between two cells: one ASCII character. For a workbook it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// Whether the first row names the columns. Without names they are `column_1`, ….
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// Lines at the beginning that are not looked at. The table begins behind them, and no title is looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_rows: Option<u64>,
    /// What stands before the fraction of a number. For JSON and a workbook it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<DecimalSign>,
    /// What stands between groups of three digits. For JSON and a workbook it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thousands: Option<Thousands>,
    /// The order of the parts of a numeric date. A date that begins with its year is read under any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_order: Option<DateOrder>,
    /// Cells that are null in a column of any type, also of text, beside those that always are.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub null_values: BTreeSet<String>,
    /// Types of columns by their names in the Parquet file. A row with a cell that is not of the type is rejected.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, ColumnType>,
    /// The name of the sheet of a workbook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
}

/// What stands before the fraction of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum DecimalSign {
    /// `1.5`.
    #[serde(rename = ".")]
    Point,
    /// `1,5`.
    #[serde(rename = ",")]
    Comma,
}

/// What stands between groups of three digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Thousands {
    /// Nothing: digits are not grouped.
    #[serde(rename = "")]
    None,
    /// `1,234`.
    #[serde(rename = ",")]
    Comma,
    /// `1.234`.
    #[serde(rename = ".")]
    Point,
    /// `1 234`, also with a no-break space.
    #[serde(rename = " ")]
    Space,
    /// `1'234`.
    #[serde(rename = "'")]
    Apostrophe,
}

/// In which order a numeric date gives its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DateOrder {
    /// `2024-12-31` or `2024/12/31` (ISO 8601 writes it with `-`).
    YearMonthDay,
    /// `31.12.2024`, `31/12/2024` or `31-12-2024`.
    DayMonthYear,
    /// `12/31/2024`.
    MonthDayYear,
}

/// A hint that cannot be taken: which, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {what}")]
pub struct BadHint {
    /// The path of the field, as `columns.id`.
    pub field: String,
    /// What would be right, behind the field: "must be …".
    pub what: String,
}

type Read<T> = Result<T, BadHint>;

fn bad<T>(field: &str, what: impl Into<String>) -> Read<T> {
    Err(BadHint {
        field: field.to_owned(),
        what: what.into(),
    })
}

/// The fields of hints, in the order in which an error lists them.
const FIELDS: &str = "encoding, delimiter, header, skip_rows, decimal, thousands, date_order, null_values, columns, sheet";

impl Hints {
    /// Reads hints from a JSON object.
    ///
    /// # Errors
    /// The first field that cannot be taken, and what would be right.
    pub fn from_json(value: &Value) -> Result<Self, BadHint> {
        let Some(fields) = value.as_object() else {
            return bad("hints", format!("must be an object with some of {FIELDS}"));
        };
        let mut hints = Self::default();
        for (field, value) in fields {
            // As where a field is left out.
            if !value.is_null() {
                hints.read(field, value)?;
            }
        }
        hints.check()?;
        Ok(hints)
    }

    /// What these hints say, and what `base` says of the rest. Types of columns are joined by name.
    ///
    /// # Errors
    /// The first field that contradicts another.
    pub fn over(mut self, base: &Self) -> Result<Self, BadHint> {
        self.encoding = self.encoding.or(base.encoding);
        self.delimiter = self.delimiter.or(base.delimiter);
        self.header = self.header.or(base.header);
        self.skip_rows = self.skip_rows.or(base.skip_rows);
        self.decimal = self.decimal.or(base.decimal);
        self.thousands = self.thousands.or(base.thousands);
        self.date_order = self.date_order.or(base.date_order);
        if self.null_values.is_empty() {
            self.null_values.clone_from(&base.null_values);
        }
        for (name, kind) in &base.columns {
            self.columns.entry(name.clone()).or_insert(*kind);
        }
        self.sheet = self.sheet.or_else(|| base.sheet.clone());
        self.check()?;
        Ok(self)
    }

    /// These hints without those that say how a text writes its cells and numbers.
    #[must_use]
    pub fn without_notation(&self) -> Self {
        Self {
            encoding: None,
            delimiter: None,
            decimal: None,
            thousands: None,
            ..self.clone()
        }
    }

    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn read(&mut self, field: &str, value: &Value) -> Read<()> {
        match field {
            "encoding" => self.encoding = Some(encoding(value)?),
            "delimiter" => self.delimiter = Some(delimiter(value)?),
            "header" => match value.as_bool() {
                Some(header) => self.header = Some(header),
                None => return bad(field, "must be true or false"),
            },
            "skip_rows" => match value.as_u64().filter(|rows| *rows <= SKIP_ROWS_MAX) {
                Some(rows) => self.skip_rows = Some(rows),
                None => {
                    return bad(
                        field,
                        format!("must be a whole number from 0 to {SKIP_ROWS_MAX}"),
                    );
                }
            },
            "decimal" => {
                self.decimal = Some(match value.as_str() {
                    Some(".") => DecimalSign::Point,
                    Some(",") => DecimalSign::Comma,
                    Some(_) | None => return bad(field, "must be \".\" or \",\""),
                });
            }
            "thousands" => self.thousands = Some(thousands(value)?),
            "date_order" => self.date_order = Some(date_order(value)?),
            "null_values" => self.null_values = null_values(value)?,
            "columns" => self.columns = columns(value)?,
            "sheet" => match value.as_str() {
                Some(name) if (1..=SHEET_BYTES_MAX).contains(&name.len()) => {
                    self.sheet = Some(name.to_owned());
                }
                Some(_) | None => return bad(field, "must be the name of a sheet"),
            },
            _ => return bad(field, format!("is no hint; the hints are {FIELDS}")),
        }
        Ok(())
    }

    /// Whether the hints agree with each other.
    fn check(&self) -> Read<()> {
        let is_same = matches!(
            (self.decimal, self.thousands),
            (Some(DecimalSign::Comma), Some(Thousands::Comma))
                | (Some(DecimalSign::Point), Some(Thousands::Point))
        );
        if is_same {
            return bad("thousands", "must be another character than decimal");
        }
        let doubles = self
            .columns
            .iter()
            .find(|(_, kind)| **kind == ColumnType::Float64);
        match doubles {
            Some((name, _)) if self.decimal == Some(DecimalSign::Comma) => bad(
                &format!("columns.{name}"),
                "must be decimal; doubles are read with a point, and the hint decimal is a comma",
            ),
            Some(_) | None => Ok(()),
        }
    }
}

fn encoding(value: &Value) -> Read<Encoding> {
    let found = value.as_str().and_then(Encoding::of_label);
    found.map_or_else(
        || {
            bad(
                "encoding",
                "must be utf-8, utf-16le, utf-16be or windows-1252 (latin1)",
            )
        },
        Ok,
    )
}

fn delimiter(value: &Value) -> Read<char> {
    let what = "must be one ASCII character that is no letter, digit, quote or line end, as \",\" or \"\\t\"";
    let mut letters = value.as_str().unwrap_or_default().chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) if is_delimiter(letter) => Ok(letter),
        _ => bad("delimiter", what),
    }
}

fn is_delimiter(letter: char) -> bool {
    letter.is_ascii()
        && letter != '\0'
        && !letter.is_ascii_alphanumeric()
        && !matches!(letter, '"' | '\'' | '\n' | '\r')
}

fn thousands(value: &Value) -> Read<Thousands> {
    Ok(match value.as_str() {
        Some("") => Thousands::None,
        Some(",") => Thousands::Comma,
        Some(".") => Thousands::Point,
        Some(" ") => Thousands::Space,
        Some("'") => Thousands::Apostrophe,
        Some(_) | None => {
            return bad(
                "thousands",
                "must be \",\", \".\", \" \", \"'\", or \"\" where digits are not grouped",
            );
        }
    })
}

fn date_order(value: &Value) -> Read<DateOrder> {
    Ok(match value.as_str() {
        Some("ymd" | "year_month_day") => DateOrder::YearMonthDay,
        Some("dmy" | "day_month_year") => DateOrder::DayMonthYear,
        Some("mdy" | "month_day_year") => DateOrder::MonthDayYear,
        Some(_) | None => return bad("date_order", "must be ymd, dmy or mdy"),
    })
}

fn null_values(value: &Value) -> Read<BTreeSet<String>> {
    let what = format!(
        "must be a list of at most {NULL_VALUES_MAX} texts of 1 to {NULL_VALUE_BYTES_MAX} bytes"
    );
    let word = |word: &Value| {
        let word = word.as_str()?;
        (1..=NULL_VALUE_BYTES_MAX)
            .contains(&word.len())
            .then(|| word.to_owned())
    };
    let words = value
        .as_array()
        .filter(|words| words.len() <= NULL_VALUES_MAX);
    let words = words.and_then(|words| words.iter().map(word).collect());
    words.map_or_else(|| bad("null_values", what), Ok)
}

fn columns(value: &Value) -> Read<BTreeMap<String, ColumnType>> {
    let Some(columns) = value
        .as_object()
        .filter(|columns| columns.len() <= COLUMNS_MAX)
    else {
        return bad(
            "columns",
            format!(
                "must be an object with the types of at most {COLUMNS_MAX} columns by their names"
            ),
        );
    };
    let mut found = BTreeMap::new();
    for (name, kind) in columns {
        if name.len() > COLUMN_NAME_BYTES_MAX {
            return bad(
                "columns",
                format!("must have names of at most {COLUMN_NAME_BYTES_MAX} bytes"),
            );
        }
        let Some(kind) = kind.as_str().and_then(ColumnType::of_name) else {
            let names = ColumnType::ALL.map(ColumnType::name).join(", ");
            return bad(
                &format!("columns.{name}"),
                format!("must be one of {names}"),
            );
        };
        found.insert(name.clone(), kind);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hints_are_read_and_shown_as_they_were_given() {
        let given = json!({
            "encoding": "windows-1252", "delimiter": "\t", "header": false, "skip_rows": 3,
            "decimal": ",", "thousands": " ", "date_order": "day_month_year",
            "null_values": ["-", "missing"], "columns": {"id": "int64", "when": "date"}, "sheet": "Data",
        });
        let hints = Hints::from_json(&given).unwrap();
        assert_eq!(serde_json::to_value(&hints).unwrap(), given);
        assert!(
            Hints::from_json(&json!({"header": null}))
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn hints_stand_above_those_of_their_base_and_may_not_contradict_them() {
        let hints = |value| Hints::from_json(&value).unwrap();
        let base = json!({"delimiter": ";", "decimal": ",", "columns": {"a": "text", "b": "date"}, "null_values": ["-"]});
        let given = hints(json!({"delimiter": "|", "columns": {"a": "int64"}}));
        let joined = json!({"delimiter": "|", "decimal": ",", "columns": {"a": "int64", "b": "date"}, "null_values": ["-"]});
        assert_eq!(given.over(&hints(base.clone())), Ok(hints(joined)));
        let wrong = hints(json!({"thousands": ","}))
            .over(&hints(base))
            .unwrap_err();
        assert_eq!(wrong.field, "thousands");
    }

    #[test]
    fn a_bad_hint_names_its_field_and_what_would_be_right() {
        let cases = [
            (json!([]), "hints", "an object"),
            (json!({"colour": 1}), "colour", "is no hint"),
            (json!({"encoding": "koi8-r"}), "encoding", "windows-1252"),
            (json!({"delimiter": ""}), "delimiter", "one ASCII"),
            (json!({"delimiter": ";;"}), "delimiter", "one ASCII"),
            (json!({"delimiter": "a"}), "delimiter", "no letter"),
            (json!({"header": "yes"}), "header", "true or false"),
            (json!({"skip_rows": -1}), "skip_rows", "whole number"),
            (json!({"decimal": ";"}), "decimal", "\",\""),
            (json!({"thousands": ";"}), "thousands", "\"'\""),
            (
                json!({"decimal": ",", "thousands": ","}),
                "thousands",
                "another",
            ),
            (json!({"date_order": "ydm"}), "date_order", "dmy"),
            (json!({"null_values": "-"}), "null_values", "a list"),
            (json!({"null_values": [""]}), "null_values", "a list"),
            (json!({"columns": ["id"]}), "columns", "an object"),
            (json!({"columns": {"id": "number"}}), "columns.id", "int64"),
            (
                json!({"columns": {"x": "float64"}, "decimal": ","}),
                "columns.x",
                "decimal",
            ),
            (json!({"sheet": 1}), "sheet", "the name"),
        ];
        for (given, field, what) in cases {
            let bad = Hints::from_json(&given).unwrap_err();
            assert_eq!(bad.field, field, "{given}");
            assert!(bad.what.contains(what), "{given}: {bad}");
        }
    }
}
