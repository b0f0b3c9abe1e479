//! Checks what an ingest wrote: it is whole, made from the recorded version, and has its rows.

use std::sync::Arc;

use bytes::Bytes;
use consign_core::ids::ObjectRef;
use consign_core::upload::{IngestOutcome, Upload};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;

use crate::world::World;

/// The metadata of a Parquet file that names the version it was made from.
const SOURCE: &str = "consign.source_etag";

/// Checks the outputs of a commit.
pub(super) fn check(
    world: &Arc<World>,
    upload: &Upload,
    outcome: &IngestOutcome,
) -> Result<(), String> {
    let body = world.monitor.with(|state| {
        let history = state.objects.get(&upload.object)?;
        let version = history
            .versions
            .iter()
            .find(|version| version.etag == outcome.etag)?;
        Some(version.body.clone())
    });
    let body = body.ok_or("ready is made from a version that never existed")?;
    let Some(key) = &outcome.parquet_key else {
        return Ok(());
    };
    let bucket = outcome
        .bucket
        .as_ref()
        .ok_or("the outputs have no bucket")?;
    for key in outcome.keys() {
        if !key.contains(&format!("/{}/{}/", upload.owner.as_str(), upload.id)) {
            return Err(format!("the output {key} is not of the upload"));
        }
        if world.objects.bytes(&ObjectRef::new(bucket, key)).is_none() {
            return Err(format!("ready, and {key} does not exist"));
        }
    }
    let parquet = world
        .objects
        .bytes(&ObjectRef::new(bucket, key))
        .unwrap_or_default();
    let (source, rows) = read(parquet).map_err(|error| format!("the Parquet: {error}"))?;
    if source.as_deref() != Some(outcome.etag.as_str()) {
        return Err(format!("the Parquet is made from {source:?}"));
    }
    let wanted = rows_of(&body);
    if rows != wanted || outcome.row_count != u64::try_from(wanted.len()).ok() {
        return Err(format!("the Parquet has {rows:?} and the file {wanted:?}"));
    }
    Ok(())
}

/// Returns the rows of a CSV file of the simulated clients, without its heading.
fn rows_of(body: &[u8]) -> Vec<Vec<String>> {
    let text = String::from_utf8_lossy(body);
    let rows = text.lines().skip(1);
    rows.map(|row| row.split(',').map(str::to_owned).collect())
        .collect()
}

/// Returns the version that a Parquet file was made from, and its rows.
fn read(file: Bytes) -> Result<(Option<String>, Vec<Vec<String>>), parquet::errors::ParquetError> {
    let reader = SerializedFileReader::new(file)?;
    let metadata = reader.metadata().file_metadata().key_value_metadata();
    let source = metadata
        .into_iter()
        .flatten()
        .find(|pair| pair.key == SOURCE)
        .and_then(|pair| pair.value.clone());
    let mut rows = Vec::new();
    for row in reader.get_row_iter(None)? {
        let row = row?;
        rows.push(
            row.get_column_iter()
                .map(|(_, field)| text_of(field))
                .collect(),
        );
    }
    Ok((source, rows))
}

fn text_of(field: &Field) -> String {
    if let Field::Str(text) = field {
        return text.clone();
    }
    field.to_string()
}
