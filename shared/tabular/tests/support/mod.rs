//! Converting in tests, and reading the Parquet back.
#![allow(dead_code, reason = "each test file uses a part")]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

pub(crate) mod made;
pub(crate) mod memory;
#[cfg(feature = "xlsx")]
pub(crate) mod parts;
#[cfg(feature = "xlsx")]
pub(crate) mod workbook;

use arrow_array::{Array, RecordBatch, StringArray};
use consign_tabular::{
    ColumnProfile, Converted, Converter, Ended, Limits, MEMORY_BYTES_DEFAULT, OnePass, Options,
    Profile, Refusal, Rejects, Step, Survey,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// A conversion's whole result.
#[derive(Clone, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) parquet: Vec<u8>,
    pub(crate) profile: Profile,
    pub(crate) rejects: Rejects,
    /// The Parquet file of all rejects; empty where there is none.
    pub(crate) rejected: Vec<u8>,
}

impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} bytes, {:?}, {:?}",
            self.parquet.len(),
            self.profile,
            self.rejects
        )
    }
}

impl Outcome {
    pub(crate) fn column(&self, name: &str) -> &ColumnProfile {
        let mut columns = self.profile.columns.iter();
        columns
            .find(|column| column.name == name)
            .expect("no such column")
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.profile
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect()
    }

    /// The type of each column, as in `profile.json`.
    pub(crate) fn types(&self) -> Vec<String> {
        let json = |column: &ColumnProfile| serde_json::to_value(column.kind).unwrap();
        self.profile
            .columns
            .iter()
            .map(|column| json(column).as_str().unwrap().to_owned())
            .collect()
    }

    pub(crate) fn batches(&self) -> Vec<RecordBatch> {
        read(self.parquet.clone())
    }

    /// The rows of a file of text columns alone.
    pub(crate) fn text_rows(&self) -> Vec<Vec<Option<String>>> {
        let mut rows = Vec::new();
        for batch in self.batches() {
            let columns: Vec<&StringArray> = batch
                .columns()
                .iter()
                .map(|column| column.as_any().downcast_ref().unwrap())
                .collect();
            rows.extend((0..batch.num_rows()).map(|at| {
                let cell = |column: &&StringArray| {
                    column.is_valid(at).then(|| column.value(at).to_owned())
                };
                columns.iter().map(cell).collect()
            }));
        }
        rows
    }
}

/// The rows of a Parquet file.
pub(crate) fn read(parquet: Vec<u8>) -> Vec<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(parquet))
        .unwrap()
        .build()
        .unwrap();
    reader.map(Result::unwrap).collect()
}

pub(crate) fn limits() -> Limits {
    Limits::for_memory(MEMORY_BYTES_DEFAULT)
}

pub(crate) fn text() -> Options {
    Options {
        text: true,
        ..Options::default()
    }
}

/// Converts a source that arrives in these chunks.
pub(crate) fn convert_chunks(
    chunks: &[&[u8]],
    options: Options,
    limits: Limits,
) -> Result<Outcome, Refusal> {
    let mut survey = Survey::new(options, limits);
    chunks.iter().try_for_each(|chunk| survey.push(chunk))?;
    let mut converter = Converter::new(survey.finish()?)?;
    let (mut parquet, mut rejected) = (Vec::new(), Vec::new());
    for chunk in chunks {
        converter.push(chunk)?;
        parquet.extend(converter.take_output());
        rejected.extend(converter.take_rejects());
    }
    let Converted {
        profile,
        rejects,
        tail,
        rejects_tail,
    } = converter.finish()?;
    parquet.extend(tail);
    rejected.extend(rejects_tail);
    assert_eq!(parquet.len() as u64, profile.parquet_bytes);
    Ok(Outcome {
        parquet,
        profile,
        rejects,
        rejected,
    })
}

/// Converts in one pass; `None` where the guess does not hold.
pub(crate) fn convert_once(
    chunks: &[&[u8]],
    options: Options,
    limits: Limits,
) -> Result<Option<Outcome>, Refusal> {
    let mut pass = OnePass::new(options, limits);
    let (mut parquet, mut rejected) = (Vec::new(), Vec::new());
    for chunk in chunks {
        match pass.push(chunk)? {
            Step::Taken => parquet.extend(pass.take_output()),
            Step::Again => return Ok(None),
        }
        rejected.extend(pass.take_rejects());
    }
    match pass.finish()? {
        Ended::Again => Ok(None),
        Ended::Converted(converted) => {
            parquet.extend(converted.tail);
            rejected.extend(converted.rejects_tail);
            Ok(Some(Outcome {
                parquet,
                profile: converted.profile,
                rejects: converted.rejects,
                rejected,
            }))
        }
    }
}

pub(crate) fn convert_with(source: impl AsRef<[u8]>, options: Options) -> Result<Outcome, Refusal> {
    convert_chunks(&[source.as_ref()], options, limits())
}

pub(crate) fn convert(source: impl AsRef<[u8]>) -> Outcome {
    convert_with(source, Options::default()).expect("the file is converted")
}

pub(crate) fn refusal(source: impl AsRef<[u8]>) -> Refusal {
    convert_with(source, Options::default()).expect_err("the file is refused")
}

pub(crate) fn gzip(text: impl AsRef<[u8]>) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_ref()).unwrap();
    encoder.finish().unwrap()
}

/// Names and types of the columns.
pub(crate) fn columns(outcome: &Outcome) -> Vec<(String, String)> {
    let names = outcome.names().into_iter().map(str::to_owned);
    names.zip(outcome.types()).collect()
}

pub(crate) fn named(columns: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, kind): &(&str, &str)| ((*name).to_owned(), (*kind).to_owned());
    columns.iter().map(owned).collect()
}
