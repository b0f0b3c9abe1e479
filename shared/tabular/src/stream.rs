//! A whole conversion over [`std::io`], for callers whose source can be opened again.

use std::io::{self, Read, Write};

use crate::convert::{Converted, Converter};
use crate::limits::Limits;
use crate::once::{Ended, OnePass, Step};
use crate::options::Options;
use crate::refusal::Refusal;
use crate::survey::Survey;

/// Bytes of one read, about what an object store sends at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// Why there is no Parquet file.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The source is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The source cannot be read, or a result cannot be written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Where the results go.
#[derive(Debug)]
pub struct Sinks<W> {
    /// The Parquet file.
    pub table: W,
    /// The Parquet file of the rejected rows; empty where there are none, or where [`Options::rejects`] is not set.
    pub rejects: W,
}

/// Converts a source: in one pass, or where its beginning does not tell the types of all cells, in two more.
///
/// `open` opens the source at its beginning, and `create` makes empty sinks; both are called again where one pass is not
/// enough. What was written to the sinks of the first pass is of no use then.
///
/// # Errors
/// The refusal of the source, or an error of either side. What the sinks hold is then no Parquet file.
pub fn convert<R: Read, W: Write>(
    options: &Options,
    limits: Limits,
    mut open: impl FnMut() -> io::Result<R>,
    mut create: impl FnMut() -> io::Result<Sinks<W>>,
) -> Result<(Converted, Sinks<W>), StreamError> {
    // 1. One pass, as far as its guess holds.
    let (mut pass, mut sinks) = (OnePass::new(options.clone(), limits), create()?);
    let mut is_whole = read(open()?, |chunk| {
        let step = pass.push(chunk)?;
        sinks.write(&pass.take_output(), &pass.take_rejects())?;
        Ok(step == Step::Taken)
    })?;
    while is_whole && let Some(step) = pass.advance()? {
        sinks.write(&pass.take_output(), &pass.take_rejects())?;
        is_whole = step == Step::Taken;
    }
    if is_whole && let Ended::Converted(converted) = pass.finish()? {
        sinks.write(&converted.tail, &converted.rejects_tail)?;
        return Ok((*converted, sinks));
    }
    drop(sinks);
    // 2. Else the types of all cells first.
    let mut survey = Survey::new(options.clone(), limits);
    read(open()?, |chunk| {
        survey.push(chunk)?;
        Ok(true)
    })?;
    // 3. Then the conversion by them.
    let (mut converter, mut sinks) = (Converter::new(survey.finish()?)?, create()?);
    read(open()?, |chunk| {
        converter.push(chunk)?;
        sinks.write(&converter.take_output(), &converter.take_rejects())?;
        Ok(true)
    })?;
    while converter.advance()? {
        sinks.write(&converter.take_output(), &converter.take_rejects())?;
    }
    let converted = converter.finish()?;
    sinks.write(&converted.tail, &converted.rejects_tail)?;
    Ok((converted, sinks))
}

impl<W: Write> Sinks<W> {
    fn write(&mut self, table: &[u8], rejects: &[u8]) -> io::Result<()> {
        self.table.write_all(table)?;
        self.rejects.write_all(rejects)
    }
}

/// Reads chunk by chunk while `take` wants more; whether it was read to its end.
fn read(
    mut source: impl Read,
    mut take: impl FnMut(&[u8]) -> Result<bool, StreamError>,
) -> Result<bool, StreamError> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(true),
            Ok(length) if take(&buffer[..length])? => {}
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}
