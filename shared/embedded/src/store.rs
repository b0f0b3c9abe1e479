//! The folder: where objects lie and how they get there. Everything here blocks; the service calls it off the runtime.
//!
//! ```text
//! lock                              held while a process serves the folder
//! staging/N                         being written; removed at start
//! buckets/BUCKET/SHA256(KEY)        objects (`blob`)
//! uploads/BUCKET/ID/upload          an upload in parts: its key and attributes
//! uploads/BUCKET/ID/NUMBER          its parts (`blob`)
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

use s3s::crypto::{Checksum, Md5, Sha256};
use s3s::{S3Error, S3Result, s3_error};

use crate::Clock;
use crate::blob::Meta;

/// Longest key, as S3 has it.
const KEY_BYTES_MAX: usize = 1024;
/// Smallest part but the last, as S3 has it.
const PART_BYTES_MIN: u64 = 5 << 20;
/// Most parts of an upload, as S3 has it.
const PART_NUMBER_MAX: i32 = 10_000;

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

/// One part as the client lists it to complete an upload.
pub(crate) struct ListedPart {
    pub(crate) number: i32,
    /// Compared where the client gives it.
    pub(crate) e_tag: Option<String>,
}

/// A file being written, removed on drop unless published.
pub(crate) struct Staged {
    path: PathBuf,
    pub(crate) file: File,
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
fn or_missing(code: s3s::S3ErrorCode) -> impl FnOnce(io::Error) -> S3Error {
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

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pair = |at| {
        text.get(at..at + 2)
            .and_then(|pair| u8::from_str_radix(pair, 16).ok())
    };
    (0..text.len()).step_by(2).map(pair).collect()
}

/// Makes the entries of a folder durable, where the system can.
fn sync_folder(path: &Path) -> io::Result<()> {
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

    fn object(&self, bucket: &str, key: &str) -> S3Result<PathBuf> {
        check_key(key)?;
        Ok(self
            .bucket(bucket)?
            .join(hex(Sha256::checksum(key.as_bytes()).as_ref())))
    }

    fn upload(&self, bucket: &str, id: &str) -> S3Result<PathBuf> {
        self.bucket(bucket)?;
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(s3_error!(NoSuchUpload));
        }
        Ok(self.root.join("uploads").join(bucket).join(id))
    }

    /// An object's bytes, at their start, and what is known of them.
    pub(crate) fn open_object(&self, bucket: &str, key: &str) -> S3Result<(File, Meta)> {
        let mut file = File::open(self.object(bucket, key)?)
            .map_err(or_missing(s3s::S3ErrorCode::NoSuchKey))?;
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
            Err(error) if *error.code() == s3s::S3ErrorCode::NoSuchKey => condition.admits(None),
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
        Ok(Staged { path, file })
    }

    /// Makes a staged file the object under `meta.key`, all or nothing; its sequencer is given here.
    pub(crate) fn publish(
        &self,
        bucket: &str,
        mut staged: Staged,
        mut meta: Meta,
        condition: &Condition,
    ) -> S3Result<Meta> {
        let path = self.object(bucket, &meta.key)?;
        // The long wait for the disk comes before the lock, the short one (a footer, a rename) under it.
        staged.file.sync_data().map_err(internal)?;
        {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            let before = match self.open_object(bucket, &meta.key) {
                Ok((_, before)) => Some(before),
                Err(error) if *error.code() == s3s::S3ErrorCode::NoSuchKey => None,
                Err(error) => return Err(error),
            };
            condition.admits(before.as_ref())?;
            meta.sequencer = self.next(&mut last, before.as_ref());
            meta.seal(&mut staged.file).map_err(internal)?;
            fs::rename(&staged.path, &path).map_err(internal)?;
        }
        sync_folder(&self.bucket(bucket)?).map_err(internal)?;
        Ok(meta)
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

    /// Copies one object's bytes to another key, with `change` made to what is known of them.
    pub(crate) fn copy(
        &self,
        from: (&str, &str),
        to: (&str, &str),
        change: impl FnOnce(&mut Meta) -> S3Result<()>,
    ) -> S3Result<Meta> {
        let (source, mut meta) = self.open_object(from.0, from.1)?;
        change(&mut meta)?;
        to.1.clone_into(&mut meta.key);
        self.object(to.0, to.1)?;
        let mut staged = self.stage().map_err(internal)?;
        io::copy(&mut source.take(meta.size_bytes), &mut staged.file).map_err(internal)?;
        self.publish(to.0, staged, meta, &Condition::Any)
    }

    /// Begins an upload in parts and names it.
    pub(crate) fn create_upload(&self, bucket: &str, mut meta: Meta) -> S3Result<String> {
        self.object(bucket, &meta.key)?;
        meta.sequencer = self.next(
            &mut self.last.lock().unwrap_or_else(PoisonError::into_inner),
            None,
        );
        let id = format!("{:016x}", meta.sequencer);
        let path = self.upload(bucket, &id)?;
        let mut staged = self.stage().map_err(internal)?;
        meta.seal(&mut staged.file).map_err(internal)?;
        fs::create_dir(&path).map_err(internal)?;
        fs::rename(&staged.path, path.join("upload")).map_err(internal)?;
        sync_folder(&path).map_err(internal)?;
        Ok(id)
    }

    /// What an upload in parts was begun with.
    pub(crate) fn open_upload(&self, bucket: &str, key: &str, id: &str) -> S3Result<Meta> {
        let path = self.upload(bucket, id)?.join("upload");
        let mut file = File::open(path).map_err(or_missing(s3s::S3ErrorCode::NoSuchUpload))?;
        let meta = Meta::read(&mut file).map_err(internal)?;
        if meta.key == key {
            Ok(meta)
        } else {
            Err(s3_error!(NoSuchUpload))
        }
    }

    /// The uploads in parts of a bucket, by id, which is by time.
    pub(crate) fn uploads(&self, bucket: &str) -> S3Result<Vec<(String, Meta)>> {
        self.bucket(bucket)?;
        let mut uploads = Vec::new();
        for entry in fs::read_dir(self.root.join("uploads").join(bucket)).map_err(internal)? {
            let entry = entry.map_err(internal)?;
            // One without its file is being begun or ended.
            let Ok(mut file) = File::open(entry.path().join("upload")) else {
                continue;
            };
            let meta = Meta::read(&mut file).map_err(internal)?;
            uploads.push((entry.file_name().to_string_lossy().into_owned(), meta));
        }
        uploads.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(uploads)
    }

    /// Refuses a part number that S3 would refuse, and an unknown upload.
    pub(crate) fn check_part(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        number: i32,
    ) -> S3Result<()> {
        if !(1..=PART_NUMBER_MAX).contains(&number) {
            return Err(s3_error!(
                InvalidArgument,
                "Part number must be an integer between 1 and 10000, inclusive"
            ));
        }
        self.open_upload(bucket, key, id).map(drop)
    }

    /// Makes a staged file a part, replacing one of its number.
    pub(crate) fn publish_part(
        &self,
        bucket: &str,
        id: &str,
        number: i32,
        mut staged: Staged,
        mut meta: Meta,
    ) -> S3Result<()> {
        let folder = self.upload(bucket, id)?;
        meta.sequencer = self.next(
            &mut self.last.lock().unwrap_or_else(PoisonError::into_inner),
            None,
        );
        meta.seal(&mut staged.file).map_err(internal)?;
        fs::rename(&staged.path, folder.join(number.to_string()))
            .map_err(or_missing(s3s::S3ErrorCode::NoSuchUpload))?;
        sync_folder(&folder).map_err(or_missing(s3s::S3ErrorCode::NoSuchUpload))
    }

    /// The parts that an upload has, by number.
    pub(crate) fn parts(&self, bucket: &str, key: &str, id: &str) -> S3Result<Vec<(i32, Meta)>> {
        self.open_upload(bucket, key, id)?;
        let mut parts = Vec::new();
        for entry in fs::read_dir(self.upload(bucket, id)?).map_err(internal)? {
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
        bucket: &str,
        key: &str,
        id: &str,
        listed: &[ListedPart],
        condition: &Condition,
    ) -> S3Result<Meta> {
        let upload = self.open_upload(bucket, key, id)?;
        let folder = self.upload(bucket, id)?;
        self.check(bucket, key, condition)?;
        if listed.is_empty() {
            return Err(s3_error!(
                InvalidRequest,
                "You must specify at least one part"
            ));
        }
        if !listed.is_sorted_by(|a, b| a.number < b.number) {
            return Err(s3_error!(InvalidPartOrder));
        }
        let mut staged = self.stage().map_err(internal)?;
        let mut digests = Vec::with_capacity(16 * listed.len());
        let mut size_bytes = 0;
        for (index, part) in listed.iter().enumerate() {
            let mut file = File::open(folder.join(part.number.to_string()))
                .map_err(or_missing(s3s::S3ErrorCode::InvalidPart))?;
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
            digests.extend(unhex(&meta.e_tag).unwrap_or_default());
            size_bytes +=
                io::copy(&mut file.take(meta.size_bytes), &mut staged.file).map_err(internal)?;
        }
        let e_tag = format!("{}-{}", hex(Md5::checksum(&digests).as_ref()), listed.len());
        let meta = self.publish(
            bucket,
            staged,
            Meta {
                size_bytes,
                e_tag,
                ..upload
            },
            condition,
        )?;
        self.remove_upload(&folder)?;
        Ok(meta)
    }

    /// Gives up an upload in parts.
    pub(crate) fn abort(&self, bucket: &str, key: &str, id: &str) -> S3Result<()> {
        self.open_upload(bucket, key, id)?;
        self.remove_upload(&self.upload(bucket, id)?)
    }

    /// The upload's own file goes first: without it the rest is what `open` clears.
    fn remove_upload(&self, folder: &Path) -> S3Result<()> {
        fs::remove_file(folder.join("upload")).map_err(internal)?;
        fs::remove_dir_all(folder).map_err(internal)
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
