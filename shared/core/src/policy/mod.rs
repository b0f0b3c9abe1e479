//! The policy: what may be uploaded, by whom, to where, and what becomes of it.
//!
//! Read once at start from `consign.toml`; the functions know nothing else about categories. Requests are parsed into
//! [`Accepted`] uploads against it: what has been accepted needs no second check.

mod category;
mod digest;
pub(crate) mod fields;
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

pub use category::{Category, Encryption, Ingest, LabelPattern, LabelRule};
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
pub use types::{FileType, HEAD_BYTES, Magic, MagicMismatch, Signature, sniff};

use crate::auth::Identity;
use crate::events::EventSources;
use fields::{Errors, Fields};

/// The largest object a store takes, in bytes.
pub const OBJECT_BYTES_MAX: u64 = 5 << 40;
/// The most parts a multipart upload has.
pub const PARTS_MAX: u64 = 10_000;
const _: () = assert!(
    PARTS_MAX < crate::problem::ERRORS_TOLD_MAX as u64,
    "each part can be named"
);
/// The smallest part, but for the last, in bytes.
pub const PART_BYTES_MIN: u64 = 5 << 20;
/// The largest part, in bytes.
pub const PART_BYTES_MAX: u64 = 5 << 30;
const _: () = assert!(PART_BYTES_MAX * PARTS_MAX >= OBJECT_BYTES_MAX);

/// What becomes of another version than the one that is ready, where a store lets one through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overwrite {
    /// It is refused: what is ready stays, and its owner is told.
    Refuse,
    /// It becomes the next version, and takes the place of what is ready once it is accepted.
    Version,
}

impl Overwrite {
    /// Where the policy does not say. A form can be used again at every store, so what it brings after the first is
    /// refused; a PUT is only written twice where a store does not honour `if-none-match`.
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

/// Which kind of store stands behind the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// Amazon S3.
    S3,
    /// MinIO, or any other server that speaks S3.
    Minio,
    /// Cloudflare R2.
    R2,
    /// The S3 server inside the local process.
    Embedded,
}

/// What a store can do, as far as the policy depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Takes POST policy forms.
    pub post_form: bool,
    /// Takes `x-amz-server-side-encryption: AES256`.
    pub sse_s3: bool,
    /// Takes `x-amz-server-side-encryption: aws:kms`.
    pub sse_kms: bool,
    /// The largest single PUT or POST, in bytes.
    pub put_bytes_max: u64,
    /// Honours the `if-none-match: *` that a PUT is signed with, so that its URL brings an object once and never another.
    pub puts_once: bool,
    /// Takes an `x-amz-copy-source` that is not signed: a signed upload has to rule copies out (invariant 18).
    pub copies_unsigned: bool,
}

impl Provider {
    /// The name in the configuration and in the health answer.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Minio => "minio",
            Self::R2 => "r2",
            Self::Embedded => "embedded",
        }
    }

    /// What this kind of store can do.
    pub fn capabilities(self) -> Capabilities {
        let put_bytes_max = 5 << 30;
        match self {
            // Of the headers that nobody signed, MinIO refuses `x-amz-meta-…` alone.
            Self::S3 | Self::Minio => Capabilities {
                post_form: true,
                sse_s3: true,
                sse_kms: true,
                put_bytes_max,
                puts_once: true,
                copies_unsigned: self == Self::Minio,
            },
            // R2 encrypts everything by itself, and stops 5 MiB short of 5 GiB.
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

impl FromStr for Provider {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::S3, Self::Minio, Self::R2, Self::Embedded];
        let found = all.into_iter().find(|provider| provider.as_str() == text);
        found.ok_or_else(|| "must be `s3`, `minio`, `r2` or `embedded`".to_owned())
    }
}

/// What one kind of user may do. The token's `tier` chooses it; `default` serves all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Its name.
    pub name: String,
    /// The largest file, in bytes; a category's own limit holds as well.
    pub file_size_bytes_max: u64,
    /// How much an owner may store, in bytes; `None` for no limit.
    pub quota_bytes: Option<u64>,
    /// How many uploads an owner may sign per minute; `None` for no limit.
    pub sign_uploads_per_min: Option<u32>,
    /// How many files an owner may have, deleted ones included until they are purged.
    pub files_max: u64,
}

/// How many files an owner may have where the tier does not say.
const FILES_MAX: u64 = 1_000_000;
/// The most that a tier may say.
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
    /// Every category, by name.
    pub fn categories(&self) -> impl Iterator<Item = &Arc<Category>> {
        self.categories.values()
    }

    /// A category by its name.
    pub fn category(&self, name: &str) -> Option<&Arc<Category>> {
        self.categories.get(name)
    }

    /// Every bucket that the policy names, once.
    pub fn buckets(&self) -> BTreeSet<&str> {
        self.categories()
            .flat_map(|c| [c.bucket.as_str(), c.output_bucket.as_str()])
            .collect()
    }

    /// The tier of a caller: the one its token names, else `default`.
    pub fn tier(&self, identity: &Identity) -> &Tier {
        identity
            .tier
            .as_ref()
            .and_then(|name| self.tiers.get(name))
            .unwrap_or(&self.default_tier)
    }

    /// Whose notifications are read, beside the stores that are always known.
    pub fn event_sources(&self) -> &EventSources {
        &self.event_sources
    }

    /// Reads `[category.*]` and `[tier.*]`.
    pub(crate) fn read(
        root: &mut Fields<'_>,
        provider: Provider,
        event_sources: EventSources,
    ) -> Self {
        let given = root.objects("category");
        if given.is_empty() && !root.errors.has("category") {
            root.wrong(
                "category",
                "required",
                "at least one [category.NAME] is needed",
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
                "needs a [tier.default] for tokens without a tier",
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
        let detail = "is true for another category already; one at most is the default";
        errors.add(
            format!("category.{}.default", category.name),
            "conflict",
            detail,
        );
    }
}

/// Our own output must never look like an upload (invariant 27).
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
