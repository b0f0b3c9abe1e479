//! A second thread, which works on columns beside the one that reads rows. Columns do not know of each other, so whoever is
//! free takes the next one, and what is written does not depend on who did.

use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::refusal::Refusal;
use crate::writing::batch::Batch;
use crate::writing::chunk::Scratch;
use crate::writing::column::{Builder, Early};

/// What is done with each column.
pub(crate) enum Task {
    /// It takes its cells, and writes so many bytes of texts early.
    Take(Batch, usize),
    /// What waits becomes a page.
    Write,
}

/// A task, and the columns that nobody works on yet.
struct Job {
    task: Task,
    todo: Mutex<Vec<(usize, Builder)>>,
    is_lean: bool,
}

/// What a task led to, in bytes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sums {
    /// Of the cells that were taken.
    pub(crate) taken: u64,
    /// Of those that are in pages written early.
    pub(crate) early: u64,
    /// Of the pages that were written.
    pub(crate) written: u64,
}

impl Sums {
    pub(crate) fn add(&mut self, other: Self) {
        self.taken += other.taken;
        self.early += other.early;
        self.written += other.written;
    }

    pub(crate) fn add_early(&mut self, early: Early) {
        self.early += early.waiting;
        self.written += early.written;
    }
}

/// What one thread did of a job.
#[derive(Default)]
struct Part {
    columns: Vec<(usize, Builder)>,
    sums: Sums,
    refusal: Option<Refusal>,
}

impl Job {
    fn run(&self, scratch: &mut Scratch) -> Part {
        let mut part = Part::default();
        while let Some((at, mut column)) = self.next() {
            let done = self.work((at, &mut column), scratch);
            part.columns.push((at, column));
            match done {
                Ok(sums) => part.sums.add(sums),
                Err(refusal) => part.refusal = Some(refusal),
            }
        }
        part
    }

    fn work(
        &self,
        (at, column): (usize, &mut Builder),
        scratch: &mut Scratch,
    ) -> Result<Sums, Refusal> {
        let mut sums = Sums::default();
        match &self.task {
            Task::Take(batch, bytes_max) => {
                sums.taken = column.take_all(batch, at)? as u64;
                sums.add_early(column.write_early(scratch, *bytes_max)?);
            }
            Task::Write => sums.written = column.write_page(scratch)?,
        }
        Ok(sums)
    }

    fn next(&self) -> Option<(usize, Builder)> {
        let mut todo = self.todo.lock().unwrap_or_else(PoisonError::into_inner);
        todo.pop()
    }
}

/// The thread. It ends when this is dropped.
pub(crate) struct Helper {
    jobs: SyncSender<Arc<Job>>,
    parts: Receiver<Part>,
    running: Option<Arc<Job>>,
}

impl Helper {
    /// Starts it, where the host has threads.
    pub(crate) fn start(mut scratch: Scratch) -> Option<Self> {
        let (jobs, received) = mpsc::sync_channel::<Arc<Job>>(1);
        let (sender, parts) = mpsc::sync_channel(1);
        let work = move || {
            for job in received {
                scratch.set_lean(job.is_lean);
                let part = job.run(&mut scratch);
                // The other thread takes the job apart.
                drop(job);
                if sender.send(part).is_err() {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("columns".to_owned());
        thread.spawn(work).ok()?;
        Some(Self {
            jobs,
            parts,
            running: None,
        })
    }

    /// Begins a task on these columns, which are gone until it is [joined](Self::join).
    pub(crate) fn begin(
        &mut self,
        task: Task,
        columns: &mut Vec<Builder>,
        is_lean: bool,
    ) -> Result<(), Refusal> {
        let mut todo: Vec<(usize, Builder)> = columns.drain(..).enumerate().collect();
        // The last ones are done first. Those that take longest must not be left for the end.
        todo.sort_by_key(|(_, column)| column.page_bytes());
        let job = Arc::new(Job {
            task,
            todo: Mutex::new(todo),
            is_lean,
        });
        self.running = Some(Arc::clone(&job));
        self.jobs.send(job).map_err(|_| lost())
    }

    /// Works on what is left of the task, and gives it and the columns back, with what it led to; `None` where none
    /// is running.
    pub(crate) fn join(
        &mut self,
        columns: &mut Vec<Builder>,
        scratch: &mut Scratch,
    ) -> Result<Option<(Task, Sums)>, Refusal> {
        let Some(job) = self.running.take() else {
            return Ok(None);
        };
        let own = job.run(scratch);
        let other = self.parts.recv().map_err(|_| lost())?;
        if let Some(refusal) = own.refusal.or(other.refusal) {
            return Err(refusal);
        }
        let mut done = own.columns;
        done.extend(other.columns);
        done.sort_unstable_by_key(|(at, _)| *at);
        columns.extend(done.into_iter().map(|(_, column)| column));
        let job = Arc::into_inner(job).ok_or_else(lost)?;
        let mut sums = own.sums;
        sums.add(other.sums);
        Ok(Some((job.task, sums)))
    }
}

fn lost() -> Refusal {
    Refusal::Internal {
        what: "the second thread ended early".to_owned(),
    }
}
