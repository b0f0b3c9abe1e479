//! Uploads in parts, in the store's folder.
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

/// Smallest part but the last, as S3 has it.
const PART_BYTES_MIN: u64 = 5 << 20;
/// Most parts of an upload, as S3 has it.
const PART_NUMBER_MAX: i32 = 10_000;
/// The file that says what an upload is of.
const UPLOAD: &str = "upload";

/// Names an upload in parts.
#[derive(Clone)]
pub(crate) struct Upload {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) id: String,
}

/// One part as the client lists it to complete an upload.
pub(crate) struct ListedPart {
    pub(crate) number: i32,
    /// Compared where the client gives it.
    pub(crate) e_tag: Option<String>,
}

impl Store {
    /// Begins an upload in parts and gives its id.
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

    /// The uploads in parts of a bucket, by id, which is by time.
    pub(crate) fn uploads(&self, bucket: &str) -> S3Result<Vec<(String, Meta)>> {
        let mut uploads = Vec::new();
        for entry in fs::read_dir(self.uploads_folder(bucket)?).map_err(internal)? {
            let entry = entry.map_err(internal)?;
            // One without its file is being begun or ended.
            let Ok(mut file) = File::open(entry.path().join(UPLOAD)) else {
                continue;
            };
            let meta = Meta::read(&mut file).map_err(internal)?;
            uploads.push((entry.file_name().to_string_lossy().into_owned(), meta));
        }
        uploads.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(uploads)
    }

    /// An upload's folder and what it was begun with.
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

    /// Checks that a part's number and its upload are good, before its bytes are read.
    pub(crate) fn check_part(&self, upload: &Upload, number: i32) -> S3Result<()> {
        if !(1..=PART_NUMBER_MAX).contains(&number) {
            return Err(s3_error!(
                InvalidArgument,
                "Part number must be an integer between 1 and 10000, inclusive"
            ));
        }
        self.open_upload(upload).map(drop)
    }

    /// Makes a staged file a part, replacing one of its number.
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

    /// The parts that an upload has, by number.
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

    /// Makes the listed parts one object. The upload goes only after the object is there: a crash between leaves
    /// both, and completing again gives the same object.
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
        let meta = self.publish(&upload.bucket, staged, condition)?;
        // The object is there: what stays of its parts is no failure, and goes with the abandoned ones.
        if let Err(error) = remove(&folder) {
            tracing::warn!(%error, "the parts of a completed upload could not be removed");
        }
        Ok(meta)
    }

    /// Gives up an upload in parts.
    pub(crate) fn abort(&self, upload: &Upload) -> S3Result<()> {
        remove(&self.open_upload(upload)?.0).map_err(internal)
    }

    /// Gives up every upload that was begun longer ago than `age`, whatever came of it since, as a bucket's rule does; how
    /// many these were. One that cannot be removed does not keep the others.
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

/// When an upload was begun. A folder that does not say so, since something broke there, is as old as its last change.
fn begun_at(folder: &Path) -> Option<SystemTime> {
    let said = File::open(folder.join(UPLOAD))
        .and_then(|mut file| Meta::read(&mut file))
        .ok()
        .and_then(|begun| begun.published_at());
    said.or_else(|| {
        fs::metadata(folder)
            .and_then(|folder| folder.modified())
            .ok()
    })
}

/// Writes the listed parts one after another, checked as S3 checks them.
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
    // As S3 makes it: the digest of the parts' digests, and how many they are.
    let digest = lower::encode_string(Md5::checksum(&digests).as_ref());
    staged.meta.e_tag = format!("{digest}-{}", listed.len());
    Ok(())
}

/// The upload's own file goes first: without it the rest is what the next start clears.
fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_file(folder.join(UPLOAD)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => fs::remove_dir_all(folder),
    }
}
