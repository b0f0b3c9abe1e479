//! The folder: where objects lie and how they get there. Everything here blocks; the service calls it off the runtime.
//!
//! ```text
//! lock                              held while a process serves the folder
//! staging/N                         being written; removed at start
//! buckets/BUCKET/SHA256(KEY)        objects (`blob`)
//! uploads/BUCKET/ID/…               uploads in parts (`uploads`)
//! ```
//!
//! A name is the key's hash, so every key of 1 to 1024 bytes has one, whatever the file system thinks of its case,
//! its length or of `a` beside `a/b`.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use s3s::crypto::{Checksum, Sha256};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use crate::Clock;
use crate::blob::Meta;

/// Longest key, as S3 has it.
const KEY_BYTES_MAX: usize = 1024;
/// What must hold of the object under a key for it to be replaced.
pub(crate) enum Condition {
    /// Nothing.
    Any,
    /// There is none: `if-none-match: *`.
    Absent,
    /// There is one: `if-match: *`.
    Present,
    /// It has this etag: `if-match: "…"`.
    ETag(String),
}

/// A file being written, removed on drop unless published.
pub(crate) struct Staged {
    path: PathBuf,
    pub(crate) file: File,
    /// What it will be published with; its sequencer is given then.
    pub(crate) meta: Meta,
}

impl Staged {
    /// Makes bytes and `meta` durable, for the rename that follows.
    pub(crate) fn seal(&mut self) -> io::Result<()> {
        self.meta.seal(&mut self.file)
    }

    /// Gives the sealed file its name.
    pub(crate) fn rename(&self, to: &Path) -> io::Result<()> {
        fs::rename(&self.path, to)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Gone already once published; anything else is cleared at the next start.
        let _ = fs::remove_file(&self.path);
    }
}

/// The folder of one server.
pub(crate) struct Store {
    root: PathBuf,
    clock: Box<Clock>,
    staged: AtomicU64,
    /// The last sequencer given out; held over every commit, which makes condition and rename one step.
    last: Mutex<u64>,
    _lock: File,
}

/// Any failure of the disk: a 500 whose cause is logged, not told.
pub(crate) fn internal(error: io::Error) -> S3Error {
    tracing::error!(%error, "the store's folder failed");
    S3Error::internal_error(error)
}

/// Missing means `code`, anything else is the disk's failure.
pub(crate) fn or_missing(code: S3ErrorCode) -> impl FnOnce(io::Error) -> S3Error {
    move |error| {
        if error.kind() == io::ErrorKind::NotFound {
            S3Error::new(code)
        } else {
            internal(error)
        }
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// Makes the entries of a folder durable, where the system can.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(path)?.sync_all()
    } else {
        Ok(())
    }
}

/// Refuses what must never be normalised: dot segments, control characters, wrong lengths.
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
    /// Takes the folder, making it where missing, and clears what an earlier process left half done.
    pub(crate) fn open(root: PathBuf, clock: Box<Clock>, buckets: &[String]) -> io::Result<Self> {
        fs::create_dir_all(&root)?;
        let lock = File::create(root.join("lock"))?;
        lock.try_lock()?;
        let staging = root.join("staging");
        if staging.exists() {
            fs::remove_dir_all(&staging)?;
        }
        fs::create_dir(&staging)?;
        for bucket in buckets {
            fs::create_dir_all(root.join("buckets").join(bucket))?;
            let uploads = root.join("uploads").join(bucket);
            fs::create_dir_all(&uploads)?;
            for entry in fs::read_dir(uploads)? {
                let upload = entry?.path();
                if !upload.join("upload").exists() {
                    fs::remove_dir_all(upload)?;
                }
            }
        }
        sync_folder(&root)?;
        Ok(Self {
            root,
            clock,
            staged: AtomicU64::new(0),
            last: Mutex::new(0),
            _lock: lock,
        })
    }

    /// The names of the buckets.
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

    /// The folder of a bucket that exists.
    pub(crate) fn bucket(&self, bucket: &str) -> S3Result<PathBuf> {
        let path = self.root.join("buckets").join(bucket);
        // The name is also part of a path: one that S3 would not allow never reaches the disk.
        if s3s::path::check_bucket_name(bucket) && path.is_dir() {
            Ok(path)
        } else {
            Err(s3_error!(NoSuchBucket))
        }
    }

    /// Where an object lies or would lie.
    pub(crate) fn object(&self, bucket: &str, key: &str) -> S3Result<PathBuf> {
        check_key(key)?;
        Ok(self
            .bucket(bucket)?
            .join(hex(Sha256::checksum(key.as_bytes()).as_ref())))
    }

    /// An object's bytes, at their start, and what is known of them.
    pub(crate) fn open_object(&self, bucket: &str, key: &str) -> S3Result<(File, Meta)> {
        let mut file =
            File::open(self.object(bucket, key)?).map_err(or_missing(S3ErrorCode::NoSuchKey))?;
        let meta = Meta::read(&mut file).map_err(internal)?;
        Ok((file, meta))
    }

    /// All objects of a bucket, by key.
    pub(crate) fn list(&self, bucket: &str) -> S3Result<Vec<Meta>> {
        let mut metas = Vec::new();
        for entry in fs::read_dir(self.bucket(bucket)?).map_err(internal)? {
            match File::open(entry.map_err(internal)?.path()) {
                Ok(mut file) => metas.push(Meta::read(&mut file).map_err(internal)?),
                // Deleted meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(internal(error)),
            }
        }
        metas.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(metas)
    }

    /// Checks a name before a body is read for it, so that a client learns early; only `publish` decides.
    pub(crate) fn check(&self, bucket: &str, key: &str, condition: &Condition) -> S3Result<()> {
        self.object(bucket, key)?;
        match self.open_object(bucket, key) {
            Ok((_, meta)) => condition.admits(Some(&meta)),
            Err(error) if *error.code() == S3ErrorCode::NoSuchKey => condition.admits(None),
            Err(error) => Err(error),
        }
    }

    /// A new empty file that nobody sees.
    pub(crate) fn stage(&self) -> io::Result<Staged> {
        let number = self.staged.fetch_add(1, Ordering::Relaxed);
        let path = self.root.join("staging").join(number.to_string());
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        Ok(Staged {
            path,
            file,
            meta: Meta::default(),
        })
    }

    /// Makes a staged file the object under its key, all or nothing.
    pub(crate) fn publish(
        &self,
        bucket: &str,
        mut staged: Staged,
        condition: &Condition,
    ) -> S3Result<Meta> {
        let path = self.object(bucket, &staged.meta.key)?;
        // The long wait for the disk comes before the lock, the short one (a footer, a rename) under it.
        staged.file.sync_data().map_err(internal)?;
        {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            let before = match self.open_object(bucket, &staged.meta.key) {
                Ok((_, before)) => Some(before),
                Err(error) if *error.code() == S3ErrorCode::NoSuchKey => None,
                Err(error) => return Err(error),
            };
            condition.admits(before.as_ref())?;
            staged.meta.sequencer = self.next(&mut last, before.as_ref());
            staged.seal().map_err(internal)?;
            staged.rename(&path).map_err(internal)?;
        }
        sync_folder(&self.bucket(bucket)?).map_err(internal)?;
        Ok(std::mem::take(&mut staged.meta))
    }

    /// Removes an object; its last `Meta` comes back with the sequencer of the removal.
    pub(crate) fn remove(&self, bucket: &str, key: &str) -> S3Result<Meta> {
        let path = self.object(bucket, key)?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, mut meta) = self.open_object(bucket, key)?;
        meta.sequencer = self.next(&mut last, Some(&meta));
        fs::remove_file(path).map_err(internal)?;
        sync_folder(&self.bucket(bucket)?).map_err(internal)?;
        Ok(meta)
    }

    /// Stages a copy of an object's bytes and of what is known of them.
    pub(crate) fn stage_copy(&self, bucket: &str, key: &str) -> S3Result<Staged> {
        let (source, meta) = self.open_object(bucket, key)?;
        let mut staged = self.stage().map_err(internal)?;
        io::copy(&mut source.take(meta.size_bytes), &mut staged.file).map_err(internal)?;
        staged.meta = meta;
        Ok(staged)
    }

    /// A number that no earlier call gave.
    pub(crate) fn unique(&self) -> u64 {
        self.next(
            &mut self.last.lock().unwrap_or_else(PoisonError::into_inner),
            None,
        )
    }

    /// The folder of a bucket's uploads in parts.
    pub(crate) fn uploads_folder(&self, bucket: &str) -> S3Result<PathBuf> {
        self.bucket(bucket)?;
        Ok(self.root.join("uploads").join(bucket))
    }

    /// The time in nanoseconds, or one more than the last where the clock stands still or went back.
    fn next(&self, last: &mut u64, before: Option<&Meta>) -> u64 {
        let now = (self.clock)()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let floor = before.map_or(*last, |before| before.sequencer.max(*last));
        *last = u64::try_from(now.as_nanos())
            .unwrap_or(u64::MAX)
            .max(floor + 1);
        *last
    }
}

impl Condition {
    /// Whether an object may replace `before`.
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
