use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;

/// Input, formatted output, and microseconds since 1970.
const READ: [(&str, &str, i64); 16] = [
    (
        "2024-01-01T00:00:00Z",
        "2024-01-01T00:00:00Z",
        1_704_067_200_000_000,
    ),
    (
        "2024-01-01t00:00:00z",
        "2024-01-01T00:00:00Z",
        1_704_067_200_000_000,
    ),
    (
        "2024-01-01 00:00:00Z",
        "2024-01-01T00:00:00Z",
        1_704_067_200_000_000,
    ),
    (
        "2024-01-01T00:00:00-00:00",
        "2024-01-01T00:00:00Z",
        1_704_067_200_000_000,
    ),
    (
        "2024-01-01T00:00:00+01:00",
        "2023-12-31T23:00:00Z",
        1_704_063_600_000_000,
    ),
    (
        "2024-01-01T00:00:00.000Z",
        "2024-01-01T00:00:00Z",
        1_704_067_200_000_000,
    ),
    (
        "2024-01-01T00:00:00.5Z",
        "2024-01-01T00:00:00.5Z",
        1_704_067_200_500_000,
    ),
    (
        "2024-01-01T00:00:00.120Z",
        "2024-01-01T00:00:00.12Z",
        1_704_067_200_120_000,
    ),
    (
        "2024-01-01T00:00:00.000010Z",
        "2024-01-01T00:00:00.00001Z",
        1_704_067_200_000_010,
    ),
    (
        "2024-01-01T00:00:00.123456789Z",
        "2024-01-01T00:00:00.123456789Z",
        1_704_067_200_123_456,
    ),
    (
        "2024-01-01T10:20:30.100200300Z",
        "2024-01-01T10:20:30.1002003Z",
        1_704_104_430_100_200,
    ),
    ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.5Z", -500_000),
    (
        "1960-01-01T00:00:00.000001Z",
        "1960-01-01T00:00:00.000001Z",
        -315_619_199_999_999,
    ),
    (
        "0000-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        -62_167_219_200_000_000,
    ),
    (
        "9999-12-30T22:00:00.999999999Z",
        "9999-12-30T22:00:00.999999999Z",
        253_402_207_200_999_999,
    ),
    (
        "9999-12-31T23:59:59.999999999Z",
        "9999-12-31T23:59:59.999999999Z",
        253_402_300_799_999_999,
    ),
];

#[test]
fn instants_are_read_and_written() {
    for (text, written, micros) in READ {
        let at = parse(text).unwrap();
        assert_eq!(to_rfc3339(at), written, "{text}");
        assert_eq!(at.timestamp_micros(), micros, "{text}");
        let whole = from_micros(micros).unwrap();
        assert_eq!(whole.timestamp_micros(), micros, "{text}");
        assert_eq!(parse(&to_rfc3339(whole)), Ok(whole), "{text}");
    }
}

#[test]
fn what_is_no_instant_of_rfc_3339_is_refused() {
    for text in [
        "",
        "2024-01-01",
        "2024-01-01T00:00:00",
        "2024-01-01T00:00Z",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T24:00:00Z",
        "2024-02-30T00:00:00Z",
        "2024-1-1T0:0:0Z",
        "2024-01-01_00:00:00Z",
        "2024-01-01  00:00:00Z",
        "2024-01-01T00:00:00 +01:00",
        "2024-01-01T00:00:00\u{2212}01:00",
        "2024-01-01T00:00:00+24:00",
        "2024-01-01T00:00:00Z[UTC]",
        " 2024-01-01T00:00:00Z",
        "2024-01-01T00:00:00Z ",
        "12024-01-01T00:00:00Z",
        "+010000-01-01T00:00:00Z",
        "-000044-03-15T00:00:00Z",
        "0000-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "1704067200",
    ] {
        assert_eq!(parse(text), Err(ParseError), "{text}");
    }
}

#[test]
fn a_leap_second_is_the_second_before_it() {
    for (text, written) in [
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
        ("2016-12-31T23:59:60.25Z", "2016-12-31T23:59:59.25Z"),
        ("2017-01-01T00:59:60+01:00", "2016-12-31T23:59:59Z"),
    ] {
        let at = parse(text).unwrap();
        assert_eq!(to_rfc3339(at), written);
        assert_eq!(at.timestamp(), 1_483_228_799);
        assert_eq!(at.timestamp_micros() / 1_000_000, 1_483_228_799);
    }
    let date = parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT").unwrap();
    assert_eq!(date.timestamp_micros(), 1_483_228_799_000_000);
}

#[test]
fn the_date_of_http_is_read() {
    let at = parse("2025-11-06T08:49:37Z").unwrap();
    assert_eq!(parse_http_date("Thu, 06 Nov 2025 08:49:37 GMT"), Ok(at));
    assert_eq!(parse_http_date("Thu, 06 Nov 2025 09:49:37 +0100"), Ok(at));
    for text in [
        "",
        "Fri, 06 Nov 2025 08:49:37 GMT",
        "2025-11-06T08:49:37Z",
        "Thu Nov  6 08:49:37 2025",
    ] {
        assert_eq!(parse_http_date(text), Err(ParseError), "{text}");
    }
}

#[test]
fn the_range_is_that_of_rfc_3339() {
    assert_eq!(to_rfc3339(MIN), "0000-01-01T00:00:00Z");
    assert_eq!(to_rfc3339(MAX), "9999-12-31T23:59:59.999999999Z");
    for (first, last) in [
        (from_secs(MIN.timestamp()), from_secs(MAX.timestamp())),
        (
            from_millis(MIN.timestamp_millis()),
            from_millis(MAX.timestamp_millis()),
        ),
        (
            from_micros(MIN.timestamp_micros()),
            from_micros(MAX.timestamp_micros()),
        ),
    ] {
        assert_eq!(first, Some(MIN));
        assert!(last.unwrap() <= MAX);
    }
    for beyond in [
        from_secs(MIN.timestamp() - 1),
        from_secs(MAX.timestamp() + 1),
        from_millis(MIN.timestamp_millis() - 1),
        from_millis(MAX.timestamp_millis() + 1),
        from_micros(MIN.timestamp_micros() - 1),
        from_micros(MAX.timestamp_micros() + 1),
        from_secs(i64::MIN),
        from_secs(i64::MAX),
        from_millis(i64::MIN),
        from_millis(i64::MAX),
        from_micros(i64::MIN),
        from_micros(i64::MAX),
    ] {
        assert_eq!(beyond, None);
    }
    assert_eq!(to_rfc3339(Timestamp::MIN_UTC), to_rfc3339(MIN));
    assert_eq!(to_rfc3339(Timestamp::MAX_UTC), to_rfc3339(MAX));
}

#[test]
fn adding_ends_at_the_end_of_time() {
    let at = parse("2024-02-28T23:59:59.5Z").unwrap();
    assert_eq!(
        to_rfc3339(saturating_add_secs(at, 1)),
        "2024-02-29T00:00:00.5Z"
    );
    assert_eq!(saturating_add_secs(at, 0), at);
    let left_s = (MAX - at).num_seconds().unsigned_abs();
    assert!(checked_add_secs(at, left_s).is_some());
    for seconds in [left_s + 1, i64::MAX.unsigned_abs(), u64::MAX] {
        assert_eq!(checked_add_secs(at, seconds), None);
        assert_eq!(saturating_add_secs(at, seconds), MAX);
    }
    assert_eq!(saturating_add_secs(Timestamp::MAX_UTC, 1), MAX);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    #[serde(with = "rfc3339")]
    at: Timestamp,
    #[serde(default, with = "rfc3339::option")]
    later: Option<Timestamp>,
}

#[test]
fn json_has_the_text() {
    let record = Record {
        at: parse("2024-01-01T00:00:00.250Z").unwrap(),
        later: parse("2024-01-02T00:00:00Z").ok(),
    };
    let written = json!({"at": "2024-01-01T00:00:00.25Z", "later": "2024-01-02T00:00:00Z"});
    assert_eq!(serde_json::to_value(&record).unwrap(), written);
    assert_eq!(serde_json::from_value::<Record>(written).unwrap(), record);
    let alone = Record {
        later: None,
        ..record
    };
    let written = json!({"at": "2024-01-01T00:00:00.25Z", "later": null});
    assert_eq!(serde_json::to_value(&alone).unwrap(), written);
    let without = json!({"at": "2024-01-01T00:00:00.25Z"});
    for text in [written, without] {
        assert_eq!(serde_json::from_value::<Record>(text).unwrap(), alone);
    }
    for wrong in [
        json!({}),
        json!({"at": 1}),
        json!({"at": null}),
        json!({"at": "+010000-01-01T00:00:00Z"}),
    ] {
        assert!(serde_json::from_value::<Record>(wrong).is_err());
    }
}
