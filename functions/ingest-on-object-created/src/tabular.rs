//! Converts delimited text to Parquet, profile and rejects: usually in one pass over the object, otherwise in three,
//! with bounded memory.

use consign_core::policy::{TableFacts, TablePolicy, TableRules};
use consign_core::ports::{Fault, FaultKind, ObjectHead, ObjectStore};
use consign_core::upload::{Columns, IngestOutcome, Output, Outputs};
use consign_tabular::{
    Charset, Converted, Converter, Ended, Limits, OnePass, Options, Plan, Profile, Refusal, Step,
    Survey,
};
use futures_util::future::join3;
use sha2::{Digest as _, Sha256};

use crate::Deps;
use crate::contract::Contract;
use crate::lease::{HeldLease, IngestError};
use crate::read::{ObjectBytes, check_checksum, to_base64};
use crate::write::{Writers, put_json};

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

/// Converts the leased version. Its outputs are durable afterwards.
///
/// The keys were recorded when the lease was acquired, and the bytes depend only on the object. A repetition
/// therefore writes the same outputs again.
pub(crate) async fn convert<D: Deps>(
    held: &mut HeldLease<'_, D>,
    head: &ObjectHead,
    table: &TablePolicy,
) -> Result<IngestOutcome, IngestError> {
    let planned = held.upload.planned_outputs().cloned();
    let planned = planned.ok_or_else(|| IngestError::Refused {
        code: "output_unknown".to_owned(),
        detail: "The policy has no output template for this category.".to_owned(),
    })?;
    let contract = Contract::find(held.deps, &held.upload, table.schema_contract).await?;
    let mut options = options(held, head, table);
    if let Some(contract) = &contract {
        options.hints = contract.hints(options.hints);
    }
    let source = Source {
        options,
        store: held.deps.store(),
        planned: &planned,
    };
    // 1. Read the object once, and write the Parquet files meanwhile.
    let written = write(held, &source).await;
    let (converted, writers) = written.map_err(|stop| match &contract {
        Some(contract) => contract.explain(stop),
        None => stop,
    })?;
    // 2. Check the table by the rules of its category and by the schema of its collection.
    let schema_difference = match check(table, contract.as_ref(), &converted) {
        Ok(difference) => difference,
        Err(broken) => {
            writers.free().await;
            return Err(broken);
        }
    };
    let names = converted.profile.columns.iter();
    let columns = Columns::of(names.map(|column| &column.name));
    // 3. Finish the Parquet files, and write the profile and the first rejects, concurrently. Each is awaited.
    let has_rejects = converted.rejects.total > 0;
    let (finished, profiled, rejected) = join3(
        writers.finish(),
        put_json(held, &planned, Output::Profile, &converted.profile),
        async {
            match has_rejects {
                true => put_json(held, &planned, Output::Rejects, &converted.rejects).await,
                false => Ok(()),
            }
        },
    )
    .await;
    let has_rejects_parquet = finished?;
    profiled.and(rejected)?;
    let rejects_parquet_key = planned.rejects_parquet_key.filter(|_| has_rejects_parquet);
    Ok(IngestOutcome {
        etag: head.etag.clone(),
        bucket: Some(planned.bucket),
        parquet_key: Some(planned.parquet_key),
        profile_key: Some(planned.profile_key),
        rejects_key: has_rejects.then_some(planned.rejects_key),
        rejects_parquet_key,
        row_count: Some(converted.profile.rows),
        reject_count: Some(converted.profile.rejects),
        columns: Some(columns),
        schema_difference,
    })
}

/// What a conversion reads and writes.
struct Source<'s, S> {
    options: Options,
    store: &'s S,
    planned: &'s Outputs,
}

/// Checks a converted table. Returns how it differs from the schema of its collection, where it may.
fn check(
    table: &TablePolicy,
    contract: Option<&Contract>,
    converted: &Converted,
) -> Result<Option<String>, IngestError> {
    check_rules(&table.rules, &converted.profile)?;
    match contract {
        Some(contract) => contract.check(&converted.profile, &converted.rejects),
        None => Ok(None),
    }
}

/// Refuses a table that breaks the rules of its category, with all reasons.
fn check_rules(rules: &TableRules, profile: &Profile) -> Result<(), IngestError> {
    let columns = profile.columns.iter();
    let facts = TableFacts {
        rows: profile.rows,
        empty_cells: columns
            .clone()
            .map(|column| column.nulls + column.empty_texts)
            .sum(),
        columns: columns
            .map(|column| (column.name.clone(), column.kind))
            .collect(),
    };
    let reasons = rules.reasons(&facts);
    if reasons.is_empty() {
        return Ok(());
    }
    Err(IngestError::Refused {
        code: "table_rules_broken".to_owned(),
        detail: format!(
            "The table breaks the rules of its category: {}.",
            reasons.join("; ")
        ),
    })
}

/// What a workbook may expand to, in bytes, whatever memory the host has: the time to read it grows with it.
const WORKBOOK_EXPANDED_BYTES_MAX: u64 = 256 << 20;

/// The budget of the host.
fn limits<D: Deps>(held: &HeldLease<'_, D>) -> Limits {
    let mut limits = Limits::for_memory(held.deps.memory_bytes());
    let expanded = &mut limits.workbook_expanded_bytes_max;
    *expanded = WORKBOOK_EXPANDED_BYTES_MAX.min(*expanded);
    limits
}

fn options<D: Deps>(held: &HeldLease<'_, D>, head: &ObjectHead, table: &TablePolicy) -> Options {
    Options {
        hints: held.upload.hints.clone(),
        charset: declared_charset(&held.upload.content_type),
        rejects_max: table.rejects_max,
        rejects: true,
        metadata: vec![("consign.source_etag".to_owned(), head.etag.to_string())],
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
    source: &Source<'_, impl ObjectStore>,
) -> Result<Plan, IngestError> {
    let mut survey = Survey::new(source.options.clone(), limits(held));
    let mut checksum = Checksum::of(held);
    let mut bytes = ObjectBytes::open(held).await?;
    while let Some(chunk) = bytes.next(held).await? {
        checksum.take(&chunk);
        survey.push(&chunk)?;
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

/// Writes the Parquet files: in one pass, or if a later cell does not match the types of the first rows, by the plan of a
/// survey.
async fn write<'s, D: Deps, S: ObjectStore>(
    held: &mut HeldLease<'_, D>,
    source: &Source<'s, S>,
) -> Result<(Converted, Writers<'s, S>), IngestError> {
    if let Some(written) = write_once(held, source).await? {
        return Ok(written);
    }
    let plan = survey(held, source).await?;
    write_by(held, source, plan).await
}

/// Writes the Parquet files in one pass. Returns `None` and writes nothing if the guessed types do not hold.
async fn write_once<'s, D: Deps, S: ObjectStore>(
    held: &mut HeldLease<'_, D>,
    source: &Source<'s, S>,
) -> Result<Option<(Converted, Writers<'s, S>)>, IngestError> {
    let mut writers = Writers::begin(source.store, source.planned).await?;
    match pump_once(held, source, &mut writers).await {
        Ok(Some(converted)) => Ok(Some((converted, writers))),
        unwritten => {
            writers.free().await;
            unwritten.map(|_| None)
        }
    }
}

async fn pump_once<D: Deps>(
    held: &mut HeldLease<'_, D>,
    source: &Source<'_, impl ObjectStore>,
    writers: &mut Writers<'_, impl ObjectStore>,
) -> Result<Option<Converted>, IngestError> {
    let mut pass = OnePass::new(source.options.clone(), limits(held));
    let mut checksum = Checksum::of(held);
    let mut bytes = ObjectBytes::open(held).await?;
    while let Some(chunk) = bytes.next(held).await? {
        checksum.take(&chunk);
        match pass.push(&chunk)? {
            Step::Taken => {
                writers
                    .write(pass.take_output(), pass.take_rejects())
                    .await?
            }
            Step::Again => return Ok(None),
        }
    }
    checksum.check()?;
    // A workbook is read when it is whole.
    while let Some(step) = pass.advance()? {
        if step == Step::Again {
            return Ok(None);
        }
        writers
            .write(pass.take_output(), pass.take_rejects())
            .await?;
        held.renew_if_due().await?;
    }
    match pass.finish()? {
        Ended::Converted(converted) => end(held, *converted, writers).await.map(Some),
        Ended::Again => Ok(None),
    }
}

/// Writes the Parquet files by the plan of a survey. They exist after the writers finish.
async fn write_by<'s, D: Deps, S: ObjectStore>(
    held: &mut HeldLease<'_, D>,
    source: &Source<'s, S>,
    plan: Plan,
) -> Result<(Converted, Writers<'s, S>), IngestError> {
    let mut writers = Writers::begin(source.store, source.planned).await?;
    match pump(held, plan, &mut writers).await {
        Ok(converted) => Ok((converted, writers)),
        Err(stop) => {
            writers.free().await;
            Err(stop)
        }
    }
}

async fn pump<D: Deps>(
    held: &mut HeldLease<'_, D>,
    plan: Plan,
    writers: &mut Writers<'_, impl ObjectStore>,
) -> Result<Converted, IngestError> {
    let mut converter = Converter::new(plan)?;
    let mut bytes = ObjectBytes::open(held).await?;
    while let Some(chunk) = bytes.next(held).await? {
        converter.push(&chunk)?;
        writers
            .write(converter.take_output(), converter.take_rejects())
            .await?;
    }
    while converter.advance()? {
        writers
            .write(converter.take_output(), converter.take_rejects())
            .await?;
        held.renew_if_due().await?;
    }
    end(held, converter.finish()?, writers).await
}

/// Writes the ends of the files.
async fn end<D: Deps>(
    held: &mut HeldLease<'_, D>,
    mut converted: Converted,
    writers: &mut Writers<'_, impl ObjectStore>,
) -> Result<Converted, IngestError> {
    let table = std::mem::take(&mut converted.tail);
    let rejects = std::mem::take(&mut converted.rejects_tail);
    writers.write(table, rejects).await?;
    // The last check before the outputs count: an ingest that lost its lease must not publish.
    held.renew_if_due().await?;
    Ok(converted)
}
