//! Converts delimited text to Parquet, profile and rejects: usually in one pass over the object, otherwise in three,
//! with bounded memory.

use bytes::Bytes;
use consign_core::ids::ObjectRef;
use consign_core::ports::{Fault, FaultKind, ObjectHead, ObjectStore, ObjectWriter};
use consign_core::upload::{Columns, IngestOutcome, Output};
use consign_tabular::{
    Charset, Converted, Converter, Ended, Limits, OnePass, Options, Plan, Refusal, Step, Survey,
};
use futures_util::future::join3;
use sha2::{Digest as _, Sha256};

use crate::Deps;
use crate::lease::{HeldLease, IngestError};
use crate::read::{ObjectBytes, check_checksum, to_base64};

impl From<Refusal> for IngestError {
    fn from(refusal: Refusal) -> Self {
        if matches!(refusal, Refusal::SourceChanged) {
            Self::Overtaken
        } else if refusal.is_transient() {
            Self::Fault(Fault::new(FaultKind::Other, "convert", refusal.detail()))
        } else {
            Self::Refused {
                code: refusal.code().to_owned(),
                detail: refusal.detail(),
            }
        }
    }
}

/// Converts the leased version. Parquet, profile and rejects are durable afterwards.
///
/// The keys were recorded when the lease was acquired, and the bytes depend only on the object. A repetition
/// therefore writes the same outputs again.
pub(crate) async fn convert<D: Deps>(
    held: &mut HeldLease<'_, D>,
    head: &ObjectHead,
) -> Result<IngestOutcome, IngestError> {
    let planned = held.upload.planned_outputs().cloned();
    let planned = planned.ok_or_else(|| IngestError::Refused {
        code: "output_unknown".to_owned(),
        detail: "The policy has no output template for this category.".to_owned(),
    })?;
    // 1. Read the object once, and write the Parquet file meanwhile.
    let parquet = planned.object(Output::Parquet);
    let deps = held.deps;
    let writer = deps
        .store()
        .writer(&parquet, Output::Parquet.content_type())
        .await?;
    let (converted, writer) = match write_once(held, head, writer).await? {
        Some(written) => written,
        // 2. A later cell does not match the types of the first rows: determine the types of all cells, then convert.
        None => {
            let plan = survey(held, head).await?;
            let writer = deps
                .store()
                .writer(&parquet, Output::Parquet.content_type())
                .await?;
            write_by(held, plan, writer).await?
        }
    };
    let names = converted.profile.columns.iter();
    let columns = Columns::of(names.map(|column| &column.name));
    // 3. Write the end of the file, the profile, and the rejects if there are any, concurrently. Each is awaited.
    let profile = planned.object(Output::Profile);
    let rejects = match converted.rejects.total {
        0 => None,
        _ => Some(planned.object(Output::Rejects)),
    };
    let (finished, profiled, rejected) = join3(
        writer.finish(),
        put_json(held, &profile, &converted.profile),
        async {
            match &rejects {
                Some(rejects) => put_json(held, rejects, &converted.rejects).await,
                None => Ok(()),
            }
        },
    )
    .await;
    finished?;
    profiled.and(rejected)?;
    Ok(IngestOutcome {
        etag: head.etag.clone(),
        bucket: Some(planned.bucket.clone()),
        parquet_key: Some(parquet.key),
        profile_key: Some(profile.key),
        rejects_key: rejects.map(|rejects| rejects.key),
        row_count: Some(converted.profile.rows),
        reject_count: Some(converted.profile.rejects),
        columns: Some(columns),
    })
}

/// The budget of the host. A made-up workbook can take more than its bounds say, so none is read here.
fn limits<D: Deps>(held: &HeldLease<'_, D>) -> Limits {
    let mut limits = Limits::for_memory(held.deps.memory_bytes());
    limits.workbook_bytes_max = 0;
    limits
}

fn options<D: Deps>(held: &HeldLease<'_, D>, head: &ObjectHead) -> Options {
    Options {
        metadata: vec![("consign.source_etag".to_owned(), head.etag.to_string())],
        charset: declared_charset(&held.upload.content_type),
        ..Options::default()
    }
}

/// Computes the checksum of the bytes, for comparison with the declared one.
struct Checksum {
    declared: Option<String>,
    hasher: Sha256,
}

impl Checksum {
    fn of<D: Deps>(held: &HeldLease<'_, D>) -> Self {
        Self {
            declared: held.upload.checksum_sha256.clone(),
            hasher: Sha256::new(),
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        if self.declared.is_some() {
            self.hasher.update(bytes);
        }
    }

    fn check(self) -> Result<(), IngestError> {
        match self.declared {
            Some(declared) => check_checksum(&declared, &to_base64(self.hasher)),
            None => Ok(()),
        }
    }
}

async fn survey<D: Deps>(
    held: &mut HeldLease<'_, D>,
    head: &ObjectHead,
) -> Result<Plan, IngestError> {
    let limits = limits(held);
    let mut survey = Survey::new(options(held, head), limits);
    let mut checksum = Checksum::of(held);
    let mut source = ObjectBytes::open(held).await?;
    while let Some(bytes) = source.next(held).await? {
        checksum.take(&bytes);
        survey.push(&bytes)?;
    }
    checksum.check()?;
    Ok(survey.finish()?)
}

/// Returns the encoding that a media type declares (RFC 9110, section 8.3.2), if it is supported.
fn declared_charset(content_type: &str) -> Option<Charset> {
    let parameters = content_type.split(';').skip(1);
    let mut named = parameters.filter_map(|parameter| parameter.split_once('='));
    let (_, label) = named.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
    Charset::of_label(label)
}

/// Writes the Parquet file in one pass. Returns `None` and writes nothing if the guessed types do not hold.
async fn write_once<D: Deps, W: ObjectWriter>(
    held: &mut HeldLease<'_, D>,
    head: &ObjectHead,
    mut writer: W,
) -> Result<Option<(Converted, W)>, IngestError> {
    match pump_once(held, head, &mut writer).await {
        Ok(Some(converted)) => Ok(Some((converted, writer))),
        unwritten => {
            free(writer).await;
            unwritten.map(|_| None)
        }
    }
}

async fn pump_once<D: Deps, W: ObjectWriter>(
    held: &mut HeldLease<'_, D>,
    head: &ObjectHead,
    writer: &mut W,
) -> Result<Option<Converted>, IngestError> {
    let limits = limits(held);
    let mut pass = OnePass::new(options(held, head), limits);
    let mut checksum = Checksum::of(held);
    let mut source = ObjectBytes::open(held).await?;
    while let Some(bytes) = source.next(held).await? {
        checksum.take(&bytes);
        match pass.push(&bytes)? {
            Step::Taken => write(writer, pass.take_output()).await?,
            Step::Again => return Ok(None),
        }
    }
    checksum.check()?;
    match pass.finish()? {
        Ended::Converted(converted) => end(held, *converted, writer).await.map(Some),
        Ended::Again => Ok(None),
    }
}

/// Writes the Parquet file by the plan of a survey. It exists after the writer finishes.
async fn write_by<D: Deps, W: ObjectWriter>(
    held: &mut HeldLease<'_, D>,
    plan: Plan,
    mut writer: W,
) -> Result<(Converted, W), IngestError> {
    match pump(held, plan, &mut writer).await {
        Ok(converted) => Ok((converted, writer)),
        Err(stop) => {
            free(writer).await;
            Err(stop)
        }
    }
}

async fn pump<D: Deps, W: ObjectWriter>(
    held: &mut HeldLease<'_, D>,
    plan: Plan,
    writer: &mut W,
) -> Result<Converted, IngestError> {
    let mut converter = Converter::new(plan)?;
    let mut source = ObjectBytes::open(held).await?;
    while let Some(bytes) = source.next(held).await? {
        converter.push(&bytes)?;
        write(writer, converter.take_output()).await?;
    }
    end(held, converter.finish()?, writer).await
}

async fn write<W: ObjectWriter>(writer: &mut W, output: Vec<u8>) -> Result<(), IngestError> {
    if output.is_empty() {
        return Ok(());
    }
    Ok(writer.write(Bytes::from(output)).await?)
}

/// Writes the end of the file.
async fn end<D: Deps, W: ObjectWriter>(
    held: &mut HeldLease<'_, D>,
    mut converted: Converted,
    writer: &mut W,
) -> Result<Converted, IngestError> {
    write(writer, std::mem::take(&mut converted.tail)).await?;
    // The last check before the output counts: an ingest that lost its lease must not publish.
    held.renew_if_due().await?;
    Ok(converted)
}

async fn free<W: ObjectWriter>(writer: W) {
    if let Err(fault) = writer.abort().await {
        tracing::warn!(%fault, "an unfinished output could not be freed; the bucket's lifecycle rules will remove it");
    }
}

async fn put_json<D: Deps>(
    held: &HeldLease<'_, D>,
    object: &ObjectRef,
    value: &impl serde::Serialize,
) -> Result<(), IngestError> {
    let json =
        serde_json::to_vec(value).map_err(|error| Fault::new(FaultKind::Other, "put", error))?;
    held.deps
        .store()
        .put(object, "application/json", json.into())
        .await?;
    Ok(())
}
