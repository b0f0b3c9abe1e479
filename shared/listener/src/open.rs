//! Which connections are open, and which of them makes room for another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// All connections of one listener.
#[derive(Debug)]
pub(crate) struct Open {
    regular: Mutex<Lane>,
    reserved: Mutex<Lane>,
}

/// Connections that share a limit.
#[derive(Debug)]
struct Lane {
    max: usize,
    /// Those that were not told to close.
    open: usize,
    next_turn: u64,
    /// Those without a request, the longest waiting first.
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

    /// Takes one more, where there is room or can be made.
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

    /// Takes another connection; `None` where every one is at work, also those in reserve.
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

    /// Closes the connection that has waited longest.
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

/// The place of a connection, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    open: Arc<Open>,
    /// Beyond the limit.
    pub(crate) is_reserved: bool,
    /// Set where it has to make room.
    pub(crate) closed: CancellationToken,
    /// Its turn among those that wait.
    turn: Mutex<Option<u64>>,
}

impl Admitted {
    /// A request is under way: it makes no room for others.
    pub(crate) fn work(&self) {
        if let Some(turn) = lock(&self.turn).take() {
            self.open.lane(self.is_reserved).waiting.remove(&turn);
        }
    }

    /// The request is answered.
    pub(crate) fn wait(&self) {
        let turn = self.open.lane(self.is_reserved).wait(&self.closed);
        *lock(&self.turn) = Some(turn);
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.work();
        // One that was told to close has given its place back already.
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
        assert!(open.admit().is_none(), "both are at work");
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
        assert!(third.is_reserved, "the only place is at work");
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
