//! The lease of an ingest, and why an ingest ends without an outcome.

use bytes::Bytes;
use consign_core::ids::{ETag, UploadId};
use consign_core::ports::{Clock, Fault, UploadRepo};
use consign_core::time::saturating_add_secs;
use consign_core::transition::{TransitionOutcome, transition};
use consign_core::upload::{Event, LEASE_S, Lease, Upload};

use crate::Deps;

/// Why an ingest ended without an outcome.
#[derive(Debug)]
pub(crate) enum IngestError {
    /// The file itself is invalid. The upload fails for this reason.
    Refused { code: String, detail: String },
    /// The object changed, or another ingest acquired the lease. This ingest stops.
    Overtaken,
    /// A port failed. The message is delivered again.
    Fault(Fault),
}

impl From<Fault> for IngestError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A lease that this process holds on one version of an object. It is renewed during the work.
pub(crate) struct HeldLease<'a, D> {
    pub(crate) deps: &'a D,
    pub(crate) upload: Upload,
    pub(crate) lease: Lease,
    /// The bytes of a small object, after they were read.
    pub(crate) whole: Option<Bytes>,
}

impl<D: Deps> HeldLease<'_, D> {
    /// Returns the version that the lease is for.
    pub(crate) fn etag(&self) -> Option<&ETag> {
        self.upload.observed.as_ref().map(|observed| &observed.etag)
    }

    /// Renews the lease after half of its time.
    pub(crate) async fn renew_if_due(&mut self) -> Result<(), IngestError> {
        let now = self.deps.clock().now();
        // If the clock was set back, the lease ends later than any lease may. It is renewed too.
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
            self.deps,
            self.upload.clone(),
            event,
            self.deps.clock().now(),
        )
        .await
    }
}

/// Ends a lease whose holder is known to be lost. `consign serve` calls it at its start for the leases of its previous process.
///
/// # Errors
/// The repository's fault. The lease then expires.
pub async fn lease_holder_lost<D: Deps>(
    deps: &D,
    id: UploadId,
    token: String,
) -> Result<(), Fault> {
    if let Some(upload) = deps.repo().find(id).await? {
        let event = Event::LeaseHolderLost { token };
        transition(deps, upload, &event, deps.clock().now()).await?;
    }
    Ok(())
}
