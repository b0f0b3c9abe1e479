//! Plans of faults.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::future::{Future, pending};
use std::sync::{Arc, Mutex};

use consign_core::ports::{Fault, FaultKind};
use tokio::sync::Notify;

use crate::lock;

/// A call of a port that can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the port's method of the same name")]
pub enum Verb {
    InsertPending,
    Find,
    FindAll,
    FindByObject,
    Save,
    List,
    /// The lines, or a range of one.
    Due,
    Hold,
    ReservedBytes,
    BucketIdentity,
    RecordBucket,
    Head,
    Get,
    /// A chunk of a body.
    ReadChunk,
    Put,
    Writer,
    WriterWrite,
    WriterFinish,
    WriterAbort,
    Copy,
    Delete,
    CheckBucket,
    MultipartBegin,
    MultipartParts,
    MultipartComplete,
    MultipartAbort,
    Send,
    SendLooks,
}

impl Verb {
    /// Returns the name of the operation in faults.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InsertPending => "insert_pending",
            Self::Find => "find",
            Self::FindAll => "find_all",
            Self::FindByObject => "find_by_object",
            Self::Save => "save",
            Self::List => "list",
            Self::Due => "due",
            Self::Hold => "hold",
            Self::ReservedBytes => "reserved_bytes",
            Self::BucketIdentity => "bucket_identity",
            Self::RecordBucket => "record_bucket",
            Self::Head => "head",
            Self::Get => "get",
            Self::ReadChunk => "read_chunk",
            Self::Put => "put",
            Self::Writer => "writer",
            Self::WriterWrite => "write",
            Self::WriterFinish => "finish",
            Self::WriterAbort => "abort_writer",
            Self::Copy => "copy",
            Self::Delete => "delete",
            Self::CheckBucket => "check_bucket",
            Self::MultipartBegin => "begin",
            Self::MultipartParts => "parts",
            Self::MultipartComplete => "complete",
            Self::MultipartAbort => "abort",
            Self::Send => "send",
            Self::SendLooks => "send_sweep_jobs",
        }
    }
}

/// Which calls of a verb fail, counted from the planning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Only this call; 1 is the next.
    Nth(usize),
    /// All calls.
    Always,
}

/// Whether the call has its effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// It fails before its effect.
    Before,
    /// It fails after its effect, as if the answer was lost.
    After,
}

/// The kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// The call returns a fault of this kind.
    Fault(FaultKind),
    /// The process ends: the call never returns, and [`Faults::outlive`] returns `None`.
    Death,
}

#[derive(Debug)]
struct Planned {
    verb: Verb,
    when: When,
    moment: Moment,
    harm: Harm,
}

#[derive(Debug, Default)]
struct Inner {
    planned: Mutex<Vec<Planned>>,
    calls: Mutex<HashMap<Verb, usize>>,
    died: Notify,
}

/// The plan of the [`Faulty`](crate::Faulty) adapters of a test. Clones share the plan.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Inner>);

impl Faults {
    /// Creates an empty plan.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Plans a failure. Several may be planned for one verb. They take effect in the order of planning.
    pub fn plan(&self, verb: Verb, when: When, moment: Moment, harm: Harm) {
        lock(&self.0.planned).push(Planned {
            verb,
            when,
            moment,
            harm,
        });
    }

    /// Plans that the next call of `verb` fails before its effect.
    pub fn fail_next(&self, verb: Verb, kind: FaultKind) {
        self.plan(verb, When::Nth(1), Moment::Before, Harm::Fault(kind));
    }

    /// Removes all planned failures.
    pub fn clear(&self) {
        lock(&self.0.planned).clear();
    }

    /// Returns how many planned failures have not happened yet, without [`When::Always`].
    #[must_use]
    pub fn unspent(&self) -> usize {
        let planned = lock(&self.0.planned);
        planned.iter().filter(|p| p.when != When::Always).count()
    }

    /// Returns how often `verb` was called.
    #[must_use]
    pub fn calls(&self, verb: Verb) -> usize {
        lock(&self.0.calls).get(&verb).copied().unwrap_or(0)
    }

    /// Returns how often each verb was called, by its name. Verbs that were not called are left out.
    #[must_use]
    pub fn all_calls(&self) -> BTreeMap<&'static str, usize> {
        let calls = lock(&self.0.calls);
        calls.iter().map(|(verb, n)| (verb.as_str(), *n)).collect()
    }

    /// Runs `work` to its end, or until the plan ends its process: then `None`.
    pub async fn outlive<F: Future>(&self, work: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = work => Some(output),
            () = self.0.died.notified() => None,
        }
    }
}

/// What decides about each call of a [`Faulty`](crate::Faulty) adapter: a plan, or the scheduler of a simulation.
pub trait Interposer: Clone + Debug + Send + Sync {
    /// Runs a call, or lets it fail before or after its effect.
    fn around<T: Send, E: From<Fault> + Send>(
        &self,
        verb: Verb,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> impl Future<Output = Result<T, E>> + Send;

    /// Counts a call that cannot wait, and returns its failure, if it fails.
    fn strike(&self, verb: Verb) -> Option<(Moment, Harm)>;

    /// Ends the process of the caller, after [`Harm::Death`].
    fn die(&self);
}

impl Interposer for Faults {
    fn strike(&self, verb: Verb) -> Option<(Moment, Harm)> {
        *lock(&self.0.calls).entry(verb).or_default() += 1;
        let mut struck = None;
        lock(&self.0.planned).retain_mut(|planned| {
            if planned.verb != verb {
                return true;
            }
            match &mut planned.when {
                When::Always => {
                    struck = struck.or(Some((planned.moment, planned.harm)));
                    true
                }
                When::Nth(left) if *left > 1 => {
                    *left -= 1;
                    true
                }
                When::Nth(_) if struck.is_some() => true,
                When::Nth(_) => {
                    struck = Some((planned.moment, planned.harm));
                    false
                }
            }
        });
        struck
    }

    fn die(&self) {
        self.0.died.notify_one();
    }

    async fn around<T: Send, E: From<Fault> + Send>(
        &self,
        verb: Verb,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let harm = match self.strike(verb) {
            None => return call.await,
            Some((Moment::Before, harm)) => harm,
            Some((Moment::After, harm)) => {
                call.await?;
                harm
            }
        };
        match harm {
            Harm::Fault(kind) => Err(planned(kind, verb).into()),
            Harm::Death => {
                self.die();
                pending().await
            }
        }
    }
}

/// Returns a planned fault.
pub(crate) fn planned(kind: FaultKind, verb: Verb) -> Fault {
    Fault::new(kind, verb.as_str(), "planned by the test")
}
