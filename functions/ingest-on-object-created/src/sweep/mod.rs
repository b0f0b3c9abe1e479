//! The sweep: on a schedule it finishes what events, functions and clients left behind.
//!
//! A run takes what is due in turns from every line ([`DueLine`]), so that no owner waits for another's backlog, and works on
//! it with bounded concurrency until nothing is left or its time is over. An upload that cannot be looked at backs off by
//! itself, in its own record. Several runs at once are safe: every write is conditional, and whoever comes second finds
//! the upload due no more.

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

/// How many uploads of one line are taken before the next line has its turn.
const TURN: usize = 32;
/// How many lines one run serves at most; those of more that have waited longest.
const LINES_MAX: usize = 10_000;
/// So many looks in a row that fail for a reason that passes by itself: the store is away, and the rest is left due.
const AWAY_AFTER: usize = 64;

const _: () = assert!(TURN <= AWAY_AFTER, "one line alone does not end a run");

/// How much a run may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// No look begins after this instant.
    pub until: Timestamp,
    /// How many looks are under way at once.
    pub concurrency: usize,
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Uploads looked at.
    pub looked_at: usize,
    /// Uploads that could not be looked at for a fault; they are due again later.
    pub failed: usize,
    /// Uploads that were passed on to the queue.
    pub passed_on: usize,
}

/// Looks at what is due. One that fails does not keep the others waiting.
///
/// # Errors
/// The repository's fault where it cannot tell what is due; what it did tell of is looked at all the same.
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
    // One set of futures for turns and looks: the next turn is read while looks are under way.
    let mut working = FuturesUnordered::new();
    loop {
        let is_over = run.away >= AWAY_AFTER || deps.clock().now() >= effort.until;
        if is_over {
            run.waiting.clear();
            run.lines = None;
        }
        while working.len() < effort.concurrency.max(1)
            && let Some(taken) = run.waiting.pop_front()
        {
            working.push(work(deps, Job::Look(taken)));
        }
        if run.waiting.is_empty()
            && let Some(lines) = run.lines.take()
        {
            working.push(work(deps, Job::Turn(lines)));
        }
        match working.next().await {
            Some(worked) => run.take(worked),
            None => return run.end(),
        }
    }
}

/// A run under way.
#[derive(Default)]
struct Run {
    swept: Swept,
    /// Taken, and not begun yet.
    waiting: VecDeque<Taken>,
    /// The lines, while nobody reads them and they are not at their end.
    lines: Option<Lines>,
    /// Looks in a row that failed for a reason that passes by itself.
    away: usize,
    unlisted: Option<Fault>,
}

impl Run {
    fn take(&mut self, worked: Worked) {
        match worked {
            Worked::Turn(None) => {}
            Worked::Turn(Some((taken, lines))) => {
                self.waiting.extend(taken);
                self.lines = Some(lines);
            }
            Worked::Looked => {
                self.swept.looked_at += 1;
                self.away = 0;
            }
            Worked::Failed { is_transient } => {
                self.swept.looked_at += 1;
                self.swept.failed += 1;
                self.away += usize::from(is_transient);
            }
            Worked::Unlisted(fault) => self.unlisted = Some(fault),
        }
    }

    fn end(self) -> Result<Swept, Fault> {
        let Swept {
            looked_at, failed, ..
        } = self.swept;
        if looked_at > 0 {
            tracing::info!(operation = "sweep", looked_at, failed);
        }
        self.unlisted.map_or(Ok(self.swept), Err)
    }
}

/// What a run does at once with others.
enum Job {
    Turn(Lines),
    Look(Taken),
}

/// What came of it.
enum Worked {
    /// The next turn, or there is none.
    Turn(Option<(Vec<Taken>, Lines)>),
    Looked,
    Failed {
        is_transient: bool,
    },
    Unlisted(Fault),
}

async fn work<D: Deps>(deps: &D, job: Job) -> Worked {
    match job {
        Job::Turn(lines) => Worked::Turn(lines.turn(deps).await),
        Job::Look(taken) => attend(deps, taken).await,
    }
}

/// The lines of a run, in turns, each with the place up to which it was taken. A place is passed once in a run, also by an
/// upload that cannot even be put off.
struct Lines {
    waiting: VecDeque<(DueLine, Option<Due>)>,
    until: Timestamp,
}

/// What a run has to look at.
enum Taken {
    /// An upload as it was just read.
    Read(Box<Upload>),
    /// An upload whose page could not be read.
    Unread(UploadId),
    /// A line that could not be read.
    Unlisted(Fault),
}

impl Lines {
    /// All lines, from one of them on: several runs at once begin at different ones.
    async fn find<D: Deps>(deps: &D) -> Result<Self, Fault> {
        let until = deps.clock().now();
        let lines = deps.repo().due_lines(until, LINES_MAX).await?;
        let mut waiting: VecDeque<_> = lines.into_iter().map(|line| (line, None)).collect();
        let mut random = [0; 4];
        deps.random().fill(&mut random);
        let random = usize::try_from(u32::from_le_bytes(random)).unwrap_or_default();
        waiting.rotate_left(random.checked_rem(waiting.len()).unwrap_or_default());
        Ok(Self { waiting, until })
    }

    /// The turn of the next line that has something, read.
    async fn turn<D: Deps>(mut self, deps: &D) -> Option<(Vec<Taken>, Self)> {
        let taken = match self.take(deps, TURN).await? {
            Ok(stretch) => read(deps, &DueRun::ids(&[stretch])).await,
            Err(fault) => vec![Taken::Unlisted(fault)],
        };
        Some((taken, self))
    }

    /// So many uploads at most of the next line that has something. One that cannot be read has had its turn.
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
            if due.len() >= limit {
                self.waiting.push_back((line.clone(), due.last().copied()));
            }
            if !due.is_empty() {
                return Some(Ok(DueRun { line, due }));
            }
        }
    }
}

/// Reads uploads together, or leaves each to be read alone: one that is damaged spoils no other.
async fn read<D: Deps>(deps: &D, ids: &[UploadId]) -> Vec<Taken> {
    match deps.repo().find_all(ids).await {
        Ok(uploads) => {
            let uploads = uploads.into_iter().map(Box::new);
            uploads.map(Taken::Read).collect()
        }
        Err(_) => ids.iter().copied().map(Taken::Unread).collect(),
    }
}

/// Looks at one upload, and puts it off where that fails.
async fn attend<D: Deps>(deps: &D, taken: Taken) -> Worked {
    let (id, looked) = match taken {
        Taken::Read(upload) => (upload.id, look_if_due(deps, *upload).await),
        Taken::Unread(id) => (id, find_and_look(deps, id).await),
        Taken::Unlisted(fault) => {
            tracing::warn!(operation = "sweep", %fault, "a line of what is due was not read");
            return Worked::Unlisted(fault);
        }
    };
    let Err(fault) = looked else {
        return Worked::Looked;
    };
    let is_transient = fault.kind.is_transient();
    tracing::warn!(operation = "sweep", file_id = %id, %fault, "will be looked at again");
    if let Err(fault) = put_off(deps, id, is_transient).await {
        tracing::warn!(operation = "sweep", file_id = %id, %fault, "could not be put off");
    }
    Worked::Failed { is_transient }
}

async fn find_and_look<D: Deps>(deps: &D, id: UploadId) -> Result<(), Fault> {
    match deps.repo().find(id).await? {
        Some(upload) => look_if_due(deps, upload).await,
        None => Ok(()),
    }
}

/// An index may be late, and another may have been here since.
async fn look_if_due<D: Deps>(deps: &D, upload: Upload) -> Result<(), Fault> {
    if upload
        .next_check_at
        .is_none_or(|due| due > deps.clock().now())
    {
        return Ok(());
    }
    examine::examine(deps, upload).await
}

/// Lets a look that failed come again later: by the record, or where that cannot be read or written, by its place alone.
async fn put_off<D: Deps>(deps: &D, id: UploadId, is_transient: bool) -> Result<(), Fault> {
    let now = deps.clock().now();
    if let Ok(Some(upload)) = deps.repo().find(id).await {
        let event = Event::ProbeFailed { is_transient };
        if transition(deps.repo(), deps.queue(), upload, &event, now)
            .await
            .is_ok()
        {
            return Ok(());
        }
    }
    let (first_s, last_s) = PROBE_FAILED_S;
    let pause_s = if is_transient { first_s } else { last_s };
    deps.repo()
        .hold(&[id], now, saturating_add_secs(now, pause_s))
        .await
}

/// Takes a lease from its holder, which is known to be dead, at the start of the only process.
///
/// # Errors
/// The repository's fault; the lease then ends by itself.
pub async fn holder_died<D: Deps>(deps: &D, id: UploadId, token: String) -> Result<(), Fault> {
    if let Some(upload) = deps.repo().find(id).await? {
        let event = Event::LeaseHolderLost { token };
        transition(
            deps.repo(),
            deps.queue(),
            upload,
            &event,
            deps.clock().now(),
        )
        .await?;
    }
    Ok(())
}
