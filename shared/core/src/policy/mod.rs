//! The policy: what may be uploaded, by whom and to where, and what happens to it.
//!
//! Read once at start from `consign.toml`. Nothing else describes categories. Requests are checked against the policy
//! and become [`Accepted`] uploads, which need no second check.

mod category;
mod digest;
pub(crate) mod fields;
mod hints;
mod known_types;
mod names;
mod query;
mod request;
mod template;
mod types;
pub(crate) mod units;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use consign_api::{Strategy, Variant};

pub use category::{
    Category, Encryption, Ingest, LabelPattern, LabelRule, SchemaContract, TableFacts, TablePolicy,
    TableRules, TableSchema,
};
pub use digest::Sha256Digest;
pub use names::{ContentDisposition, content_disposition, safe_response_content_type};
pub use query::{
    CONFIRM_BODY_BYTES_MAX, ConfirmMetadata, ConfirmRequest, ConfirmedPart, DownloadQuery,
    ListQuery,
};
pub use request::{Accepted, SIGN_BODY_BYTES_MAX, SignUploadRequest};
pub use template::{
    DELETED_PREFIX, HEALTH_PREFIX, KEY_BYTES_MAX, KeyError, KeyTemplate, KeyVars, MARKER_PREFIX,
    TemplateError, owner_segment,
};
pub use types::{FileType, Magic, MagicMismatch, SNIFFED_BYTES, Signature, sniff};

use crate::auth::Identity;
use crate::events::EventSources;
use fields::{Errors, Fields};

/// The size of the largest object that a store accepts, in bytes.
pub const OBJECT_BYTES_MAX: u64 = 5 << 40;
/// The maximum number of parts of a multipart upload.
pub const PARTS_MAX: u64 = 10_000;
const _: () = assert!(
    PARTS_MAX < crate::problem::FIELD_ERRORS_MAX as u64,
    "an error for each part must fit"
);
/// The minimum size of a part other than the last, in bytes.
pub const PART_BYTES_MIN: u64 = 5 << 20;
/// The maximum size of a part, in bytes.
pub const PART_BYTES_MAX: u64 = 5 << 30;
const _: () = assert!(PART_BYTES_MAX * PARTS_MAX >= OBJECT_BYTES_MAX);

/// What happens to another version than the one that is ready, if the store accepts one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overwrite {
    /// It is refused. The ready version stays, and the file's owner is informed.
    Refuse,
    /// It becomes the next version, and replaces the ready one after it is accepted.
    Version,
}

impl Overwrite {
    /// Returns the default of a policy. A form can be used repeatedly at every store, so later versions are refused.
    /// A PUT can only be repeated at a store that does not honour `if-none-match`.
    #[must_use]
    pub const fn usual(strategy: Strategy) -> Self {
        match strategy {
            Strategy::Post => Self::Refuse,
            Strategy::Put | Strategy::Multipart => Self::Version,
        }
    }
}

impl FromStr for Overwrite {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "refuse" => Ok(Self::Refuse),
            "version" => Ok(Self::Version),
            _ => Err("must be `refuse` or `version`".to_owned()),
        }
    }
}

/// The kind of store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreProvider {
    /// Amazon S3.
    S3,
    /// MinIO, or another server with the S3 API.
    Minio,
    /// Cloudflare R2.
    R2,
    /// The S3 server inside the local process.
    Embedded,
}

/// The capabilities of a store that the policy depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether it accepts POST policy forms.
    pub post_form: bool,
    /// Whether it accepts `x-amz-server-side-encryption: AES256`.
    pub sse_s3: bool,
    /// Whether it accepts `x-amz-server-side-encryption: aws:kms`.
    pub sse_kms: bool,
    /// The largest single PUT or POST, in bytes.
    pub put_bytes_max: u64,
    /// Whether it honours the signed `if-none-match: *` of a PUT, so that a URL accepts only one object.
    pub puts_once: bool,
    /// Whether it accepts an unsigned `x-amz-copy-source`. A signed upload must exclude copies then (invariant 18).
    pub copies_unsigned: bool,
}

impl StoreProvider {
    /// Returns the name in the configuration and in the health answer.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Minio => "minio",
            Self::R2 => "r2",
            Self::Embedded => "embedded",
        }
    }

    /// Returns the capabilities of this kind of store.
    pub fn capabilities(self) -> Capabilities {
        let put_bytes_max = 5 << 30;
        match self {
            // Of unsigned headers, MinIO refuses only `x-amz-meta-…`.
            Self::S3 | Self::Minio => Capabilities {
                post_form: true,
                sse_s3: true,
                sse_kms: true,
                put_bytes_max,
                puts_once: true,
                copies_unsigned: self == Self::Minio,
            },
            // R2 encrypts everything itself, and its limit is 5 MiB below 5 GiB.
            Self::R2 => Capabilities {
                post_form: false,
                sse_s3: false,
                sse_kms: false,
                put_bytes_max: put_bytes_max - (5 << 20),
                puts_once: true,
                copies_unsigned: true,
            },
            Self::Embedded => Capabilities {
                post_form: true,
                sse_s3: false,
                sse_kms: false,
                put_bytes_max,
                puts_once: true,
                copies_unsigned: false,
            },
        }
    }
}

impl FromStr for StoreProvider {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::S3, Self::Minio, Self::R2, Self::Embedded];
        let found = all.into_iter().find(|provider| provider.as_str() == text);
        found.ok_or_else(|| "must be `s3`, `minio`, `r2` or `embedded`".to_owned())
    }
}

/// The limits of one kind of user. The token's `tier` selects it. `default` applies to all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// The name of the tier.
    pub name: String,
    /// The maximum size of a file, in bytes. A category's own limit applies too.
    pub file_size_bytes_max: u64,
    /// The maximum number of bytes that an owner may store. `None` means no limit.
    pub quota_bytes: Option<u64>,
    /// The maximum number of uploads that an owner may sign per minute. `None` means no limit.
    pub sign_uploads_per_min: Option<u32>,
    /// The maximum number of files of an owner, including deleted ones that are not purged.
    pub files_max: u64,
}

/// The default of `files_max`.
const FILES_MAX: u64 = 1_000_000;
/// The largest value of `files_max`.
const FILES_MAX_MAX: u64 = 1_000_000_000_000;
const _: () = assert!(FILES_MAX <= FILES_MAX_MAX);

/// Everything that `consign.toml` says about uploads.
#[derive(Clone, Debug)]
pub struct Policy {
    categories: BTreeMap<String, Arc<Category>>,
    tiers: BTreeMap<String, Tier>,
    default_tier: Tier,
    event_sources: EventSources,
}

impl Policy {
    /// Returns all categories by name.
    pub fn categories(&self) -> impl Iterator<Item = &Arc<Category>> {
        self.categories.values()
    }

    /// Returns a category by its name.
    pub fn category(&self, name: &str) -> Option<&Arc<Category>> {
        self.categories.get(name)
    }

    /// Returns every bucket that the policy names, without duplicates.
    pub fn buckets(&self) -> BTreeSet<&str> {
        self.categories()
            .flat_map(|c| [c.bucket.as_str(), c.output_bucket.as_str()])
            .collect()
    }

    /// Returns the tier of a caller: the one that its token names, or else `default`.
    pub fn tier(&self, identity: &Identity) -> &Tier {
        identity
            .tier
            .as_ref()
            .and_then(|name| self.tiers.get(name))
            .unwrap_or(&self.default_tier)
    }

    /// Returns the configured event sources. Those of known stores are always accepted.
    pub fn event_sources(&self) -> &EventSources {
        &self.event_sources
    }

    /// Reads `[category.*]` and `[tier.*]`.
    pub(crate) fn read(
        root: &mut Fields<'_>,
        provider: StoreProvider,
        event_sources: EventSources,
    ) -> Self {
        let given = root.objects("category");
        if given.is_empty() && !root.errors.has("category") {
            root.wrong(
                "category",
                "required",
                "at least one [category.NAME] is required",
            );
        }
        let categories: BTreeMap<_, _> = given
            .into_iter()
            .filter_map(|(name, fields)| Category::read(&name, fields, provider))
            .map(|category| (category.name.clone(), Arc::new(category)))
            .collect();
        refuse_two_defaults(&categories, root.errors);
        refuse_own_events(&categories, root.errors);

        let tiers: BTreeMap<_, _> = root
            .objects("tier")
            .into_iter()
            .map(|(name, fields)| (name.clone(), Tier::read(name, fields)))
            .collect();
        if !tiers.is_empty() && !tiers.contains_key("default") {
            root.wrong(
                "tier",
                "required",
                "requires a [tier.default] for tokens without a tier",
            );
        }
        let default_tier = tiers
            .get("default")
            .cloned()
            .unwrap_or_else(Tier::unlimited);
        Self {
            categories,
            tiers,
            default_tier,
            event_sources,
        }
    }
}

impl Tier {
    fn unlimited() -> Self {
        Self {
            name: "default".to_owned(),
            file_size_bytes_max: OBJECT_BYTES_MAX,
            quota_bytes: None,
            sign_uploads_per_min: None,
            files_max: FILES_MAX,
        }
    }

    fn read(name: String, mut fields: Fields<'_>) -> Self {
        let size = fields.measure("file_size_max", units::size_bytes);
        let size = fields.within("file_size_max", size, 1..=OBJECT_BYTES_MAX);
        let quota_bytes = fields.measure("quota", units::size_bytes);
        let rate = fields.whole("sign_uploads_per_min");
        let rate = fields.within("sign_uploads_per_min", rate, 1..=1_000_000);
        let files = fields.whole("files_max");
        let files = fields.within("files_max", files, 1..=FILES_MAX_MAX);
        fields.finish();
        Self {
            name,
            files_max: files.unwrap_or(FILES_MAX),
            file_size_bytes_max: size.unwrap_or(OBJECT_BYTES_MAX),
            quota_bytes,
            sign_uploads_per_min: rate.and_then(|rate| u32::try_from(rate).ok()),
        }
    }
}

fn refuse_two_defaults(categories: &BTreeMap<String, Arc<Category>>, errors: &Errors) {
    for category in categories
        .values()
        .filter(|category| category.default)
        .skip(1)
    {
        let detail = "is true for another category too; only one category may be the default";
        errors.add(
            format!("category.{}.default", category.name),
            "conflict",
            detail,
        );
    }
}

/// Refuses an output template whose objects could be taken for uploads (invariant 27).
fn refuse_own_events(categories: &BTreeMap<String, Arc<Category>>, errors: &Errors) {
    for writer in categories.values() {
        let Some(output) = &writer.output else {
            continue;
        };
        for reader in categories
            .values()
            .filter(|reader| reader.bucket == writer.output_bucket)
        {
            if output.may_meet(&reader.key) {
                let detail = format!(
                    "must start with other fixed text than `category.{}.key` (`{}`) in the same bucket, or what \
                     ingest writes would be taken for an upload",
                    reader.name, reader.key
                );
                errors.add(
                    format!("category.{}.output", writer.name),
                    "conflict",
                    detail,
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
