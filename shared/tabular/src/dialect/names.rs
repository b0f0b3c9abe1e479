//! The names of columns: unlike each other, and short enough together.

use std::collections::HashSet;

use crate::limits::name_bytes_max;

/// A name of one of so many columns within its bound.
pub(crate) fn shortened(name: &str, columns: usize) -> &str {
    &name[..name.floor_char_boundary(name_bytes_max(columns))]
}

/// Names that differ from one another also where case is ignored, as many readers do: an empty one becomes `column_N` by
/// its place, a repeated one gets `_2`, `_3`, …, and a long one is cut.
pub(crate) fn unique(names: &[&str]) -> Vec<String> {
    // Room for the number of a repeated name.
    const NUMBER_BYTES: usize = 8;
    let bytes_max = name_bytes_max(names.len()).saturating_sub(NUMBER_BYTES);
    let cut = |name: &str| name[..name.floor_char_boundary(bytes_max)].to_owned();
    // Names that are unique as they stand keep standing, also where a changed one would have taken their place.
    let mut taken: HashSet<String> = names.iter().map(|name| cut(name).to_lowercase()).collect();
    let mut seen = HashSet::new();
    let mut next = std::collections::HashMap::<String, usize>::new();
    let mut name_of = |(at, name): (usize, &&str)| {
        let name = cut(name);
        if !name.is_empty() && seen.insert(name.to_lowercase()) {
            return name;
        }
        let base = if name.is_empty() {
            format!("column_{}", at + 1)
        } else {
            name.clone()
        };
        if name.is_empty() && taken.insert(base.clone()) {
            return base;
        }
        let number = next.entry(base.to_lowercase()).or_insert(1);
        loop {
            *number += 1;
            let candidate = format!("{base}_{number}");
            if taken.insert(candidate.to_lowercase()) {
                return candidate;
            }
        }
    };
    names.iter().enumerate().map(&mut name_of).collect()
}

#[cfg(test)]
mod tests {
    use super::unique;

    #[test]
    fn names_that_differ_in_case_alone_are_made_unlike() {
        let names = ["ID", "id", "Id_2"];
        assert_eq!(unique(&names), ["ID", "id_3", "Id_2"]);
    }

    #[test]
    fn ten_thousand_long_names_are_short_together() {
        let names: Vec<String> = (0..10_000).map(|n| format!("{n:0>780}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let made = unique(&names);
        assert!(made.iter().map(String::len).sum::<usize>() <= 1 << 20);
        let different: std::collections::HashSet<&String> = made.iter().collect();
        assert_eq!(different.len(), names.len());
        // A few may be as long as they like, up to the bound of one.
        assert_eq!(unique(&names[..2])[1].len(), 780);
    }

    #[test]
    fn names_are_made_unique_without_touching_those_that_are() {
        let names = ["a", "", "a", "a_2", "a", "column_2", ""];
        assert_eq!(
            unique(&names),
            [
                "a",
                "column_2_2",
                "a_3",
                "a_2",
                "a_4",
                "column_2",
                "column_7"
            ]
        );
    }
}
