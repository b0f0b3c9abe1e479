//! What a child of this program does: one table to Parquet by consign's library, or by arrow-rs.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use arrow_csv::ReaderBuilder;
use arrow_csv::reader::Format;
use consign_tabular::{Converter, Limits, MEMORY_BYTES_DEFAULT, Options, Refusal, Survey};
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

pub(crate) fn consign(source: &Path, target: &Path) -> Result<()> {
    let limits = Limits::for_memory(MEMORY_BYTES_DEFAULT);
    let mut survey = Survey::new(Options::default(), limits);
    read(source, |chunk| survey.push(chunk).map_err(refused))?;
    let mut converter = Converter::new(survey.finish().map_err(refused)?).map_err(refused)?;
    let mut file = File::create(target)?;
    read(source, |chunk| {
        converter.push(chunk).map_err(refused)?;
        Ok(file.write_all(&converter.take_output())?)
    })?;
    let converted = converter.finish().map_err(refused)?;
    Ok(file.write_all(&converted.tail)?)
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
