//! Invariant 5: a crash anywhere leaves a state that a retry finishes.

use consign_core::ports::{FaultKind, UploadRepo as _};
use consign_testkit::{Harm, Moment, Verb, When, sample};

use crate::life::Life;
use crate::support::{OWNER, world};

const VERBS: [Verb; 22] = [
    Verb::InsertPending,
    Verb::Find,
    Verb::FindAll,
    Verb::FindByObject,
    Verb::Save,
    Verb::Due,
    Verb::BucketIdentity,
    Verb::RecordBucket,
    Verb::Head,
    Verb::Get,
    Verb::ReadChunk,
    Verb::Put,
    Verb::Writer,
    Verb::WriterWrite,
    Verb::WriterFinish,
    Verb::Copy,
    Verb::Delete,
    Verb::MultipartBegin,
    Verb::MultipartParts,
    Verb::MultipartComplete,
    Verb::MultipartAbort,
    Verb::Send,
];

/// Lives every life once for each call that it makes of each port, and harms that call; then everything must have come
/// to the same end as without harm. How many lives that were.
async fn harm_each_call(harm: Harm, moment: Moment) -> usize {
    let mut lives = 0;
    for life in Life::ALL {
        let clean = world();
        let upload = life.live(&clean).await;
        life.check(&clean, &upload, &format!("{life:?} without harm"));
        assert_eq!(clean.objects.open_multiparts(), 0);
        for verb in VERBS {
            // A body of thousands of chunks fails alike in all but its first and last.
            for nth in 1..=clean.faults.calls(verb).min(60) {
                let context = format!("{life:?}: {harm:?} {moment:?} {verb:?} {nth}");
                let world = world();
                world.faults.plan(verb, When::Nth(nth), moment, harm);
                let upload = life.live(&world).await;
                assert_eq!(world.faults.unspent(), 0, "{context}");
                life.check(&world, &upload, &context);
                let reserved = world
                    .ledger
                    .reserved_bytes(&sample::owner(OWNER))
                    .await
                    .unwrap();
                assert_eq!(reserved, upload.reserved_bytes, "{context}");
                lives += 1;
            }
        }
    }
    lives
}

#[tokio::test]
async fn invariant_5_death_before_any_call_leaves_what_a_retry_finishes() {
    assert!(harm_each_call(Harm::Death, Moment::Before).await > 100);
}

#[tokio::test]
async fn invariant_5_death_after_any_call_leaves_what_a_retry_finishes() {
    assert!(harm_each_call(Harm::Death, Moment::After).await > 100);
}

#[tokio::test]
async fn invariant_5_a_fault_of_any_call_is_repaired() {
    assert!(harm_each_call(Harm::Fault(FaultKind::Unreachable), Moment::Before).await > 100);
}

#[tokio::test]
async fn invariant_5_an_answer_lost_after_any_call_is_repaired() {
    assert!(harm_each_call(Harm::Fault(FaultKind::TimedOut), Moment::After).await > 100);
}
