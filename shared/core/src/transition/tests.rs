use std::collections::VecDeque;
use std::sync::Mutex;

use futures_util::FutureExt as _;

use super::*;
use crate::ids::{ETag, ObjectRef, OwnerId, UploadId};
use crate::ports::{
    Due, DueLine, DueRange, FaultKind, Inserted, ListFilter, NewUpload, Page, SweepJob,
};
use crate::time;
use crate::upload::{Change, ObjectVersion, UploadState};

/// A new upload of alice, of ten bytes.
pub(crate) fn pending() -> Upload {
    let now = time::from_secs(1_800_000_000).unwrap();
    Upload {
        filename: "a.csv".into(),
        category: "dataset".into(),
        extension: "csv".into(),
        content_type: "text/csv".into(),
        size_bytes_declared: Some(10),
        size_bytes_max: 10,
        deleted_retention_s: 3_600,
        reserved_bytes: 10,
        next_check_at: Some(now),
        ..Upload::pending(
            UploadId::new(now, [7; 10]),
            OwnerId::parse("alice").unwrap(),
            ObjectRef::new("bucket", "uploads/alice/a.csv"),
            now,
        )
    }
}

/// Returns the results of `save` in order, and repeats the last one. `find` returns `held`.
pub(crate) struct Repo<const HOLDS_QUEUE: bool> {
    answers: Mutex<VecDeque<Result<Saved, FaultKind>>>,
    held: Option<Upload>,
    saved: Mutex<Vec<(u64, Change)>>,
}

impl<const HOLDS_QUEUE: bool> Repo<HOLDS_QUEUE> {
    pub(crate) fn new(
        answers: impl IntoIterator<Item = Result<Saved, FaultKind>>,
        held: Option<Upload>,
    ) -> Self {
        Self {
            answers: Mutex::new(answers.into_iter().collect()),
            held,
            saved: Mutex::default(),
        }
    }

    fn revisions(&self) -> Vec<u64> {
        let saved = self.saved.lock().unwrap();
        saved.iter().map(|(revision, _)| *revision).collect()
    }
}

impl<const HELD: bool> UploadRepo for Repo<HELD> {
    const HOLDS_QUEUE: bool = HELD;

    async fn insert_pending(&self, _: &NewUpload, _: Timestamp) -> Result<Inserted, Fault> {
        unreachable!("a transition inserts nothing")
    }
    async fn find(&self, _: UploadId) -> Result<Option<Upload>, Fault> {
        Ok(self.held.clone())
    }
    async fn find_by_object(&self, _: &ObjectRef) -> Result<Option<Upload>, Fault> {
        unreachable!("a transition knows the id")
    }
    async fn save(&self, before: &Upload, change: &Change) -> Result<Saved, Fault> {
        let mut saved = self.saved.lock().unwrap();
        saved.push((before.revision, change.clone()));
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 {
            answers.pop_front()
        } else {
            answers.front().copied()
        };
        answer
            .unwrap()
            .map_err(|kind| Fault::new(kind, "save", "scripted"))
    }
    async fn list(
        &self,
        _: &OwnerId,
        _: &ListFilter,
        _: Option<UploadId>,
        _: usize,
    ) -> Result<Page, Fault> {
        unreachable!("a transition lists nothing")
    }
    async fn find_all(&self, _: &[UploadId]) -> Result<Vec<Upload>, Fault> {
        unreachable!("a transition asks for nothing due")
    }

    async fn due_lines(&self, _: Timestamp, _: usize) -> Result<Vec<DueLine>, Fault> {
        unreachable!("a transition asks for nothing due")
    }

    async fn hold(&self, _: &[UploadId], _: Timestamp, _: Timestamp) -> Result<(), Fault> {
        unreachable!("a transition asks for nothing due")
    }

    async fn due(&self, _: &DueLine, _: DueRange) -> Result<Vec<Due>, Fault> {
        unreachable!("a transition asks for nothing due")
    }
    async fn reserved_bytes(&self, _: &OwnerId) -> Result<u64, Fault> {
        unreachable!("a transition asks for no quota")
    }
    async fn bucket_identity(&self, _: &str) -> Result<Option<String>, Fault> {
        unreachable!("a transition knows no bucket")
    }
    async fn record_bucket(&self, _: &str, _: &str) -> Result<String, Fault> {
        unreachable!("a transition knows no bucket")
    }
}

#[derive(Default)]
struct Queue {
    broken: bool,
    sent: Mutex<Vec<IngestJob>>,
}

impl IngestQueue for Queue {
    async fn send_sweep_jobs(&self, _: &[SweepJob]) -> Result<(), Fault> {
        unreachable!("a transition asks for nothing due")
    }

    async fn send(&self, job: IngestJob) -> Result<(), Fault> {
        self.sent.lock().unwrap().push(job);
        if self.broken {
            return Err(Fault::new(FaultKind::Unreachable, "send", "scripted"));
        }
        Ok(())
    }
}

/// An event that enqueues: the object was observed.
fn observed(etag: &str) -> Event {
    Event::ObjectObserved {
        object: ObjectVersion {
            etag: ETag::new(etag),
            size_bytes: 10,
            version_id: None,
            sequencer: None,
        },
    }
}

fn run<const HELD: bool>(
    repo: &Repo<HELD>,
    queue: &Queue,
    upload: Upload,
    event: &Event,
) -> Result<TransitionOutcome, Fault> {
    let now = upload.updated_at;
    transition(&(repo, queue), upload, event, now)
        .now_or_never()
        .unwrap()
}

#[test]
fn a_change_is_written_and_its_job_sent() {
    let (repo, queue) = (
        Repo::<false>::new([Ok(Saved::Written)], None),
        Queue::default(),
    );
    let outcome = run(&repo, &queue, pending(), &observed("a")).unwrap();
    assert!(
        matches!(&outcome, TransitionOutcome::Changed(upload) if upload.state == UploadState::Uploaded)
    );
    assert_eq!(repo.revisions(), [0]);
    let ingest = pending().id;
    assert_eq!(*queue.sent.lock().unwrap(), [IngestJob { ingest }]);
    assert_eq!(outcome.upload().revision, 1);
}

#[test]
fn a_repository_that_holds_the_queue_sends_the_job() {
    let (repo, queue) = (
        Repo::<true>::new([Ok(Saved::Written)], None),
        Queue::default(),
    );
    run(&repo, &queue, pending(), &observed("a")).unwrap();
    assert!(repo.saved.lock().unwrap()[0].1.enqueue);
    assert!(queue.sent.lock().unwrap().is_empty());
}

#[test]
fn inv1_a_job_that_cannot_be_sent_is_left_to_the_sweep() {
    let queue = Queue {
        broken: true,
        ..Queue::default()
    };
    let repo = Repo::<false>::new([Ok(Saved::Written)], None);
    let upload = run(&repo, &queue, pending(), &observed("a"))
        .unwrap()
        .upload();
    assert_eq!(queue.sent.lock().unwrap().len(), 1);
    assert!(upload.next_check_at.is_some(), "the sweep examines it");
}

#[test]
fn unchanged_and_refused_events_write_nothing() {
    let (repo, queue) = (Repo::<false>::new([], None), Queue::default());
    let TransitionOutcome::Changed(uploaded) = run(
        &Repo::<true>::new([Ok(Saved::Written)], None),
        &queue,
        pending(),
        &observed("a"),
    )
    .unwrap() else {
        unreachable!("observed for the first time")
    };
    let again = run(&repo, &queue, uploaded.clone(), &observed("a")).unwrap();
    assert!(matches!(&again, TransitionOutcome::Unchanged(same) if *same == uploaded));
    assert_eq!(again.upload(), uploaded);
    let refused = run(
        &repo,
        &queue,
        pending(),
        &Event::DeletionMoved { kept_bytes: 0 },
    )
    .unwrap();
    assert!(matches!(
        refused,
        TransitionOutcome::Refused(_, Refusal::OutOfPlace)
    ));
    assert_eq!(refused.upload(), pending());
    assert!(repo.revisions().is_empty() && queue.sent.lock().unwrap().is_empty());
}

#[test]
fn a_conflict_applies_the_event_to_the_present_record() {
    let newer = Upload {
        revision: 5,
        filename: "renamed.csv".into(),
        ..pending()
    };
    let repo = Repo::<false>::new([Ok(Saved::Conflict), Ok(Saved::Written)], Some(newer));
    let upload = run(&repo, &Queue::default(), pending(), &observed("a"))
        .unwrap()
        .upload();
    assert_eq!(repo.revisions(), [0, 5]);
    assert_eq!(
        (upload.revision, upload.filename.as_str()),
        (6, "renamed.csv")
    );
}

#[test]
fn endless_conflicts_and_a_missing_record_are_faults() {
    let fault = |repo: Repo<false>| {
        let fault = run(&repo, &Queue::default(), pending(), &observed("a")).unwrap_err();
        (fault.kind, repo.revisions().len())
    };
    let endless = Repo::new([Ok(Saved::Conflict)], Some(pending()));
    assert_eq!(fault(endless), (FaultKind::Throttled, CONFLICTS_MAX));
    let gone = Repo::new([Ok(Saved::Conflict)], None);
    assert_eq!(fault(gone), (FaultKind::Throttled, 1));
    let broken = Repo::new([Err(FaultKind::Denied)], None);
    assert_eq!(fault(broken), (FaultKind::Denied, 1));
}
