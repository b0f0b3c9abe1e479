//! The schema contract of collections.

use std::collections::BTreeMap;
use std::str::FromStr;

use consign_hints::ColumnType;

/// How the tables of a collection may differ from one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaContract {
    /// In any way. The difference is shown as a warning.
    Evolve,
    /// Not at all: a table with other columns, or with a cell of another type, fails.
    Freeze,
    /// Not in their columns. A row with a cell of another type is rejected.
    DiscardRow,
}

impl FromStr for SchemaContract {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "evolve" => Ok(Self::Evolve),
            "freeze" => Ok(Self::Freeze),
            "discard_row" => Ok(Self::DiscardRow),
            _ => Err("must be `evolve`, `freeze` or `discard_row`".to_owned()),
        }
    }
}

/// The columns of a table with their types. `None` is the type of a column without a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableSchema(pub BTreeMap<String, Option<ColumnType>>);

/// The number of columns that a difference names of each kind.
const NAMED_MAX: usize = 10;
/// The length of a name in a difference, in characters.
const NAME_CHARS_MAX: usize = 64;

impl TableSchema {
    /// Returns how another schema differs from this one, in words for people. `None` if it does not. A column without a
    /// value agrees with any type.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        let missing = self.0.keys().filter(|name| !other.0.contains_key(*name));
        let new = other.0.keys().filter(|name| !self.0.contains_key(*name));
        let changed = self.0.iter().filter_map(|(name, kind)| {
            let (was, is) = ((*kind)?, (*other.0.get(name)?)?);
            (was != is).then(|| format!("{} ({}, was {})", quoted(name), is.name(), was.name()))
        });
        let parts = [
            listed("missing columns", missing.map(|name| quoted(name))),
            listed("new columns", new.map(|name| quoted(name))),
            listed("other types", changed),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

fn quoted(name: &str) -> String {
    let name: String = name
        .chars()
        .filter(|c| !c.is_control())
        .take(NAME_CHARS_MAX)
        .collect();
    format!("`{name}`")
}

/// Returns the first items behind a title, and the number of all others. `None` if there are none.
fn listed(title: &str, mut items: impl Iterator<Item = String>) -> Option<String> {
    let first: Vec<String> = items.by_ref().take(NAMED_MAX).collect();
    let more = items.count();
    let rest = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    (!first.is_empty()).then(|| format!("{title}: {}{rest}", first.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(columns: &[(&str, Option<ColumnType>)]) -> TableSchema {
        let columns = columns
            .iter()
            .map(|(name, kind)| ((*name).to_owned(), *kind));
        TableSchema(columns.collect())
    }

    #[test]
    fn a_difference_names_columns_and_types() {
        let before = schema(&[
            ("id", Some(ColumnType::Int64)),
            ("name", Some(ColumnType::Text)),
            ("note", None),
        ]);
        assert_eq!(before.difference(&before), None);
        let filled = schema(&[
            ("id", Some(ColumnType::Int64)),
            ("name", None),
            ("note", Some(ColumnType::Date)),
        ]);
        assert_eq!(before.difference(&filled), None);
        let after = schema(&[
            ("id", Some(ColumnType::Text)),
            ("note", None),
            ("price", Some(ColumnType::Decimal)),
        ]);
        assert_eq!(
            before.difference(&after).as_deref(),
            Some(
                "missing columns: `name`; new columns: `price`; other types: `id` (text, was int64)"
            )
        );
    }

    #[test]
    fn a_difference_is_bounded() {
        let names: Vec<String> = (0..10_000).map(|i| format!("{i:0>1000}\n")).collect();
        let wide = names
            .iter()
            .map(|name| (name.as_str(), None))
            .collect::<Vec<_>>();
        let text = schema(&[]).difference(&schema(&wide)).unwrap();
        assert!(
            text.len() < 1_000 && text.ends_with(" and 9990 more"),
            "{text}"
        );
        assert!(!text.contains('\n'));
    }
}
