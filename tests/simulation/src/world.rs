//! What one run consists of.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use consign_core::ids::{ObjectRef, UploadId};
use consign_core::policy::Policy;
use consign_core::ports::UploadRepo as _;
use consign_core::upload::Upload;
use consign_testkit::{MemoryQueue, MemoryRepo, MemoryStore};
use futures_util::FutureExt as _;

use crate::Setup;
use crate::fault::{Kind, Rates};
use crate::monitor::Monitor;
use crate::rules::{BUCKET, OTHER_BUCKET, rules};
use crate::scheduler::{Role, Scheduler};

/// The system of one run, below its faults.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) setup: Setup,
    pub(crate) rates: Rates,
    pub(crate) scheduler: Scheduler,
    pub(crate) records: MemoryRepo,
    pub(crate) queue: MemoryQueue,
    pub(crate) objects: MemoryStore,
    pub(crate) monitor: Monitor,
    /// Whether a record's write queues its job too, as SQLite does. Elsewhere the job is sent after the write.
    pub(crate) holds_queue: bool,
    policy: AtomicUsize,
    is_calm: AtomicBool,
    is_over: AtomicBool,
    /// The notifications that are under way.
    pub(crate) under_way: AtomicI64,
}

impl World {
    pub(crate) fn new(setup: Setup, keeps_trace: bool) -> Arc<Self> {
        Arc::new(Self {
            rates: Rates::of(setup.seed),
            scheduler: Scheduler::new(setup.seed, keeps_trace),
            records: MemoryRepo::new(),
            queue: MemoryQueue::new(),
            objects: MemoryStore::new([BUCKET, OTHER_BUCKET]),
            monitor: Monitor::default(),
            holds_queue: setup.seed.is_multiple_of(2),
            policy: AtomicUsize::new(0),
            is_calm: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            under_way: AtomicI64::new(0),
            setup,
        })
    }

    /// Returns whether a kind of fault may happen now.
    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.setup.kinds.has(kind) && !self.is_calm()
    }

    /// Counts a fault that happened, and adds it to the trace.
    pub(crate) fn happened(&self, kind: Kind, what: impl FnOnce() -> String) {
        self.monitor.count(kind);
        self.scheduler.note(|| format!("! {kind:?}: {}", what()));
    }

    /// Returns whether the faults have ended.
    pub(crate) fn is_calm(&self) -> bool {
        self.is_calm.load(Ordering::Relaxed)
    }

    /// Ends the faults.
    pub(crate) fn calm_down(&self) {
        self.is_calm.store(true, Ordering::Relaxed);
        self.scheduler.note(|| "the faults end".to_owned());
    }

    /// Returns whether the run has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Ends the run.
    pub(crate) fn finish(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Returns the policy that functions start with now.
    pub(crate) fn policy(&self) -> Arc<Policy> {
        let policies = &rules().policies;
        let index = self.policy.load(Ordering::Relaxed) % policies.len();
        Arc::clone(&policies[index])
    }

    pub(crate) fn set_policy(&self, index: usize) {
        self.policy.store(index, Ordering::Relaxed);
    }

    /// Returns the role of a new function, whose clock may be wrong.
    pub(crate) fn function_role(&self, name: &str) -> Role {
        let skew_s = self.scheduler.draw(|dice| dice.below(1_801));
        let skew_s = i64::try_from(skew_s).unwrap_or(0) - 900;
        let is_skewed = self.has(Kind::Skew);
        if is_skewed {
            self.monitor.count(Kind::Skew);
        }
        Role {
            name: name.to_owned(),
            skew_s: if is_skewed { skew_s } else { 0 },
            removal: None,
        }
    }

    /// Returns the record of an upload. The records in memory answer at once.
    pub(crate) fn record(&self, id: UploadId) -> Option<Upload> {
        self.records.find(id).now_or_never()?.ok()?
    }

    /// Returns the record of an object.
    pub(crate) fn record_of(&self, object: &ObjectRef) -> Option<Upload> {
        self.records.find_by_object(object).now_or_never()?.ok()?
    }
}

/// Returns the role of something that is not part of consign.
pub(crate) fn outside(name: impl Into<String>) -> Role {
    Role {
        name: name.into(),
        skew_s: 0,
        removal: None,
    }
}
