//! Writes the outputs of an ingest.

use bytes::Bytes;
use consign_core::ports::{Fault, FaultKind, ObjectStore, ObjectWriter};
use consign_core::upload::{Output, Outputs};

use crate::Deps;
use crate::lease::{HeldLease, IngestError};

/// The Parquet files of a conversion in progress. That of the rejected rows is begun with the first of them.
pub(crate) struct Writers<'s, S: ObjectStore> {
    store: &'s S,
    planned: &'s Outputs,
    table: S::Writer,
    rejects: Option<S::Writer>,
}

impl<'s, S: ObjectStore> Writers<'s, S> {
    /// Begins the Parquet file of the table.
    pub(crate) async fn begin(store: &'s S, planned: &'s Outputs) -> Result<Self, Fault> {
        Ok(Self {
            store,
            planned,
            table: writer(store, planned, Output::Parquet).await?,
            rejects: None,
        })
    }

    /// Appends to the Parquet file of the table and to that of the rejected rows.
    pub(crate) async fn write(&mut self, table: Vec<u8>, rejects: Vec<u8>) -> Result<(), Fault> {
        if !table.is_empty() {
            self.table.write(Bytes::from(table)).await?;
        }
        if rejects.is_empty() {
            return Ok(());
        }
        let writer = match &mut self.rejects {
            Some(writer) => writer,
            None => {
                let begun = writer(self.store, self.planned, Output::RejectsParquet).await?;
                self.rejects.insert(begun)
            }
        };
        writer.write(Bytes::from(rejects)).await
    }

    /// Makes the files visible. Returns whether there is one of rejected rows.
    pub(crate) async fn finish(self) -> Result<bool, Fault> {
        let Some(rejects) = self.rejects else {
            self.table.finish().await?;
            return Ok(false);
        };
        let (table, rejects) =
            futures_util::future::join(self.table.finish(), rejects.finish()).await;
        table.and(rejects)?;
        Ok(true)
    }

    /// Cancels the write and frees the stored bytes.
    pub(crate) async fn free(self) {
        for writer in [Some(self.table), self.rejects].into_iter().flatten() {
            if let Err(fault) = writer.abort().await {
                tracing::warn!(%fault, "an unfinished output could not be freed; the bucket's lifecycle rules will remove it");
            }
        }
    }
}

async fn writer<S: ObjectStore>(
    store: &S,
    planned: &Outputs,
    output: Output,
) -> Result<S::Writer, Fault> {
    let object = planned.object(output).ok_or_else(|| unplanned("write"))?;
    store.writer(&object, output.content_type()).await
}

/// An output without a key: another build planned the outputs. The next attempt plans them again.
fn unplanned(operation: &'static str) -> Fault {
    Fault::new(
        FaultKind::Other,
        operation,
        "the record has no key for this output",
    )
}

/// Writes a small output as a whole.
pub(crate) async fn put_json<D: Deps>(
    held: &HeldLease<'_, D>,
    planned: &Outputs,
    output: Output,
    value: &impl serde::Serialize,
) -> Result<(), IngestError> {
    let json =
        serde_json::to_vec(value).map_err(|error| Fault::new(FaultKind::Other, "put", error))?;
    let object = planned.object(output).ok_or_else(|| unplanned("put"))?;
    held.deps
        .store()
        .put(&object, output.content_type(), json.into())
        .await?;
    Ok(())
}
