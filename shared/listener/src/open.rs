//! The open connections, and which of them is closed to admit another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// The connections of one listener.
#[derive(Debug)]
pub(crate) struct Open {
    regular: Mutex<Lane>,
    reserved: Mutex<Lane>,
}

/// The connections that share a limit.
#[derive(Debug)]
struct Lane {
    max: usize,
    /// The number of connections that were not asked to close.
    open: usize,
    next_turn: u64,
    /// The idle connections, the longest idle first.
    waiting: BTreeMap<u64, CancellationToken>,
}

impl Lane {
    fn new(max: usize) -> Mutex<Self> {
        Mutex::new(Self {
            max,
            open: 0,
            next_turn: 0,
            waiting: BTreeMap::new(),
        })
    }

    fn close_longest_waiting(&mut self) -> bool {
        let Some((_, closed)) = self.waiting.pop_first() else {
            return false;
        };
        self.open = self.open.saturating_sub(1);
        closed.cancel();
        true
    }

    /// Admits a connection if there is room, or an idle one can be closed.
    fn admit(&mut self, closed: &CancellationToken) -> Option<u64> {
        if self.open >= self.max && !self.close_longest_waiting() {
            return None;
        }
        self.open += 1;
        Some(self.wait(closed))
    }

    fn wait(&mut self, closed: &CancellationToken) -> u64 {
        let turn = self.next_turn;
        self.next_turn += 1;
        self.waiting.insert(turn, closed.clone());
        turn
    }
}

impl Open {
    pub(crate) fn new(max: usize, reserve: usize) -> Self {
        Self {
            regular: Lane::new(max),
            reserved: Lane::new(reserve),
        }
    }

    /// Admits a connection; `None` if all are busy, including those in reserve.
    pub(crate) fn admit(self: &Arc<Self>) -> Option<Admitted> {
        let closed = CancellationToken::new();
        let regular = lock(&self.regular).admit(&closed);
        let (turn, is_reserved) = match regular {
            Some(turn) => (turn, false),
            None => (lock(&self.reserved).admit(&closed)?, true),
        };
        Some(Admitted {
            open: Arc::clone(self),
            is_reserved,
            closed,
            turn: Mutex::new(Some(turn)),
        })
    }

    /// Closes the connection that has been idle longest.
    pub(crate) fn close_longest_waiting(&self) {
        lock(&self.regular).close_longest_waiting();
    }

    fn lane(&self, is_reserved: bool) -> MutexGuard<'_, Lane> {
        lock(if is_reserved {
            &self.reserved
        } else {
            &self.regular
        })
    }
}

/// The slot of a connection, released when dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    open: Arc<Open>,
    /// Whether the connection is beyond the limit.
    pub(crate) is_reserved: bool,
    /// Cancelled when the connection must close.
    pub(crate) closed: CancellationToken,
    /// Its position among the idle connections.
    turn: Mutex<Option<u64>>,
}

impl Admitted {
    /// Marks the connection as busy, so that it is not closed for another.
    pub(crate) fn work(&self) {
        if let Some(turn) = lock(&self.turn).take() {
            self.open.lane(self.is_reserved).waiting.remove(&turn);
        }
    }

    /// Marks the connection as idle.
    pub(crate) fn wait(&self) {
        let turn = self.open.lane(self.is_reserved).wait(&self.closed);
        *lock(&self.turn) = Some(turn);
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.work();
        // A connection that was asked to close has released its slot already.
        if !self.closed.is_cancelled() {
            let mut lane = self.open.lane(self.is_reserved);
            lane.open = lane.open.saturating_sub(1);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_waiting_makes_room_and_one_at_work_does_not() {
        let open = Arc::new(Open::new(2, 0));
        let (first, second) = (open.admit().unwrap(), open.admit().unwrap());
        first.work();
        let third = open.admit().unwrap();
        assert!(!first.closed.is_cancelled() && second.closed.is_cancelled());
        third.work();
        assert!(open.admit().is_none(), "both are busy");
        first.wait();
        let _fourth = open.admit().unwrap();
        assert!(first.closed.is_cancelled() && !third.closed.is_cancelled());
    }

    #[test]
    fn a_place_comes_back_once() {
        let open = Arc::new(Open::new(1, 1));
        let first = open.admit().unwrap();
        let second = open.admit().unwrap();
        assert!(first.closed.is_cancelled() && !second.is_reserved);
        second.work();
        drop(first);
        let third = open.admit().unwrap();
        assert!(third.is_reserved, "the only slot is busy");
        drop(second);
        assert!(!open.admit().unwrap().is_reserved);
    }

    #[test]
    fn those_in_reserve_make_room_for_each_other() {
        let open = Arc::new(Open::new(1, 1));
        let busy = open.admit().unwrap();
        busy.work();
        let silent = open.admit().unwrap();
        let asking = open.admit().unwrap();
        assert!(silent.closed.is_cancelled() && asking.is_reserved);
        asking.work();
        assert!(open.admit().is_none());
    }
}
