//! Objects that go, by us and by others.

use super::*;

#[test]
fn deleted_stays_deleted() {
    let deleted = after(&pending(), &[seen("a"), BY_OWNER], at(1));
    assert_eq!(deleted.state, UploadState::Deleted);
    // Its bytes are kept, and count, until they are purged; and those that its URL may still bring.
    assert_eq!(deleted.reserved_bytes, 20);
    assert_eq!(deleted.apply(&seen("a"), at(2)), Decision::Unchanged);
    assert_eq!(
        deleted.apply(&claim("b", "t", at(9)), at(2)),
        Decision::Refused(Refusal::Deleted)
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
        (swept.state, swept.next_check_at),
        (UploadState::Deleted, Some(at(3602)))
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
    assert_eq!(ready.next_check_at, Some(at(1)));
    let removed = changed(&ready, &Event::OriginalRemoved, at(2)).after;
    assert_eq!(removed.next_check_at, Some(at(960)));
    let at_rest = changed(&removed, &Event::ObjectAbsent, at(960)).after;
    assert_eq!(
        (at_rest.state, at_rest.next_check_at),
        (UploadState::Ready, None)
    );
    let gone = Event::ObjectRemoved { sequencer: None };
    assert_eq!(removed.apply(&gone, at(3)), Decision::Unchanged);
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
        assert_eq!(ready.next_check_at, due);
    }
}

#[test]
fn an_object_that_somebody_removed_ends_deleted() {
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
    // For ever: what comes afterwards is swept away.
    let moved = changed(&ended, &MOVED, at(3)).after;
    let late = changed(&moved, &seen("b"), at(4)).after;
    assert_eq!(
        (late.state, late.next_check_at),
        (UploadState::Deleted, Some(at(4)))
    );
    // Of an older version, or of a store that began to count anew: then a second look tells.
    let doubtful = changed(&uploaded, &gone("04"), at(2)).after;
    assert_eq!(
        (doubtful.state, doubtful.absent_since),
        (UploadState::Uploaded, Some(at(2)))
    );
    let second_look = saturating_add_secs(at(2), ABSENCE_CONFIRM_S);
    let ended = changed(&doubtful, &Event::ObjectAbsent, second_look).after;
    assert_eq!(ended.state, UploadState::Deleted);
    let ready = after(
        &uploaded,
        &[claim("a", "t", at(100)), succeed("a", "t")],
        at(1),
    );
    let doubtful = changed(&ready, &gone("04"), at(2)).after;
    let second_look = saturating_add_secs(at(2), ABSENCE_CONFIRM_S);
    assert_eq!(doubtful.state, UploadState::Ready);
    let ended = changed(&doubtful, &Event::ObjectAbsent, second_look).after;
    assert_eq!(ended.deletion_reason, Some(DeletionReason::ObjectRemoved));
    let back = changed(&doubtful, &seen("a"), second_look).after;
    assert_eq!((back.state, back.absent_since), (UploadState::Ready, None));
}

#[test]
fn a_removal_of_what_nobody_saw_ends_deleted_only_when_nothing_comes_any_more() {
    let removed = |sequencer: Option<&str>| Event::ObjectRemoved {
        sequencer: sequencer.map(|text| Sequencer::parse(text).unwrap()),
    };
    for sequencer in [None, Some("04")] {
        let told = changed(&pending(), &removed(sequencer), at(5)).after;
        assert_eq!(
            (told.state, told.next_check_at, told.reserved_bytes),
            (UploadState::Pending, Some(at(60)), 10)
        );
        assert_eq!(told.apply(&removed(None), at(6)), Decision::Unchanged);
        // Its URL still lives.
        let came = changed(&told, &seen("a"), at(7));
        assert_eq!(
            (came.after.state, came.enqueue),
            (UploadState::Uploaded, true)
        );
        assert!(!came.after.removed_unobserved);
        let ready = after(&told, &[claim("a", "t", at(100)), succeed("a", "t")], at(7));
        assert_eq!(ready.state, UploadState::Ready);
        // Late bytes are taken as ever.
        let expired = changed(&told, &Event::ObjectAbsent, at(960)).after;
        assert_eq!(expired.state, UploadState::Expired);
        assert_eq!(
            changed(&expired, &seen("a"), at(970)).after.state,
            UploadState::Uploaded
        );
    }
    let mut upload = changed(&pending(), &Event::ObjectAbsent, at(960)).after;
    upload = changed(&upload, &removed(None), at(970)).after;
    let mut looks = 0;
    while upload.state == UploadState::Expired {
        let due = upload.next_check_at.expect("the last look is what ends it");
        upload = changed(&upload, &Event::ObjectAbsent, due).after;
        looks += 1;
    }
    assert_eq!(
        (upload.state, looks),
        (UploadState::Deleted, LATE_PROBES_MAX)
    );
}

#[test]
fn a_removal_told_when_nobody_looks_any_more_ends_deleted() {
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
