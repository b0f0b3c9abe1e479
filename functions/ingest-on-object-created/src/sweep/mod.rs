//! The sweep: it runs on a schedule and finishes what events, functions and clients left unfinished.
//!
//! A run takes due uploads in turns from every line ([`DueLine`]), so that no owner waits for another's backlog. It
//! examines them with limited concurrency until none is left or its time is over. An upload that cannot be examined
//! backs off individually, in its own record. Concurrent runs are safe: every write is conditional, and the second
//! run finds the upload no longer due.

mod examine;
mod fan_out;

use std::collections::VecDeque;

use consign_core::ids::UploadId;
use consign_core::ports::{Clock, Due, DueLine, DueRange, DueRun, Fault, Random, UploadRepo};
use consign_core::time::{Timestamp, saturating_add_secs};
use consign_core::transition::transition;
use consign_core::upload::{Event, PROBE_FAILED_S, Upload};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use crate::Deps;
pub(crate) use examine::remove_original;
pub use fan_out::fan_out;
pub(crate) use fan_out::run_job;

/// The number of uploads of one line that are taken before the next line has its turn.
const TURN: usize = 32;
/// The maximum number of lines in one run. If there are more, those that have waited longest are served.
const LINES_MAX: usize = 10_000;
/// The number of consecutive transient faults after which the store counts as unavailable. The rest stays due.
const AWAY_AFTER: usize = 64;

const _: () = assert!(TURN <= AWAY_AFTER, "a single line must not end a run");

/// The limits of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// No examination begins after this instant.
    pub until: Timestamp,
    /// The number of uploads that are examined at the same time.
    pub concurrency: usize,
}

/// The result of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// The number of examined uploads.
    pub examined: usize,
    /// The number of uploads that could not be examined because of a fault. They are due again later.
    pub failed: usize,
    /// The number of uploads that were passed on to the queue.
    pub passed_on: usize,
    /// How long the upload that was due longest had been due, in seconds.
    pub lag_s: u64,
}

/// Examines the due uploads. An upload that fails does not delay the others.
///
/// # Errors
/// The repository's fault if it cannot list the due uploads. The listed ones are examined anyway.
pub async fn run<D: Deps>(deps: &D, effort: Effort) -> Result<Swept, Fault> {
    crate::bucket::mark_all(deps).await;
    let lines = Some(Lines::find(deps).await?);
    let run = Run {
        lines,
        ..Run::default()
    };
    drive(deps, run, effort).await
}

async fn drive<D: Deps>(deps: &D, mut run: Run, effort: Effort) -> Result<Swept, Fault> {
    // Turns and examinations share one set of futures, so the next turn is read while uploads are examined.
    let mut working = FuturesUnordered::new();
    loop {
        let is_finished = run.away >= AWAY_AFTER || deps.clock().now() >= effort.until;
        if is_finished {
            run.waiting.clear();
            run.lines = None;
        }
        while working.len() < effort.concurrency.max(1)
            && let Some(taken) = run.waiting.pop_front()
        {
            working.push(work(deps, Work::Examine(taken)));
        }
        if run.waiting.is_empty()
            && let Some(lines) = run.lines.take()
        {
            working.push(work(deps, Work::Turn(lines)));
        }
        match working.next().await {
            Some(worked) => run.take(worked),
            None => return run.end(),
        }
    }
}

/// A run in progress.
#[derive(Default)]
struct Run {
    swept: Swept,
    /// Taken uploads that are waiting.
    waiting: VecDeque<TurnItem>,
    /// The lines, unless a turn is being read or all lines are at their end.
    lines: Option<Lines>,
    /// The number of consecutive transient faults.
    away: usize,
    unlisted: Option<Fault>,
}

impl Run {
    fn take(&mut self, worked: WorkResult) {
        match worked {
            WorkResult::Turn(None) => {}
            WorkResult::Turn(Some((taken, lines))) => {
                self.waiting.extend(taken);
                self.swept.lag_s = lines.lag_s;
                self.lines = Some(lines);
            }
            WorkResult::Examined => {
                self.swept.examined += 1;
                self.away = 0;
            }
            WorkResult::Failed { is_transient } => {
                self.swept.examined += 1;
                self.swept.failed += 1;
                self.away += usize::from(is_transient);
            }
            WorkResult::Unlisted(fault) => self.unlisted = Some(fault),
        }
    }

    fn end(self) -> Result<Swept, Fault> {
        let Swept {
            examined,
            failed,
            lag_s,
            ..
        } = self.swept;
        if examined > 0 {
            tracing::info!(operation = "sweep", looked_at = examined, failed, lag_s);
        }
        self.unlisted.map_or(Ok(self.swept), Err)
    }
}

/// A unit of work of a run.
enum Work {
    Turn(Lines),
    Examine(TurnItem),
}

/// The result of a job.
enum WorkResult {
    /// The next turn, if there is one.
    Turn(Option<(Vec<TurnItem>, Lines)>),
    Examined,
    Failed {
        is_transient: bool,
    },
    Unlisted(Fault),
}

async fn work<D: Deps>(deps: &D, job: Work) -> WorkResult {
    match job {
        Work::Turn(lines) => WorkResult::Turn(lines.turn(deps).await),
        Work::Examine(taken) => examine_item(deps, taken).await,
    }
}

/// The lines of a run in turns, each with the position up to which it was taken. A run passes each position once,
/// even if its upload cannot be postponed.
struct Lines {
    waiting: VecDeque<(DueLine, Option<Due>)>,
    until: Timestamp,
    /// How long the first upload of a line has been due, in seconds: the longest of the lines that were read.
    lag_s: u64,
}

/// An entry that a run examines.
enum TurnItem {
    /// An upload that was just read.
    Read(Box<Upload>),
    /// An upload whose page could not be read.
    Unread(UploadId),
    /// A line that could not be read.
    Unlisted(Fault),
}

impl Lines {
    /// Returns all lines. Concurrent runs begin at different ones.
    async fn find<D: Deps>(deps: &D) -> Result<Self, Fault> {
        let until = deps.clock().now();
        let lines = deps.repo().due_lines(until, LINES_MAX).await?;
        let mut waiting: VecDeque<_> = lines.into_iter().map(|line| (line, None)).collect();
        let mut random = [0; 4];
        deps.random().fill(&mut random);
        let random = usize::try_from(u32::from_le_bytes(random)).unwrap_or_default();
        waiting.rotate_left(random.checked_rem(waiting.len()).unwrap_or_default());
        Ok(Self {
            waiting,
            until,
            lag_s: 0,
        })
    }

    /// Reads the turn of the next line that has due uploads.
    async fn turn<D: Deps>(mut self, deps: &D) -> Option<(Vec<TurnItem>, Self)> {
        let taken = match self.take(deps, TURN).await? {
            Ok(run) => read(deps, &DueRun::ids(&[run])).await,
            Err(fault) => vec![TurnItem::Unlisted(fault)],
        };
        Some((taken, self))
    }

    /// Takes at most `limit` uploads of the next line that has any. A line that cannot be read has had its turn.
    async fn take<D: Deps>(&mut self, deps: &D, limit: usize) -> Option<Result<DueRun, Fault>> {
        loop {
            let (line, after) = self.waiting.pop_front()?;
            let range = DueRange {
                until: self.until,
                after,
                limit,
            };
            let due = match deps.repo().due(&line, range).await {
                Ok(due) => due,
                Err(fault) => return Some(Err(fault)),
            };
            if let Some(first) = due.first() {
                let since_s = self.until.timestamp() - first.at.timestamp();
                self.lag_s = self.lag_s.max(u64::try_from(since_s).unwrap_or(0));
            }
            if due.len() >= limit {
                self.waiting.push_back((line.clone(), due.last().copied()));
            }
            if !due.is_empty() {
                return Some(Ok(DueRun { line, due }));
            }
        }
    }
}

/// Reads uploads together, or leaves each to be read alone if that fails: a damaged record does not affect the
/// others.
async fn read<D: Deps>(deps: &D, ids: &[UploadId]) -> Vec<TurnItem> {
    match deps.repo().find_all(ids).await {
        Ok(uploads) => {
            let uploads = uploads.into_iter().map(Box::new);
            uploads.map(TurnItem::Read).collect()
        }
        Err(_) => ids.iter().copied().map(TurnItem::Unread).collect(),
    }
}

/// Examines one upload, and postpones it if that fails.
async fn examine_item<D: Deps>(deps: &D, taken: TurnItem) -> WorkResult {
    let (id, result) = match taken {
        TurnItem::Read(upload) => (upload.id, examine_if_due(deps, *upload).await),
        TurnItem::Unread(id) => (id, find_and_examine(deps, id).await),
        TurnItem::Unlisted(fault) => {
            tracing::warn!(operation = "sweep", %fault, "a due line could not be read");
            return WorkResult::Unlisted(fault);
        }
    };
    let Err(fault) = result else {
        return WorkResult::Examined;
    };
    let is_transient = fault.kind.is_transient();
    tracing::warn!(operation = "sweep", file_id = %id, %fault, "the upload could not be examined; it will be tried again");
    if let Err(fault) = postpone(deps, id, is_transient).await {
        tracing::warn!(operation = "sweep", file_id = %id, %fault, "the upload could not be postponed");
    }
    WorkResult::Failed { is_transient }
}

async fn find_and_examine<D: Deps>(deps: &D, id: UploadId) -> Result<(), Fault> {
    match deps.repo().find(id).await? {
        Some(upload) => examine_if_due(deps, upload).await,
        None => Ok(()),
    }
}

/// Examines an upload if it is still due: an index may be late, and another run may have examined it.
async fn examine_if_due<D: Deps>(deps: &D, upload: Upload) -> Result<(), Fault> {
    if upload
        .next_check_at
        .is_none_or(|due| due > deps.clock().now())
    {
        return Ok(());
    }
    examine::examine(deps, upload).await
}

/// Postpones an upload after a fault: in its record, or by its position in the line if the record cannot be read or
/// written.
async fn postpone<D: Deps>(deps: &D, id: UploadId, is_transient: bool) -> Result<(), Fault> {
    let now = deps.clock().now();
    if let Ok(Some(upload)) = deps.repo().find(id).await {
        let event = Event::ProbeFailed { is_transient };
        if transition(deps, upload, &event, now).await.is_ok() {
            return Ok(());
        }
    }
    let (first_s, last_s) = PROBE_FAILED_S;
    let pause_s = if is_transient { first_s } else { last_s };
    deps.repo()
        .hold(&[id], now, saturating_add_secs(now, pause_s))
        .await
}
