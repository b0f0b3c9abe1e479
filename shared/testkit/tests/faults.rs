//! Planned faults take effect where they were planned, and `transition` survives them.

#![expect(clippy::unwrap_used, reason = "what tests share may fail them")]

use bytes::Bytes;
use consign_core::ids::ObjectRef;
use consign_core::policy::Encryption;
use consign_core::ports::{
    BeginMultipart as _, FaultKind, IngestJob, IngestQueue, Multipart, ObjectStore, ObjectWriter,
    Read, ReadError, UploadRepo,
};
use consign_core::time::saturating_add_secs;
use consign_core::transition::{TransitionOutcome, transition};
use consign_core::upload::{Event, Upload, UploadState};
use consign_testkit::{
    ClientPut, Faults, Faulty, Harm, MemoryQueue, MemoryRepo, MemoryStore, Moment, Verb, When,
    all_due, sample,
};
use futures_util::StreamExt;

const TIMED_OUT: Harm = Harm::Fault(FaultKind::TimedOut);

fn at(key: &str) -> ObjectRef {
    ObjectRef::new("contract", key)
}

fn store() -> (Faulty<MemoryStore>, Faults) {
    let faults = Faults::none();
    let store = MemoryStore::new(["contract"]);
    (Faulty::new(store, faults.clone()), faults)
}

async fn repo() -> (Faulty<MemoryRepo>, Faults, Upload) {
    let faults = Faults::none();
    let repo = Faulty::new(MemoryRepo::new(), faults.clone());
    let upload = sample::upload("ada", 1);
    let new = sample::new(upload.clone());
    repo.insert_pending(&new, sample::start()).await.unwrap();
    (repo, faults, upload)
}

#[tokio::test]
async fn the_nth_call_fails_and_no_other() {
    let (store, faults) = store();
    faults.plan(Verb::Head, When::Nth(2), Moment::Before, TIMED_OUT);
    assert_eq!(faults.unspent(), 1);
    assert!(store.head(&at("a")).await.is_ok());
    let fault = store.head(&at("a")).await.unwrap_err();
    assert_eq!(fault.to_string(), "head: timed_out");
    assert!(store.head(&at("a")).await.is_ok());
    assert_eq!((faults.unspent(), faults.calls(Verb::Head)), (0, 3));
    assert_eq!(faults.calls(Verb::Get), 0);
}

#[tokio::test]
async fn a_breakdown_lasts_until_it_is_cleared() {
    let (store, faults) = store();
    faults.plan(Verb::CheckBucket, When::Always, Moment::Before, TIMED_OUT);
    for _ in 0..3 {
        assert!(store.check_bucket("contract").await.is_err());
    }
    faults.clear();
    assert!(store.check_bucket("contract").await.is_ok());
}

#[tokio::test]
async fn two_faults_in_a_row_strike_one_after_the_other() {
    let (store, faults) = store();
    faults.fail_next(Verb::Delete, FaultKind::Throttled);
    faults.fail_next(Verb::Delete, FaultKind::Denied);
    let first = store.delete(&at("a")).await.unwrap_err();
    let second = store.delete(&at("a")).await.unwrap_err();
    let kinds = (first.kind, second.kind);
    assert_eq!(kinds, (FaultKind::Throttled, FaultKind::Denied));
    assert!(store.delete(&at("a")).await.is_ok());
}

#[tokio::test]
async fn a_fault_after_the_effect_leaves_the_effect() {
    let (store, faults) = store();
    faults.plan(Verb::Put, When::Nth(1), Moment::After, TIMED_OUT);
    let body = Bytes::from_static(b"x");
    assert!(store.put(&at("a"), "text/plain", body).await.is_err());
    assert!(store.head(&at("a")).await.unwrap().is_some());
    faults.fail_next(Verb::Copy, FaultKind::TimedOut);
    assert!(store.copy(&at("a"), &at("b")).await.is_err());
    assert!(store.head(&at("b")).await.unwrap().is_none());
}

#[tokio::test]
async fn a_body_breaks_off_in_the_middle() {
    let (store, faults) = store();
    let body = Bytes::from(vec![7; 5000]);
    store.put(&at("a"), "text/plain", body).await.unwrap();
    faults.plan(Verb::ReadChunk, When::Nth(3), Moment::Before, TIMED_OUT);
    let chunks = store.get(&at("a"), &Read::default()).await.unwrap();
    let chunks: Vec<_> = chunks.collect().await;
    assert!(chunks[0].is_ok() && chunks[1].is_ok() && chunks[2].is_err());

    faults.plan(Verb::ReadChunk, When::Nth(2), Moment::Before, Harm::Death);
    let reading = async {
        let body = store.get(&at("a"), &Read::default()).await.unwrap();
        body.count().await
    };
    assert_eq!(faults.outlive(reading).await, None);
    faults.fail_next(Verb::Get, FaultKind::Unreachable);
    let read = store.get(&at("a"), &Read::default()).await;
    assert!(matches!(read, Err(ReadError::Fault(_))));
}

#[tokio::test]
async fn a_writer_fails_at_each_of_its_steps() {
    let (store, faults) = store();
    faults.fail_next(Verb::Writer, FaultKind::Full);
    assert!(store.writer(&at("a"), "text/plain").await.is_err());
    let mut writer = store.writer(&at("a"), "text/plain").await.unwrap();
    faults.fail_next(Verb::WriterWrite, FaultKind::Full);
    assert!(writer.write(Bytes::from_static(b"x")).await.is_err());
    faults.fail_next(Verb::WriterAbort, FaultKind::Full);
    assert!(writer.abort().await.is_err());
    let writer = store.writer(&at("a"), "text/plain").await.unwrap();
    faults.plan(Verb::WriterFinish, When::Nth(1), Moment::After, TIMED_OUT);
    assert!(writer.finish().await.is_err());
    assert!(store.inner().bytes(&at("a")).is_some());
}

#[tokio::test]
async fn every_verb_of_a_multipart_can_fail() {
    let (store, faults) = store();
    let verbs = [
        Verb::MultipartBegin,
        Verb::MultipartParts,
        Verb::MultipartComplete,
        Verb::MultipartAbort,
    ];
    for verb in verbs {
        faults.fail_next(verb, FaultKind::Denied);
    }
    let begun = store.begin(&at("a"), "text/plain", &Encryption::None).await;
    assert_eq!(begun.unwrap_err().operation, "begin");
    let parts = store.parts(&at("a"), "id").await;
    assert_eq!(parts.unwrap_err().operation, "parts");
    let completed = store.complete(&at("a"), "id", &[]).await;
    assert_eq!(completed.unwrap_err().operation, "complete");
    let aborted = store.abort(&at("a"), "id").await;
    assert_eq!(aborted.unwrap_err().operation, "abort");
    assert_eq!(faults.unspent(), 0);
}

#[tokio::test]
async fn every_verb_of_a_repository_can_fail() {
    let (repo, faults, upload) = repo().await;
    let verbs = [
        Verb::InsertPending,
        Verb::Find,
        Verb::FindByObject,
        Verb::List,
        Verb::Due,
        Verb::ReservedBytes,
    ];
    for verb in verbs {
        faults.fail_next(verb, FaultKind::Denied);
    }
    let new = sample::new(upload.clone());
    let now = sample::start();
    assert!(repo.insert_pending(&new, now).await.is_err());
    assert!(repo.find(upload.id).await.is_err());
    assert!(repo.find_by_object(&upload.object).await.is_err());
    let filter = Default::default();
    assert!(repo.list(&upload.owner, &filter, None, 1).await.is_err());
    assert!(all_due(&repo, now).await.is_err());
    assert!(repo.reserved_bytes(&upload.owner).await.is_err());
    assert_eq!(faults.unspent(), 0);
    assert_eq!(repo.inner().all(), [upload]);
}

#[tokio::test]
async fn a_transition_whose_answer_was_lost_is_found_done_when_repeated() {
    let (repo, faults, upload) = repo().await;
    let queue = MemoryQueue::new();
    let now = sample::start();
    faults.plan(Verb::Save, When::Nth(1), Moment::After, TIMED_OUT);
    let delete = Event::Delete {
        reason: consign_core::upload::DeletionReason::Owner,
    };
    let first = transition(&(&repo, &queue), upload.clone(), &delete, now).await;
    assert_eq!(first.unwrap_err().kind, FaultKind::TimedOut);
    let again = transition(&(&repo, &queue), upload, &delete, now).await;
    assert!(
        matches!(again.unwrap(), TransitionOutcome::Unchanged(upload) if upload.state == UploadState::Deleted)
    );
}

#[tokio::test]
async fn a_process_dies_after_its_write_and_before_its_message() {
    let (repo, faults, upload) = repo().await;
    let queue = Faulty::new(MemoryQueue::new(), faults.clone());
    let store = MemoryStore::new(["contract"]);
    let put = ClientPut::new("text/csv", "x\n1\n");
    let object = store.client_put(&upload.object, put).unwrap();
    let seen = Event::ObjectObserved { object };
    faults.plan(Verb::Send, When::Nth(1), Moment::Before, Harm::Death);
    let ports = (&repo, &queue);
    let work = transition(&ports, upload.clone(), &seen, sample::start());
    assert!(faults.outlive(work).await.is_none());
    assert_eq!(queue.inner().depth(), 0);
    // The work of the sweep.
    let until = saturating_add_secs(sample::start(), 3600);
    assert_eq!(all_due(&repo, until).await.unwrap(), [upload.id]);
    let found = repo.find(upload.id).await.unwrap().unwrap();
    assert_eq!(found.state, UploadState::Uploaded);
    let swept = transition(&(&repo, &queue), found, &Event::Requeued, until).await;
    assert!(swept.is_ok());
    assert_eq!(queue.inner().depth(), 1);
}

#[tokio::test]
async fn work_that_outlives_its_plan_gives_its_answer() {
    let (repo, faults, upload) = repo().await;
    let found = faults.outlive(repo.find(upload.id)).await;
    assert_eq!(found.unwrap().unwrap(), Some(upload));
}

#[tokio::test]
async fn a_repository_that_holds_the_queue_sends_with_the_write() {
    let queue = MemoryQueue::new();
    let repo = Faulty::new(MemoryRepo::holding(queue.clone()), Faults::none());
    let upload = sample::upload("ada", 1);
    let now = sample::start();
    let new = sample::new(upload.clone());
    repo.insert_pending(&new, now).await.unwrap();
    let store = MemoryStore::new(["contract"]);
    let put = ClientPut::new("text/csv", "x\n1\n");
    let object = store.client_put(&upload.object, put).unwrap();
    let elsewhere = MemoryQueue::new();
    let seen = Event::ObjectObserved { object };
    let moved = transition(&(&repo, &elsewhere), upload.clone(), &seen, now).await;
    assert!(matches!(moved.unwrap(), TransitionOutcome::Changed(_)));
    assert_eq!(elsewhere.depth(), 0);
    let [message] = &queue.receive(now, 30, 10)[..] else {
        panic!("one job must be there");
    };
    let job = IngestJob::from_body(message.body.as_bytes());
    assert_eq!(job, Some(IngestJob { ingest: upload.id }));
    queue.dead(message, "enough");
    assert_eq!(queue.dead_letters()[0].reason, "enough");
    elsewhere
        .send(IngestJob { ingest: upload.id })
        .await
        .unwrap();
    assert_eq!(elsewhere.depth(), 1);
}

#[tokio::test]
async fn a_client_meets_if_none_match_or_a_store_without_it() {
    let store = MemoryStore::new(["contract"]);
    let mut put = ClientPut::new("text/csv", "first");
    put.has_checksum = true;
    let first = store.client_put(&at("a"), put.clone()).unwrap();
    assert_eq!(store.client_put(&at("a"), put.clone()), None);
    let head = store.head(&at("a")).await.unwrap().unwrap();
    let checksum = "p5N7ZLjKpY8Dchu2us9ceMsjX+vg5wsbhM2ZVBRhoI4=";
    assert_eq!(head.checksum_sha256.as_deref(), Some(checksum));

    store.honour_if_none_match(false);
    put.body = Bytes::from_static(b"second");
    let second = store.client_put(&at("a"), put.clone()).unwrap();
    assert!(first.sequencer < second.sequencer);
    assert_ne!(
        (first.etag, first.version_id),
        (second.etag.clone(), second.version_id)
    );
    put.etag = Some(first_etag());
    put.sequencer = second.sequencer.clone();
    let named = store.client_put(&at("a"), put.clone()).unwrap();
    assert_eq!(
        (named.etag, named.sequencer),
        (first_etag(), second.sequencer.clone())
    );
    assert!(store.client_delete(&at("a")) > second.sequencer);
    assert_eq!(store.keys("contract"), [""; 0]);

    assert_eq!(store.client_put(&ObjectRef::new("nowhere", "a"), put), None);
    assert_eq!(store.client_put_part("no-such-id", 1, "x"), None);
    store
        .put(&at("b"), "text/plain", Bytes::new())
        .await
        .unwrap();
    assert_eq!(store.keys("contract"), ["b"]);
    store
        .begin(&at("c"), "text/plain", &Encryption::None)
        .await
        .unwrap();
    assert_eq!(store.open_multiparts(), 1);
}

fn first_etag() -> consign_core::ids::ETag {
    consign_core::ids::ETag::new("first")
}
