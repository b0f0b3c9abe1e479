//! What ends an upload and what does not: absence, deletion, other versions, other templates, other clocks.

use super::*;
use crate::policy::Variant;

#[test]
fn one_look_in_vain_deletes_nothing_and_a_second_far_from_it_does() {
    let claimed = after(&pending(), &[claim("a", "t", at(100))], at(0));
    for known in [
        after(&pending(), &[seen("a")], at(1)),
        after(&pending(), &[confirmed("a")], at(1)),
        claimed,
    ] {
        let missed = changed(&known, &Event::ObjectAbsent, at(200)).after;
        assert_eq!(
            (missed.state, missed.absent_since),
            (known.state, Some(at(200)))
        );
        // It is looked for soon, and a look that was not due adds nothing.
        assert_eq!(
            missed.next_check_at,
            Some(saturating_add_secs(at(200), ABSENCE_PROBE_S))
        );
        assert_eq!(
            missed.apply(&Event::ObjectAbsent, at(201)),
            Decision::Unchanged
        );
        let found = changed(&missed, &seen("a"), at(300));
        assert_eq!((found.after.absent_since, found.enqueue), (None, true));
        assert_eq!(found.after.generation, 1);
        let taken = changed(&missed, &claim("a", "u", at(400)), at(300)).after;
        assert_eq!(
            (taken.state, taken.absent_since),
            (UploadState::Processing, None)
        );

        let gone = changed(
            &missed,
            &Event::ObjectAbsent,
            saturating_add_secs(at(200), ABSENCE_CONFIRM_S),
        )
        .after;
        assert_eq!(
            (gone.state, gone.deletion_reason),
            (UploadState::Deleted, Some(DeletionReason::ObjectAbsent))
        );
    }
}

/// The looks for an upload that was missed, in seconds since then, each `late_s` after it was due; the last one ends it.
fn looks_until_gone(known: &Upload, late_s: i64) -> Vec<i64> {
    let mut upload = changed(known, &Event::ObjectAbsent, at(1000)).after;
    let mut looks = Vec::new();
    while upload.state != UploadState::Deleted {
        let look = saturating_add_secs(upload.next_check_at.unwrap(), late_s.unsigned_abs());
        looks.push(look.signed_duration_since(at(1000)).num_seconds());
        // Doubled, it moves nothing on.
        let next = changed(&upload, &Event::ObjectAbsent, look).after;
        if next.state != UploadState::Deleted {
            assert_eq!(next.apply(&Event::ObjectAbsent, look), Decision::Unchanged);
            assert_eq!(
                (next.state, next.absent_since),
                (known.state, Some(at(1000)))
            );
        }
        upload = next;
    }
    looks
}

#[test]
fn what_is_missed_is_looked_for_soon_and_ever_more_rarely_and_is_gone_half_an_hour_later() {
    let removed = |sequencer: &str| Event::ObjectRemoved {
        sequencer: Some(Sequencer::parse(sequencer).unwrap()),
    };
    let first = Event::ObjectObserved {
        object: version("a", Some("05")),
    };
    let uploaded = after(&pending(), &[first], at(1));
    let held = after(&pending(), &[claim("a", "t", at(100))], at(0));
    for known in [&uploaded, &held] {
        let wanted = [10, 20, 40, 80, 160, 320, 640, 1280, 1800];
        assert_eq!(looks_until_gone(known, 0), wanted);
        for late_s in 1..100 {
            let looks = looks_until_gone(known, late_s);
            assert!(looks.last() >= Some(&1800), "{looks:?}");
            // Whatever was away for a time is found after as long again, and a look that comes late.
            for pair in looks.windows(2) {
                assert!(pair[1] <= 2 * pair[0].max(10) + late_s, "{looks:?}");
            }
        }
        // One that cannot be looked at meanwhile is as one that is late.
        let missed = changed(known, &Event::ObjectAbsent, at(1000)).after;
        let failed = Event::ProbeFailed {
            is_transient: false,
        };
        let failed = changed(&missed, &failed, at(1010)).after;
        assert_eq!(failed.absent_since, Some(at(1000)));
        let again = changed(&failed, &Event::ObjectAbsent, at(1070)).after;
        assert_eq!(again.next_check_at, Some(at(1140)));
        // There again at any of them, it goes on from there at once.
        let found = changed(&again, &seen("a"), at(1140));
        assert!(found.enqueue && found.after.absent_since.is_none());
        assert_eq!(
            found.after.next_check_at,
            Some(saturating_add_secs(at(1140), ENQUEUE_CHECK_S))
        );
    }
    // What is ready, of which a doubtful word told.
    let ready = after(
        &uploaded,
        &[claim("a", "t", at(100)), succeed("a", "t")],
        at(1),
    );
    let doubtful = changed(&ready, &removed("04"), at(2)).after;
    assert_eq!(doubtful.next_check_at, Some(at(12)));
    let again = changed(&doubtful, &Event::ObjectAbsent, at(12)).after;
    assert_eq!(
        (again.state, again.next_check_at),
        (UploadState::Ready, Some(at(22)))
    );
    let back = changed(&again, &seen("a"), at(22)).after;
    assert_eq!((back.state, back.absent_since), (UploadState::Ready, None));
}

fn lost() -> Upload {
    let missed = after(&pending(), &[confirmed("a"), Event::ObjectAbsent], at(1));
    changed(
        &missed,
        &Event::ObjectAbsent,
        saturating_add_secs(at(1), ABSENCE_CONFIRM_S),
    )
    .after
}

#[test]
fn a_deletion_by_absence_is_undone_when_the_object_is_seen_again() {
    for event in [
        seen("a"),
        confirmed("a"),
        claim("a", "t", at(5100)),
        seen("b"),
    ] {
        let lost = lost();
        let found = changed(&lost, &event, at(5000));
        assert!(found.enqueue);
        let found = found.after;
        assert_eq!((found.state, found.generation), (UploadState::Confirmed, 2));
        assert_eq!((found.deletion.clone(), found.reserved_bytes), (None, 10));
        let etag = found.etag().unwrap().clone();
        let done = [
            claim(etag.as_str(), "u", at(5100)),
            succeed(etag.as_str(), "u"),
        ];
        assert_eq!(after(&found, &done, at(5001)).state, UploadState::Ready);
    }
    // Until its retention is over the sweep looks for it, ever more rarely, and nothing is moved.
    let mut upload = lost();
    let purge_at = upload.purge_at().unwrap();
    let mut looks = 0;
    while upload.next_check_at.unwrap() < purge_at {
        upload = changed(&upload, &Event::ObjectAbsent, upload.next_check_at.unwrap()).after;
        assert_eq!(upload.deletion, Some(Deletion::Requested));
        looks += 1;
    }
    assert!((1..20).contains(&looks), "{looks}");
    // Its owner's word is for ever.
    let deleted = changed(&lost(), &BY_OWNER, at(5000)).after;
    assert_eq!(deleted.next_check_at, Some(at(5000)));
    assert_eq!(deleted.apply(&seen("a"), at(5001)), Decision::Unchanged);
}

/// A URL cannot be taken back: what it may bring counts until it is dead and a look has shown that nothing is there.
#[test]
fn what_the_url_of_a_deleted_upload_may_bring_counts_until_it_is_dead() {
    let deleted = changed(&pending(), &BY_OWNER, at(1)).after;
    assert_eq!(
        (deleted.reserved_bytes, deleted.next_check_at),
        (10, Some(at(1)))
    );
    assert_eq!(deleted.apply(&BY_OWNER, at(1)), Decision::Unchanged);
    let looked = changed(&deleted, &Event::DeletionPurged, at(2)).after;
    assert_eq!(
        (looked.reserved_bytes, looked.next_check_at),
        (10, Some(at(960)))
    );
    assert!(looked.counts_as_file());
    // It comes, and is removed at once; nothing is given back for it.
    let late = changed(&looked, &seen("a"), at(10)).after;
    assert_eq!(
        (late.state, late.next_check_at),
        (UploadState::Deleted, Some(at(10)))
    );
    assert_eq!(late.apply(&seen("a"), at(10)), Decision::Unchanged);
    let removed = changed(&late, &Event::DeletionPurged, at(11)).after;
    assert_eq!(
        (removed.reserved_bytes, removed.next_check_at),
        (10, Some(at(960)))
    );
    // Only then; and for a day it looks for what was under way.
    let mut upload = changed(&removed, &Event::DeletionPurged, at(960)).after;
    assert_eq!(upload.deletion, Some(Deletion::Purged));
    assert_eq!((upload.reserved_bytes, upload.counts_as_file()), (0, false));
    let mut looks = 0;
    while let Some(due) = upload.next_check_at {
        assert!(due > upload.updated_at && !upload.releases_key(due));
        let early = saturating_add_secs(upload.updated_at, 1);
        assert_eq!(
            upload.apply(&Event::ObjectAbsent, early),
            Decision::Unchanged
        );
        upload = changed(&upload, &Event::ObjectAbsent, due).after;
        looks += 1;
    }
    assert_eq!((upload.updated_at, looks), (at(900 + 86_400), 4));
    assert!(upload.releases_key(upload.updated_at));
}

#[test]
fn what_is_kept_of_a_deleted_file_counts_as_the_look_at_it_says() {
    // A form was used again after the last look, before the sweep came.
    let upload = Upload {
        size_bytes_max: 100,
        size_bytes_declared: None,
        ..form()
    };
    let deleted = after(&upload, &[seen("a"), BY_OWNER], at(1));
    assert_eq!(deleted.reserved_bytes, 10 + 100);
    let moved = Event::DeletionMoved { kept_bytes: 90 };
    let kept = changed(&deleted, &moved, at(2)).after;
    assert_eq!(
        (kept.reserved_bytes, kept.next_check_at),
        (90 + 100, Some(at(960)))
    );
    // Another run of the sweep comes second.
    assert_eq!(kept.apply(&moved, at(2)), Decision::Unchanged);
    let mut kept = changed(&kept, &moved, at(960)).after;
    let purge_at = kept.purge_at();
    assert_eq!((kept.reserved_bytes, purge_at), (90, Some(at(3601))));
    while kept.next_check_at < purge_at {
        kept = changed(&kept, &moved, kept.next_check_at.unwrap()).after;
        assert_eq!(kept.reserved_bytes, 90);
    }
    let purged = changed(&kept, &Event::DeletionPurged, at(3601)).after;
    assert_eq!(
        (purged.deletion.clone(), purged.reserved_bytes),
        (Some(Deletion::Purged), 0)
    );
    // Whose retention is shorter than its URL's life is purged, and the URL counts on.
    let brief = Upload {
        deleted_retention_s: 60,
        ..deleted
    };
    let kept = changed(&brief, &moved, at(2)).after;
    assert_eq!(kept.next_check_at, Some(at(61)));
    let purged = changed(&kept, &Event::DeletionPurged, at(61)).after;
    assert_eq!(
        (purged.reserved_bytes, purged.next_check_at),
        (100, Some(at(960)))
    );
    let purged = changed(&purged, &Event::DeletionPurged, at(960)).after;
    assert_eq!(purged.reserved_bytes, 0);
}

#[test]
fn parts_count_until_they_are_freed_and_their_urls_bring_nothing_after_that() {
    let upload = Upload {
        strategy: Strategy::Multipart,
        part_size_bytes: Some(5),
        ..pending()
    };
    let begun = Event::MultipartBegun {
        upload_id: "m".into(),
    };
    let deleted = after(&upload, &[begun, BY_OWNER], at(1));
    assert_eq!(
        (deleted.reserved_bytes, deleted.next_check_at),
        (10, Some(at(1)))
    );
    let freed = changed(&deleted, &Event::DeletionPurged, at(2)).after;
    assert_eq!((freed.reserved_bytes, freed.counts_as_file()), (0, false));
    // One that was complete is not counted twice.
    let complete = after(&upload, &[seen("a"), BY_OWNER], at(1));
    assert_eq!(complete.reserved_bytes, 10);
}

/// Its object is gone by the store's word, and its key free for whoever holds the URL.
#[test]
fn the_url_of_what_was_removed_counts_until_it_is_dead() {
    let removed = Event::ObjectRemoved { sequencer: None };
    let ended = after(&pending(), &[seen("a"), removed.clone()], at(1));
    assert_eq!(ended.reserved_bytes, 10);
    let ended = after(&pending(), &[seen("a"), removed], at(1000));
    assert_eq!(ended.reserved_bytes, 0);
}

fn form() -> Upload {
    Upload {
        strategy: Strategy::Post,
        ..pending()
    }
}

fn made_ready(upload: &Upload) -> Upload {
    after(
        upload,
        &[claim("a", "t", at(100)), succeed("a", "t")],
        at(1),
    )
}

#[test]
fn what_a_form_brings_over_a_ready_file_is_refused_and_noted() {
    let ready = made_ready(&form());
    for event in [seen("b"), claim("b", "u", at(100))] {
        let change = changed(&ready, &event, at(2));
        assert!(!change.enqueue);
        let refused = change.after;
        assert_eq!((refused.state, refused.generation), (UploadState::Ready, 1));
        assert_eq!(refused.outcome, ready.outcome);
        assert_eq!(refused.conflict_etag, Some(ETag::new("b")));
        assert!(ready.variants().contains(&Variant::Original));
        assert!(!refused.variants().contains(&Variant::Original));
        assert_eq!(
            refused.apply(&claim("b", "u", at(100)), at(3)),
            Decision::Refused(Refusal::Processed)
        );
        // It is what it was again.
        let mended = changed(&refused, &seen("a"), at(4)).after;
        assert!(mended.variants().contains(&Variant::Original));
    }
    // A form that failed may be used for a better file.
    let failed = after(&form(), &[claim("a", "t", at(100)), fail("a", "t")], at(1));
    assert_eq!(changed(&failed, &seen("b"), at(2)).after.generation, 2);
    let versioned = Upload {
        overwrite: Some(Overwrite::Version),
        ..form()
    };
    assert_eq!(
        changed(&made_ready(&versioned), &seen("b"), at(2))
            .after
            .generation,
        2
    );
    let once = Upload {
        overwrite: Some(Overwrite::Refuse),
        ..pending()
    };
    assert_eq!(
        changed(&made_ready(&once), &seen("b"), at(2))
            .after
            .generation,
        1
    );
}

#[test]
fn what_is_ready_is_served_until_the_next_version_is_accepted() {
    let ready = made_ready(&pending());
    let newer = changed(&ready, &seen("b"), at(2)).after;
    let held = changed(&newer, &claim("b", "u", at(100)), at(3)).after;
    let failed = changed(&held, &fail("b", "u"), at(4)).after;
    for upload in [&newer, &held, &failed] {
        assert_eq!(upload.current_outcome(), ready.outcome.as_ref());
        assert!(
            !upload.variants().contains(&Variant::Original),
            "{:?}",
            upload.state
        );
    }
    let accepted = changed(&held, &succeed("b", "u"), at(4)).after;
    assert_eq!(accepted.current_outcome().unwrap().etag, ETag::new("b"));
    assert!(accepted.variants().contains(&Variant::Original));
}

#[test]
fn the_keys_of_every_claim_stand_in_the_record_whatever_became_of_it() {
    let claim = |etag: &str, template: &str, token: &str, until| Event::AcquireLease {
        object: version(etag, None),
        lease: Lease {
            token: token.into(),
            until,
        },
        output: Some(OutputPlace {
            bucket: "made".into(),
            template: crate::policy::KeyTemplate::parse(template).unwrap(),
        }),
    };
    let old = "old/{owner}/{file_id}/v{version}.{ext}";
    let new = "new/{owner}/{file_id}/v{version}.{ext}";
    let first = changed(&pending(), &claim("a", old, "t", at(100)), at(0)).after;
    // It died, and is done again, by the same template and by another.
    let again = changed(&first, &claim("a", old, "u", at(200)), at(100)).after;
    assert_eq!(again.outputs.len(), 1);
    let other = changed(&again, &claim("a", new, "v", at(300)), at(200)).after;
    let next = changed(&other, &claim("b", new, "w", at(300)), at(201)).after;
    let keys: Vec<String> = next
        .written()
        .into_iter()
        .filter(|object| object.bucket == "made" && object.key.ends_with(".parquet"))
        .map(|object| object.key.replace(&next.id.to_string(), "ID"))
        .collect();
    let wanted = [
        "old/alice/ID/v1.parquet",
        "new/alice/ID/v1.parquet",
        "new/alice/ID/v2.parquet",
    ];
    assert_eq!(keys, wanted);
    assert_eq!(next.planned_outputs().unwrap().generation, 2);
}

#[test]
fn a_lease_of_a_clock_that_was_set_back_holds_nobody_up() {
    let held = changed(&pending(), &claim("a", "one", at(3720)), at(3600)).after;
    assert!(held.is_held(at(3601)));
    // An hour back: the lease would end in an hour and two minutes.
    assert!(!held.is_held(at(10)));
    let taken = changed(&held, &claim("a", "two", at(130)), at(10)).after;
    assert!(taken.is_held(at(11)));
    assert_eq!(taken.updated_at, at(3600));
    assert_eq!(
        changed(&taken, &succeed("a", "two"), at(12)).after.state,
        UploadState::Ready
    );
    // One that was missed in an hour from now is missed now.
    let missed = after(&pending(), &[seen("a"), Event::ObjectAbsent], at(3600));
    let again = changed(&missed, &Event::ObjectAbsent, at(10)).after;
    assert_eq!(again.absent_since, Some(at(10)));
}

#[test]
fn what_kept_an_ingest_from_finishing_is_told_when_the_attempts_are_used_up() {
    let mut upload = pending();
    for attempt in 0..ATTEMPTS_MAX {
        let token = attempt.to_string();
        let release = Event::ReleaseLease {
            token: token.clone(),
            is_transient: false,
            fault: "write: other".into(),
        };
        upload = after(&upload, &[claim("a", &token, at(100)), release], at(1));
    }
    let ended = changed(&upload, &claim("a", "last", at(100)), at(1)).after;
    let failure = ended.failure.unwrap();
    assert_eq!(failure.code, "attempts_exhausted");
    assert!(
        failure.detail.contains("write: other"),
        "{}",
        failure.detail
    );
}

#[test]
fn a_process_that_dies_often_fails_no_file_and_a_file_that_kills_each_time_ends() {
    let mut upload = after(&pending(), &[seen("a")], at(0));
    let dies = |upload: &Upload, second: u32| {
        let now = at(i64::from(second) * 10);
        let lease = claim("a", "one", saturating_add_secs(now, LEASE_S));
        let token = "one".to_owned();
        after(upload, &[lease, Event::LeaseHolderLost { token }], now)
    };
    for death in 0..HOLDERS_LOST_MAX {
        upload = dies(&upload, death);
        assert_eq!(upload.attempts, 0);
    }
    for death in 0..ATTEMPTS_MAX {
        upload = dies(&upload, HOLDERS_LOST_MAX + death);
    }
    let last = at(100_000);
    let ended = after(
        &upload,
        &[claim("a", "one", saturating_add_secs(last, LEASE_S))],
        last,
    );
    assert_eq!(ended.failure.unwrap().code, "attempts_exhausted");
}
