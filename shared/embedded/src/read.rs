//! Reads the bytes of an object.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use s3s::dto::{self, StreamingBlob};
use s3s::{Body, S3Result};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

use crate::blob::Meta;
use crate::store::{Store, internal};

/// How many bytes are read at once.
const READ_BYTES: usize = 128 << 10;

/// An opened object for an answer.
pub(crate) struct Reading {
    pub(crate) meta: Meta,
    /// The requested range.
    pub(crate) bytes: Range<u64>,
    content: Content,
}

enum Content {
    /// The whole range, if it fits one read. This avoids a second switch to the blocking pool.
    Short(Vec<u8>),
    /// The file, positioned at the start of the range.
    Long(File),
}

impl Store {
    /// Opens an object if `admits` accepts it. A short range is read at once.
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
    /// Whether the range is the whole object.
    pub(crate) fn is_whole(&self) -> bool {
        self.bytes == (0..self.meta.size_bytes)
    }

    /// Returns the bytes as a stream.
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
