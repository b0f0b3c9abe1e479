//! The schema contract of a collection: the columns of its last table that became ready, and how a new table may differ.

use std::collections::BTreeMap;

use bytes::BytesMut;
use consign_core::hints::{ColumnType, Hints};
use consign_core::ids::ObjectRef;
use consign_core::policy::{SchemaContract, TableSchema};
use consign_core::ports::{Fault, FaultKind, ListFilter, ObjectStore, Read, ReadError, UploadRepo};
use consign_core::upload::{Upload, UploadState};
use consign_tabular::{Profile, Rejects};
use futures_util::StreamExt as _;
use serde::Deserialize;

use crate::Deps;
use crate::lease::IngestError;

/// The number of ready files that are looked at for a profile.
const FILES_MAX: usize = 20;
/// The longest profile that is read, in bytes. One of 10,000 columns has about 10 MB.
const PROFILE_BYTES_MAX: usize = 32 << 20;

/// What binds a table: the contract of its category, and the schema of its collection.
pub(crate) struct Contract {
    kind: SchemaContract,
    schema: TableSchema,
}

impl Contract {
    /// Finds the contract of an upload. `None` if its category has none, it has no collection, or it is the first table
    /// of its collection.
    pub(crate) async fn find<D: Deps>(
        deps: &D,
        upload: &Upload,
        kind: Option<SchemaContract>,
    ) -> Result<Option<Self>, Fault> {
        let (Some(kind), Some(collection_id)) = (kind, &upload.collection_id) else {
            return Ok(None);
        };
        let filter = ListFilter {
            state: Some(UploadState::Ready),
            category: Some(upload.category.clone()),
            collection_id: Some(collection_id.clone()),
        };
        let page = deps
            .repo()
            .list(&upload.owner, &filter, None, FILES_MAX)
            .await?;
        for file in page.uploads.iter().filter(|file| file.id != upload.id) {
            if let Some(schema) = read_schema(deps, file).await? {
                return Ok(Some(Self { kind, schema }));
            }
        }
        Ok(None)
    }

    /// Returns the hints that a table is read by: those of the upload, and the types of the schema where it binds rows.
    pub(crate) fn hints(&self, hints: Hints) -> Hints {
        if !self.binds() {
            return hints;
        }
        let known = self.schema.0.iter();
        let columns = known.filter_map(|(name, kind)| Some((name.clone(), (*kind)?)));
        let types = Hints {
            columns: columns.collect(),
            ..Hints::default()
        };
        // If the types contradict the hints of the upload, those alone count, and the tables are compared afterwards.
        hints.clone().over(&types).unwrap_or(hints)
    }

    /// Explains a refusal by the schema, if a column is not there or its cells have another type.
    pub(crate) fn explain(&self, stop: IngestError) -> IngestError {
        let IngestError::Refused { code, detail } = &stop else {
            return stop;
        };
        if code != IMPOSSIBLE_HINT || !self.binds() {
            return stop;
        }
        // What is seen instead of what the hint says.
        let seen = detail.split_once(": ").map_or(&**detail, |(_, seen)| seen);
        differs(seen.trim_end_matches('.'))
    }

    /// Whether the types of the schema are given to the engine.
    fn binds(&self) -> bool {
        self.kind != SchemaContract::Evolve
    }

    /// Compares a converted table. Returns the difference that its owner should know of.
    ///
    /// # Errors
    /// The difference, if the contract does not allow it.
    pub(crate) fn check(
        &self,
        profile: &Profile,
        rejects: &Rejects,
    ) -> Result<Option<String>, IngestError> {
        let difference = self.schema.difference(&schema_of(profile));
        match (self.kind, difference) {
            (SchemaContract::Evolve, difference) => Ok(difference),
            (SchemaContract::Freeze | SchemaContract::DiscardRow, Some(difference)) => {
                Err(differs(&difference))
            }
            (SchemaContract::Freeze, None) if rejects.wrong_type > 0 => Err(differs(&format!(
                "rows with cells of other types: {}",
                rejects.wrong_type
            ))),
            (SchemaContract::Freeze | SchemaContract::DiscardRow, None) => Ok(None),
        }
    }
}

const IMPOSSIBLE_HINT: &str = "impossible_hint";

fn differs(difference: &str) -> IngestError {
    IngestError::Refused {
        code: "schema_differs".to_owned(),
        detail: format!("The table differs from the schema of its collection: {difference}."),
    }
}

/// Returns the schema of a converted table.
fn schema_of(profile: &Profile) -> TableSchema {
    let columns = profile.columns.iter();
    let columns = columns.map(|column| (column.name.clone(), column.kind, column.nulls));
    schema(profile.rows, &profile.hints.columns, columns)
}

/// Returns a schema. A column without a value has no type of its own, unless a hint gave it one.
fn schema(
    rows: u64,
    hinted: &BTreeMap<String, ColumnType>,
    columns: impl Iterator<Item = (String, ColumnType, u64)>,
) -> TableSchema {
    let columns = columns.map(|(name, kind, nulls)| {
        let is_known = nulls < rows || hinted.contains_key(&name);
        (name, is_known.then_some(kind))
    });
    TableSchema(columns.collect())
}

/// A stored profile, as far as a schema concerns it.
#[derive(Deserialize)]
struct StoredProfile {
    rows: u64,
    columns: Vec<StoredColumn>,
    #[serde(default)]
    hints: StoredHints,
}

#[derive(Deserialize)]
struct StoredColumn {
    name: String,
    #[serde(rename = "type")]
    kind: ColumnType,
    nulls: u64,
}

#[derive(Default, Deserialize)]
struct StoredHints {
    #[serde(default)]
    columns: BTreeMap<String, ColumnType>,
}

/// Reads the schema from the profile of a ready file. `None` if it has none.
async fn read_schema<D: Deps>(deps: &D, file: &Upload) -> Result<Option<TableSchema>, Fault> {
    let outcome = file.current_outcome();
    let Some((bucket, key)) =
        outcome.and_then(|outcome| Some((outcome.bucket.as_ref()?, outcome.profile_key.as_ref()?)))
    else {
        return Ok(None);
    };
    let mut body = match deps
        .store()
        .get(&ObjectRef::new(bucket, key), &Read::default())
        .await
    {
        Ok(body) => body,
        Err(ReadError::NotFound | ReadError::Changed) => return Ok(None),
        Err(ReadError::Fault(fault)) => return Err(fault),
    };
    let mut profile = BytesMut::new();
    while let Some(bytes) = body.next().await.transpose()? {
        profile.extend_from_slice(&bytes);
        if profile.len() > PROFILE_BYTES_MAX {
            return Err(Fault::new(
                FaultKind::Other,
                "get",
                "the profile is too long",
            ));
        }
    }
    let profile: StoredProfile = serde_json::from_slice(&profile)
        .map_err(|error| Fault::new(FaultKind::Other, "get", error))?;
    let columns = profile.columns.into_iter();
    let columns = columns.map(|column| (column.name, column.kind, column.nulls));
    Ok(Some(schema(profile.rows, &profile.hints.columns, columns)))
}
