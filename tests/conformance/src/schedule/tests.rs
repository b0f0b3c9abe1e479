//! Schedules by hand, each with the end that the document gives it, and thousands by chance against an oracle that knows
//! the document alone: not one line of it asks the library.

mod chance;

use serde_json::{Value, json};

use super::answer;

fn ends(steps: &[Value]) -> Value {
    answer(&json!({ "steps": steps })).unwrap()["final"].clone()
}

/// The end of the one upload `u`: its state, its etag and its commits.
#[track_caller]
fn assert_ends(steps: &[Value], (state, etag, conversions): (&str, Option<&str>, u64)) {
    assert_eq!(
        ends(steps)["u"],
        json!({ "state": state, "etag": etag, "conversions": conversions }),
        "{steps:#?}"
    );
}

fn sign(t: u64) -> Value {
    json!({ "t": t, "op": "sign", "upload": "u", "expires": 900 })
}

fn put(t: u64, etag: &str, seq: u64) -> Value {
    json!({ "t": t, "op": "put", "upload": "u", "etag": etag, "seq": seq, "store_accepts": true, "valid_file": true })
}

fn broken(t: u64, etag: &str, seq: u64) -> Value {
    json!({ "t": t, "op": "put", "upload": "u", "etag": etag, "seq": seq, "store_accepts": true, "valid_file": false })
}

fn refused(t: u64, etag: &str, seq: u64) -> Value {
    json!({ "t": t, "op": "put", "upload": "u", "etag": etag, "seq": seq, "store_accepts": false, "valid_file": true })
}

fn event(t: u64, etag: &str, seq: u64) -> Value {
    json!({ "t": t, "op": "event", "upload": "u", "etag": etag, "seq": seq, "crash": null })
}

fn crash(t: u64, (etag, seq): (&str, u64), at: &str) -> Value {
    json!({ "t": t, "op": "event", "upload": "u", "etag": etag, "seq": seq, "crash": at })
}

fn forged(t: u64, etag: &str, seq: u64, how: &str) -> Value {
    json!({ "t": t, "op": "event", "upload": "u", "etag": etag, "seq": seq, "forged": how })
}

fn confirm(t: u64) -> Value {
    json!({ "t": t, "op": "confirm", "upload": "u", "race": true })
}

fn deleted(t: u64, seq: u64) -> Value {
    json!({ "t": t, "op": "delete-event", "upload": "u", "seq": seq })
}

fn reconcile(t: u64) -> Value {
    json!({ "t": t, "op": "reconcile" })
}

const CRASHES: [&str; 5] = [
    "before-claim",
    "after-claim",
    "after-write-parquet",
    "after-state",
    "timeout",
];

#[test]
fn an_upload_never_put_ends_expired() {
    let end = ("expired", None, 0);
    assert_ends(&[sign(0), reconcile(5000)], end);
    assert_ends(&[sign(0), reconcile(1)], end);
    assert_ends(&[sign(0), confirm(10), reconcile(20), reconcile(5000)], end);
    assert_ends(
        &[sign(0), refused(10, "a", 1), confirm(20), reconcile(30)],
        end,
    );
    for how in ["bucket", "token", "unknown-key"] {
        assert_ends(&[sign(0), forged(10, "a", 1, how), reconcile(20)], end);
    }
    // An event of what is not there says nothing.
    assert_ends(&[sign(0), event(10, "a", 1), reconcile(20)], end);
    for expires in [1, 60, 120, 900, 86_400, 604_800, 10_000_000] {
        let sign = json!({ "t": 0, "op": "sign", "upload": "u", "expires": expires });
        assert_ends(&[sign, reconcile(10)], end);
    }
}

#[test]
fn bytes_that_arrived_end_ready_with_one_commit() {
    let end = ("ready", Some("a"), 1);
    let all: [&[Value]; 14] = [
        &[put(10, "a", 1), event(11, "a", 1)],
        &[
            put(10, "a", 1),
            event(11, "a", 1),
            event(12, "a", 1),
            event(5000, "a", 1),
        ],
        &[put(10, "a", 1), confirm(11), event(12, "a", 1)],
        &[put(10, "a", 1), event(11, "a", 1), confirm(12)],
        &[put(10, "a", 1), confirm(12)],
        &[put(10, "a", 1)],
        &[put(10, "a", 1), reconcile(20), event(21, "a", 1)],
        &[confirm(5), put(10, "a", 1), event(11, "a", 1)],
        &[put(10, "a", 1), refused(12, "b", 2), event(13, "a", 1)],
        &[
            put(10, "a", 1),
            put(12, "a", 2),
            event(13, "a", 1),
            event(14, "a", 2),
        ],
        &[put(2000, "a", 1), event(2001, "a", 1)],
        &[reconcile(2000), put(2100, "a", 1), event(2101, "a", 1)],
        &[reconcile(2000), put(2100, "a", 1)],
        &[put(10, "a", 1), event(11, "a", 1), sign(12)],
    ];
    for steps in all {
        let steps = [&[sign(0)], steps, &[reconcile(6000)]].concat();
        assert_ends(&steps, end);
    }
    for how in ["bucket", "token", "unknown-key"] {
        assert_ends(
            &[
                sign(0),
                put(10, "a", 1),
                forged(11, "b", 2, how),
                reconcile(20),
            ],
            end,
        );
    }
}

#[test]
fn a_crash_anywhere_leaves_what_a_retry_finishes() {
    let end = ("ready", Some("a"), 1);
    for at in CRASHES {
        let died = || crash(11, ("a", 1), at);
        assert_ends(&[sign(0), put(10, "a", 1), died(), reconcile(20)], end);
        assert_ends(
            &[
                sign(0),
                put(10, "a", 1),
                died(),
                event(12, "a", 1),
                reconcile(20),
            ],
            end,
        );
        assert_ends(&[sign(0), put(10, "a", 1), died(), event(500, "a", 1)], end);
        assert_ends(
            &[
                sign(0),
                put(10, "a", 1),
                confirm(10),
                died(),
                died(),
                confirm(12),
                reconcile(20),
            ],
            end,
        );
        assert_ends(
            &[sign(0), broken(10, "x", 1), died_of(at), reconcile(20)],
            ("failed", Some("x"), 0),
        );
        for second in CRASHES {
            let again = crash(300, ("a", 1), second);
            assert_ends(
                &[sign(0), put(10, "a", 1), died(), again, reconcile(310)],
                end,
            );
        }
    }
}

fn died_of(at: &str) -> Value {
    crash(11, ("x", 1), at)
}

#[test]
fn a_file_that_cannot_be_read_ends_failed_with_its_etag() {
    let end = ("failed", Some("x"), 0);
    assert_ends(
        &[
            sign(0),
            broken(10, "x", 1),
            event(11, "x", 1),
            reconcile(20),
        ],
        end,
    );
    assert_ends(
        &[
            sign(0),
            broken(10, "x", 1),
            confirm(11),
            event(12, "x", 1),
            event(13, "x", 1),
        ],
        end,
    );
    assert_ends(&[sign(0), broken(10, "x", 1), reconcile(20)], end);
    // The later write is what counts, either way round.
    let good = [
        sign(0),
        broken(10, "x", 1),
        event(11, "x", 1),
        put(12, "b", 2),
        event(13, "b", 2),
        event(14, "x", 1),
    ];
    assert_ends(&good, ("ready", Some("b"), 1));
    let bad = [
        sign(0),
        put(10, "a", 1),
        event(11, "a", 1),
        broken(12, "x", 2),
        event(13, "x", 2),
        event(14, "a", 1),
    ];
    assert_ends(&bad, ("failed", Some("x"), 1));
}

#[test]
fn a_later_write_ends_ready_and_an_older_event_does_not_undo_it() {
    let both = [sign(0), put(10, "a", 1), event(11, "a", 1), put(12, "b", 2)];
    let ends_b = ("ready", Some("b"), 2);
    for tail in [
        vec![event(13, "b", 2), event(14, "a", 1), reconcile(20)],
        vec![event(13, "a", 1), event(14, "b", 2), reconcile(20)],
        vec![
            crash(13, ("b", 2), "after-claim"),
            event(14, "a", 1),
            reconcile(20),
        ],
        vec![
            crash(13, ("b", 2), "after-state"),
            event(14, "a", 1),
            event(15, "b", 2),
        ],
        // Nobody tells of the second.
        vec![reconcile(20)],
        vec![confirm(13), reconcile(20)],
        vec![event(13, "a", 1), reconcile(3000)],
    ] {
        assert_ends(&[both.to_vec(), tail].concat(), ends_b);
    }
}

#[test]
fn of_two_writes_the_one_that_the_store_orders_last_is_converted_alone() {
    let ends_b = ("ready", Some("b"), 1);
    assert_ends(
        &[
            sign(0),
            put(10, "a", 1),
            put(11, "b", 2),
            event(12, "a", 1),
            event(13, "b", 2),
        ],
        ends_b,
    );
    assert_ends(
        &[
            sign(0),
            put(10, "a", 1),
            put(11, "b", 2),
            event(12, "b", 2),
            event(13, "a", 1),
        ],
        ends_b,
    );
    // Seen in the wrong order, the store's own order holds.
    assert_ends(
        &[
            sign(0),
            put(10, "b", 2),
            put(11, "a", 1),
            event(12, "a", 1),
            reconcile(20),
        ],
        ends_b,
    );
    assert_ends(
        &[
            sign(0),
            put(10, "b", 2),
            event(11, "b", 2),
            put(12, "a", 1),
            event(13, "a", 1),
        ],
        ends_b,
    );
    // The claim of the first dies, the second overtakes it.
    assert_ends(
        &[
            sign(0),
            put(10, "a", 1),
            crash(11, ("a", 1), "after-claim"),
            put(12, "b", 2),
            event(13, "b", 2),
            event(14, "a", 1),
        ],
        ends_b,
    );
}

/// A deletion of what nobody saw is no end while the URL lives.
#[test]
fn bytes_that_arrive_after_a_deletion_told_early_end_ready() {
    let early = json!({ "t": 5, "op": "delete-event", "upload": "u" });
    for tail in [
        vec![put(10, "a", 2), event(11, "a", 2)],
        vec![put(10, "a", 2), confirm(11)],
        vec![put(10, "a", 2), deleted(11, 1), event(12, "a", 2)],
        vec![put(10, "a", 2)],
        vec![reconcile(6), put(10, "a", 2), reconcile(20)],
        vec![reconcile(1200), put(1300, "a", 2)],
    ] {
        for first in [early.clone(), deleted(5, 1)] {
            let steps = [vec![sign(0), first], tail.clone()].concat();
            assert_ends(&steps, ("ready", Some("a"), 1));
        }
    }
    let again = [
        sign(0),
        put(10, "a", 1),
        deleted(12, 2),
        put(14, "b", 3),
        event(15, "a", 1),
        event(16, "b", 3),
    ];
    assert_ends(&again, ("ready", Some("b"), 1));
}

#[test]
fn a_deleted_object_ends_deleted_and_an_older_event_does_not_bring_it_back() {
    assert_ends(
        &[
            sign(0),
            put(10, "a", 1),
            event(11, "a", 1),
            deleted(12, 2),
            event(13, "a", 1),
            reconcile(20),
        ],
        ("deleted", Some("a"), 1),
    );
    for at in CRASHES {
        let steps = [
            sign(0),
            put(10, "a", 1),
            crash(11, ("a", 1), at),
            deleted(12, 2),
            event(500, "a", 1),
            reconcile(600),
        ];
        assert_eq!(ends(&steps)["u"]["state"], "deleted", "{at}");
    }
    let unseen = [
        sign(0),
        put(10, "a", 1),
        deleted(12, 2),
        event(13, "a", 1),
        reconcile(20),
    ];
    assert_eq!(ends(&unseen)["u"]["state"], "deleted");
    assert_eq!(ends(&unseen)["u"]["conversions"], 0);
    assert_ends(
        &[
            sign(0),
            put(10, "a", 1),
            confirm(11),
            deleted(12, 2),
            reconcile(20),
        ],
        ("deleted", Some("a"), 0),
    );
    // An old deletion does not delete what came after it.
    assert_ends(
        &[
            sign(0),
            put(10, "a", 1),
            put(11, "b", 3),
            deleted(12, 2),
            event(13, "b", 3),
            event(14, "a", 1),
        ],
        ("ready", Some("b"), 1),
    );
}

#[test]
fn uploads_of_one_schedule_do_not_touch_each_other() {
    let of = |name: &str, steps: Vec<Value>| {
        steps
            .into_iter()
            .map(|mut step| {
                step["upload"] = name.into();
                step
            })
            .collect::<Vec<_>>()
    };
    let steps = [
        of("one", vec![sign(0), put(1, "a", 1), event(2, "a", 1)]),
        of("two", vec![sign(3)]),
        of("three", vec![sign(4), broken(5, "x", 1), event(6, "x", 1)]),
        vec![reconcile(10)],
    ]
    .concat();
    assert_eq!(
        ends(&steps),
        json!({
            "one": { "state": "ready", "etag": "a", "conversions": 1 },
            "three": { "state": "failed", "etag": "x", "conversions": 0 },
            "two": { "state": "expired", "etag": null, "conversions": 0 },
        })
    );
}

#[test]
fn a_step_that_nobody_knows_is_an_error() {
    assert!(answer(&json!({ "steps": [{ "t": 0, "op": "dance", "upload": "u" }] })).is_err());
    assert!(answer(&json!({})).is_err());
}
