//! What a child of this program does: one table to Parquet by consign's library, or by arrow-rs.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use arrow_csv::ReaderBuilder;
use arrow_csv::reader::Format;
use consign_tabular::{Ended, Limits, MEMORY_BYTES_DEFAULT, OnePass, Options, Refusal, Step};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

/// Bytes of one read, about what an object store sends at once.
const CHUNK_BYTES: usize = 256 * 1024;
/// Rows that arrow-rs guesses types from.
const GUESS_ROWS: usize = 10_000;

fn read(path: &Path, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            length => take(&buffer[..length])?,
        }
    }
}

fn refused(refusal: Refusal) -> anyhow::Error {
    anyhow!("{}: {}", refusal.code(), refusal.detail())
}

pub(crate) fn consign(threads: usize, source: &Path, target: &Path) -> Result<()> {
    let limits = Limits::for_memory(MEMORY_BYTES_DEFAULT);
    let options = Options {
        two_threads: threads > 1,
        ..Options::default()
    };
    let mut pass = OnePass::new(options, limits);
    let mut file = File::create(target)?;
    read(source, |chunk| {
        if pass.push(chunk).map_err(refused)? == Step::Again {
            bail!("the table needs a second pass, which is not what is measured");
        }
        Ok(file.write_all(&pass.take_output())?)
    })?;
    match pass.finish().map_err(refused)? {
        Ended::Converted(converted) => Ok(file.write_all(&converted.tail)?),
        Ended::Again => bail!("the table needs a second pass, which is not what is measured"),
    }
}

pub(crate) fn arrow(source: &Path, target: &Path) -> Result<()> {
    let mut file = File::open(source)?;
    let format = Format::default()
        .with_header(true)
        .with_truncated_rows(true);
    let (schema, _) = format.infer_schema(&mut file, Some(GUESS_ROWS))?;
    file.rewind()?;
    let schema = Arc::new(schema);
    let reader = ReaderBuilder::new(Arc::clone(&schema))
        .with_format(format)
        .with_batch_size(8192)
        .build(file)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .build();
    let mut writer = ArrowWriter::try_new(File::create(target)?, schema, Some(properties))?;
    for batch in reader {
        writer.write(&batch?)?;
    }
    writer.close()?;
    Ok(())
}
