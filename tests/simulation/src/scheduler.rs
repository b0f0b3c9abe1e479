//! One thread, simulated time, and tasks that take turns as the seed decides.
//!
//! A task waits only for simulated time or for an answer of another task. When no task can run, the time moves to the
//! next timer. A task that is killed is dropped where it waits, like a process that ends.

use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use consign_core::events::Sequencer;
use consign_core::time::Timestamp;
use consign_testkit::sample;

use crate::dice::{Dice, mix};

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The number of a task.
pub(crate) type TaskId = usize;

/// What a task is, for faults, checks and the trace.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    /// What the trace calls it.
    pub(crate) name: String,
    /// How far its clock is ahead of the true time, in seconds.
    pub(crate) skew_s: i64,
    /// The removal whose notification it handles, by its sequencer.
    pub(crate) removal: Option<Sequencer>,
}

struct Task {
    role: Role,
    work: Option<Work>,
    waker: Arc<TaskWaker>,
    /// Identifies the stream of its decisions, whatever the order of the tasks is.
    key: u64,
    dice: Dice,
    children: u64,
    is_killed: bool,
}

struct TaskWaker {
    id: TaskId,
    ready: Arc<Mutex<Vec<TaskId>>>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        let mut ready = lock(&self.ready);
        if !ready.contains(&self.id) {
            ready.push(self.id);
        }
    }
}

struct Inner {
    seed: u64,
    now: Timestamp,
    /// Decides which task runs next.
    dice: Dice,
    timers: BTreeMap<(Timestamp, u64), Waker>,
    timers_set: u64,
    tasks: Vec<Task>,
    current: Option<TaskId>,
    trace: Option<Vec<String>>,
    steps: u64,
}

/// The scheduler of one run. Clones share it.
#[derive(Clone)]
pub(crate) struct Scheduler {
    inner: Arc<Mutex<Inner>>,
    ready: Arc<Mutex<Vec<TaskId>>>,
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler").finish_non_exhaustive()
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns `at` moved by seconds, which may be negative.
pub(crate) fn shifted(at: Timestamp, seconds: i64) -> Timestamp {
    consign_core::time::from_micros(at.timestamp_micros().saturating_add(seconds * 1_000_000))
        .unwrap_or(at)
}

impl Scheduler {
    /// Creates the scheduler of a seed. It keeps a trace only if it is asked to.
    pub(crate) fn new(seed: u64, keeps_trace: bool) -> Self {
        let inner = Inner {
            seed,
            now: sample::start(),
            dice: Dice::new(mix(seed, 1)),
            timers: BTreeMap::new(),
            timers_set: 0,
            tasks: Vec::new(),
            current: None,
            trace: keeps_trace.then(Vec::new),
            steps: 0,
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
            ready: Arc::default(),
        }
    }

    /// Returns the true time.
    pub(crate) fn now(&self) -> Timestamp {
        lock(&self.inner).now
    }

    /// Returns how often a task was polled.
    pub(crate) fn steps(&self) -> u64 {
        lock(&self.inner).steps
    }

    /// Starts a task. The task that starts it and their number are the seed of its decisions.
    pub(crate) fn spawn(&self, role: Role, work: impl Future<Output = ()> + Send + 'static) {
        let mut inner = lock(&self.inner);
        let key = match inner.current {
            Some(parent) => {
                let parent = &mut inner.tasks[parent];
                parent.children += 1;
                mix(parent.key, parent.children)
            }
            None => role
                .name
                .bytes()
                .fold(inner.seed, |key, byte| mix(key, byte.into())),
        };
        drop(inner);
        self.spawn_keyed(key, role, work);
    }

    /// Starts a task whose decisions have a seed of their own.
    pub(crate) fn spawn_keyed(
        &self,
        key: u64,
        role: Role,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        let mut inner = lock(&self.inner);
        let id = inner.tasks.len();
        let waker = Arc::new(TaskWaker {
            id,
            ready: Arc::clone(&self.ready),
        });
        Arc::clone(&waker).wake();
        inner.tasks.push(Task {
            role,
            work: Some(Box::pin(work)),
            waker,
            key,
            dice: Dice::new(key),
            children: 0,
            is_killed: false,
        });
    }

    /// Draws from the stream of the task that runs now.
    pub(crate) fn draw<T>(&self, draw: impl FnOnce(&mut Dice) -> T) -> T {
        let mut inner = lock(&self.inner);
        match inner.current {
            Some(id) => draw(&mut inner.tasks[id].dice),
            None => draw(&mut inner.dice),
        }
    }

    /// Returns the role of the task that runs now.
    pub(crate) fn role(&self) -> Option<Role> {
        let inner = lock(&self.inner);
        inner.current.map(|id| inner.tasks[id].role.clone())
    }

    /// Returns the number of the task that runs now.
    pub(crate) fn current(&self) -> Option<TaskId> {
        lock(&self.inner).current
    }

    /// Kills the task that runs now. It ends at its next await point.
    pub(crate) fn kill_current(&self) {
        let mut inner = lock(&self.inner);
        if let Some(id) = inner.current {
            inner.tasks[id].is_killed = true;
        }
    }

    /// Kills the task that runs now, and never returns.
    pub(crate) async fn die(&self) {
        self.kill_current();
        pending().await
    }

    /// Adds a line to the trace, if there is one.
    pub(crate) fn note(&self, line: impl FnOnce() -> String) {
        let mut inner = lock(&self.inner);
        if inner.trace.is_none() {
            return;
        }
        let who = inner.current.map_or_else(
            || "world".to_owned(),
            |id| format!("{} #{id}", inner.tasks[id].role.name),
        );
        let ms = inner.now.timestamp_millis() - sample::start().timestamp_millis();
        let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
        let text = format!(
            "{hours:>4}:{minutes:02}:{:06.3}  {who:<18} {}",
            (ms % 60_000) as f64 / 1_000.0,
            line()
        );
        if let Some(trace) = &mut inner.trace {
            trace.push(text);
        }
    }

    /// Returns the trace.
    pub(crate) fn trace(&self) -> Vec<String> {
        lock(&self.inner).trace.clone().unwrap_or_default()
    }

    /// Waits in simulated time.
    pub(crate) fn sleep_ms(&self, milliseconds: u64) -> Sleep {
        let micros = i64::try_from(milliseconds.saturating_mul(1_000)).unwrap_or(i64::MAX);
        let until = self.now().timestamp_micros().saturating_add(micros);
        Sleep {
            scheduler: self.clone(),
            until: consign_core::time::from_micros(until).unwrap_or(consign_core::time::MAX),
            is_set: false,
        }
    }

    /// Waits in simulated time.
    pub(crate) fn sleep_s(&self, seconds: u64) -> Sleep {
        self.sleep_ms(seconds.saturating_mul(1_000))
    }

    /// Polls one task. Returns whether any was ready.
    pub(crate) fn step(&self) -> bool {
        let mut ready = lock(&self.ready);
        if ready.is_empty() {
            return false;
        }
        let mut inner = lock(&self.inner);
        let count = u64::try_from(ready.len()).unwrap_or(1);
        let id = ready.swap_remove(usize::try_from(inner.dice.below(count)).unwrap_or(0));
        drop(ready);
        inner.steps += 1;
        let task = &mut inner.tasks[id];
        let Some(mut work) = task.work.take() else {
            return true;
        };
        let waker = Waker::from(Arc::clone(&task.waker));
        inner.current = Some(id);
        drop(inner);
        let polled = work.as_mut().poll(&mut Context::from_waker(&waker));
        let mut inner = lock(&self.inner);
        let is_over = polled.is_ready() || inner.tasks[id].is_killed;
        if !is_over {
            inner.tasks[id].work = Some(work);
            inner.current = None;
            return true;
        }
        drop(inner);
        // What a task holds may speak to the scheduler while it is dropped.
        drop(work);
        lock(&self.inner).current = None;
        true
    }

    /// Drops every task. Tasks hold the world, which holds the scheduler: without this, no run would ever be freed.
    pub(crate) fn clear(&self) {
        let mut inner = lock(&self.inner);
        let timers = std::mem::take(&mut inner.timers);
        let tasks: Vec<_> = inner
            .tasks
            .iter_mut()
            .map(|task| task.work.take())
            .collect();
        drop(inner);
        drop((timers, tasks));
    }

    /// Moves the time to the next timer. Returns whether there was one.
    pub(crate) fn advance(&self) -> bool {
        let mut inner = lock(&self.inner);
        let Some((&(at, _), _)) = inner.timers.first_key_value() else {
            return false;
        };
        inner.now = inner.now.max(at);
        let later = inner.timers.split_off(&(at, u64::MAX));
        let due = std::mem::replace(&mut inner.timers, later);
        drop(inner);
        for waker in due.into_values() {
            waker.wake();
        }
        true
    }
}

/// A wait in simulated time.
pub(crate) struct Sleep {
    scheduler: Scheduler,
    until: Timestamp,
    is_set: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let scheduler = self.scheduler.clone();
        let mut inner = lock(&scheduler.inner);
        if self.is_set && inner.now >= self.until {
            return Poll::Ready(());
        }
        self.is_set = true;
        inner.timers_set += 1;
        let position = (self.until.max(inner.now), inner.timers_set);
        inner.timers.insert(position, cx.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str) -> Role {
        Role {
            name: name.to_owned(),
            skew_s: 0,
            removal: None,
        }
    }

    fn run(scheduler: &Scheduler) {
        while scheduler.step() || scheduler.advance() {}
    }

    #[test]
    fn time_moves_only_when_all_tasks_wait() {
        let scheduler = Scheduler::new(1, true);
        for (name, wait_s) in [("late", 60), ("early", 5)] {
            let inside = scheduler.clone();
            scheduler.spawn(role(name), async move {
                inside.sleep_s(wait_s).await;
                inside.note(|| "over".to_owned());
            });
        }
        run(&scheduler);
        let trace = scheduler.trace();
        assert_eq!(trace.len(), 2);
        assert!(trace[0].contains("early") && trace[0].contains("0:00:05.000"));
        let elapsed = scheduler.now() - sample::start();
        assert_eq!(elapsed.num_seconds(), 60);
    }

    #[test]
    fn a_killed_task_is_dropped_where_it_waits() {
        let scheduler = Scheduler::new(1, true);
        let inside = scheduler.clone();
        let (sender, mut receiver) = tokio::sync::oneshot::channel::<()>();
        scheduler.spawn(role("victim"), async move {
            let _sender = sender;
            inside.die().await;
        });
        run(&scheduler);
        assert!(receiver.try_recv().is_err());
    }
}
