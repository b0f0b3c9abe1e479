//! A claim on an upload: the lease under which it is worked on, and why work on it ends.

use bytes::Bytes;
use consign_core::ids::ETag;
use consign_core::ports::{Clock, Fault};
use consign_core::time::saturating_add_secs;
use consign_core::transition::{TransitionOutcome, transition};
use consign_core::upload::{Event, LEASE_S, Lease, Upload};

use crate::Deps;

/// Why work on an upload ended without an outcome.
#[derive(Debug)]
pub(crate) enum IngestError {
    /// The file itself is at fault: it ends failed, for this reason.
    Refused { code: String, detail: String },
    /// The object changed, or another took over: nothing to do here any more.
    Overtaken,
    /// A port failed: again later.
    Fault(Fault),
}

impl From<Fault> for IngestError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A claim on one version of an upload's object, renewed while the work goes on.
pub(crate) struct HeldLease<'a, D> {
    pub(crate) deps: &'a D,
    pub(crate) upload: Upload,
    pub(crate) lease: Lease,
    /// The bytes of a small object, once they were read.
    pub(crate) whole: Option<Bytes>,
}

impl<D: Deps> HeldLease<'_, D> {
    /// The version that was claimed.
    pub(crate) fn etag(&self) -> Option<&ETag> {
        self.upload.observed.as_ref().map(|seen| &seen.etag)
    }

    /// Prolongs the lease once half of it is gone.
    pub(crate) async fn keep(&mut self) -> Result<(), IngestError> {
        let now = self.deps.clock().now();
        // A clock that was set back makes the lease end later than any may: it is written anew as well.
        let (half, whole) = (
            saturating_add_secs(now, LEASE_S / 2),
            saturating_add_secs(now, LEASE_S),
        );
        if self.lease.until > half && self.lease.until <= whole {
            return Ok(());
        }
        self.lease.until = saturating_add_secs(now, LEASE_S);
        let event = Event::RenewLease {
            lease: self.lease.clone(),
        };
        match self.apply(&event).await? {
            TransitionOutcome::Changed(upload) | TransitionOutcome::Unchanged(upload) => {
                self.upload = upload;
                Ok(())
            }
            TransitionOutcome::Refused(..) => Err(IngestError::Overtaken),
        }
    }

    pub(crate) async fn apply(&self, event: &Event) -> Result<TransitionOutcome, Fault> {
        transition(
            self.deps.repo(),
            self.deps.queue(),
            self.upload.clone(),
            event,
            self.deps.clock().now(),
        )
        .await
    }
}
