mod kept;
mod properties;

use super::*;
use crate::upload::Change;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn pending() -> Upload {
    let now = at(0);
    Upload {
        id: UploadId::new(now, [7; 10]),
        owner: OwnerId::parse("alice").unwrap(),
        revision: 0,
        state: State::Pending,
        generation: 0,
        filename: "a.csv".into(),
        category: "dataset".into(),
        extension: "csv".into(),
        content_type: "text/csv".into(),
        size_bytes_declared: Some(10),
        size_bytes_max: 10,
        checksum_sha256: None,
        object: ObjectRef::new("bucket", "uploads/alice/a.csv"),
        strategy: Strategy::Put,
        part_size_bytes: None,
        multipart_upload_id: None,
        in_parts: InParts::default(),
        keep_original: true,
        deleted_retention_s: 3600,
        retention_s: None,
        overwrite: None,
        unconfirmed_s: None,
        collection_id: None,
        labels: BTreeMap::new(),
        metadata: serde_json::Map::new(),
        claimed: Claimed::default(),
        created_at: now,
        updated_at: now,
        url_expires_at: at(900),
        uploaded_at: None,
        confirmed_at: None,
        processed_at: None,
        seen: None,
        lease: None,
        attempts: 0,
        deaths: 0,
        outcome: None,
        failure: None,
        original_removed: false,
        removed_unseen: false,
        absent_since: None,
        conflict_etag: None,
        outputs: Vec::new(),
        last_fault: None,
        deletion: None,
        deletion_reason: None,
        deleted_at: None,
        reserved_bytes: 10,
        due_at: Some(at(60)),
        looks: 0,
        puts_once: false,
        look_failures: 0,
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

fn seen(etag: &str) -> Event {
    Event::Seen {
        object: version(etag, None),
    }
}

fn confirmed(etag: &str) -> Event {
    Event::Confirmed {
        object: version(etag, None),
        collection_id: None,
        claimed: Claimed::default(),
    }
}

fn claim(etag: &str, token: &str, until: Timestamp) -> Event {
    Event::Claim {
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

/// What was seen of an upload is under `deleted/`.
const MOVED: Event = Event::DeletionMoved { kept_bytes: 10 };

fn succeed(etag: &str, token: &str) -> Event {
    Event::Succeed {
        token: token.into(),
        outcome: Outcome {
            etag: ETag::new(etag),
            bucket: None,
            parquet_key: None,
            profile_key: None,
            rejects_key: None,
            row_count: Some(3),
            reject_count: Some(0),
            columns: None,
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
        Step::Change(change) => *change,
        step @ (Step::Unchanged | Step::Refused(_)) => panic!("{event:?}: {step:?}"),
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
    let event_first = after(&pending(), &[seen("a"), confirmed("a")], at(5));
    let confirm_first = changed(&pending(), &confirmed("a"), at(5));
    assert!(confirm_first.enqueue);
    assert_eq!(
        confirm_first.after.apply(&seen("a"), at(5)),
        Step::Unchanged
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
fn one_claim_wins_until_its_lease_ends() {
    let held = after(&pending(), &[claim("a", "one", at(100))], at(0));
    assert_eq!(held.state, State::Processing);
    assert_eq!(
        held.apply(&claim("a", "two", at(150)), at(99)),
        Step::Refused(Refusal::Leased)
    );
    let taken = changed(&held, &claim("a", "two", at(220)), at(100)).after;
    assert_eq!(taken.attempts, 2);
    assert_eq!(
        taken.apply(&succeed("a", "one"), at(101)),
        Step::Refused(Refusal::LeaseLost)
    );
    let ready = after(&taken, &[succeed("a", "two")], at(102));
    assert_eq!(ready.state, State::Ready);
    // One more look when the URL is dead, and then rest.
    assert_eq!(ready.due_at, Some(at(102 + 900)));
    assert_eq!(ready.apply(&seen("a"), at(500)), Step::Unchanged);
    let looked_at = changed(&ready, &seen("a"), at(1002)).after;
    assert_eq!((looked_at.state, looked_at.due_at), (State::Ready, None));
    assert_eq!(
        ready.apply(&claim("a", "three", at(300)), at(103)),
        Step::Refused(Refusal::Processed)
    );
}

#[test]
fn a_newer_version_takes_over() {
    let first = Event::Seen {
        object: version("a", Some("0055")),
    };
    let second = Event::Seen {
        object: version("b", Some("0066")),
    };
    let ready = after(
        &pending(),
        &[first.clone(), claim("a", "t", at(100)), succeed("a", "t")],
        at(1),
    );
    let newer = changed(&ready, &second, at(2));
    assert!(newer.enqueue);
    assert_eq!(newer.after.generation, 2);
    let holder_of_old = after(&pending(), &[first, claim("a", "t", at(100))], at(1));
    let overtaken = after(&holder_of_old, &[second], at(2));
    assert_eq!(
        overtaken.apply(&succeed("a", "t"), at(3)),
        Step::Refused(Refusal::LeaseLost)
    );
}

/// A HEAD showed it, so it is there; a store that was restarted begins to count anew.
#[test]
fn a_sequencer_that_began_anew_or_stands_still_hides_no_newer_version() {
    for sequencer in [Some("01"), Some("57"), None] {
        let old = Event::Seen {
            object: version("a", Some("57")),
        };
        let new = ObjectVersion {
            sequencer: sequencer.map(|text| Sequencer::parse(text).unwrap()),
            ..version("b", None)
        };
        let known = after(
            &pending(),
            &[old, claim("a", "t", at(100)), succeed("a", "t")],
            at(1),
        );
        let seen = changed(
            &known,
            &Event::Seen {
                object: new.clone(),
            },
            at(2),
        )
        .after;
        assert_eq!((seen.generation, seen.etag()), (2, Some(&new.etag)));
        let claim = Event::Claim {
            object: new,
            lease: Lease {
                token: "u".into(),
                until: at(100),
            },
            output: None,
        };
        let claimed = changed(&known, &claim, at(2)).after;
        assert_eq!((claimed.state, claimed.generation), (State::Processing, 2));
    }
}

#[test]
fn an_unused_url_ends_expired_but_late_bytes_are_taken() {
    let early = changed(&pending(), &Event::Missing, at(60)).after;
    assert_eq!(early.state, State::Pending);
    assert!(early.due_at > Some(at(60)));
    let expired = changed(&early, &Event::Missing, at(900 + 60)).after;
    assert_eq!((expired.state, expired.reserved_bytes), (State::Expired, 0));
    let revived = changed(&expired, &seen("a"), at(2000));
    assert_eq!(revived.after.state, State::Uploaded);
    assert_eq!(revived.after.reserved_bytes, 10);
    assert!(revived.enqueue);
}

fn in_parts() -> Upload {
    let begun = Event::MultipartBegun {
        upload_id: "m".into(),
    };
    let upload = Upload {
        strategy: Strategy::Multipart,
        part_size_bytes: Some(5),
        ..pending()
    };
    changed(&upload, &begun, at(0)).after
}

#[test]
fn parts_that_come_renew_an_upload_and_silence_ends_it() {
    let found = |count: u32| Event::PartsFound {
        count,
        size_bytes: u64::from(count) * 5,
    };
    let first = changed(&in_parts(), &found(1), at(1000)).after;
    assert_eq!(
        first.state,
        State::Uploading,
        "its URLs ended, and it lives"
    );
    let again = changed(&first, &found(1), at(1000 + 86_399)).after;
    assert_eq!((again.state, again.reserved_bytes), (State::Uploading, 10));
    assert_eq!(again.due_at, Some(at(1000 + 86_400)));
    let more = changed(&again, &found(2), at(1000 + 86_400)).after;
    assert_eq!(more.state, State::Uploading);
    for event in [found(2), Event::Missing] {
        let silent = changed(&more, &event, at(1000 + 2 * 86_400)).after;
        assert_eq!((silent.state, silent.reserved_bytes), (State::Expired, 0));
    }
}

#[test]
fn an_upload_in_parts_ends_at_the_end_of_its_life_whatever_comes() {
    let mut upload = in_parts();
    let end = upload.life_ends_at();
    for hour in 1..=7 * 24 {
        let resigned = Event::Resigned {
            url_expires_at: at(hour * 3600 + 900).min(end),
        };
        if let Step::Change(change) = upload.apply(&resigned, at(hour * 3600)) {
            upload = change.after;
        }
        let found = Event::PartsFound {
            count: 1,
            size_bytes: hour.unsigned_abs(),
        };
        upload = changed(&upload, &found, at(hour * 3600)).after;
        assert_eq!(upload.state, State::Uploading);
    }
    let found = Event::PartsFound {
        count: 2,
        size_bytes: 10,
    };
    let ended = changed(&upload, &found, add_s(end, EXPIRY_GRACE_S)).after;
    assert_eq!(ended.state, State::Expired);
}

#[test]
fn an_upload_in_parts_of_an_older_record_has_the_usual_window() {
    let mut record = serde_json::to_value(in_parts()).unwrap();
    record.as_object_mut().unwrap().remove("in_parts");
    let upload: Upload = serde_json::from_value(record).unwrap();
    assert_eq!(upload.unfinished_ends_at(), at(86_400));
    let put = Upload {
        multipart_upload_id: None,
        ..upload
    };
    assert_eq!(put.unfinished_ends_at(), at(900 + 60));
}

#[test]
fn signing_again_begins_an_unused_upload_anew_while_its_life_lasts() {
    let expired = changed(&pending(), &Event::Missing, at(960)).after;
    let signed = |second: i64| Event::Resigned {
        url_expires_at: at(second + 900),
    };
    let again = changed(&expired, &signed(5000), at(5000)).after;
    assert_eq!((again.state, again.reserved_bytes), (State::Pending, 10));
    assert_eq!(again.generation, expired.generation + 1);
    assert_eq!(again.due_at, Some(at(5060)));
    let over = 7 * 86_400;
    assert_eq!(
        expired.apply(&signed(over), at(over)),
        Step::Refused(Refusal::OutOfPlace)
    );
    // Whose parts were freed has nothing to go on with.
    let freed = changed(&in_parts(), &Event::Missing, at(86_400)).after;
    assert_eq!(freed.state, State::Expired);
    assert_eq!(
        freed.apply(&signed(90_000), at(90_000)),
        Step::Refused(Refusal::OutOfPlace)
    );
}

#[test]
fn the_sweep_stops_looking_for_an_expired_upload() {
    let mut upload = changed(&pending(), &Event::Missing, at(960)).after;
    let mut looks = 0;
    while let Some(due) = upload.due_at {
        upload = changed(&upload, &Event::Missing, due).after;
        looks += 1;
        assert!(looks <= LATE_LOOKS_MAX);
    }
    assert_eq!(upload.state, State::Expired);
}

#[test]
fn attempts_are_bounded_and_end_failed_with_a_reason() {
    let mut upload = pending();
    let mut now = at(0);
    for attempt in 0..ATTEMPTS_MAX {
        upload = after(
            &upload,
            &[claim("a", &attempt.to_string(), add_s(now, LEASE_S))],
            now,
        );
        now = add_s(now, LEASE_S);
    }
    let ended = changed(&upload, &claim("a", "last", add_s(now, LEASE_S)), now).after;
    assert_eq!(ended.state, State::Failed);
    assert_eq!(ended.failure.unwrap().code, "attempts_exhausted");
}

#[test]
fn deleted_stays_deleted() {
    let deleted = after(&pending(), &[seen("a"), BY_OWNER], at(1));
    assert_eq!(deleted.state, State::Deleted);
    // Its bytes are kept, and count, until they are purged; and those that its URL may still bring.
    assert_eq!(deleted.reserved_bytes, 20);
    assert_eq!(deleted.apply(&seen("a"), at(2)), Step::Unchanged);
    assert_eq!(
        deleted.apply(&claim("b", "t", at(9)), at(2)),
        Step::Refused(Refusal::Deleted)
    );
    let moved = changed(&deleted, &MOVED, at(3)).after;
    let purged = changed(&moved, &Event::DeletionPurged, at(3601)).after;
    assert_eq!(
        (purged.deletion.clone(), purged.reserved_bytes),
        (Some(Deletion::Purged), 0)
    );
    // Bytes that come afterwards are swept away, and the state stays.
    let swept = changed(&purged, &seen("c"), at(3602)).after;
    assert_eq!(
        (swept.state, swept.due_at),
        (State::Deleted, Some(at(3602)))
    );
}

#[test]
fn a_deletion_that_we_made_ourselves_does_not_undo_ready() {
    let mut upload = pending();
    upload.keep_original = false;
    let ready = after(
        &upload,
        &[claim("a", "t", at(100)), succeed("a", "t")],
        at(1),
    );
    assert_eq!(ready.due_at, Some(at(1)));
    let removed = changed(&ready, &Event::OriginalRemoved, at(2)).after;
    assert_eq!(removed.due_at, Some(at(960)));
    let at_rest = changed(&removed, &Event::Missing, at(960)).after;
    assert_eq!((at_rest.state, at_rest.due_at), (State::Ready, None));
    let gone = Event::ObjectRemoved { sequencer: None };
    assert_eq!(removed.apply(&gone, at(3)), Step::Unchanged);
}

#[test]
fn a_url_that_brings_its_object_once_is_looked_after_where_we_freed_its_place() {
    for (keep_original, strategy, due) in [
        (true, Strategy::Put, None),
        (false, Strategy::Put, Some(at(960))),
        (false, Strategy::Multipart, None),
    ] {
        let upload = Upload {
            keep_original,
            strategy,
            puts_once: true,
            ..pending()
        };
        let done = [claim("a", "t", at(100)), succeed("a", "t")];
        let mut ready = after(&upload, &done, at(1));
        if !keep_original {
            ready = changed(&ready, &Event::OriginalRemoved, at(2)).after;
        }
        assert_eq!(ready.due_at, due);
    }
}

#[test]
fn an_object_that_somebody_removed_ends_deleted() {
    let gone = |sequencer: &str| Event::ObjectRemoved {
        sequencer: Some(Sequencer::parse(sequencer).unwrap()),
    };
    let uploaded = after(
        &pending(),
        &[Event::Seen {
            object: version("a", Some("05")),
        }],
        at(1),
    );
    let ended = changed(&uploaded, &gone("06"), at(2)).after;
    assert_eq!(
        (ended.state, ended.deletion_reason),
        (State::Deleted, Some(DeletionReason::ObjectRemoved))
    );
    // For ever: what comes afterwards is swept away.
    let moved = changed(&ended, &MOVED, at(3)).after;
    let late = changed(&moved, &seen("b"), at(4)).after;
    assert_eq!((late.state, late.due_at), (State::Deleted, Some(at(4))));
    // Of an older version, or of a store that began to count anew: then a second look tells.
    let doubtful = changed(&uploaded, &gone("04"), at(2)).after;
    assert_eq!(
        (doubtful.state, doubtful.absent_since),
        (State::Uploaded, Some(at(2)))
    );
    let second_look = add_s(at(2), ABSENCE_CONFIRM_S);
    let ended = changed(&doubtful, &Event::Missing, second_look).after;
    assert_eq!(ended.state, State::Deleted);
    let ready = after(
        &uploaded,
        &[claim("a", "t", at(100)), succeed("a", "t")],
        at(1),
    );
    let doubtful = changed(&ready, &gone("04"), at(2)).after;
    let second_look = add_s(at(2), ABSENCE_CONFIRM_S);
    assert_eq!(doubtful.state, State::Ready);
    let ended = changed(&doubtful, &Event::Missing, second_look).after;
    assert_eq!(ended.deletion_reason, Some(DeletionReason::ObjectRemoved));
    let back = changed(&doubtful, &seen("a"), second_look).after;
    assert_eq!((back.state, back.absent_since), (State::Ready, None));
}

#[test]
fn a_removal_of_what_nobody_saw_ends_deleted_only_when_nothing_comes_any_more() {
    let removed = |sequencer: Option<&str>| Event::ObjectRemoved {
        sequencer: sequencer.map(|text| Sequencer::parse(text).unwrap()),
    };
    for sequencer in [None, Some("04")] {
        let told = changed(&pending(), &removed(sequencer), at(5)).after;
        assert_eq!(
            (told.state, told.due_at, told.reserved_bytes),
            (State::Pending, Some(at(60)), 10)
        );
        assert_eq!(told.apply(&removed(None), at(6)), Step::Unchanged);
        // Its URL still lives.
        let came = changed(&told, &seen("a"), at(7));
        assert_eq!((came.after.state, came.enqueue), (State::Uploaded, true));
        assert!(!came.after.removed_unseen);
        let ready = after(&told, &[claim("a", "t", at(100)), succeed("a", "t")], at(7));
        assert_eq!(ready.state, State::Ready);
        // Late bytes are taken as ever.
        let expired = changed(&told, &Event::Missing, at(960)).after;
        assert_eq!(expired.state, State::Expired);
        assert_eq!(
            changed(&expired, &seen("a"), at(970)).after.state,
            State::Uploaded
        );
    }
    let mut upload = changed(&pending(), &Event::Missing, at(960)).after;
    upload = changed(&upload, &removed(None), at(970)).after;
    let mut looks = 0;
    while upload.state == State::Expired {
        let due = upload.due_at.expect("the last look is what ends it");
        upload = changed(&upload, &Event::Missing, due).after;
        looks += 1;
    }
    assert_eq!((upload.state, looks), (State::Deleted, LATE_LOOKS_MAX));
}

#[test]
fn a_removal_told_when_nobody_looks_any_more_ends_deleted() {
    let mut upload = changed(&pending(), &Event::Missing, at(960)).after;
    while let Some(due) = upload.due_at {
        upload = changed(&upload, &Event::Missing, due).after;
    }
    let removed = Event::ObjectRemoved { sequencer: None };
    let ended = changed(&upload, &removed, at(900_000)).after;
    assert_eq!(
        (ended.state, ended.due_at),
        (State::Deleted, Some(at(900_000)))
    );
}

#[test]
fn a_failure_keeps_its_etag_and_a_later_good_version_still_becomes_ready() {
    let failed = after(
        &pending(),
        &[claim("a", "t", at(100)), fail("a", "t")],
        at(1),
    );
    assert_eq!(failed.etag(), Some(&ETag::new("a")));
    let ready = after(
        &failed,
        &[seen("b"), claim("b", "u", at(100)), succeed("b", "u")],
        at(2),
    );
    assert_eq!((ready.state, ready.failure), (State::Ready, None));
}

#[test]
fn states_have_one_spelling() {
    for state in State::ALL {
        assert_eq!(State::parse(state.as_str()), Some(state));
        assert_eq!(
            serde_json::to_value(state).unwrap(),
            serde_json::json!(state.as_str())
        );
        assert!(!state.processing_status().is_empty());
    }
    assert_eq!(State::parse("done"), None);
    assert!(State::Pending.is_moving() && !State::Ready.is_moving());
}

/// What the store of the records with the least room takes, in bytes: an item of DynamoDB has 400 KB.
const RECORD_BYTES_MAX: usize = 400_000;

/// A record whose every field is as long as it may be, in the characters that JSON makes longest.
#[test]
fn the_longest_record_fits_in_an_item() {
    let key = || Some("k".repeat(1024));
    let columns = || Some(Columns::of(vec!["\u{1}".repeat(1024); 20_000]));
    let etag = || ETag::new(&"e".repeat(1024));
    let labels = (0..64).map(|i| (format!("{i:0>64}"), "v".repeat(255)));
    // Metadata is bounded as the JSON that it is.
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
        claimed: Claimed {
            columns: columns(),
            row_count: Some(u64::MAX),
            file_hash: Some("h".repeat(64)),
        },
        seen: Some(ObjectVersion {
            etag: etag(),
            size_bytes: u64::MAX,
            version_id: key(),
            sequencer: None,
        }),
        outcome: Some(Outcome {
            etag: etag(),
            bucket: key(),
            parquet_key: key(),
            profile_key: key(),
            rejects_key: key(),
            row_count: Some(u64::MAX),
            reject_count: Some(u64::MAX),
            columns: columns(),
        }),
        failure: Some(Failure {
            code: "c".repeat(64),
            detail: "d".repeat(4096),
            etag: Some(etag()),
        }),
        ..pending()
    };
    let bytes = serde_json::to_string(&longest).unwrap().len();
    // Whatever else a record will have may be as long again.
    assert!(2 * bytes < RECORD_BYTES_MAX, "{bytes} bytes");
}

#[test]
fn a_record_with_all_names_of_its_columns_is_read() {
    let mut old = serde_json::to_value(pending()).unwrap();
    old["claimed"]["columns"] = serde_json::json!(["id", "name"]);
    let read: Upload = serde_json::from_value(old).unwrap();
    let columns = read.claimed.columns.unwrap();
    assert_eq!((columns.count(), columns.names()[1].as_str()), (2, "name"));
}
