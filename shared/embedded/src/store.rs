//! The folder layout and its operations. All functions block; the service calls them on the blocking pool.
//!
//! ```text
//! lock                              held while a process serves the folder
//! staging/N                         being written; removed at start
//! buckets/BUCKET/SHA256(KEY)        objects (`blob`)
//! uploads/BUCKET/ID/…               uploads in parts (`uploads`)
//! ```
//!
//! A file is named by the hash of its key. Every key of 1 to 1024 bytes therefore has a valid name, whatever the file
//! system's rules for case and length, and `a` does not conflict with `a/b`.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use base16ct::lower;
use s3s::crypto::{Checksum, Sha256};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use crate::Clock;
use crate::blob::Meta;

/// The longest key, as in S3.
const KEY_BYTES_MAX: usize = 1024;
/// The number of locks that the keys share. Two keys with one lock only wait for each other's rename. With this number,
/// two of a hundred concurrent writers hardly ever share one.
const KEY_LOCKS: usize = 4096;

/// The condition for replacing an object.
pub(crate) enum Condition {
    /// No condition.
    Any,
    /// The object does not exist: `if-none-match: *`.
    Absent,
    /// The object exists: `if-match: *`.
    Present,
    /// The object has this etag: `if-match: "…"`.
    ETag(String),
}

/// A staging file, removed on drop unless published.
pub(crate) struct Staged {
    path: PathBuf,
    pub(crate) file: File,
    /// The metadata of the object. The sequencer is set on publication.
    pub(crate) meta: Meta,
    is_published: bool,
}

impl Staged {
    /// Syncs bytes and `meta` before the rename.
    pub(crate) fn seal(&mut self) -> io::Result<()> {
        self.meta.seal(&mut self.file)
    }

    /// Renames the sealed file.
    pub(crate) fn rename(&mut self, to: &Path) -> io::Result<()> {
        fs::rename(&self.path, to)?;
        self.is_published = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.is_published {
            // The next start removes remaining files.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The folder of a server.
pub(crate) struct Store {
    root: PathBuf,
    clock: Box<Clock>,
    staged: AtomicU64,
    /// The last sequencer.
    last: Mutex<u64>,
    /// The last sequencer of the keys of each lock. The lock is held during a change, so condition and rename are
    /// atomic.
    key_locks: Box<[Mutex<u64>]>,
    hasher: RandomState,
    _lock: File,
}

/// Returns a 500 for a failure of the disk. The cause is logged, but not sent. A full disk is reported as 507, since
/// the user can do something about it.
pub(crate) fn internal(error: io::Error) -> S3Error {
    tracing::error!(%error, "the store's folder failed");
    let is_full = matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    );
    if !is_full {
        return S3Error::internal_error(error);
    }
    let mut full = S3Error::with_message(
        S3ErrorCode::Custom("StorageFull".into()),
        "The store has no room left.",
    );
    full.set_status_code(http::StatusCode::INSUFFICIENT_STORAGE);
    full
}

/// Maps a missing file to `code`, and other errors to a failure of the disk.
pub(crate) fn or_missing(code: S3ErrorCode) -> impl FnOnce(io::Error) -> S3Error {
    move |error| {
        if error.kind() == io::ErrorKind::NotFound {
            S3Error::new(code)
        } else {
            internal(error)
        }
    }
}

/// Returns options that create a file which only its owner can read.
fn private_file() -> fs::OpenOptions {
    let mut options = File::options();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Creates a folder and its parents, accessible by the owner only.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Removes the permissions of others from a folder, if we own it.
fn make_private(path: &Path) {
    #[cfg(unix)]
    if let Err(error) =
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))
    {
        tracing::warn!(%error, "others on this machine may be able to read the store's folder");
    }
    #[cfg(not(unix))]
    let _ = path;
}

/// Syncs the entries of a folder, if the system supports it.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(path)?.sync_all()
    } else {
        Ok(())
    }
}

/// Refuses keys that must not be normalised: dot segments, control characters, wrong lengths.
fn check_key(key: &str) -> S3Result<()> {
    if key.len() > KEY_BYTES_MAX {
        return Err(s3_error!(KeyTooLongError));
    }
    if key.is_empty() || key.chars().any(char::is_control) {
        return Err(s3_error!(
            InvalidArgument,
            "The key is empty or has control characters."
        ));
    }
    if key.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(s3_error!(InvalidArgument, "The key has a dot segment."));
    }
    Ok(())
}

impl Store {
    /// Opens the folder, creates it if it is missing, and removes the incomplete files of an earlier process.
    pub(crate) fn open(root: PathBuf, clock: Box<Clock>, buckets: &[String]) -> io::Result<Self> {
        create_folder(&root)?;
        let lock = private_file()
            .truncate(true)
            .create(true)
            .open(root.join("lock"))?;
        lock.try_lock()?;
        // Access to the folder is access to every object, so the permissions of a folder from an earlier build are
        // fixed.
        make_private(&root);
        let staging = root.join("staging");
        if staging.exists() {
            fs::remove_dir_all(&staging)?;
        }
        create_folder(&staging)?;
        for bucket in buckets {
            create_folder(&root.join("buckets").join(bucket))?;
            let uploads = root.join("uploads").join(bucket);
            create_folder(&uploads)?;
            for entry in fs::read_dir(uploads)? {
                let upload = entry?.path();
                if !upload.join("upload").exists() {
                    fs::remove_dir_all(upload)?;
                }
            }
        }
        for folder in ["", "buckets", "uploads"] {
            let folder = root.join(folder);
            create_folder(&folder)?;
            sync_folder(&folder)?;
        }
        Ok(Self {
            root,
            clock,
            staged: AtomicU64::new(0),
            last: Mutex::new(0),
            key_locks: (0..KEY_LOCKS).map(|_| Mutex::new(0)).collect(),
            hasher: RandomState::new(),
            _lock: lock,
        })
    }

    /// Returns the names of the buckets.
    pub(crate) fn buckets(&self) -> S3Result<Vec<String>> {
        let entries = fs::read_dir(self.root.join("buckets")).map_err(internal)?;
        let mut names = entries
            .filter_map(|entry| {
                entry
                    .map(|entry| entry.file_name().into_string().ok())
                    .transpose()
            })
            .collect::<io::Result<Vec<_>>>()
            .map_err(internal)?;
        names.sort();
        Ok(names)
    }

    /// Returns the folder of an existing bucket.
    pub(crate) fn bucket(&self, bucket: &str) -> S3Result<PathBuf> {
        let path = self.root.join("buckets").join(bucket);
        // The name is also part of a path, so invalid bucket names are refused first.
        if s3s::path::check_bucket_name(bucket) && path.is_dir() {
            Ok(path)
        } else {
            Err(s3_error!(NoSuchBucket))
        }
    }

    /// Returns the path of an object.
    pub(crate) fn object(&self, bucket: &str, key: &str) -> S3Result<PathBuf> {
        check_key(key)?;
        Ok(self.bucket(bucket)?.join(lower::encode_string(
            Sha256::checksum(key.as_bytes()).as_ref(),
        )))
    }

    /// Opens an object and reads its metadata.
    pub(crate) fn open_object(&self, bucket: &str, key: &str) -> S3Result<(File, Meta)> {
        let mut file =
            File::open(self.object(bucket, key)?).map_err(or_missing(S3ErrorCode::NoSuchKey))?;
        let meta = Meta::read(&mut file).map_err(internal)?;
        Ok((file, meta))
    }

    /// Returns all objects of a bucket, by key.
    pub(crate) fn list(&self, bucket: &str) -> S3Result<Vec<Meta>> {
        let mut metas = Vec::new();
        for entry in fs::read_dir(self.bucket(bucket)?).map_err(internal)? {
            match File::open(entry.map_err(internal)?.path()) {
                Ok(mut file) => metas.push(Meta::read(&mut file).map_err(internal)?),
                // Deleted in the meantime.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(internal(error)),
            }
        }
        metas.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(metas)
    }

    /// Checks a key before its body is read, so that the client gets the error early. `publish` decides.
    pub(crate) fn check(&self, bucket: &str, key: &str, condition: &Condition) -> S3Result<()> {
        self.object(bucket, key)?;
        match self.open_object(bucket, key) {
            Ok((_, meta)) => condition.admits(Some(&meta)),
            Err(error) if *error.code() == S3ErrorCode::NoSuchKey => condition.admits(None),
            Err(error) => Err(error),
        }
    }

    /// Creates an empty staging file.
    pub(crate) fn stage(&self) -> io::Result<Staged> {
        let number = self.staged.fetch_add(1, Ordering::Relaxed);
        let path = self.root.join("staging").join(number.to_string());
        let file = private_file().create_new(true).open(&path)?;
        Ok(Staged {
            path,
            file,
            meta: Meta::default(),
            is_published: false,
        })
    }

    /// Publishes a staging file under its key, atomically.
    pub(crate) fn publish(
        &self,
        bucket: &str,
        staged: Staged,
        condition: &Condition,
    ) -> S3Result<Meta> {
        self.publish_from(bucket, staged, condition, None)
    }

    /// Publishes a staging file that was joined from the upload with this metadata file, and ends the upload: of
    /// simultaneous completions of an upload, one publishes.
    pub(crate) fn publish_from(
        &self,
        bucket: &str,
        mut staged: Staged,
        condition: &Condition,
        upload: Option<&Path>,
    ) -> S3Result<Meta> {
        let path = self.object(bucket, &staged.meta.key)?;
        // Syncs before the lock is taken. Writers of any keys then wait for the disk together, and it combines their
        // commits.
        staged.meta.sequencer = self.unique();
        staged.seal().map_err(internal)?;
        {
            let mut last = self.lock_key(&path);
            if upload.is_some_and(|upload| !upload.exists()) {
                return Err(s3_error!(NoSuchUpload));
            }
            let before = match self.open_object(bucket, &staged.meta.key) {
                Ok((_, before)) => Some(before),
                Err(error) if *error.code() == S3ErrorCode::NoSuchKey => None,
                Err(error) => return Err(error),
            };
            condition.admits(before.as_ref())?;
            let floor = before.map_or(*last, |before| before.sequencer.max(*last));
            if staged.meta.sequencer <= floor {
                // Another change came in between, or the clock went back across a restart.
                staged.meta.sequencer = self.next(floor);
                staged.seal().map_err(internal)?;
            }
            *last = staged.meta.sequencer;
            staged.rename(&path).map_err(internal)?;
            if let Some(upload) = upload {
                // The object is durable before its upload ends.
                sync_folder(&self.bucket(bucket)?).map_err(internal)?;
                fs::remove_file(upload).map_err(internal)?;
                return Ok(std::mem::take(&mut staged.meta));
            }
        }
        sync_folder(&self.bucket(bucket)?).map_err(internal)?;
        Ok(std::mem::take(&mut staged.meta))
    }

    /// Removes an object. Returns its metadata with the sequencer of the removal.
    pub(crate) fn remove(&self, bucket: &str, key: &str) -> S3Result<Meta> {
        let path = self.object(bucket, key)?;
        let mut last = self.lock_key(&path);
        let (_, mut meta) = self.open_object(bucket, key)?;
        meta.sequencer = self.next(meta.sequencer.max(*last));
        *last = meta.sequencer;
        fs::remove_file(path).map_err(internal)?;
        drop(last);
        sync_folder(&self.bucket(bucket)?).map_err(internal)?;
        Ok(meta)
    }

    /// Locks the key of an object and returns the last sequencer of that lock.
    pub(crate) fn lock_key(&self, path: &Path) -> MutexGuard<'_, u64> {
        let at = self.hasher.hash_one(path) % self.key_locks.len() as u64;
        self.key_locks[at as usize]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates a staging file with a copy of an object and its metadata.
    pub(crate) fn stage_copy(&self, bucket: &str, key: &str) -> S3Result<Staged> {
        let (source, meta) = self.open_object(bucket, key)?;
        let mut staged = self.stage().map_err(internal)?;
        io::copy(&mut source.take(meta.size_bytes), &mut staged.file).map_err(internal)?;
        staged.meta = meta;
        Ok(staged)
    }

    /// Returns a number that no earlier call returned.
    pub(crate) fn unique(&self) -> u64 {
        self.next(0)
    }

    /// Returns the current time.
    pub(crate) fn now(&self) -> SystemTime {
        (self.clock)()
    }

    /// Returns the folder of a bucket's multipart uploads.
    pub(crate) fn uploads_folder(&self, bucket: &str) -> S3Result<PathBuf> {
        self.bucket(bucket)?;
        Ok(self.root.join("uploads").join(bucket))
    }

    /// Returns the time in nanoseconds, or the last number or `floor` plus one if the clock stood still or went back.
    fn next(&self, floor: u64) -> u64 {
        let now = self
            .now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = u64::try_from(now.as_nanos())
            .unwrap_or(u64::MAX)
            .max(floor.max(*last).saturating_add(1));
        *last
    }
}

impl Condition {
    /// Checks whether an object may replace `before`.
    fn admits(&self, before: Option<&Meta>) -> S3Result<()> {
        let admitted = match (self, before) {
            (Self::Any, _) | (Self::Absent, None) | (Self::Present, Some(_)) => true,
            (Self::Absent, Some(_)) | (Self::Present, None) => false,
            (Self::ETag(_), None) => return Err(s3_error!(NoSuchKey)),
            (Self::ETag(wanted), Some(before)) => *wanted == before.e_tag,
        };
        if admitted {
            Ok(())
        } else {
            Err(s3_error!(PreconditionFailed))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_reported_and_other_failures_are_not() {
        let status = |kind: io::ErrorKind| internal(kind.into()).status_code();
        let full = Some(http::StatusCode::INSUFFICIENT_STORAGE);
        assert_eq!(status(io::ErrorKind::StorageFull), full);
        assert_eq!(status(io::ErrorKind::QuotaExceeded), full);
        let failed = Some(http::StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(status(io::ErrorKind::PermissionDenied), failed);
    }
}
