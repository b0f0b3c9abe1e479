//! Sizes and durations of the configuration.

use serde_json::Value;

const SIZES: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];
const DURATIONS: [(&str, u64); 4] = [("s", 1), ("min", 60), ("h", 3_600), ("d", 86_400)];

/// Parses a size in bytes: an integer, or a string such as "100 MB" (decimal) or "10 MiB" (binary).
pub(crate) fn size_bytes(value: &Value) -> Result<u64, String> {
    measure(value, &SIZES).ok_or_else(|| {
        "must be a size such as \"100 MB\", \"10 MiB\" or an integer of bytes".to_owned()
    })
}

/// Parses a duration in seconds: an integer, or a string such as "15 min", "1 h" or "30 d".
pub(crate) fn duration_s(value: &Value) -> Result<u64, String> {
    measure(value, &DURATIONS).ok_or_else(|| {
        "must be a duration such as \"15 min\", \"1 h\", \"30 d\" or an integer of seconds"
            .to_owned()
    })
}

fn measure(value: &Value, units: &[(&str, u64)]) -> Option<u64> {
    let Some(text) = value.as_str() else {
        return value.as_u64();
    };
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// Formats a size for people: in the largest decimal unit that divides it, or else in bytes.
pub(crate) fn human(size_bytes: u64) -> String {
    let whole = |(_, factor): &&(&str, u64)| {
        *factor > 1 && size_bytes != 0 && size_bytes.is_multiple_of(*factor)
    };
    let best = SIZES.iter().filter(whole).max_by_key(|(_, factor)| *factor);
    best.map_or_else(
        || format!("{size_bytes} bytes"),
        |(unit, factor)| format!("{} {unit}", size_bytes / factor),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_and_durations_are_read_as_written() {
        for (text, bytes) in [
            ("100 MB", 100_000_000),
            ("10MiB", 10 << 20),
            ("5 B", 5),
            ("2 GiB", 2 << 30),
        ] {
            assert_eq!(size_bytes(&text.into()), Ok(bytes));
        }
        assert_eq!(size_bytes(&7.into()), Ok(7));
        for (text, seconds) in [
            ("15 min", 900),
            ("1 h", 3600),
            ("30 d", 2_592_000),
            ("5s", 5),
        ] {
            assert_eq!(duration_s(&text.into()), Ok(seconds));
        }
    }

    #[test]
    fn other_units_are_refused_with_an_example() {
        for bad in [
            "",
            "MB",
            "5",
            "5 mb",
            "-1 MB",
            "1.5 GB",
            "99999999999999999999 B",
            "99999999999999 TB",
        ] {
            assert!(
                size_bytes(&bad.into()).unwrap_err().contains("100 MB"),
                "{bad}"
            );
        }
        assert!(duration_s(&"1 week".into()).unwrap_err().contains("15 min"));
        assert!(duration_s(&true.into()).is_err());
    }

    #[test]
    fn a_size_is_shown_in_its_own_unit() {
        assert_eq!(human(100_000_000), "100 MB");
        assert_eq!(human(10 << 20), "10 MiB");
        assert_eq!(human(1_234_567), "1234567 bytes");
        assert_eq!(human(0), "0 bytes");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parsers_panic(text: String) {
            let _ = (size_bytes(&text.as_str().into()), duration_s(&text.into()));
        }
    }
}
