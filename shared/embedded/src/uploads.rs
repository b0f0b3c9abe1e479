//! Multipart uploads.
//!
//! ```text
//! uploads/BUCKET/ID/upload          its key and attributes, a `blob` of no bytes
//! uploads/BUCKET/ID/NUMBER          its parts, a `blob` each
//! ```

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use base16ct::lower;
use s3s::crypto::{Checksum, Md5};
use s3s::{S3ErrorCode, S3Result, s3_error};

use crate::blob::Meta;
use crate::store::{Condition, Staged, Store, create_folder, internal, or_missing, sync_folder};

/// The smallest part except the last, as in S3.
const PART_BYTES_MIN: u64 = 5 << 20;
/// The highest part number, as in S3.
const PART_NUMBER_MAX: i32 = 10_000;
/// The file with the metadata of an upload.
const UPLOAD: &str = "upload";

/// Identifies a multipart upload.
#[derive(Clone)]
pub(crate) struct Upload {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) id: String,
}

/// A part in the client's request to complete an upload.
pub(crate) struct ListedPart {
    pub(crate) number: i32,
    /// Compared if the client sends it.
    pub(crate) e_tag: Option<String>,
}

impl Store {
    /// Begins a multipart upload and returns its id.
    pub(crate) fn create_upload(&self, bucket: &str, meta: Meta) -> S3Result<String> {
        self.object(bucket, &meta.key)?;
        let mut staged = self.stage().map_err(internal)?;
        let sequencer = self.unique();
        staged.meta = Meta { sequencer, ..meta };
        staged.seal().map_err(internal)?;
        let id = format!("{sequencer:016x}");
        let uploads = self.uploads_folder(bucket)?;
        let folder = uploads.join(&id);
        create_folder(&folder).map_err(internal)?;
        staged.rename(&folder.join(UPLOAD)).map_err(internal)?;
        sync_folder(&folder).map_err(internal)?;
        sync_folder(&uploads).map_err(internal)?;
        Ok(id)
    }

    /// Returns the multipart uploads of a bucket by id, which is by time.
    pub(crate) fn uploads(&self, bucket: &str) -> S3Result<Vec<(String, Meta)>> {
        let mut uploads = Vec::new();
        for entry in fs::read_dir(self.uploads_folder(bucket)?).map_err(internal)? {
            let entry = entry.map_err(internal)?;
            // A folder without the file is being created or removed.
            let Ok(mut file) = File::open(entry.path().join(UPLOAD)) else {
                continue;
            };
            let meta = Meta::read(&mut file).map_err(internal)?;
            uploads.push((entry.file_name().to_string_lossy().into_owned(), meta));
        }
        uploads.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(uploads)
    }

    /// Returns the folder of an upload and its metadata.
    fn open_upload(&self, upload: &Upload) -> S3Result<(PathBuf, Meta)> {
        // The id is also part of a path.
        if upload.id.is_empty() || !upload.id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(s3_error!(NoSuchUpload));
        }
        let folder = self.uploads_folder(&upload.bucket)?.join(&upload.id);
        let file = File::open(folder.join(UPLOAD));
        let mut file = file.map_err(or_missing(S3ErrorCode::NoSuchUpload))?;
        let meta = Meta::read(&mut file).map_err(internal)?;
        if meta.key == upload.key {
            Ok((folder, meta))
        } else {
            Err(s3_error!(NoSuchUpload))
        }
    }

    /// Checks the part number and the upload before the bytes of a part are read.
    pub(crate) fn check_part(&self, upload: &Upload, number: i32) -> S3Result<()> {
        if !(1..=PART_NUMBER_MAX).contains(&number) {
            return Err(s3_error!(
                InvalidArgument,
                "Part number must be an integer between 1 and 10000, inclusive"
            ));
        }
        self.open_upload(upload).map(drop)
    }

    /// Publishes a staging file as a part. It replaces a part of the same number.
    pub(crate) fn publish_part(
        &self,
        upload: &Upload,
        number: i32,
        mut staged: Staged,
    ) -> S3Result<()> {
        let (folder, _) = self.open_upload(upload)?;
        staged.meta.sequencer = self.unique();
        staged.seal().map_err(internal)?;
        staged
            .rename(&folder.join(number.to_string()))
            .and_then(|()| sync_folder(&folder))
            .map_err(or_missing(S3ErrorCode::NoSuchUpload))
    }

    /// Returns the parts of an upload, by number.
    pub(crate) fn parts(&self, upload: &Upload) -> S3Result<Vec<(i32, Meta)>> {
        let (folder, _) = self.open_upload(upload)?;
        let mut parts = Vec::new();
        for entry in fs::read_dir(folder).map_err(internal)? {
            let entry = entry.map_err(internal)?;
            let Some(number) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            let mut file = File::open(entry.path()).map_err(internal)?;
            parts.push((number, Meta::read(&mut file).map_err(internal)?));
        }
        parts.sort_by_key(|(number, _)| *number);
        Ok(parts)
    }

    /// Joins the listed parts into one object. The upload ends with the publication of the object. A crash in between
    /// leaves both, and completing again gives the same object.
    pub(crate) fn complete(
        &self,
        upload: &Upload,
        listed: &[ListedPart],
        condition: &Condition,
    ) -> S3Result<Meta> {
        let (folder, begun) = self.open_upload(upload)?;
        self.check(&upload.bucket, &upload.key, condition)?;
        let mut staged = self.stage().map_err(internal)?;
        staged.meta = begun;
        join(&mut staged, &folder, listed)?;
        let meta = folder.join(UPLOAD);
        let meta = self.publish_from(&upload.bucket, staged, condition, Some(&meta))?;
        // The object is published, so remaining parts are not an error. They are removed with the abandoned uploads.
        if let Err(error) = fs::remove_dir_all(&folder) {
            tracing::warn!(%error, "the parts of a completed upload could not be removed");
        }
        Ok(meta)
    }

    /// Aborts a multipart upload, unless it is completed at the same time.
    pub(crate) fn abort(&self, upload: &Upload) -> S3Result<()> {
        let (folder, _) = self.open_upload(upload)?;
        let object = self.object(&upload.bucket, &upload.key)?;
        {
            let _key = self.lock_key(&object);
            fs::remove_file(folder.join(UPLOAD)).map_err(or_missing(S3ErrorCode::NoSuchUpload))?;
        }
        fs::remove_dir_all(&folder).map_err(internal)
    }

    /// Aborts every upload that began longer ago than `age`, even if it is still active, like the lifecycle rule of a
    /// bucket. Returns their number. If one cannot be removed, the others are still removed.
    pub(crate) fn abort_older(&self, age: Duration) -> S3Result<usize> {
        let now = self.now();
        let mut aborted = 0;
        for bucket in self.buckets()? {
            for entry in fs::read_dir(self.uploads_folder(&bucket)?).map_err(internal)? {
                let folder = entry.map_err(internal)?.path();
                let is_older = begun_at(&folder)
                    .and_then(|begun| now.duration_since(begun).ok())
                    .is_some_and(|passed| passed > age);
                if !is_older {
                    continue;
                }
                match remove(&folder) {
                    Ok(()) => aborted += 1,
                    Err(error) => {
                        tracing::warn!(%error, "an abandoned upload could not be removed");
                    }
                }
            }
        }
        Ok(aborted)
    }
}

/// Returns when an upload began. Without readable metadata, for example after a fault, the modification time counts.
fn begun_at(folder: &Path) -> Option<SystemTime> {
    let recorded = File::open(folder.join(UPLOAD))
        .and_then(|mut file| Meta::read(&mut file))
        .ok()
        .and_then(|begun| begun.published_at());
    recorded.or_else(|| {
        fs::metadata(folder)
            .and_then(|folder| folder.modified())
            .ok()
    })
}

/// Writes the listed parts one after another, with the checks of S3.
fn join(staged: &mut Staged, folder: &Path, listed: &[ListedPart]) -> S3Result<()> {
    if listed.is_empty() {
        return Err(s3_error!(
            InvalidRequest,
            "You must specify at least one part"
        ));
    }
    if !listed.is_sorted_by(|a, b| a.number < b.number) {
        return Err(s3_error!(InvalidPartOrder));
    }
    let mut digests = Vec::with_capacity(16 * listed.len());
    for (index, part) in listed.iter().enumerate() {
        let file = File::open(folder.join(part.number.to_string()));
        let mut file = file.map_err(or_missing(S3ErrorCode::InvalidPart))?;
        let meta = Meta::read(&mut file).map_err(internal)?;
        if part
            .e_tag
            .as_ref()
            .is_some_and(|e_tag| *e_tag != meta.e_tag)
        {
            return Err(s3_error!(InvalidPart));
        }
        if meta.size_bytes < PART_BYTES_MIN && index + 1 < listed.len() {
            return Err(s3_error!(EntityTooSmall));
        }
        digests.extend(lower::decode_vec(&meta.e_tag).unwrap_or_default());
        let mut bytes = file.take(meta.size_bytes);
        staged.meta.size_bytes += io::copy(&mut bytes, &mut staged.file).map_err(internal)?;
    }
    // As in S3: the digest of the digests of the parts, and the number of parts.
    let digest = lower::encode_string(Md5::checksum(&digests).as_ref());
    staged.meta.e_tag = format!("{digest}-{}", listed.len());
    Ok(())
}

/// Removes the metadata first: without it, the next start removes the rest.
fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_file(folder.join(UPLOAD)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => fs::remove_dir_all(folder),
    }
}
