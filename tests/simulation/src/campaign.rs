//! Many seeds on all cores.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::fault::Kind;
use crate::mutant::Mutant;
use crate::run::{Report, Setup, run};
use crate::scheduler::lock;

/// The sum of many runs.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// The number of runs.
    pub runs: u64,
    /// How often each kind of fault happened.
    pub faults: BTreeMap<Kind, u64>,
    /// How many uploads ended in each state.
    pub ends: BTreeMap<&'static str, u64>,
    /// The first seed that failed in each thread, the smallest first.
    pub failed: Vec<u64>,
}

impl Tally {
    fn add(&mut self, report: Report) {
        self.runs += 1;
        for (kind, count) in report.faults {
            *self.faults.entry(kind).or_default() += count;
        }
        for (state, count) in report.ends {
            *self.ends.entry(state).or_default() += count;
        }
    }
}

/// Runs seeds until one fails, or all of them. `progress` is called after every run with the number of runs so far.
#[must_use]
pub fn run_all(seeds: Range<u64>, mutant: Option<Mutant>, progress: impl Fn(u64) + Sync) -> Tally {
    let (next, is_failed) = (AtomicU64::new(seeds.start), AtomicBool::new(false));
    let (runs, sum) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    let work = || {
        let mut tally = Tally::default();
        while !is_failed.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            let report = run(Setup::of(seed).with_mutant(mutant), false);
            if !report.violations.is_empty() {
                is_failed.store(true, Ordering::Relaxed);
                tally.failed.push(seed);
            }
            tally.add(report);
            progress(runs.fetch_add(1, Ordering::Relaxed) + 1);
        }
        let mut sum = lock(&sum);
        sum.runs += tally.runs;
        sum.failed.extend(tally.failed);
        sum.failed.sort_unstable();
        for (kind, count) in tally.faults {
            *sum.faults.entry(kind).or_default() += count;
        }
        for (state, count) in tally.ends {
            *sum.ends.entry(state).or_default() += count;
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    sum.into_inner().unwrap_or_default()
}
