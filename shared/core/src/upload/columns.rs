//! The columns of a table, as a record keeps them: their number, and the names of the first. All names are in the profile.
//!
//! A table may have ten thousand columns with long names. A record is read and written as a whole by every call, and an
//! item of DynamoDB has 400 KB at most, so this is bounded whoever says it: the ingest, a client, or a record that was
//! written before.

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Names that are kept.
pub const COLUMN_NAMES_MAX: usize = 100;
/// The longest name that is kept whole, in bytes as JSON has it; of a longer one its beginning is kept, with `…` at its end.
pub const COLUMN_NAME_BYTES_MAX: usize = 160;
const ELLIPSIS: char = '…';
const _: () = assert!(COLUMN_NAME_BYTES_MAX > 2 * ELLIPSIS.len_utf8());

/// How many columns there are, and the names of the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Columns {
    count: u64,
    names: Vec<String>,
}

impl Columns {
    /// Takes the names of all columns, in order.
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

    /// How many columns there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The names of the first.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

/// A name, or its beginning where it is long.
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

/// What a character takes in JSON, in bytes (RFC 8259, section 7).
fn json_bytes(character: char) -> usize {
    match character {
        '"' | '\\' | '\u{8}' | '\t' | '\n' | '\u{c}' | '\r' => 2,
        '\0'..='\u{1f}' => 6,
        other => other.len_utf8(),
    }
}

impl<'de> Deserialize<'de> for Columns {
    /// Reads what is written here, and the list of all names that records had before.
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
    fn few_and_short_names_are_kept_as_they_are() {
        let columns = Columns::of(["id", "Bevölkerung"]);
        assert_eq!(
            (columns.count(), columns.names()),
            (2, ["id".to_owned(), "Bevölkerung".to_owned()].as_slice())
        );
        let exact = "ä".repeat(COLUMN_NAME_BYTES_MAX / 2);
        assert_eq!(Columns::of([&exact]).names()[0], exact);
    }

    #[test]
    fn of_ten_thousand_long_names_the_number_and_the_first_hundred_are_kept() {
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
    fn a_record_that_was_written_before_is_read_and_bounded() {
        let old = serde_json::to_string(&vec!["x".repeat(800); 10_000]).unwrap();
        let columns: Columns = serde_json::from_str(&old).unwrap();
        assert_eq!((columns.count(), columns.names().len()), (10_000, 100));
        let none: Option<Columns> = serde_json::from_str("null").unwrap();
        assert_eq!(none, None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(names in prop::collection::vec(any::<String>(), 0..150)) {
            let columns = Columns::of(&names);
            let written = serde_json::to_string(&columns).unwrap();
            prop_assert_eq!(serde_json::from_str::<Columns>(&written).unwrap(), columns);
            let bytes_max = COLUMN_NAMES_MAX * (COLUMN_NAME_BYTES_MAX + 3) + 64;
            prop_assert!(written.len() <= bytes_max);
        }
    }
}
