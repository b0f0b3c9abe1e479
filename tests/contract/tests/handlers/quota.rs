//! What the bucket holds of a deleted upload counts, or is not there: whatever was told, lost, doubled or interrupted.

use consign_core::ids::ObjectRef;
use consign_core::ports::{Clock as _, UploadRepo as _};
use consign_core::time::saturating_add_secs;
use consign_core::upload::{Upload, UploadState};
use consign_testkit::{Harm, Moment, Verb, When, sample};
use contract::{Horizon, World};
use ingest_on_object_created::Disposition;

use crate::support::{
    CSV, CSV_2, LARGE_BYTES, OWNER, confirm, csv, large, put, signed, told, world,
};

const SHORT: &[u8] = b"a\n1\n";
const PART_BYTES: usize = 5 << 20;
/// The life of the URLs in the tests' policy, which says nothing, and the grace after it.
const URL_S: u64 = 900 + 60;
const DAY_S: u64 = 86_400;

/// What the bucket holds of the uploaded object, and what counts for its owner.
async fn stored_and_counted(world: &World, upload: &Upload) -> (u64, u64) {
    let object = &upload.object;
    let buried = ObjectRef::new(&object.bucket, format!("deleted/{}", object.key));
    let bytes = [object, &buried].map(|object| world.objects.bytes(object));
    let stored = bytes.iter().flatten().map(|bytes| bytes.len() as u64);
    let counted = world.ledger.reserved_bytes(&sample::owner(OWNER)).await;
    (stored.sum(), counted.unwrap())
}

async fn assert_counted(world: &World, upload: &Upload, context: &str) {
    let (stored, counted) = stored_and_counted(world, upload).await;
    assert!(stored <= counted, "{context}: {stored} of {counted}");
}

/// To the end of everything, looking at each step.
async fn settle(world: &World, upload: &Upload, context: &str) {
    for step in 0.. {
        assert!(step < 100, "{context}: it does not end");
        world.deliver().await;
        world.sweep().await;
        assert_counted(world, upload, context).await;
        let due = world.record(upload.id).unwrap().next_check_at;
        let Some(due) = due else { break };
        world.clock.set(due.max(world.clock.now()));
    }
    assert_eq!(stored_and_counted(world, upload).await, (0, 0), "{context}");
    let ended = world.record(upload.id).unwrap();
    assert_eq!(ended.state, UploadState::Deleted, "{context}");
    assert!(!ended.counts_as_file(), "{context}");
}

#[derive(Debug, Clone, Copy)]
struct Course {
    is_form: bool,
    /// Its bytes are there when it is deleted, and were told of so often by then.
    put_before: Option<u32>,
    /// Its event comes so often between the deletion and the sweep.
    told_late: u32,
    /// The form is used again by then.
    is_used_again: bool,
    /// Whether the URL is used after the sweep, and how often that is told.
    put_after: Option<u32>,
    /// The sweep dies at this call, before or after its effect.
    death: Option<(Verb, Moment)>,
}

impl Course {
    async fn run(self) {
        let context = format!("{self:?}");
        let world = world();
        world.sweep().await;
        let mut body = csv("table");
        if self.is_form {
            body["strategy"] = "post".into();
            world.objects.honour_if_none_match(false);
        }
        let upload = signed(&world, &body).await;
        let mut last = None;
        if let Some(times) = self.put_before {
            let first = if self.is_form { SHORT } else { CSV };
            last = put(&world, &upload.object, first);
            self.tell(&world, &upload, times, last.as_ref()).await;
        }
        assert_eq!(world.delete(OWNER, &upload.id.to_string()).await, 204);
        assert_counted(&world, &upload, &context).await;
        self.tell(&world, &upload, self.told_late, last.as_ref())
            .await;
        if self.is_used_again {
            put(&world, &upload.object, CSV).unwrap();
            assert_counted(&world, &upload, &context).await;
        }
        if let Some((verb, moment)) = self.death {
            world.faults.plan(verb, When::Nth(1), moment, Harm::Death);
            let _ = world.faults.outlive(world.sweep()).await;
            world.faults.clear();
        }
        world.sweep().await;
        assert_counted(&world, &upload, &context).await;
        if let Some(times) = self.put_after {
            let late = put(&world, &upload.object, CSV_2);
            assert!(late.is_some(), "{context}: its place is free");
            assert_counted(&world, &upload, &context).await;
            self.tell(&world, &upload, times, late.as_ref()).await;
            world.sweep().await;
            assert_counted(&world, &upload, &context).await;
            let is_there = world.objects.bytes(&upload.object).is_some();
            assert_eq!(is_there, times == 0, "{context}: what is told goes at once");
        }
        settle(&world, &upload, &context).await;
    }

    async fn tell(
        self,
        world: &World,
        upload: &Upload,
        times: u32,
        version: Option<&consign_core::upload::ObjectVersion>,
    ) {
        for _ in 0..times {
            if let Some(version) = version {
                let body = told(&upload.object, version);
                assert_eq!(world.ingest(&body).await, Disposition::Ack, "{self:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_there_of_a_deleted_upload_counts_whatever_the_events_do() {
    let mut courses = 0;
    for is_form in [false, true] {
        for put_before in [None, Some(0), Some(1)] {
            for told_late in [0, 1, 2] {
                for is_used_again in [false, is_form && put_before.is_some()] {
                    for put_after in [None, Some(0), Some(1), Some(2)] {
                        let course = Course {
                            is_form,
                            put_before,
                            told_late,
                            is_used_again,
                            put_after,
                            death: None,
                        };
                        course.run().await;
                        courses += 1;
                    }
                }
            }
        }
    }
    assert!(courses > 100);
}

#[tokio::test]
async fn what_is_there_of_a_deleted_upload_counts_wherever_the_sweep_dies() {
    let verbs = [Verb::Head, Verb::Copy, Verb::Delete, Verb::Save];
    for verb in verbs {
        for moment in [Moment::Before, Moment::After] {
            for put_before in [None, Some(0), Some(1)] {
                for put_after in [None, Some(0), Some(1)] {
                    let course = Course {
                        is_form: true,
                        put_before,
                        told_late: 0,
                        is_used_again: put_before.is_some(),
                        put_after,
                        death: Some((verb, moment)),
                    };
                    course.run().await;
                }
            }
        }
    }
}

#[tokio::test]
async fn an_upload_deleted_before_its_event_takes_room_until_its_url_is_dead() {
    let world = world();
    let upload = signed(&world, &csv("table")).await;
    put(&world, &upload.object, CSV).unwrap();
    assert_eq!(world.delete(OWNER, &upload.id.to_string()).await, 204);
    let bytes = CSV.len() as u64;
    assert_eq!(stored_and_counted(&world, &upload).await, (bytes, bytes));
    world.sweep().await;
    assert_eq!(stored_and_counted(&world, &upload).await, (0, bytes));
    world.clock.advance_s(URL_S);
    world.sweep().await;
    assert_eq!(stored_and_counted(&world, &upload).await, (0, 0));
    assert!(!world.record(upload.id).unwrap().counts_as_file());
}

/// A write that began in time and took long, of which no event told.
#[tokio::test]
async fn what_arrives_after_the_end_of_its_url_is_gone_within_a_day() {
    for is_kept in [false, true] {
        for late_s in [10, 3 * 3600, 20 * 3600] {
            let world = world();
            let upload = signed(&world, &csv("table")).await;
            if is_kept {
                let version = put(&world, &upload.object, CSV).unwrap();
                world.ingest(&told(&upload.object, &version)).await;
            }
            assert_eq!(world.delete(OWNER, &upload.id.to_string()).await, 204);
            let arrives = saturating_add_secs(world.clock.now(), URL_S + late_s);
            let gone = saturating_add_secs(world.clock.now(), URL_S + DAY_S);
            while world.clock.now() < arrives {
                world.sweep().await;
                world.clock.advance_s(600);
            }
            put(&world, &upload.object, CSV_2).unwrap();
            while world.clock.now() <= gone {
                world.clock.advance_s(600);
                world.sweep().await;
            }
            assert_eq!(world.objects.bytes(&upload.object), None, "{late_s}");
            settle(&world, &upload, &format!("{late_s}")).await;
        }
    }
}

/// Its parts count until they are freed, and then no URL brings another.
#[tokio::test]
async fn parts_of_a_deleted_upload_are_freed_with_what_they_took() {
    for parts in 0..=2 {
        for is_complete in [false, parts == 2] {
            let world = world();
            let upload = signed(&world, &large()).await;
            let upload_id = upload.multipart_upload_id.clone().unwrap();
            let lengths = [PART_BYTES, LARGE_BYTES - PART_BYTES];
            for (number, length) in (1..).zip(lengths).take(parts) {
                let part = vec![b'a'; length];
                let sent = world.objects.client_put_part(&upload_id, number, part);
                sent.unwrap();
            }
            if is_complete {
                assert_eq!(confirm(&world, &upload).await.0, 200);
            }
            assert_eq!(world.delete(OWNER, &upload.id.to_string()).await, 204);
            let counted = stored_and_counted(&world, &upload).await.1;
            assert_eq!(counted, LARGE_BYTES as u64);
            for moment in [Moment::Before, Moment::After] {
                let (verb, harm) = (Verb::MultipartAbort, Harm::Death);
                world.faults.plan(verb, When::Nth(1), moment, harm);
                let _ = world.faults.outlive(world.sweep()).await;
                world.faults.clear();
                let counted = stored_and_counted(&world, &upload).await.1;
                assert_eq!(counted, LARGE_BYTES as u64);
            }
            world.sweep().await;
            assert_eq!(world.objects.open_multiparts(), 0);
            let late = world.objects.client_put_part(&upload_id, 1, "a");
            assert_eq!(late, None);
            let kept = if is_complete { LARGE_BYTES as u64 } else { 0 };
            let now = stored_and_counted(&world, &upload).await;
            assert_eq!(now, (kept, kept), "{parts} parts");
            settle(&world, &upload, &format!("{parts} parts")).await;
        }
    }
}

/// A bucket that is not ours shows nothing, and nothing is given back for that.
#[tokio::test]
async fn nothing_is_given_back_for_a_look_at_another_bucket() {
    let world = world();
    world.sweep().await;
    let upload = signed(&world, &csv("table")).await;
    put(&world, &upload.object, CSV).unwrap();
    assert_eq!(world.delete(OWNER, &upload.id.to_string()).await, 204);
    world.objects.unmount();
    for _ in 0..3 {
        world.sweep().await;
        world.clock.advance_s(URL_S);
    }
    world.objects.mount();
    assert_counted(&world, &upload, "it was away").await;
    assert!(world.settle(Horizon::End).await);
    assert_eq!(stored_and_counted(&world, &upload).await, (0, 0));
}
