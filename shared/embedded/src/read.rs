//! Giving an object's bytes out.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use s3s::dto::{self, StreamingBlob};
use s3s::{Body, S3Result};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

use crate::blob::Meta;
use crate::store::{Store, internal};

/// How much of a file is read at once.
const READ_BYTES: usize = 128 << 10;

/// What is asked for of an object, on its way out.
pub(crate) struct Reading {
    pub(crate) meta: Meta,
    /// Which of its bytes.
    pub(crate) bytes: Range<u64>,
    content: Content,
}

enum Content {
    /// All of it: what is read at once anyway needs no second trip to the blocking pool.
    Short(Vec<u8>),
    /// A file at the first of the bytes.
    Long(File),
}

impl Store {
    /// Opens an object where `admits` says so, and reads it where it is short.
    pub(crate) fn read(
        &self,
        bucket: &str,
        key: &str,
        range: Option<dto::Range>,
        admits: impl FnOnce(&Meta) -> S3Result<()>,
    ) -> S3Result<Reading> {
        let (mut file, meta) = self.open_object(bucket, key)?;
        admits(&meta)?;
        let bytes = match range {
            Some(range) => range.check(meta.size_bytes)?,
            None => 0..meta.size_bytes,
        };
        file.seek(SeekFrom::Start(bytes.start)).map_err(internal)?;
        let content = match usize::try_from(bytes.end - bytes.start) {
            Ok(length) if length <= READ_BYTES => {
                let mut short = vec![0; length];
                file.read_exact(&mut short).map_err(internal)?;
                Content::Short(short)
            }
            Ok(_) | Err(_) => Content::Long(file),
        };
        Ok(Reading {
            meta,
            bytes,
            content,
        })
    }
}

impl Reading {
    /// Whether that is the whole object.
    pub(crate) fn is_whole(&self) -> bool {
        self.bytes == (0..self.meta.size_bytes)
    }

    /// The bytes.
    pub(crate) fn into_body(self) -> StreamingBlob {
        match self.content {
            Content::Short(bytes) => StreamingBlob::from(Body::from(bytes)),
            Content::Long(file) => {
                let mut file = tokio::fs::File::from_std(file);
                file.set_max_buf_size(READ_BYTES);
                let bytes = file.take(self.bytes.end - self.bytes.start);
                StreamingBlob::wrap(ReaderStream::with_capacity(bytes, READ_BYTES))
            }
        }
    }
}
