//! What the owner of a column should know of it, by its values. Rather no warning than a wrong one.

use crate::profile::Warning;
use crate::types::cell::{self, Kinds};

/// Values from which on they may tell rows apart.
const IDENTIFIERS_MIN: u64 = 100;
/// Gaps between integers that count rows up.
const GAP_MAX: u128 = 10;
/// The longest identifier in bytes.
const IDENTIFIER_BYTES_MAX: usize = 64;
/// Texts below which nothing is said of all of them.
const TEXTS_MIN: usize = 10;
/// Delimiters that nobody writes into a name.
const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];

/// Whether a name says that its values are identifiers: `id`, `order_id`, `orderId`, `ID`, `uuid`.
fn is_named_identifier(name: &str) -> bool {
    let is_word = |word: &str| {
        let lower = name.to_lowercase();
        let before = lower.strip_suffix(word).map(str::len);
        before.is_some_and(|before| {
            let own = &name[name.len().saturating_sub(word.len())..];
            // `paid` is none, `orderId` and `ORDER_ID` are.
            let is_camel = own.starts_with(|first: char| first.is_ascii_uppercase())
                && name.starts_with(|first: char| first.is_ascii_lowercase());
            before == 0 || is_camel || !lower[..before].ends_with(char::is_alphanumeric)
        })
    };
    name.is_ascii() && ["id", "key", "uuid", "guid"].into_iter().any(is_word)
}

/// A column without nulls that may tell rows apart.
pub(crate) struct Candidate<'a> {
    pub(crate) name: &'a str,
    pub(crate) values: u64,
    /// Whether all values were found to be different.
    pub(crate) is_unique: bool,
}

impl Candidate<'_> {
    fn is_large(&self) -> bool {
        self.is_unique && self.values >= IDENTIFIERS_MIN
    }

    /// Integers, with their range, where each is larger than the one before.
    pub(crate) fn is_identifier_number(&self, rising: Option<(i64, i64)>) -> bool {
        let is_dense = rising.is_some_and(|(min, max)| {
            u128::from(max.abs_diff(min)) < GAP_MAX * u128::from(self.values)
        });
        self.is_large() && (is_dense || is_named_identifier(self.name))
    }

    /// Texts, of which the longest has so many bytes: codes, not words.
    pub(crate) fn is_identifier_text<'a>(
        &self,
        longest_bytes: usize,
        mut texts: impl Iterator<Item = &'a str>,
    ) -> bool {
        // Letters and digits, and nothing that words, numbers, times or addresses have.
        let is_code = |text: &str| {
            text.bytes().any(|byte| byte.is_ascii_digit())
                && text.bytes().any(|byte| byte.is_ascii_alphabetic())
                && !text.contains(|letter: char| letter.is_whitespace() || ":.,".contains(letter))
        };
        self.is_large()
            && longest_bytes <= IDENTIFIER_BYTES_MAX
            && (is_named_identifier(self.name) || texts.all(is_code))
    }
}

/// Warnings of a column of texts: of all of them, or of those in the sample.
pub(crate) fn of_texts<'a>(name: &str, texts: impl Iterator<Item = &'a str>) -> Vec<Warning> {
    let (mut count, mut mixed, mut delimited) = (0, Some(Kinds::ALL), delimiters(name));
    for text in texts {
        if mixed.is_none() && delimited.is_none() {
            break;
        }
        let trimmed = cell::trim(text);
        if trimmed.is_empty() || cell::is_null_token(trimmed) {
            continue;
        }
        count += 1;
        delimited = delimited.filter(|(sign, times)| text.matches(*sign).count() == *times);
        mixed = mixed
            .zip(kinds(trimmed))
            .map(|(common, kinds)| common.and(kinds));
    }
    let mut warnings = Vec::new();
    if count >= TEXTS_MIN && mixed == Some(Kinds::NONE) {
        warnings.push(Warning::MixedNotations);
    }
    if count >= TEXTS_MIN && delimited.is_some() {
        warnings.push(Warning::SuspectedDelimiter);
    }
    warnings
}

/// What a text can be beside a text, if anything.
fn kinds(text: &str) -> Option<Kinds> {
    let plain = cell::kinds(text);
    let kinds = if plain == Kinds::NONE {
        cell::kinds(cell::split_unit(text)?.0).and(Kinds::DECIMALS)
    } else {
        plain
    };
    (kinds != Kinds::NONE).then_some(kinds)
}

/// The delimiter in a name, and how often it is there.
fn delimiters(name: &str) -> Option<(char, usize)> {
    let sign = name.chars().find(|letter| DELIMITERS.contains(letter))?;
    // `last, first` is a name of names.
    let is_words = name.split(sign).skip(1).all(|part| part.starts_with(' '));
    (!is_words).then(|| (sign, name.matches(sign).count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_identifiers_are_told_from_words() {
        for name in [
            "id", "ID", "order_id", "orderId", "Order ID", "uuid", "api-key", "user.id",
        ] {
            assert!(is_named_identifier(name), "{name}");
        }
        for name in ["paid", "PAID", "valid", "monkey", "idea", "", "größe_id"] {
            assert!(!is_named_identifier(name), "{name}");
        }
    }

    fn warnings(name: &str, texts: &[&str]) -> Vec<Warning> {
        of_texts(name, texts.iter().copied().cycle().take(20))
    }

    #[test]
    fn mixed_notations_are_of_values_alone() {
        for texts in [
            ["1,5", "1.5"],
            ["2024-01-31", "31.01.2024"],
            ["yes", "true"],
            ["12", "17:30"],
        ] {
            assert_eq!(
                warnings("a", &texts),
                [Warning::MixedNotations],
                "{texts:?}"
            );
        }
        for texts in [
            ["1.5", "n.a."],
            ["007", "12"],
            ["1", "2"],
            ["a", "b"],
            ["", "NA"],
        ] {
            assert_eq!(warnings("a", &texts), [], "{texts:?}");
        }
    }

    #[test]
    fn a_delimiter_is_suspected_where_name_and_values_agree() {
        let texts = ["1;x;2", "3;y;4"];
        assert_eq!(warnings("a;b;c", &texts), [Warning::SuspectedDelimiter]);
        assert_eq!(warnings("a;b", &texts), []);
        assert_eq!(warnings("last, first", &["Hopper, Grace"]), []);
    }
}
