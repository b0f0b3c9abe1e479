//! Objects that are removed, by consign and by others.

use super::*;

#[test]
fn deleted_stays_deleted() {
    let deleted = after(&pending(), &[observed("a"), BY_OWNER], at(1));
    assert_eq!(deleted.state, UploadState::Deleted);
    // Its bytes count until they are purged, and so do those that its URL may still bring.
    assert_eq!(deleted.reserved_bytes, 20);
    assert_eq!(deleted.apply(&observed("a"), at(2)), Decision::Unchanged);
    assert_eq!(
        deleted.apply(&acquire("b", "t", at(9)), at(2)),
        Decision::Refused(Refusal::Deleted)
    );
    let moved = changed(&deleted, &MOVED, at(3)).after;
    let purged = changed(&moved, &Event::DeletionPurged, at(3601)).after;
    assert_eq!(
        (purged.deletion.clone(), purged.reserved_bytes),
        (Some(Deletion::Purged), 0)
    );
    // Bytes that arrive afterwards are removed, and the state does not change.
    let swept = changed(&purged, &observed("c"), at(3602)).after;
    assert_eq!(
        (swept.state, swept.next_check_at),
        (UploadState::Deleted, Some(at(3602)))
    );
}

#[test]
fn a_removal_by_consign_does_not_undo_ready() {
    let mut upload = pending();
    upload.keep_original = false;
    let ready = after(
        &upload,
        &[acquire("a", "t", at(100)), succeed("a", "t")],
        at(1),
    );
    assert_eq!(ready.next_check_at, Some(at(1)));
    let removed = changed(&ready, &Event::OriginalRemoved, at(2)).after;
    assert_eq!(removed.next_check_at, Some(at(1860)));
    let at_rest = changed(&removed, &Event::ObjectAbsent, at(1860)).after;
    assert_eq!(
        (at_rest.state, at_rest.next_check_at),
        (UploadState::Ready, None)
    );
    let gone = Event::ObjectRemoved { sequencer: None };
    assert_eq!(removed.apply(&gone, at(3)), Decision::Unchanged);
}

/// A probe missed the object while its lease had ended, and the holder read it and commits. The simulation found that the
/// upload was deleted later, because consign had removed the original.
#[test]
fn a_commit_ends_an_absence_that_was_seen_before() {
    let mut upload = pending();
    upload.keep_original = false;
    let missed = after(&upload, &[acquire("a", "t", at(100))], at(1));
    let missed = changed(&missed, &Event::ObjectAbsent, at(101)).after;
    assert_eq!(missed.absent_since, Some(at(101)));
    let ready = changed(&missed, &succeed("a", "t"), at(102)).after;
    assert_eq!(ready.absent_since, None);
    let removed = changed(&ready, &Event::OriginalRemoved, at(103)).after;
    let swept = changed(&removed, &Event::ObjectAbsent, at(1901)).after;
    assert_eq!(swept.state, UploadState::Ready);
}

#[test]
fn a_url_for_one_object_is_probed_where_its_key_was_freed() {
    for (keep_original, strategy, due) in [
        (true, Strategy::Put, None),
        (false, Strategy::Put, Some(at(1860))),
        (false, Strategy::Multipart, None),
    ] {
        let upload = Upload {
            keep_original,
            strategy,
            puts_once: true,
            ..pending()
        };
        let done = [acquire("a", "t", at(100)), succeed("a", "t")];
        let mut ready = after(&upload, &done, at(1));
        if !keep_original {
            ready = changed(&ready, &Event::OriginalRemoved, at(2)).after;
        }
        assert_eq!(ready.next_check_at, due);
    }
}

#[test]
fn an_object_that_was_removed_ends_deleted() {
    let gone = |sequencer: &str| Event::ObjectRemoved {
        sequencer: Some(Sequencer::parse(sequencer).unwrap()),
    };
    let uploaded = after(
        &pending(),
        &[Event::ObjectObserved {
            object: version("a", Some("05")),
        }],
        at(1),
    );
    let ended = changed(&uploaded, &gone("06"), at(2)).after;
    assert_eq!(
        (ended.state, ended.deletion_reason),
        (UploadState::Deleted, Some(DeletionReason::ObjectRemoved))
    );
    // Final: bytes that arrive afterwards are removed.
    let moved = changed(&ended, &MOVED, at(3)).after;
    let late = changed(&moved, &observed("b"), at(4)).after;
    assert_eq!(
        (late.state, late.next_check_at),
        (UploadState::Deleted, Some(at(4)))
    );
    // The removal of an older version, or by a store whose sequencers restarted: a second probe decides.
    let doubtful = changed(&uploaded, &gone("04"), at(2)).after;
    assert_eq!(
        (doubtful.state, doubtful.absent_since),
        (UploadState::Uploaded, Some(at(2)))
    );
    let second_probe = saturating_add_secs(at(2), ABSENCE_CONFIRM_S);
    let ended = changed(&doubtful, &Event::ObjectAbsent, second_probe).after;
    assert_eq!(ended.state, UploadState::Deleted);
    let ready = after(
        &uploaded,
        &[acquire("a", "t", at(100)), succeed("a", "t")],
        at(1),
    );
    let doubtful = changed(&ready, &gone("04"), at(2)).after;
    let second_probe = saturating_add_secs(at(2), ABSENCE_CONFIRM_S);
    assert_eq!(doubtful.state, UploadState::Ready);
    let ended = changed(&doubtful, &Event::ObjectAbsent, second_probe).after;
    assert_eq!(ended.deletion_reason, Some(DeletionReason::ObjectRemoved));
    let back = changed(&doubtful, &observed("a"), second_probe).after;
    assert_eq!((back.state, back.absent_since), (UploadState::Ready, None));
}

#[test]
fn a_removal_of_an_unobserved_object_ends_deleted_after_the_last_probe() {
    let removed = |sequencer: Option<&str>| Event::ObjectRemoved {
        sequencer: sequencer.map(|text| Sequencer::parse(text).unwrap()),
    };
    for sequencer in [None, Some("04")] {
        let reported = changed(&pending(), &removed(sequencer), at(5)).after;
        assert_eq!(
            (
                reported.state,
                reported.next_check_at,
                reported.reserved_bytes
            ),
            (UploadState::Pending, Some(at(60)), 10)
        );
        assert_eq!(reported.apply(&removed(None), at(6)), Decision::Unchanged);
        // The URL has not expired.
        let came = changed(&reported, &observed("a"), at(7));
        assert_eq!(
            (came.after.state, came.enqueue),
            (UploadState::Uploaded, true)
        );
        assert!(!came.after.removed_unobserved);
        let ready = after(
            &reported,
            &[acquire("a", "t", at(100)), succeed("a", "t")],
            at(7),
        );
        assert_eq!(ready.state, UploadState::Ready);
        // Late bytes are accepted as usual.
        let expired = changed(&reported, &Event::ObjectAbsent, at(960)).after;
        assert_eq!(expired.state, UploadState::Expired);
        assert_eq!(
            changed(&expired, &observed("a"), at(970)).after.state,
            UploadState::Uploaded
        );
    }
    let mut upload = changed(&pending(), &Event::ObjectAbsent, at(960)).after;
    upload = changed(&upload, &removed(None), at(970)).after;
    let mut probes = 0;
    while upload.state == UploadState::Expired {
        let due = upload.next_check_at.expect("the last probe ends it");
        upload = changed(&upload, &Event::ObjectAbsent, due).after;
        probes += 1;
    }
    assert_eq!(
        (upload.state, probes),
        (UploadState::Deleted, LATE_PROBES_MAX)
    );
}

#[test]
fn a_removal_reported_after_the_last_probe_ends_deleted() {
    let mut upload = changed(&pending(), &Event::ObjectAbsent, at(960)).after;
    while let Some(due) = upload.next_check_at {
        upload = changed(&upload, &Event::ObjectAbsent, due).after;
    }
    let removed = Event::ObjectRemoved { sequencer: None };
    let ended = changed(&upload, &removed, at(900_000)).after;
    assert_eq!(
        (ended.state, ended.next_check_at),
        (UploadState::Deleted, Some(at(900_000)))
    );
}
