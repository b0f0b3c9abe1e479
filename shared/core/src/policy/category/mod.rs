//! A category: one kind of file, its place, and how it is processed.

mod label;
mod read;
mod schema;
mod table;

use std::collections::BTreeMap;

pub use label::{LabelPattern, LabelRule};
pub use schema::{SchemaContract, TableSchema};
pub use table::{TableFacts, TablePolicy, TableRules};

use super::template::KeyTemplate;
use super::types::{FileType, MagicMismatch};
use super::{Overwrite, PARTS_MAX, Strategy};

/// What ingest does with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ingest {
    /// Convert it to checked, profiled Parquet.
    Tabular,
    /// Check its size, its checksum and its first bytes.
    Verify,
}

/// The encryption at rest that a signed upload requests from the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// None. The store may encrypt by itself.
    None,
    /// `AES256`: the store's own keys.
    Aes256,
    /// `aws:kms`, with this key or the account's default.
    AwsKms {
        /// The key's id or ARN.
        key_id: Option<String>,
    },
}

impl Encryption {
    /// Returns the headers that request it.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let (algorithm, key_id) = match self {
            Self::None => (None, None),
            Self::Aes256 => (Some("AES256"), None),
            Self::AwsKms { key_id } => (Some("aws:kms"), key_id.as_deref()),
        };
        let algorithm = algorithm.map(|value| ("x-amz-server-side-encryption", value));
        let key_id = key_id.map(|value| ("x-amz-server-side-encryption-aws-kms-key-id", value));
        algorithm.into_iter().chain(key_id)
    }
}

/// A checked category: `[category.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "`name` is the name of the table")]
pub struct Category {
    pub name: String,
    /// Whether it is the default if a request names no category and several accept its extension.
    pub default: bool,
    /// The bucket of uploads.
    pub bucket: String,
    /// The template of object keys.
    pub key: KeyTemplate,
    /// The bucket of outputs. The default is `bucket`.
    pub output_bucket: String,
    /// The template of output keys. Always present with [`Ingest::Tabular`], and always contains `{file_id}`,
    /// `{version}` and `{ext}`.
    pub output: Option<KeyTemplate>,
    /// The accepted types. Longer extensions are first, so that `csv.gz` is preferred to `gz`.
    pub types: Vec<FileType>,
    /// Whether `application/octet-stream` is accepted for all of them.
    pub accept_octet_stream: bool,
    /// The minimum size of a file, in bytes.
    pub size_bytes_min: u64,
    /// The maximum size of a file, in bytes.
    pub size_bytes_max: u64,
    /// The life of an upload URL, in seconds.
    pub upload_url_s: u32,
    /// How long a multipart upload may be inactive, in seconds. Arriving parts extend its life.
    pub activity_s: u64,
    /// The default life of a download URL, in seconds.
    pub download_url_s: u32,
    /// What ingest does with objects. See [`Category::ingest_of`].
    pub ingest: Ingest,
    /// What the category expects of its tables.
    pub table: TablePolicy,
    /// Whether the original is kept after the file is ready.
    pub keep_original: bool,
    /// What happens to another version than the one that is ready. `None` means [`Overwrite::usual`].
    pub overwrite: Option<Overwrite>,
    /// After how many seconds a ready file is deleted. `None` means never.
    pub retention_s: Option<u64>,
    /// After how many seconds a ready file may move to colder storage. `None` means never.
    pub archive_after_s: Option<u64>,
    /// After how many seconds an unconfirmed upload is deleted. `None` if no confirm is required.
    pub unconfirmed_s: Option<u64>,
    /// For how many seconds a deleted file's bytes are kept.
    pub deleted_retention_s: u64,
    /// The number of versions of a file that are kept. `None` means all.
    pub versions_kept: Option<u32>,
    /// The encryption that the upload requests.
    pub encryption: Encryption,
    /// The supported upload strategies. Never empty.
    pub strategies: Vec<Strategy>,
    /// Above this size, in bytes, the default strategy is multipart.
    pub multipart_over_bytes: u64,
    /// The usual length of a part, in bytes. See [`Category::part_size_bytes_for`].
    pub part_size_bytes: u64,
    /// The labels of uploads, by name.
    pub labels: BTreeMap<String, LabelRule>,
    /// Whether every upload must have a SHA-256.
    pub require_checksum: bool,
    /// Whether every upload must name its collection.
    pub require_collection: bool,
}

impl Category {
    /// Returns the type of a file name by its extension, ignoring case.
    pub fn type_of(&self, filename: &str) -> Option<&FileType> {
        let lower = filename.to_ascii_lowercase();
        self.types.iter().find(|kind| {
            lower
                .strip_suffix(&kind.ext)
                .and_then(|stem| stem.strip_suffix('.'))
                .is_some_and(|stem| !stem.is_empty())
        })
    }

    /// Checks the first bytes of an upload against its extension.
    pub fn check_magic(&self, ext: &str, head: &[u8]) -> Result<(), MagicMismatch> {
        match self.types.iter().find(|kind| kind.ext == ext) {
            Some(kind) => kind.check_magic(head),
            None => Err(MagicMismatch {
                ext: ext.to_owned(),
                found: None,
            }),
        }
    }

    /// Returns what ingest does with a file of this extension. A tabular category only verifies files that are not
    /// read as tables, such as a picture.
    pub fn ingest_of(&self, ext: &str) -> Ingest {
        let is_tabular = self
            .types
            .iter()
            .any(|kind| kind.ext == ext && kind.is_tabular);
        if is_tabular {
            self.ingest
        } else {
            Ingest::Verify
        }
    }

    /// Returns the length of every part but the last for a file of this size: the usual length, or the whole number
    /// of MiB that keeps the number of parts within [`PARTS_MAX`].
    pub fn part_size_bytes_for(&self, size_bytes: u64) -> u64 {
        let needed = size_bytes.div_ceil(PARTS_MAX).next_multiple_of(1 << 20);
        self.part_size_bytes.max(needed)
    }

    /// Returns the extensions for people: `.csv, .xlsx`.
    pub(crate) fn extensions_text(&self) -> String {
        self.types
            .iter()
            .map(|kind| format!(".{}", kind.ext))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// Returns whether a category's name is valid: `[a-z0-9_-]{1,64}`.
pub(crate) fn is_category_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
}
