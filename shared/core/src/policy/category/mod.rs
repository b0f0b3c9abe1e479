//! A category: one kind of file, where it goes, and how it is treated.

mod label;
mod read;

use std::collections::BTreeMap;

pub use label::{LabelPattern, LabelRule};

use super::template::KeyTemplate;
use super::types::{FileType, MagicMismatch};
use super::{Overwrite, PARTS_MAX, Strategy};

/// What ingest does with a file that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ingest {
    /// Turn it into checked, profiled Parquet.
    Tabular,
    /// Check its size, its checksum and its first bytes.
    Verify,
}

/// Encryption at rest that the signed upload demands from the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// None demanded; the store may encrypt by itself.
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
    /// The headers that demand it of the store.
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

/// One kind of file, checked: `[category.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the name is the table's, the other fields are documented one by one"
)]
pub struct Category {
    pub name: String,
    /// Chosen where a request names none and several take its extension.
    pub default: bool,
    /// Where uploads go.
    pub bucket: String,
    /// What they are called there.
    pub key: KeyTemplate,
    /// Where ingest writes to; `bucket` unless said otherwise.
    pub output_bucket: String,
    /// What ingest calls its result; always there with [`Ingest::Tabular`], and always
    /// has `{file_id}`, `{version}` and `{ext}`.
    pub output: Option<KeyTemplate>,
    /// What may be uploaded. Longer extensions stand first, so that `csv.gz` wins over `gz`.
    pub types: Vec<FileType>,
    /// Whether `application/octet-stream` is taken for any of them.
    pub accept_octet_stream: bool,
    /// The smallest file, in bytes.
    pub size_bytes_min: u64,
    /// The largest file, in bytes.
    pub size_bytes_max: u64,
    /// Life of an upload URL, in seconds.
    pub upload_url_s: u32,
    /// How long an upload in parts may be silent, in seconds; while parts come it lives on.
    pub activity_s: u64,
    /// Life of a download URL where the request asks for none, in seconds.
    pub download_url_s: u32,
    /// What is done with a file that arrived; see [`Category::ingest_of`].
    pub ingest: Ingest,
    /// Whether the uploaded object stays once the file is ready.
    pub keep_original: bool,
    /// What becomes of another version than the one that is ready; `None` is [`Overwrite::usual`].
    pub overwrite: Option<Overwrite>,
    /// After how many seconds from ready a file is deleted; `None` for never.
    pub retention_s: Option<u64>,
    /// After how many seconds from ready a file may move to colder storage; `None` for never.
    pub archive_after_s: Option<u64>,
    /// After how many seconds an upload that nobody confirmed is deleted; `None` where a confirm is not awaited.
    pub unconfirmed_s: Option<u64>,
    /// For how many seconds a deleted file's bytes are kept.
    pub deleted_retention_s: u64,
    /// How many versions of a file are kept; `None` for all.
    pub versions_kept: Option<u32>,
    /// Encryption that the upload must ask for.
    pub encryption: Encryption,
    /// Ways of uploading that are offered; never empty.
    pub strategies: Vec<Strategy>,
    /// Above this many bytes the chosen way is multipart.
    pub multipart_over_bytes: u64,
    /// The usual length of a part, in bytes; see [`Category::part_size_bytes_for`].
    pub part_size_bytes: u64,
    /// Labels that uploads may carry, by name.
    pub labels: BTreeMap<String, LabelRule>,
    /// Whether every upload must bring its SHA-256.
    pub require_checksum: bool,
    /// Whether every upload must name its collection.
    pub require_collection: bool,
}

impl Category {
    /// The type that a file name stands for, by its extension in any case.
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

    /// What is done with a file of this extension: a tabular category only verifies what is no delimited text, such as
    /// a spreadsheet.
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

    /// The length of every part but the last for a file of this size: the usual one, or as many whole MiB as keep
    /// the parts at [`PARTS_MAX`] or fewer.
    pub fn part_size_bytes_for(&self, size_bytes: u64) -> u64 {
        let needed = size_bytes.div_ceil(PARTS_MAX).next_multiple_of(1 << 20);
        self.part_size_bytes.max(needed)
    }

    /// The extensions for a person to read: `.csv, .xlsx`.
    pub(crate) fn extensions_text(&self) -> String {
        self.types
            .iter()
            .map(|kind| format!(".{}", kind.ext))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// A category's name: `[a-z0-9_-]{1,64}`.
pub(crate) fn is_category_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
}
