//! Where ingests write. The record stores it, since the policy's template may have changed by the time of a deletion.

use consign_api::Variant;
use serde::{Deserialize, Serialize};

use super::{Failure, ObjectVersion, Upload};
use crate::ids::ObjectRef;
use crate::policy::{KeyError, KeyTemplate, KeyVars};

/// The largest number of versions of one upload that are processed. Their output keys are part of the record.
pub const VERSIONS_MAX: usize = 64;

/// An output of ingest. Each is downloaded as the variant of the same name, and all are purged together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// The converted table.
    Parquet,
    /// The statistics of its columns.
    Profile,
    /// The first rows that were rejected, and the numbers of all by reason.
    Rejects,
    /// Every row that was rejected.
    RejectsParquet,
}

impl Output {
    /// Every output.
    pub const ALL: [Self; 4] = [
        Self::Parquet,
        Self::Profile,
        Self::Rejects,
        Self::RejectsParquet,
    ];

    /// Returns the output of a variant. `None` for the original.
    #[must_use]
    pub const fn of(variant: Variant) -> Option<Self> {
        match variant {
            Variant::Original => None,
            Variant::Parquet => Some(Self::Parquet),
            Variant::Profile => Some(Self::Profile),
            Variant::Rejects => Some(Self::Rejects),
            Variant::RejectsParquet => Some(Self::RejectsParquet),
        }
    }

    /// Returns the variant of the output.
    #[must_use]
    pub const fn variant(self) -> Variant {
        match self {
            Self::Parquet => Variant::Parquet,
            Self::Profile => Variant::Profile,
            Self::Rejects => Variant::Rejects,
            Self::RejectsParquet => Variant::RejectsParquet,
        }
    }

    /// Returns `{ext}` of the object key and of the file name.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Profile => "profile.json",
            Self::Rejects => "rejects.json",
            Self::RejectsParquet => "rejects.parquet",
        }
    }

    /// Returns the media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Parquet | Self::RejectsParquet => "application/vnd.apache.parquet",
            Self::Profile | Self::Rejects => "application/json",
        }
    }
}

/// Where an ingest writes: the policy's bucket and template at the time the lease is acquired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputPlace {
    /// The bucket.
    pub bucket: String,
    /// The template of the output keys.
    pub template: KeyTemplate,
}

/// The objects that one ingest writes, recorded when it acquires the lease. The objects are known even if the ingest
/// is interrupted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outputs {
    /// The generation that they are made from.
    pub generation: u32,
    /// The bucket.
    pub bucket: String,
    /// The key of the Parquet file.
    pub parquet_key: String,
    /// The key of the profile.
    pub profile_key: String,
    /// The key of the first rejected rows.
    pub rejects_key: String,
    /// The key of all rejected rows. `None` in records that did not store it: no such object was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejects_parquet_key: Option<String>,
}

impl Outputs {
    /// Returns all outputs. The rejects exist only if a row was rejected.
    pub fn objects(&self) -> impl Iterator<Item = ObjectRef> {
        let objects = Output::ALL.map(|output| self.object(output));
        objects.into_iter().flatten()
    }

    /// Returns the object of an output. `None` if the record was written by a build without this output.
    #[must_use]
    pub fn object(&self, output: Output) -> Option<ObjectRef> {
        let key = match output {
            Output::Parquet => Some(&self.parquet_key),
            Output::Profile => Some(&self.profile_key),
            Output::Rejects => Some(&self.rejects_key),
            Output::RejectsParquet => self.rejects_parquet_key.as_ref(),
        };
        key.map(|key| ObjectRef::new(&self.bucket, key))
    }
}

impl Upload {
    /// Returns where the ingest that holds the lease writes.
    #[must_use]
    pub fn planned_outputs(&self) -> Option<&Outputs> {
        self.outputs
            .last()
            .filter(|outputs| outputs.generation == self.generation)
    }

    /// Returns every object that ingests may have written for the upload, whatever the present policy says.
    #[must_use]
    pub fn written(&self) -> Vec<ObjectRef> {
        let mut objects: Vec<ObjectRef> = self.outputs.iter().flat_map(Outputs::objects).collect();
        if let Some(outcome) = &self.outcome
            && let Some(bucket) = &outcome.bucket
        {
            objects.extend(outcome.keys().map(|key| ObjectRef::new(bucket, key)));
        }
        objects
    }

    /// Expands the template to the keys of this generation. A key that is not valid is a failure of the upload.
    pub(super) fn plan_outputs(
        &mut self,
        place: &OutputPlace,
        object: &ObjectVersion,
    ) -> Option<Failure> {
        let failure = |code: &str, detail: String| Failure {
            code: code.to_owned(),
            detail,
            etag: Some(object.etag.clone()),
        };
        let Ok(planned) = self.expanded(place) else {
            return Some(failure(
                "output_key_invalid",
                "The policy's output template makes no valid object key for this upload."
                    .to_owned(),
            ));
        };
        if self.outputs.last() == Some(&planned) {
            return None;
        }
        if self.outputs.len() >= VERSIONS_MAX {
            return Some(failure(
                "too_many_versions",
                format!(
                    "The object was replaced {VERSIONS_MAX} times. Sign a new upload for a new file."
                ),
            ));
        }
        self.outputs.push(planned);
        None
    }

    fn expanded(&self, place: &OutputPlace) -> Result<Outputs, KeyError> {
        let file_id = self.id.to_string();
        let key = |output: Output| {
            place.template.expand(&KeyVars {
                owner: self.owner.as_str(),
                file_id: &file_id,
                category: &self.category,
                collection_id: self.collection_id.as_deref(),
                ext: output.extension(),
                version: self.generation,
                labels: &self.labels,
                signed_at: self.created_at,
            })
        };
        Ok(Outputs {
            generation: self.generation,
            bucket: place.bucket.clone(),
            parquet_key: key(Output::Parquet)?,
            profile_key: key(Output::Profile)?,
            rejects_key: key(Output::Rejects)?,
            rejects_parquet_key: Some(key(Output::RejectsParquet)?),
        })
    }
}
