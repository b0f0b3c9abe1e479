//! One run: clients and faults for some hours, then calm until nothing is due, then the checks of the end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use consign_core::time::Timestamp;

use crate::client;
use crate::consumer::deliver;
use crate::dice::{Dice, mix};
use crate::environment::{list_regularly, meddle, sweep_once, sweep_regularly};
use crate::fault::{Kind, Kinds};
use crate::monitor::{Violation, check_end, violated};
use crate::mutant::Mutant;
use crate::world::{World, outside};

/// How long clients and faults go on, in seconds.
const CHAOS_S: u64 = 8 * 3_600;
/// How often the sweep runs at most after the faults have ended. More than any run needs.
const ROUNDS_MAX: usize = 600;
/// How often a task is polled at most. More than any run needs.
const STEPS_MAX: u64 = 2_000_000;
/// The largest number of uploads of a run.
const UPLOADS_MAX: u64 = 6;

/// What a run is made from. Equal setups make equal runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setup {
    /// The seed of every decision.
    pub seed: u64,
    /// The kinds of faults that happen.
    pub kinds: Kinds,
    /// The uploads that are made, one bit each.
    pub uploads: u32,
    /// The rule that is removed, if one is.
    pub mutant: Option<Mutant>,
}

impl Setup {
    /// Returns the setup of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let count = Dice::new(mix(seed, 5)).between(1, UPLOADS_MAX);
        Self {
            seed,
            kinds: Kinds::of(seed),
            uploads: (1 << count) - 1,
            mutant: None,
        }
    }

    /// Returns the setup with a rule removed.
    #[must_use]
    pub const fn with_mutant(mut self, mutant: Option<Mutant>) -> Self {
        self.mutant = mutant;
        self
    }
}

/// The result of a run.
#[derive(Debug, Clone)]
pub struct Report {
    /// The invariants that do not hold. A run ends at the first.
    pub violations: Vec<Violation>,
    /// What happened, in order. Empty if no trace was asked for.
    pub trace: Vec<String>,
    /// How often each kind of fault happened.
    pub faults: BTreeMap<Kind, u64>,
    /// How many uploads ended in each state.
    pub ends: BTreeMap<&'static str, u64>,
    /// How often a task was polled.
    pub steps: u64,
}

/// Runs a setup.
#[must_use]
pub fn run(setup: Setup, keeps_trace: bool) -> Report {
    let world = World::new(setup, keeps_trace);
    start(&world);
    drive(&world);
    world.scheduler.clear();
    let mut ends = BTreeMap::new();
    for upload in world.records.all() {
        *ends.entry(upload.state.as_str()).or_default() += 1;
    }
    Report {
        violations: world.monitor.violations(),
        trace: world.scheduler.trace(),
        faults: world.monitor.counts(),
        ends,
        steps: world.scheduler.steps(),
    }
}

fn start(world: &Arc<World>) {
    let spawn = |name: String, work: futures_util::future::BoxFuture<'static, ()>| {
        world.scheduler.spawn(outside(name), work);
    };
    for number in (0..u32::BITS).filter(|number| world.setup.uploads & (1 << number) != 0) {
        let work = client::upload(Arc::clone(world), number);
        spawn(format!("client {number}"), Box::pin(work));
    }
    spawn(
        "schedule 1".to_owned(),
        Box::pin(sweep_regularly(Arc::clone(world), "sweep 1")),
    );
    if world.setup.kinds.has(Kind::TwoSweepers) {
        world.monitor.count(Kind::TwoSweepers);
        let second = sweep_regularly(Arc::clone(world), "sweep 2");
        spawn("schedule 2".to_owned(), Box::pin(second));
    }
    spawn("others".to_owned(), Box::pin(meddle(Arc::clone(world))));
    spawn(
        "lists".to_owned(),
        Box::pin(list_regularly(Arc::clone(world))),
    );
    spawn("end".to_owned(), Box::pin(end(Arc::clone(world))));
}

/// Polls until the last task has ended, or an invariant does not hold.
fn drive(world: &Arc<World>) {
    loop {
        if world.monitor.is_violated() || world.is_over() {
            return;
        }
        if world.scheduler.steps() > STEPS_MAX {
            return violated(world, "liveness", "the run does not end".to_owned());
        }
        if world.scheduler.step() {
            continue;
        }
        deliver(world);
        if !world.scheduler.step() && !world.scheduler.advance() {
            return violated(world, "liveness", "nothing waits for anything".to_owned());
        }
    }
}

/// Ends the faults after some hours, and lets the system settle.
async fn end(world: Arc<World>) {
    world.scheduler.sleep_s(CHAOS_S).await;
    world.calm_down();
    for _ in 0..ROUNDS_MAX {
        sweep_once(&world, "last sweep").await;
        let now = world.scheduler.now();
        let is_busy = world.queue.depth() > 0 || world.under_way.load(Ordering::Relaxed) > 0;
        let due = next_due(&world);
        let wait_s = match due {
            Some(due) if due > now && !is_busy => {
                u64::try_from((due - now).num_seconds()).unwrap_or(0) + 1
            }
            None if !is_busy => {
                check_end(&world);
                world.finish();
                return;
            }
            Some(_) | None => 60,
        };
        world.scheduler.sleep_s(wait_s).await;
    }
    let stuck = world
        .records
        .all()
        .into_iter()
        .find(|upload| upload.next_check_at.is_some());
    let what = stuck.map_or_else(
        || "the queue is never empty".to_owned(),
        |upload| format!("an upload is {} and due for ever", upload.state.as_str()),
    );
    violated(&world, "liveness", what);
}

fn next_due(world: &World) -> Option<Timestamp> {
    let uploads = world.records.all();
    uploads
        .iter()
        .filter_map(|upload| upload.next_check_at)
        .min()
}
