//! The life of an upload.

use super::*;

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
fn arriving_parts_extend_an_upload_and_inactivity_ends_it() {
    let found = |count: u32| Event::PartsObserved {
        count,
        size_bytes: u64::from(count) * 5,
    };
    let first = changed(&in_parts(), &found(1), at(1000)).after;
    assert_eq!(
        first.state,
        UploadState::Uploading,
        "its URLs expired, and it is still uploading"
    );
    let again = changed(&first, &found(1), at(1000 + 86_399)).after;
    assert_eq!(
        (again.state, again.reserved_bytes),
        (UploadState::Uploading, 10)
    );
    assert_eq!(again.next_check_at, Some(at(1000 + 86_400)));
    let more = changed(&again, &found(2), at(1000 + 86_400)).after;
    assert_eq!(more.state, UploadState::Uploading);
    for event in [found(2), Event::ObjectAbsent] {
        let silent = changed(&more, &event, at(1000 + 2 * 86_400)).after;
        assert_eq!(
            (silent.state, silent.reserved_bytes),
            (UploadState::Expired, 0)
        );
    }
}

#[test]
fn a_multipart_upload_ends_at_the_end_of_its_life() {
    let mut upload = in_parts();
    let end = upload.life_ends_at();
    for hour in 1..=7 * 24 {
        let resigned = Event::UrlsReissued {
            url_expires_at: at(hour * 3600 + 900).min(end),
        };
        if let Decision::Change(change) = upload.apply(&resigned, at(hour * 3600)) {
            upload = change.after;
        }
        let found = Event::PartsObserved {
            count: 1,
            size_bytes: hour.unsigned_abs(),
        };
        upload = changed(&upload, &found, at(hour * 3600)).after;
        assert_eq!(upload.state, UploadState::Uploading);
    }
    let found = Event::PartsObserved {
        count: 2,
        size_bytes: 10,
    };
    let ended = changed(&upload, &found, saturating_add_secs(end, EXPIRY_GRACE_S)).after;
    assert_eq!(ended.state, UploadState::Expired);
}

#[test]
fn a_multipart_upload_of_an_older_record_has_the_default_window() {
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
fn signing_again_reopens_an_unused_upload_during_its_life() {
    let expired = changed(&pending(), &Event::ObjectAbsent, at(960)).after;
    let signed = |second: i64| Event::UrlsReissued {
        url_expires_at: at(second + 900),
    };
    let again = changed(&expired, &signed(5000), at(5000)).after;
    assert_eq!(
        (again.state, again.reserved_bytes),
        (UploadState::Pending, 10)
    );
    assert_eq!(again.generation, expired.generation + 1);
    assert_eq!(again.next_check_at, Some(at(5060)));
    let over = 7 * 86_400;
    assert_eq!(
        expired.apply(&signed(over), at(over)),
        Decision::Refused(Refusal::OutOfPlace)
    );
    // An upload whose parts were freed cannot continue.
    let freed = changed(&in_parts(), &Event::ObjectAbsent, at(86_400)).after;
    assert_eq!(freed.state, UploadState::Expired);
    assert_eq!(
        freed.apply(&signed(90_000), at(90_000)),
        Decision::Refused(Refusal::OutOfPlace)
    );
}
