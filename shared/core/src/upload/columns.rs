//! The columns of a table as a record stores them: their number and the first names. The profile has all names.
//!
//! A table may have ten thousand columns with long names. Every call reads and writes a record as a whole, and a
//! DynamoDB item has at most 400 KB. The number and length of the names are therefore bounded for every source: the
//! ingest, a client, and records that an older build wrote.

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The maximum number of names that are stored.
pub const COLUMN_NAMES_MAX: usize = 100;
/// The longest name that is stored whole, in bytes of JSON. A longer name is truncated and ends in `…`.
pub const COLUMN_NAME_BYTES_MAX: usize = 160;
const ELLIPSIS: char = '…';
const _: () = assert!(COLUMN_NAME_BYTES_MAX > 2 * ELLIPSIS.len_utf8());

/// The number of columns, and the names of the first columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Columns {
    count: u64,
    names: Vec<String>,
}

impl Columns {
    /// Builds the value from the names of all columns, in order.
    pub fn of(names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let mut columns = Self {
            count: 0,
            names: Vec::new(),
        };
        for name in names {
            columns.add(name.as_ref());
        }
        columns
    }

    fn add(&mut self, name: &str) {
        self.count += 1;
        if self.names.len() < COLUMN_NAMES_MAX {
            self.names.push(cut(name));
        }
    }

    /// Returns the number of columns.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the names of the first columns.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

/// Truncates a long name.
fn cut(name: &str) -> String {
    let (mut bytes, mut end) = (0, 0);
    for (at, character) in name.char_indices() {
        bytes += json_bytes(character);
        if bytes + ELLIPSIS.len_utf8() <= COLUMN_NAME_BYTES_MAX {
            end = at + character.len_utf8();
        }
        if bytes > COLUMN_NAME_BYTES_MAX {
            let mut beginning = name.get(..end).unwrap_or_default().to_owned();
            beginning.push(ELLIPSIS);
            return beginning;
        }
    }
    name.to_owned()
}

/// Returns the number of bytes that a character takes in JSON (RFC 8259, section 7).
fn json_bytes(character: char) -> usize {
    match character {
        '"' | '\\' | '\u{8}' | '\t' | '\n' | '\u{c}' | '\r' => 2,
        '\0'..='\u{1f}' => 6,
        other => other.len_utf8(),
    }
}

impl<'de> Deserialize<'de> for Columns {
    /// Reads the current form, and the list of all names that older records have.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ColumnsVisitor)
    }
}

struct ColumnsVisitor;

impl<'de> Visitor<'de> for ColumnsVisitor {
    type Value = Columns;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the number and the names of columns, or a list of names")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Columns, A::Error> {
        let mut columns = Columns::of(std::iter::empty::<&str>());
        while let Some(name) = names.next_element::<std::borrow::Cow<'de, str>>()? {
            columns.add(&name);
        }
        Ok(columns)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Columns, A::Error> {
        let (mut count, mut columns) = (0, Columns::of(std::iter::empty::<&str>()));
        while let Some(name) = fields.next_key::<std::borrow::Cow<'de, str>>()? {
            match name.as_ref() {
                "count" => count = fields.next_value()?,
                "names" => columns = Columns::of(fields.next_value::<Vec<String>>()?),
                _ => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        columns.count = columns.count.max(count);
        Ok(columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json_of(names: &[String]) -> usize {
        serde_json::to_string(&Columns::of(names)).unwrap().len()
    }

    #[test]
    fn few_and_short_names_are_kept_unchanged() {
        let columns = Columns::of(["id", "Bevölkerung"]);
        assert_eq!(
            (columns.count(), columns.names()),
            (2, ["id".to_owned(), "Bevölkerung".to_owned()].as_slice())
        );
        let exact = "ä".repeat(COLUMN_NAME_BYTES_MAX / 2);
        assert_eq!(Columns::of([&exact]).names()[0], exact);
    }

    #[test]
    fn ten_thousand_long_names_are_truncated_to_the_first_hundred() {
        let names: Vec<String> = (0..10_000).map(|i| format!("{i:01024}")).collect();
        let columns = Columns::of(&names);
        assert_eq!((columns.count(), columns.names().len()), (10_000, 100));
        assert!(columns.names()[0].ends_with("00…"));
        assert!(json_of(&names) < 20_000);
    }

    #[test]
    fn a_name_of_control_characters_is_bounded_as_json_has_it() {
        let names = vec!["\u{1}".repeat(1024); 10_000];
        assert!(json_of(&names) < 20_000, "{}", json_of(&names));
    }

    #[test]
    fn a_record_of_an_older_build_is_read_and_bounded() {
        let old = serde_json::to_string(&vec!["x".repeat(800); 10_000]).unwrap();
        let columns: Columns = serde_json::from_str(&old).unwrap();
        assert_eq!((columns.count(), columns.names().len()), (10_000, 100));
        let none: Option<Columns> = serde_json::from_str("null").unwrap();
        assert_eq!(none, None);
    }

    proptest! {
        #[test]
        fn columns_survive_a_round_trip(names in prop::collection::vec(any::<String>(), 0..150)) {
            let columns = Columns::of(&names);
            let written = serde_json::to_string(&columns).unwrap();
            prop_assert_eq!(serde_json::from_str::<Columns>(&written).unwrap(), columns);
            let bytes_max = COLUMN_NAMES_MAX * (COLUMN_NAME_BYTES_MAX + 3) + 64;
            prop_assert!(written.len() <= bytes_max);
        }
    }
}
