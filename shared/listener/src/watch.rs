//! What is known of a connection by those who work on it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::{Admitted, Limits};

/// What a connection is doing.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Nothing came since then.
    Waiting(Instant),
    /// A head began then.
    Head(Instant),
    /// A request is being answered.
    Busy,
}

/// What is known of a connection by those who work on it.
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

    /// Bytes came: of the next head, where none was awaited yet.
    pub(crate) fn something_came(&self) {
        let mut phase = self.phase();
        if let Phase::Waiting(_) = *phase {
            *phase = Phase::Head(Instant::now());
            self.changed.notify_one();
        }
    }

    pub(crate) fn has_unread_body(&self) -> bool {
        self.has_unread_body.load(Ordering::Acquire)
    }

    /// Comes back once the connection has kept us waiting for too long.
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

/// A request under way; dropped once its answer is written.
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
