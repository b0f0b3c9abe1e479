//! The state of a connection, shared by its tasks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::{Admitted, Limits};

/// The activity of a connection.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Idle since this instant.
    Waiting(Instant),
    /// A head began at this instant.
    Head(Instant),
    /// A request is being answered.
    Busy,
}

/// The state of a connection, shared by its tasks.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) limits: Arc<Limits>,
    pub(crate) admitted: Admitted,
    phase: Mutex<Phase>,
    changed: Notify,
    pub(crate) has_unread_body: AtomicBool,
}

impl Watch {
    pub(crate) fn new(admitted: Admitted, limits: Arc<Limits>) -> Self {
        Self {
            limits,
            admitted,
            phase: Mutex::new(Phase::Waiting(Instant::now())),
            changed: Notify::new(),
            has_unread_body: AtomicBool::new(false),
        }
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that bytes arrived. On an idle connection they begin the next head.
    pub(crate) fn bytes_arrived(&self) {
        let mut phase = self.phase();
        if let Phase::Waiting(_) = *phase {
            *phase = Phase::Head(Instant::now());
            self.changed.notify_one();
        }
    }

    pub(crate) fn has_unread_body(&self) -> bool {
        self.has_unread_body.load(Ordering::Acquire)
    }

    /// Returns once the connection has exceeded a timeout.
    pub(crate) async fn overdue(&self) {
        loop {
            let deadline = match *self.phase() {
                Phase::Waiting(since) => Some(since + self.limits.idle),
                Phase::Head(since) => Some(since + self.limits.head),
                Phase::Busy => None,
            };
            match deadline {
                Some(deadline) if deadline <= Instant::now() => return,
                Some(deadline) => tokio::select! {
                    () = tokio::time::sleep_until(deadline) => {}
                    () = self.changed.notified() => {}
                },
                None => self.changed.notified().await,
            }
        }
    }
}

/// A request in progress. Dropped once its answer is written.
pub(crate) struct Busy(pub(crate) Arc<Watch>);

impl Busy {
    pub(crate) fn begin(watch: Arc<Watch>) -> Self {
        *watch.phase() = Phase::Busy;
        watch.admitted.work();
        Self(watch)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        *self.0.phase() = Phase::Waiting(Instant::now());
        self.0.admitted.wait();
        self.0.changed.notify_one();
    }
}
