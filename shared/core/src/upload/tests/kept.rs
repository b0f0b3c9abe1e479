//! What ends an upload and what does not: absence, deletion, other versions, other templates, other clocks.

use super::*;
use crate::policy::Variant;

#[test]
fn one_absence_deletes_nothing_and_a_second_much_later_does() {
    let acquired = after(&pending(), &[acquire("a", "t", at(100))], at(0));
    for known in [
        after(&pending(), &[observed("a")], at(1)),
        after(&pending(), &[confirmed("a")], at(1)),
        acquired,
    ] {
        let missed = changed(&known, &Event::ObjectAbsent, at(200)).after;
        assert_eq!(
            (missed.state, missed.absent_since),
            (known.state, Some(at(200)))
        );
        // The next probe is soon, and an early one changes nothing.
        assert_eq!(
            missed.next_check_at,
            Some(saturating_add_secs(at(200), ABSENCE_PROBE_S))
        );
        assert_eq!(
            missed.apply(&Event::ObjectAbsent, at(201)),
            Decision::Unchanged
        );
        let found = changed(&missed, &observed("a"), at(300));
        assert_eq!((found.after.absent_since, found.enqueue), (None, true));
        assert_eq!(found.after.generation, 1);
        let taken = changed(&missed, &acquire("a", "u", at(400)), at(300)).after;
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

/// Returns the probes for an absent upload, in seconds since it was first absent, each `late_s` after it was due. The
/// last one ends it.
fn probes_until_deleted(known: &Upload, late_s: i64) -> Vec<i64> {
    let mut upload = changed(known, &Event::ObjectAbsent, at(1000)).after;
    let mut probes = Vec::new();
    while upload.state != UploadState::Deleted {
        let probe = saturating_add_secs(upload.next_check_at.unwrap(), late_s.unsigned_abs());
        probes.push(probe.signed_duration_since(at(1000)).num_seconds());
        // A repeated event changes nothing.
        let next = changed(&upload, &Event::ObjectAbsent, probe).after;
        if next.state != UploadState::Deleted {
            assert_eq!(next.apply(&Event::ObjectAbsent, probe), Decision::Unchanged);
            assert_eq!(
                (next.state, next.absent_since),
                (known.state, Some(at(1000)))
            );
        }
        upload = next;
    }
    probes
}

#[test]
fn an_absent_object_is_probed_at_growing_intervals_and_ends_after_half_an_hour() {
    let removed = |sequencer: &str| Event::ObjectRemoved {
        sequencer: Some(Sequencer::parse(sequencer).unwrap()),
    };
    let first = Event::ObjectObserved {
        object: version("a", Some("05")),
    };
    let uploaded = after(&pending(), &[first], at(1));
    let held = after(&pending(), &[acquire("a", "t", at(100))], at(0));
    for known in [&uploaded, &held] {
        let wanted = [10, 20, 40, 80, 160, 320, 640, 1280, 1800];
        assert_eq!(probes_until_deleted(known, 0), wanted);
        for late_s in 1..100 {
            let probes = probes_until_deleted(known, late_s);
            assert!(probes.last() >= Some(&1800), "{probes:?}");
            // An object that returns is detected after as much time again as it was absent, plus the delay of the
            // probe.
            for pair in probes.windows(2) {
                assert!(pair[1] <= 2 * pair[0].max(10) + late_s, "{probes:?}");
            }
        }
        // An upload that cannot be examined meanwhile behaves like one that is examined late.
        let missed = changed(known, &Event::ObjectAbsent, at(1000)).after;
        let failed = Event::ProbeFailed {
            is_transient: false,
        };
        let failed = changed(&missed, &failed, at(1010)).after;
        assert_eq!(failed.absent_since, Some(at(1000)));
        let again = changed(&failed, &Event::ObjectAbsent, at(1070)).after;
        assert_eq!(again.next_check_at, Some(at(1140)));
        // If the object exists again at any probe, processing continues at once.
        let found = changed(&again, &observed("a"), at(1140));
        assert!(found.enqueue && found.after.absent_since.is_none());
        assert_eq!(
            found.after.next_check_at,
            Some(saturating_add_secs(at(1140), ENQUEUE_CHECK_S))
        );
    }
    // A ready upload, after an uncertain removal.
    let ready = after(
        &uploaded,
        &[acquire("a", "t", at(100)), succeed("a", "t")],
        at(1),
    );
    let doubtful = changed(&ready, &removed("04"), at(2)).after;
    assert_eq!(doubtful.next_check_at, Some(at(12)));
    let again = changed(&doubtful, &Event::ObjectAbsent, at(12)).after;
    assert_eq!(
        (again.state, again.next_check_at),
        (UploadState::Ready, Some(at(22)))
    );
    let back = changed(&again, &observed("a"), at(22)).after;
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
fn a_deletion_by_absence_is_undone_when_the_object_is_observed_again() {
    for event in [
        observed("a"),
        confirmed("a"),
        acquire("a", "t", at(5100)),
        observed("b"),
    ] {
        let lost = lost();
        let found = changed(&lost, &event, at(5000));
        assert!(found.enqueue);
        let found = found.after;
        assert_eq!((found.state, found.generation), (UploadState::Confirmed, 2));
        assert_eq!((found.deletion.clone(), found.reserved_bytes), (None, 10));
        let etag = found.etag().unwrap().clone();
        let done = [
            acquire(etag.as_str(), "u", at(5100)),
            succeed(etag.as_str(), "u"),
        ];
        assert_eq!(after(&found, &done, at(5001)).state, UploadState::Ready);
    }
    // Until its retention ends the sweep probes at growing intervals, and nothing is moved.
    let mut upload = lost();
    let purge_at = upload.purge_at().unwrap();
    let mut probes = 0;
    while upload.next_check_at.unwrap() < purge_at {
        upload = changed(&upload, &Event::ObjectAbsent, upload.next_check_at.unwrap()).after;
        assert_eq!(upload.deletion, Some(Deletion::Requested));
        probes += 1;
    }
    assert!((1..20).contains(&probes), "{probes}");
    // A deletion by the owner is final.
    let deleted = changed(&lost(), &BY_OWNER, at(5000)).after;
    assert_eq!(deleted.next_check_at, Some(at(5000)));
    assert_eq!(deleted.apply(&observed("a"), at(5001)), Decision::Unchanged);
}

/// A URL cannot be revoked. The bytes that it may bring count until it expires and a probe finds nothing.
#[test]
fn the_url_of_a_deleted_upload_counts_until_it_expires() {
    let deleted = changed(&pending(), &BY_OWNER, at(1)).after;
    assert_eq!(
        (deleted.reserved_bytes, deleted.next_check_at),
        (10, Some(at(1)))
    );
    assert_eq!(deleted.apply(&BY_OWNER, at(1)), Decision::Unchanged);
    let probed = changed(&deleted, &Event::DeletionPurged, at(2)).after;
    assert_eq!(
        (probed.reserved_bytes, probed.next_check_at),
        (10, Some(at(960)))
    );
    assert!(probed.counts_as_file());
    // Late bytes are removed at once, and the reservation stays.
    let late = changed(&probed, &observed("a"), at(10)).after;
    assert_eq!(
        (late.state, late.next_check_at),
        (UploadState::Deleted, Some(at(10)))
    );
    assert_eq!(late.apply(&observed("a"), at(10)), Decision::Unchanged);
    let removed = changed(&late, &Event::DeletionPurged, at(11)).after;
    assert_eq!(
        (removed.reserved_bytes, removed.next_check_at),
        (10, Some(at(960)))
    );
    // Only then. For a day it probes for writes that were under way.
    let mut upload = changed(&removed, &Event::DeletionPurged, at(960)).after;
    assert_eq!(upload.deletion, Some(Deletion::Purged));
    assert_eq!((upload.reserved_bytes, upload.counts_as_file()), (0, false));
    let mut probes = 0;
    while let Some(due) = upload.next_check_at {
        assert!(due > upload.updated_at && !upload.releases_key(due));
        let early = saturating_add_secs(upload.updated_at, 1);
        assert_eq!(
            upload.apply(&Event::ObjectAbsent, early),
            Decision::Unchanged
        );
        upload = changed(&upload, &Event::ObjectAbsent, due).after;
        probes += 1;
    }
    assert_eq!((upload.updated_at, probes), (at(900 + 86_400), 4));
    assert!(upload.releases_key(upload.updated_at));
}

#[test]
fn the_kept_bytes_of_a_deleted_file_count_as_observed() {
    // A form was used again after the last observation, before the sweep ran.
    let upload = Upload {
        size_bytes_max: 100,
        size_bytes_declared: None,
        ..form()
    };
    let deleted = after(&upload, &[observed("a"), BY_OWNER], at(1));
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
    // If the retention is shorter than the URL's life, the upload is purged and the URL still counts.
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
fn parts_count_until_they_are_freed() {
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
    // A complete upload is not counted twice.
    let complete = after(&upload, &[observed("a"), BY_OWNER], at(1));
    assert_eq!(complete.reserved_bytes, 10);
}

/// The store reported the removal, and the URL can fill the free key again.
#[test]
fn the_url_of_a_removed_object_counts_until_it_expires() {
    let removed = Event::ObjectRemoved { sequencer: None };
    let ended = after(&pending(), &[observed("a"), removed.clone()], at(1));
    assert_eq!(ended.reserved_bytes, 10);
    let ended = after(&pending(), &[observed("a"), removed], at(1000));
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
        &[acquire("a", "t", at(100)), succeed("a", "t")],
        at(1),
    )
}

#[test]
fn a_form_over_a_ready_file_is_refused_and_recorded() {
    let ready = made_ready(&form());
    for event in [observed("b"), acquire("b", "u", at(100))] {
        let change = changed(&ready, &event, at(2));
        assert!(!change.enqueue);
        let refused = change.after;
        assert_eq!((refused.state, refused.generation), (UploadState::Ready, 1));
        assert_eq!(refused.outcome, ready.outcome);
        assert_eq!(refused.conflict_etag, Some(ETag::new("b")));
        assert!(ready.variants().contains(&Variant::Original));
        assert!(!refused.variants().contains(&Variant::Original));
        assert_eq!(
            refused.apply(&acquire("b", "u", at(100)), at(3)),
            Decision::Refused(Refusal::Processed)
        );
        // The object is the ready version again.
        let mended = changed(&refused, &observed("a"), at(4)).after;
        assert!(mended.variants().contains(&Variant::Original));
    }
    // A form whose upload failed may be used for a corrected file.
    let failed = after(
        &form(),
        &[acquire("a", "t", at(100)), fail("a", "t")],
        at(1),
    );
    assert_eq!(changed(&failed, &observed("b"), at(2)).after.generation, 2);
    let versioned = Upload {
        overwrite: Some(Overwrite::Version),
        ..form()
    };
    assert_eq!(
        changed(&made_ready(&versioned), &observed("b"), at(2))
            .after
            .generation,
        2
    );
    let once = Upload {
        overwrite: Some(Overwrite::Refuse),
        ..pending()
    };
    assert_eq!(
        changed(&made_ready(&once), &observed("b"), at(2))
            .after
            .generation,
        1
    );
}

#[test]
fn the_ready_version_is_served_until_the_next_is_accepted() {
    let ready = made_ready(&pending());
    let newer = changed(&ready, &observed("b"), at(2)).after;
    let held = changed(&newer, &acquire("b", "u", at(100)), at(3)).after;
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
fn the_output_keys_of_every_lease_are_recorded() {
    let acquire = |etag: &str, template: &str, token: &str, until| Event::AcquireLease {
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
    let first = changed(&pending(), &acquire("a", old, "t", at(100)), at(0)).after;
    // The ingest was interrupted and repeated, with the same template and with another.
    let again = changed(&first, &acquire("a", old, "u", at(200)), at(100)).after;
    assert_eq!(again.outputs.len(), 1);
    let other = changed(&again, &acquire("a", new, "v", at(300)), at(200)).after;
    let next = changed(&other, &acquire("b", new, "w", at(300)), at(201)).after;
    let keys: Vec<String> = next
        .written()
        .into_iter()
        .filter(|object| object.bucket == "made" && object.key.ends_with(".profile.json"))
        .map(|object| object.key.replace(&next.id.to_string(), "ID"))
        .collect();
    let wanted = [
        "old/alice/ID/v1.profile.json",
        "new/alice/ID/v1.profile.json",
        "new/alice/ID/v2.profile.json",
    ];
    assert_eq!(keys, wanted);
    assert_eq!(next.planned_outputs().unwrap().generation, 2);
}

#[test]
fn a_lease_from_before_the_clock_was_set_back_does_not_block() {
    let held = changed(&pending(), &acquire("a", "one", at(3720)), at(3600)).after;
    assert!(held.is_held(at(3601)));
    // One hour back: the lease would end in an hour and two minutes.
    assert!(!held.is_held(at(10)));
    let taken = changed(&held, &acquire("a", "two", at(130)), at(10)).after;
    assert!(taken.is_held(at(11)));
    assert_eq!(taken.updated_at, at(3600));
    assert_eq!(
        changed(&taken, &succeed("a", "two"), at(12)).after.state,
        UploadState::Ready
    );
    // An absence that was recorded an hour in the future counts from now.
    let missed = after(&pending(), &[observed("a"), Event::ObjectAbsent], at(3600));
    let again = changed(&missed, &Event::ObjectAbsent, at(10)).after;
    assert_eq!(again.absent_since, Some(at(10)));
}

#[test]
fn the_last_fault_is_reported_when_the_attempts_are_exhausted() {
    let mut upload = pending();
    for attempt in 0..ATTEMPTS_MAX {
        let token = attempt.to_string();
        let release = Event::ReleaseLease {
            token: token.clone(),
            is_transient: false,
            fault: "write: other".into(),
        };
        upload = after(&upload, &[acquire("a", &token, at(100)), release], at(1));
    }
    let ended = changed(&upload, &acquire("a", "last", at(100)), at(1)).after;
    let failure = ended.failure.unwrap();
    assert_eq!(failure.code, "attempts_exhausted");
    assert!(
        failure.detail.contains("write: other"),
        "{}",
        failure.detail
    );
}

#[test]
fn lost_holders_fail_no_file_until_their_limit() {
    let mut upload = after(&pending(), &[observed("a")], at(0));
    let loses_holder = |upload: &Upload, second: u32| {
        let now = at(i64::from(second) * 10);
        let lease = acquire("a", "one", saturating_add_secs(now, LEASE_S));
        let token = "one".to_owned();
        after(upload, &[lease, Event::LeaseHolderLost { token }], now)
    };
    for lost in 0..HOLDERS_LOST_MAX {
        upload = loses_holder(&upload, lost);
        assert_eq!(upload.attempts, 0);
    }
    for lost in 0..ATTEMPTS_MAX {
        upload = loses_holder(&upload, HOLDERS_LOST_MAX + lost);
    }
    let last = at(100_000);
    let ended = after(
        &upload,
        &[acquire("a", "one", saturating_add_secs(last, LEASE_S))],
        last,
    );
    assert_eq!(ended.failure.unwrap().code, "attempts_exhausted");
}
