//! What a category expects of its tables: hints, how many lines may be rejected, and rules for the result.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use consign_hints::{AtMost, COLUMN_NAME_BYTES_MAX, COLUMNS_MAX, ColumnType, Hints};
use serde_json::Value;

use super::{Ingest, SchemaContract};
use crate::policy::fields::Fields;

/// The options of `[category.NAME]` that only tables have.
const OPTIONS: [&str; 7] = [
    "columns_required",
    "empty_cells_max",
    "hints",
    "rejects_max",
    "rows_max",
    "rows_min",
    "schema_contract",
];

/// What a category says of its tables before they are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TablePolicy {
    /// The hints for every file. Those of a request have precedence.
    pub hints: Hints,
    /// How many lines may be rejected before the file fails. `None` means the default of the engine: a tenth.
    pub rejects_max: Option<AtMost>,
    /// The rules for a converted table.
    pub rules: TableRules,
    /// How the tables of a collection may differ. `None` means that they are not compared.
    pub schema_contract: Option<SchemaContract>,
}

/// Rules for a converted table. A file that breaks one fails with all reasons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableRules {
    /// The minimum number of rows.
    pub rows_min: Option<u64>,
    /// The maximum number of rows.
    pub rows_max: Option<u64>,
    /// How many cells of all may be empty, a share or a number.
    pub empty_cells_max: Option<AtMost>,
    /// The columns that a table must have, with their types. `None` means any type.
    pub columns_required: BTreeMap<String, Option<ColumnType>>,
}

/// A converted table, as far as the rules concern it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableFacts {
    /// The number of rows.
    pub rows: u64,
    /// The number of null and empty cells.
    pub empty_cells: u64,
    /// The types of the columns by name.
    pub columns: BTreeMap<String, ColumnType>,
}

impl TableRules {
    /// Returns why a table breaks the rules: all reasons. Empty if it does not.
    #[must_use]
    pub fn reasons(&self, table: &TableFacts) -> Vec<String> {
        let rows = table.rows;
        let few = self.rows_min.filter(|min| rows < *min);
        let few = few.map(|min| format!("it has {rows} rows and needs at least {min}"));
        let many = self.rows_max.filter(|max| rows > *max);
        let many = many.map(|max| format!("it has {rows} rows and may have at most {max}"));
        let cells = rows.saturating_mul(u64::try_from(table.columns.len()).unwrap_or(u64::MAX));
        let empty = self
            .empty_cells_max
            .filter(|most| most.is_exceeded(table.empty_cells, cells))
            .map(|most| {
                let empty = table.empty_cells;
                format!("{empty} of its {cells} cells are empty, and at most {most} may be")
            });
        let columns = self
            .columns_required
            .iter()
            .filter_map(|(name, kind)| column_reason(table, name, *kind));
        [few, many, empty]
            .into_iter()
            .flatten()
            .chain(columns)
            .collect()
    }
}

fn column_reason(table: &TableFacts, name: &str, wanted: Option<ColumnType>) -> Option<String> {
    match (table.columns.get(name), wanted) {
        (None, _) => Some(format!("it has no column `{name}`")),
        (Some(found), Some(wanted)) if *found != wanted => Some(format!(
            "column `{name}` is {}, and must be {}",
            found.name(),
            wanted.name()
        )),
        (Some(_), _) => None,
    }
}

impl TablePolicy {
    /// Reads the options of a category that only tables have.
    pub(super) fn read(f: &mut Fields<'_>, ingest: Option<Ingest>) -> Self {
        if ingest == Some(Ingest::Verify) {
            for option in OPTIONS {
                if f.take(option).is_some() {
                    f.wrong(
                        option,
                        "conflict",
                        "has no effect with `ingest = \"verify\"`, which reads no tables",
                    );
                }
            }
            return Self::default();
        }
        let rules = TableRules {
            rows_min: f.whole("rows_min"),
            rows_max: f.whole("rows_max"),
            empty_cells_max: f.at_most("empty_cells_max"),
            columns_required: columns_required(f).unwrap_or_default(),
        };
        if let (Some(min), Some(max)) = (rules.rows_min, rules.rows_max)
            && min > max
        {
            f.wrong("rows_min", "conflict", "must be at most `rows_max`");
        }
        Self {
            hints: f.hints("hints").unwrap_or_default(),
            rejects_max: f.at_most("rejects_max"),
            rules,
            schema_contract: f.parsed("schema_contract", SchemaContract::from_str),
        }
    }
}

/// Reads the names of required columns: an array of names, or a table of types by name.
fn columns_required(f: &mut Fields<'_>) -> Option<BTreeMap<String, Option<ColumnType>>> {
    let field = "columns_required";
    let value = f.take(field)?;
    let columns: Option<BTreeMap<_, _>> = match &value {
        Value::Array(names) => names
            .iter()
            .map(|name| Some((column_name(name.as_str()?)?, None)))
            .collect(),
        Value::Object(types) => types
            .iter()
            .map(|(name, kind)| Some((column_name(name)?, column_type(kind)?)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    };
    let columns = columns.filter(|columns| columns.len() <= COLUMNS_MAX);
    if columns.is_none() {
        let names = ColumnType::ALL.map(ColumnType::name).join(", ");
        f.wrong(
            field,
            "invalid",
            format!(
                "must be an array of column names, or a table of types by column name: any, {names}"
            ),
        );
    }
    columns
}

fn column_name(name: &str) -> Option<String> {
    (1..=COLUMN_NAME_BYTES_MAX)
        .contains(&name.len())
        .then(|| name.to_owned())
}

/// Reads a type, or `any`. The outer `None` means that it is neither.
fn column_type(kind: &Value) -> Option<Option<ColumnType>> {
    match kind.as_str()? {
        "any" => Some(None),
        name => ColumnType::of_name(name).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> TableFacts {
        TableFacts {
            rows: 10,
            empty_cells: 5,
            columns: [("id", ColumnType::Int64), ("name", ColumnType::Text)]
                .map(|(name, kind)| (name.to_owned(), kind))
                .into(),
        }
    }

    #[test]
    fn a_table_within_its_rules_has_no_reason() {
        let rules = TableRules {
            rows_min: Some(10),
            rows_max: Some(10),
            empty_cells_max: Some(AtMost::Millionths(250_000)),
            columns_required: [
                ("id".to_owned(), Some(ColumnType::Int64)),
                ("name".to_owned(), None),
            ]
            .into(),
        };
        assert_eq!(rules.reasons(&facts()), Vec::<String>::new());
        assert_eq!(
            TableRules::default().reasons(&facts()),
            Vec::<String>::new()
        );
    }

    #[test]
    fn all_reasons_are_given_together() {
        let rules = TableRules {
            rows_min: Some(11),
            rows_max: Some(9),
            empty_cells_max: Some(AtMost::Count(4)),
            columns_required: [
                ("id".to_owned(), Some(ColumnType::Text)),
                ("price".to_owned(), None),
            ]
            .into(),
        };
        assert_eq!(
            rules.reasons(&facts()),
            [
                "it has 10 rows and needs at least 11",
                "it has 10 rows and may have at most 9",
                "5 of its 20 cells are empty, and at most 4 may be",
                "column `id` is int64, and must be text",
                "it has no column `price`",
            ]
        );
    }
}
