mod kept;
mod lives;
mod properties;
mod removed;
mod stored;

use super::*;
use crate::time::{self, saturating_add_secs};
use crate::upload::Change;

fn at(second: i64) -> Timestamp {
    time::from_secs(1_800_000_000 + second).unwrap()
}

fn pending() -> Upload {
    let now = at(0);
    Upload {
        filename: "a.csv".into(),
        category: "dataset".into(),
        extension: "csv".into(),
        content_type: "text/csv".into(),
        size_bytes_declared: Some(10),
        size_bytes_max: 10,
        deleted_retention_s: 3600,
        url_expires_at: at(900),
        reserved_bytes: 10,
        ..Upload::pending(
            UploadId::new(now, [7; 10]),
            OwnerId::parse("alice").unwrap(),
            ObjectRef::new("bucket", "uploads/alice/a.csv"),
            now,
        )
    }
}

fn version(etag: &str, sequencer: Option<&str>) -> ObjectVersion {
    ObjectVersion {
        etag: ETag::new(etag),
        size_bytes: 10,
        version_id: None,
        sequencer: sequencer.map(|text| Sequencer::parse(text).unwrap()),
    }
}

fn observed(etag: &str) -> Event {
    Event::ObjectObserved {
        object: version(etag, None),
    }
}

fn confirmed(etag: &str) -> Event {
    Event::Confirmed {
        object: version(etag, None),
        collection_id: None,
        metadata: ClientMetadata::default(),
    }
}

fn acquire(etag: &str, token: &str, until: Timestamp) -> Event {
    Event::AcquireLease {
        object: version(etag, None),
        lease: Lease {
            token: token.into(),
            until,
        },
        output: None,
    }
}

const BY_OWNER: Event = Event::Delete {
    reason: DeletionReason::Owner,
};

/// The observed object was moved under `deleted/`.
const MOVED: Event = Event::DeletionMoved { kept_bytes: 10 };

fn succeed(etag: &str, token: &str) -> Event {
    Event::Succeed {
        token: token.into(),
        outcome: IngestOutcome {
            etag: ETag::new(etag),
            bucket: None,
            parquet_key: None,
            profile_key: None,
            rejects_key: None,
            rejects_parquet_key: None,
            row_count: Some(3),
            reject_count: Some(0),
            columns: None,
            schema_difference: None,
        },
    }
}

fn fail(etag: &str, token: &str) -> Event {
    Event::Fail {
        token: token.into(),
        failure: Failure {
            code: "not_text".into(),
            detail: "no".into(),
            etag: Some(ETag::new(etag)),
        },
    }
}

#[track_caller]
fn changed(upload: &Upload, event: &Event, now: Timestamp) -> Change {
    match upload.apply(event, now) {
        Decision::Change(change) => *change,
        step @ (Decision::Unchanged | Decision::Refused(_)) => panic!("{event:?}: {step:?}"),
    }
}

#[track_caller]
fn after(upload: &Upload, events: &[Event], now: Timestamp) -> Upload {
    events.iter().fold(upload.clone(), |upload, event| {
        changed(&upload, event, now).after
    })
}

#[test]
fn confirm_and_the_event_commute() {
    let event_first = after(&pending(), &[observed("a"), confirmed("a")], at(5));
    let confirm_first = changed(&pending(), &confirmed("a"), at(5));
    assert!(confirm_first.enqueue);
    assert_eq!(
        confirm_first.after.apply(&observed("a"), at(5)),
        Decision::Unchanged
    );
    assert_eq!(
        Upload {
            revision: 0,
            ..event_first
        },
        Upload {
            revision: 0,
            ..confirm_first.after
        }
    );
}

#[test]
fn a_lease_is_exclusive_until_it_ends() {
    let held = after(&pending(), &[acquire("a", "one", at(100))], at(0));
    assert_eq!(held.state, UploadState::Processing);
    assert_eq!(
        held.apply(&acquire("a", "two", at(150)), at(99)),
        Decision::Refused(Refusal::Leased)
    );
    let taken = changed(&held, &acquire("a", "two", at(220)), at(100)).after;
    assert_eq!(taken.attempts, 2);
    assert_eq!(
        taken.apply(&succeed("a", "one"), at(101)),
        Decision::Refused(Refusal::LeaseLost)
    );
    let ready = after(&taken, &[succeed("a", "two")], at(102));
    assert_eq!(ready.state, UploadState::Ready);
    // One more probe when the URL has expired by every clock, and none after that.
    assert_eq!(ready.next_check_at, Some(at(1860)));
    assert_eq!(ready.apply(&observed("a"), at(500)), Decision::Unchanged);
    let observed = changed(&ready, &observed("a"), at(1860)).after;
    assert_eq!(
        (observed.state, observed.next_check_at),
        (UploadState::Ready, None)
    );
    assert_eq!(
        ready.apply(&acquire("a", "three", at(300)), at(103)),
        Decision::Refused(Refusal::Processed)
    );
}

#[test]
fn a_newer_version_takes_over() {
    let first = Event::ObjectObserved {
        object: version("a", Some("0055")),
    };
    let second = Event::ObjectObserved {
        object: version("b", Some("0066")),
    };
    let ready = after(
        &pending(),
        &[first.clone(), acquire("a", "t", at(100)), succeed("a", "t")],
        at(1),
    );
    let newer = changed(&ready, &second, at(2));
    assert!(newer.enqueue);
    assert_eq!(newer.after.generation, 2);
    let holder_of_old = after(&pending(), &[first, acquire("a", "t", at(100))], at(1));
    let overtaken = after(&holder_of_old, &[second], at(2));
    assert_eq!(
        overtaken.apply(&succeed("a", "t"), at(3)),
        Decision::Refused(Refusal::LeaseLost)
    );
}

/// A HEAD request returned it, so it exists. A store that was restarted may restart its sequencers.
#[test]
fn a_restarted_or_repeated_sequencer_hides_no_newer_version() {
    for sequencer in [Some("01"), Some("57"), None] {
        let old = Event::ObjectObserved {
            object: version("a", Some("57")),
        };
        let new = ObjectVersion {
            sequencer: sequencer.map(|text| Sequencer::parse(text).unwrap()),
            ..version("b", None)
        };
        let known = after(
            &pending(),
            &[old, acquire("a", "t", at(100)), succeed("a", "t")],
            at(1),
        );
        let observed = changed(
            &known,
            &Event::ObjectObserved {
                object: new.clone(),
            },
            at(2),
        )
        .after;
        assert_eq!((observed.generation, observed.etag()), (2, Some(&new.etag)));
        let acquire = Event::AcquireLease {
            object: new,
            lease: Lease {
                token: "u".into(),
                until: at(100),
            },
            output: None,
        };
        let acquired = changed(&known, &acquire, at(2)).after;
        assert_eq!(
            (acquired.state, acquired.generation),
            (UploadState::Processing, 2)
        );
    }
}

#[test]
fn an_unused_url_ends_expired_but_late_bytes_are_taken() {
    let early = changed(&pending(), &Event::ObjectAbsent, at(60)).after;
    assert_eq!(early.state, UploadState::Pending);
    assert!(early.next_check_at > Some(at(60)));
    let expired = changed(&early, &Event::ObjectAbsent, at(900 + 60)).after;
    assert_eq!(
        (expired.state, expired.reserved_bytes),
        (UploadState::Expired, 0)
    );
    let revived = changed(&expired, &observed("a"), at(2000));
    assert_eq!(revived.after.state, UploadState::Uploaded);
    assert_eq!(revived.after.reserved_bytes, 10);
    assert!(revived.enqueue);
}

#[test]
fn the_sweep_stops_probing_for_an_expired_upload() {
    let mut upload = changed(&pending(), &Event::ObjectAbsent, at(960)).after;
    let mut probes = 0;
    while let Some(due) = upload.next_check_at {
        upload = changed(&upload, &Event::ObjectAbsent, due).after;
        probes += 1;
        assert!(probes <= LATE_PROBES_MAX);
    }
    assert_eq!(upload.state, UploadState::Expired);
}

#[test]
fn attempts_are_bounded_and_end_failed_with_a_reason() {
    let mut upload = pending();
    let mut now = at(0);
    for attempt in 0..ATTEMPTS_MAX {
        upload = after(
            &upload,
            &[acquire(
                "a",
                &attempt.to_string(),
                saturating_add_secs(now, LEASE_S),
            )],
            now,
        );
        now = saturating_add_secs(now, LEASE_S);
    }
    let ended = changed(
        &upload,
        &acquire("a", "last", saturating_add_secs(now, LEASE_S)),
        now,
    )
    .after;
    assert_eq!(ended.state, UploadState::Failed);
    assert_eq!(ended.failure.unwrap().code, "attempts_exhausted");
}

#[test]
fn a_failure_keeps_its_etag_and_a_later_good_version_still_becomes_ready() {
    let failed = after(
        &pending(),
        &[acquire("a", "t", at(100)), fail("a", "t")],
        at(1),
    );
    assert_eq!(failed.etag(), Some(&ETag::new("a")));
    let ready = after(
        &failed,
        &[observed("b"), acquire("b", "u", at(100)), succeed("b", "u")],
        at(2),
    );
    assert_eq!((ready.state, ready.failure), (UploadState::Ready, None));
}

#[test]
fn states_have_one_spelling() {
    for state in UploadState::ALL {
        assert_eq!(UploadState::of(state.status()), Some(state));
        assert_eq!(
            serde_json::to_value(state).unwrap(),
            serde_json::json!(state.as_str())
        );
        assert_eq!(state.status().as_str(), state.as_str());
    }
    assert_eq!(UploadState::of(consign_api::Status::Unknown), None);
    assert!(UploadState::Pending.is_moving() && !UploadState::Ready.is_moving());
}

/// The largest item of DynamoDB, the store with the smallest limit, in bytes.
const RECORD_BYTES_MAX: usize = 400_000;

/// A record in which every field has its maximum length, in characters that take the most bytes of JSON.
#[test]
fn the_longest_record_fits_in_an_item() {
    let key = || Some("k".repeat(1024));
    let columns = || Some(Columns::of(vec!["\u{1}".repeat(1024); 20_000]));
    let etag = || ETag::new(&"e".repeat(1024));
    let labels = (0..64).map(|i| (format!("{i:0>64}"), "v".repeat(255)));
    // Metadata is bounded by the length of its JSON.
    let metadata = serde_json::Map::from_iter([("m".to_owned(), "\u{1}".repeat(1363).into())]);
    assert!(serde_json::to_string(&metadata).unwrap().len() > 8_180);
    let longest = Upload {
        owner: OwnerId::parse(&"\"".repeat(128)).unwrap(),
        filename: "\u{10ffff}".repeat(255),
        category: "c".repeat(255),
        content_type: "t".repeat(128),
        checksum_sha256: Some("s".repeat(64)),
        object: ObjectRef::new("b".repeat(63), "k".repeat(1024)),
        multipart_upload_id: key(),
        collection_id: Some("c".repeat(64)),
        labels: labels.collect(),
        metadata,
        client_metadata: ClientMetadata {
            columns: columns(),
            row_count: Some(u64::MAX),
            file_hash: Some("h".repeat(64)),
        },
        observed: Some(ObjectVersion {
            etag: etag(),
            size_bytes: u64::MAX,
            version_id: key(),
            sequencer: None,
        }),
        outcome: Some(IngestOutcome {
            etag: etag(),
            bucket: key(),
            parquet_key: key(),
            profile_key: key(),
            rejects_key: key(),
            rejects_parquet_key: key(),
            row_count: Some(u64::MAX),
            reject_count: Some(u64::MAX),
            columns: columns(),
            schema_difference: Some("d".repeat(4096)),
        }),
        outputs: vec![
            Outputs {
                generation: u32::MAX,
                bucket: "b".repeat(63),
                parquet_key: "k".repeat(1024),
                profile_key: "k".repeat(1024),
                rejects_key: "k".repeat(1024),
                rejects_parquet_key: key(),
            };
            VERSIONS_MAX
        ],
        failure: Some(Failure {
            code: "c".repeat(64),
            detail: "d".repeat(4096),
            etag: Some(etag()),
        }),
        ..pending()
    };
    // Hints are bounded by the length of their JSON, once of the request and once of the policy.
    let bytes = serde_json::to_string(&longest).unwrap().len() + 2 * (8 << 10);
    assert!(bytes < RECORD_BYTES_MAX, "{bytes} bytes");
}

#[test]
fn a_record_with_all_names_of_its_columns_is_read() {
    let mut old = serde_json::to_value(pending()).unwrap();
    old["claimed"]["columns"] = serde_json::json!(["id", "name"]);
    let read: Upload = serde_json::from_value(old).unwrap();
    let columns = read.client_metadata.columns.unwrap();
    assert_eq!((columns.count(), columns.names()[1].as_str()), (2, "name"));
}
