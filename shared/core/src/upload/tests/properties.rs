//! Properties over any history.

use proptest::prelude::{Just, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::Strategy as _;

use super::*;

fn any_event() -> impl proptest::strategy::Strategy<Value = Event> {
    let etag = prop_oneof![Just("a"), Just("b"), Just("c")];
    let token = prop_oneof![Just("t"), Just("u")];
    (
        0..24usize,
        etag,
        token,
        0..2000i64,
        prop::option::of(0..4u8),
    )
        .prop_map(|(kind, etag, token, second, order)| {
            let sequencer = order.map(|n| Sequencer::parse(&format!("0{n}")).unwrap());
            let object = ObjectVersion {
                sequencer: sequencer.clone(),
                ..version(etag, None)
            };
            let lease = Lease {
                token: token.into(),
                until: at(second + 120),
            };
            match kind {
                0 => Event::MultipartBegun {
                    upload_id: etag.into(),
                },
                1 => Event::UrlsReissued {
                    url_expires_at: at(second),
                },
                2 | 3 => Event::ObjectObserved { object },
                4 | 5 => Event::Confirmed {
                    object,
                    collection_id: Some(etag.into()),
                    metadata: ClientMetadata::default(),
                },
                6..=8 => Event::AcquireLease {
                    object,
                    lease,
                    output: None,
                },
                9 => Event::RenewLease { lease },
                10 => Event::ReleaseLease {
                    token: token.into(),
                    is_transient: second % 2 == 0,
                    fault: "get: timed_out".into(),
                },
                11 | 12 => succeed(etag, token),
                13 => fail(etag, token),
                14 => Event::ObjectAbsent,
                15 => Event::LeaseHolderLost {
                    token: token.into(),
                },
                16 => Event::Requeued,
                17 => Event::OriginalRemoved,
                18 => Event::PartsObserved {
                    count: u32::from(order.unwrap_or(0)),
                    size_bytes: second.unsigned_abs(),
                },
                19 => Event::BeginReserved {
                    until: at(second + 30),
                },
                20 => Event::BeginFailed,
                21 => Event::ProbeFailed {
                    is_transient: second % 2 == 0,
                },
                22 => Event::ObjectAbsent,
                _ => Event::ObjectRemoved { sequencer },
            }
        })
}

proptest! {
    /// Invariants 2, 3, 4 and 6 over any sequence of events.
    #[test]
    fn a_state_never_goes_back(
        events in prop::collection::vec((any_event(), 0..200i64), 1..60),
        keep_original: bool,
    ) {
        let mut upload = Upload { keep_original, ..pending() };
        let mut now = 0;
        for (event, pause) in events {
            now += pause;
            let Decision::Change(change) = upload.apply(&event, at(now)) else { continue };
            let next = change.after;
            prop_assert!(
                (next.generation, next.state) >= (upload.generation, upload.state),
                "{:?} -> {:?} by {event:?}", upload.state, next.state
            );
            prop_assert_eq!(next.revision, upload.revision + 1);
            prop_assert!(upload.state != UploadState::Deleted || next.state == UploadState::Deleted || upload.is_lost());
            prop_assert!(
                next.generation > upload.generation || next.state == upload.state
                    || !matches!(upload.state, UploadState::Ready | UploadState::Failed) || next.state == UploadState::Deleted
            );
            if next.state == UploadState::Ready {
                let outcome = next.outcome.as_ref().unwrap();
                prop_assert_eq!(Some(&outcome.etag), next.observed.as_ref().map(|observed| &observed.etag));
            }
            // Every upload that is not final has a next check.
            prop_assert!(!next.state.is_moving() || next.next_check_at.is_some(), "{next:?}");
            prop_assert!(
                next.state != UploadState::Expired || !next.removed_unobserved || next.next_check_at.is_some(),
                "{next:?}"
            );
            prop_assert!(next.lease.is_none() || next.state == UploadState::Processing);
            upload = next;
        }
    }

    /// Invariant 1: bytes that arrive while the URL is valid are accepted, whatever was reported before the object
    /// was first observed.
    #[test]
    fn bytes_of_a_valid_url_are_accepted_whatever_was_reported(
        events in prop::collection::vec((any_event(), 0..50i64), 0..20),
    ) {
        let mut upload = pending();
        let mut now = 0;
        for (event, pause) in events {
            let brings_object = matches!(
                event,
                Event::ObjectObserved { .. } | Event::Confirmed { .. } | Event::AcquireLease { .. }
            );
            if brings_object || now + pause >= 900 { continue }
            now += pause;
            if let Decision::Change(change) = upload.apply(&event, at(now)) { upload = change.after }
            prop_assert!(upload.next_check_at.is_some(), "{upload:?}");
        }
        for event in [acquire("z", "last", at(now + 120)), succeed("z", "last")] {
            if let Decision::Change(change) = upload.apply(&event, at(now)) { upload = change.after }
        }
        prop_assert_eq!(upload.state, UploadState::Ready);
    }

    /// From any state, probing the store and retrying ends an upload (invariants 1 and 5).
    #[test]
    fn a_retry_finishes_from_any_state(
        events in prop::collection::vec((any_event(), 0..200i64), 0..40),
        object_is_there: bool,
    ) {
        let mut upload = pending();
        let mut now = 0;
        for (event, pause) in events {
            now += pause;
            if let Decision::Change(change) = upload.apply(&event, at(now)) { upload = change.after }
        }
        for round in 0..64 {
            if !upload.state.is_moving() { break }
            // The sweep runs every ten seconds, and an unexpired lease ends eventually.
            now += 10;
            now = now.max(upload.next_check_at.map_or(now, |due| due.timestamp() - at(0).timestamp()));
            let token = format!("retry-{round}");
            let events = if object_is_there {
                let object = ObjectVersion { sequencer: None, ..version("z", None) };
                vec![
                    Event::AcquireLease { object, lease: Lease { token: token.clone(), until: at(now + 120) }, output: None },
                    succeed("z", &token),
                ]
            } else {
                vec![Event::ObjectAbsent]
            };
            for event in events {
                if let Decision::Change(change) = upload.apply(&event, at(now)) { upload = change.after }
            }
        }
        prop_assert!(!upload.state.is_moving(), "{upload:?}");
    }
}
