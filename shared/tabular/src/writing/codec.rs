//! How pages are compressed: zstd at level 1 with the feature `zstd`, which needs C; else Snappy. Cells do not depend on it.

use parquet::basic::Compression;
use parquet::errors::{ParquetError, Result};
use serde::Serialize;

/// How the pages of the Parquet file are compressed. A column that does not shrink is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// Zstandard.
    Zstd,
    /// Snappy.
    Snappy,
}

/// Compresses pages, one after another.
pub(crate) struct Compressor(imp::Compressor);

impl Compressor {
    pub(crate) const CODEC: Codec = imp::CODEC;

    pub(crate) fn new() -> Result<Self> {
        imp::Compressor::new().map(Self)
    }

    /// Compresses `page` behind what is in `into`.
    pub(crate) fn compress(&mut self, page: &[u8], into: &mut Vec<u8>) -> Result<()> {
        self.0.compress(page, into)
    }
}

impl Codec {
    /// As Parquet names it.
    pub(crate) fn compression(self) -> Compression {
        match self {
            // The level is not written into the file.
            Self::Zstd => Compression::ZSTD(parquet::basic::ZstdLevel::default()),
            Self::Snappy => Compression::SNAPPY,
        }
    }
}

fn failed(error: impl std::fmt::Display) -> ParquetError {
    ParquetError::General(format!("a page cannot be compressed: {error}"))
}

#[cfg(feature = "zstd")]
mod imp {
    use super::{Codec, Result, failed};

    pub(super) const CODEC: Codec = Codec::Zstd;
    const LEVEL: i32 = 1;

    pub(super) struct Compressor(zstd::bulk::Compressor<'static>);

    impl Compressor {
        pub(super) fn new() -> Result<Self> {
            zstd::bulk::Compressor::new(LEVEL).map(Self).map_err(failed)
        }

        pub(super) fn compress(&mut self, page: &[u8], into: &mut Vec<u8>) -> Result<()> {
            let start = into.len();
            let bound = zstd::zstd_safe::compress_bound(page.len());
            into.reserve_exact(bound);
            into.resize(start + bound, 0);
            let written = self
                .0
                .compress_to_buffer(page, &mut into[start..])
                .map_err(failed)?;
            into.truncate(start + written);
            Ok(())
        }
    }
}

#[cfg(not(feature = "zstd"))]
mod imp {
    use super::{Codec, Result, failed};

    pub(super) const CODEC: Codec = Codec::Snappy;

    pub(super) struct Compressor(snap::raw::Encoder);

    impl Compressor {
        #[expect(clippy::unnecessary_wraps, reason = "the other codec's may fail")]
        pub(super) fn new() -> Result<Self> {
            Ok(Self(snap::raw::Encoder::new()))
        }

        pub(super) fn compress(&mut self, page: &[u8], into: &mut Vec<u8>) -> Result<()> {
            let start = into.len();
            let bound = snap::raw::max_compress_len(page.len());
            into.reserve_exact(bound);
            into.resize(start + bound, 0);
            let written = self.0.compress(page, &mut into[start..]).map_err(failed)?;
            into.truncate(start + written);
            Ok(())
        }
    }
}
