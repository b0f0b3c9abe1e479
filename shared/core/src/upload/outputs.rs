//! Where ingests write, as the record remembers it: the policy's template may be another by the time of a deletion.

use consign_api::Variant;
use serde::{Deserialize, Serialize};

use super::{Failure, ObjectVersion, Upload};
use crate::ids::ObjectRef;
use crate::policy::{KeyError, KeyTemplate, KeyVars};

/// The most versions of one upload that are processed: their output keys are part of the record.
pub const VERSIONS_MAX: usize = 64;

/// What an ingest may write. Each is downloaded as the variant of its name, and all are purged together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// The table.
    Parquet,
    /// The statistics of its columns.
    Profile,
    /// The rows that were rejected.
    Rejects,
}

impl Output {
    /// Every output.
    pub const ALL: [Self; 3] = [Self::Parquet, Self::Profile, Self::Rejects];

    /// The output that a variant downloads; `None` for the original.
    #[must_use]
    pub const fn of(variant: Variant) -> Option<Self> {
        match variant {
            Variant::Original => None,
            Variant::Parquet => Some(Self::Parquet),
            Variant::Profile => Some(Self::Profile),
            Variant::Rejects => Some(Self::Rejects),
        }
    }

    /// The variant that downloads it.
    #[must_use]
    pub const fn variant(self) -> Variant {
        match self {
            Self::Parquet => Variant::Parquet,
            Self::Profile => Variant::Profile,
            Self::Rejects => Variant::Rejects,
        }
    }

    /// `{ext}` in its object key, and the end of its file name.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Profile => "profile.json",
            Self::Rejects => "rejects.json",
        }
    }

    /// Its media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Profile | Self::Rejects => "application/json",
        }
    }
}

/// Where an ingest is to write: the policy's bucket and template as they are at its claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputPlace {
    /// The bucket.
    pub bucket: String,
    /// What the outputs are called there.
    pub template: KeyTemplate,
}

/// The objects that one ingest writes, planned at its claim: whatever it wrote is known though it died.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outputs {
    /// The generation that they are made of.
    pub generation: u32,
    /// Their bucket.
    pub bucket: String,
    /// Key of the Parquet.
    pub parquet_key: String,
    /// Key of the profile.
    pub profile_key: String,
    /// Key of the rejected rows.
    pub rejects_key: String,
}

impl Outputs {
    /// All of them; the rejects are there only where a row was rejected.
    pub fn objects(&self) -> impl Iterator<Item = ObjectRef> {
        Output::ALL.map(|output| self.object(output)).into_iter()
    }

    /// The object of one of them.
    #[must_use]
    pub fn object(&self, output: Output) -> ObjectRef {
        let key = match output {
            Output::Parquet => &self.parquet_key,
            Output::Profile => &self.profile_key,
            Output::Rejects => &self.rejects_key,
        };
        ObjectRef::new(&self.bucket, key)
    }
}

impl Upload {
    /// Where the ingest that holds the claim writes.
    #[must_use]
    pub fn planned_outputs(&self) -> Option<&Outputs> {
        self.outputs
            .last()
            .filter(|outputs| outputs.generation == self.generation)
    }

    /// Every object that ingests may have written for it, whatever the policy says today.
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

    /// The keys of this generation by the template; what stands in the way of them is a failure of the upload.
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
        })
    }
}
