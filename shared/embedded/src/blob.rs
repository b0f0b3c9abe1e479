//! One file per object: its bytes, then its metadata.
//!
//! ```text
//! bytes … | JSON of Meta | length of that JSON, u32 little-endian | b"consign1"
//! ```
//!
//! With both in one file, one rename is the whole commit. No crash can leave the bytes of one upload with the etag of
//! another. The bytes come first, so that a range is read at its own offset and the file opens in any viewer.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::time::{Duration, SystemTime};

use s3s::dto::{Metadata, Timestamp};
use serde::{Deserialize, Serialize};

/// The end of every file. The last character is the version of the layout.
const MAGIC: [u8; 8] = *b"consign1";
/// The length of `Meta`, then `MAGIC`.
const FOOTER_BYTES: u64 = 4 + MAGIC.len() as u64;
/// How many bytes are read from the end of a file first. Nearly every `Meta` is shorter.
const TAIL_BYTES: u64 = 4 << 10;
/// S3 allows 2 KiB of user metadata and 8 KiB of headers, so a longer `Meta` means a damaged file.
const META_BYTES_MAX: u32 = 1 << 20;

/// The metadata of an object, of a part, or (without bytes) of a multipart upload.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Meta {
    /// The object key.
    pub(crate) key: String,
    /// The number of bytes before the metadata.
    pub(crate) size_bytes: u64,
    /// Without quotes.
    pub(crate) e_tag: String,
    /// The time of publication in nanoseconds since 1970, increased if needed so that it grows with every write of the
    /// key.
    pub(crate) sequencer: u64,
    /// Base64 digests by their S3 names: `sha256`, `crc32`, …
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) checksums: BTreeMap<String, String>,
    /// The headers of the upload.
    #[serde(default)]
    pub(crate) attributes: Attributes,
}

/// The headers that every GET and HEAD returns.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Attributes {
    pub(crate) content_type: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) cache_control: Option<String>,
    pub(crate) expires: Option<Timestamp>,
    /// `x-amz-meta-*`.
    pub(crate) user: Option<Metadata>,
}

impl Meta {
    /// Returns when the object was published.
    pub(crate) fn modified(&self) -> Timestamp {
        self.published_at().unwrap_or(SystemTime::UNIX_EPOCH).into()
    }

    /// Returns when the object was published, if the system can represent it.
    pub(crate) fn published_at(&self) -> Option<SystemTime> {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(self.sequencer))
    }

    /// Appends the metadata to `file`, which contains exactly the bytes or was sealed before, and syncs the file.
    pub(crate) fn seal(&self, file: &mut File) -> io::Result<()> {
        let mut tail = serde_json::to_vec(self)?;
        let length = u32::try_from(tail.len()).map_err(io::Error::other)?;
        tail.extend_from_slice(&length.to_le_bytes());
        tail.extend_from_slice(&MAGIC);
        file.set_len(self.size_bytes)?;
        file.seek(SeekFrom::Start(self.size_bytes))?;
        file.write_all(&tail)?;
        // Syncs bytes and size, but not the modification time.
        file.sync_data()
    }

    /// Reads the metadata of a sealed file, and rewinds it.
    pub(crate) fn read(file: &mut File) -> io::Result<Self> {
        let end = file.metadata()?.len();
        let tail = read_from(file, end.saturating_sub(TAIL_BYTES), end)?;
        let (json, footer) = tail
            .split_last_chunk::<{ FOOTER_BYTES as usize }>()
            .ok_or_else(|| damaged("too short for an object"))?;
        let (length, magic) = footer.split_at(footer.len() - MAGIC.len());
        let length = u32::from_le_bytes(length.try_into().map_err(io::Error::other)?);
        if magic != MAGIC || length > META_BYTES_MAX {
            return Err(damaged("not an object"));
        }
        let meta_at = end
            .checked_sub(FOOTER_BYTES + u64::from(length))
            .ok_or_else(|| damaged("shorter than it says"))?;
        let meta: Self = match json.len().checked_sub(length as usize) {
            Some(at) => serde_json::from_slice(&json[at..])?,
            None => serde_json::from_slice(&read_from(file, meta_at, end - FOOTER_BYTES)?)?,
        };
        if meta.size_bytes != meta_at {
            return Err(damaged("another size than it says"));
        }
        file.rewind()?;
        Ok(meta)
    }
}

fn damaged(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Reads a small range of a file.
fn read_from(file: &mut File, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(to - from).map_err(io::Error::other)?];
    file.seek(SeekFrom::Start(from))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}
