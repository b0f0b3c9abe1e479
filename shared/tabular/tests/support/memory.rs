//! How much memory a conversion takes at most.

use std::sync::{Mutex, MutexGuard, PoisonError};

use consign_tabular::{Converter, Ended, Limits, OnePass, Options, Refusal, Step, Survey};
use peak_alloc::PeakAlloc;

/// One at a time: what others take would count.
static ONE: Mutex<()> = Mutex::new(());

pub(crate) const MIB: u64 = 1024 * 1024;
pub(crate) const PIECE_BYTES: usize = 256 * 1024;

/// Keeps others from running beside a test that measures: from before its source is made.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the work gives, and the bytes that it took at most beside what was there before.
pub(crate) fn peak<T>(memory: &PeakAlloc, work: impl FnOnce() -> T) -> (T, u64) {
    let before = memory.current_usage();
    memory.reset_peak_usage();
    let result = work();
    (result, memory.peak_usage().saturating_sub(before) as u64)
}

/// How a conversion went whose output was dropped.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Went {
    Converted { rows: u64, rejects: u64 },
    Again,
    Refused(&'static str),
}

impl From<Refusal> for Went {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.code())
    }
}

/// In one pass.
pub(crate) fn once(
    source: impl Iterator<Item = Vec<u8>>,
    options: &Options,
    limits: Limits,
) -> Went {
    let mut pass = OnePass::new(options.clone(), limits);
    for piece in source {
        match pass.push(&piece) {
            Ok(Step::Taken) => drop((pass.take_output(), pass.take_rejects())),
            Ok(Step::Again) => return Went::Again,
            Err(refusal) => return refusal.into(),
        }
    }
    match pass.finish() {
        Ok(Ended::Converted(converted)) => went(&converted.profile),
        Ok(Ended::Again) => Went::Again,
        Err(refusal) => refusal.into(),
    }
}

/// In two passes.
pub(crate) fn twice(
    source: impl Iterator<Item = Vec<u8>> + Clone,
    options: &Options,
    limits: Limits,
) -> Went {
    convert(source, options, limits).unwrap_or_else(Went::from)
}

fn convert(
    source: impl Iterator<Item = Vec<u8>> + Clone,
    options: &Options,
    limits: Limits,
) -> Result<Went, Refusal> {
    let mut survey = Survey::new(options.clone(), limits);
    source.clone().try_for_each(|piece| survey.push(&piece))?;
    let mut converter = Converter::new(survey.finish()?)?;
    for piece in source {
        converter.push(&piece)?;
        drop((converter.take_output(), converter.take_rejects()));
    }
    Ok(went(&converter.finish()?.profile))
}

fn went(profile: &consign_tabular::Profile) -> Went {
    Went::Converted {
        rows: profile.rows,
        rejects: profile.rejects,
    }
}
