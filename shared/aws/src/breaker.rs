//! A circuit breaker: where a store is down, calls are answered at once, and one now and then looks whether it is back.
//!
//! It sits in the SDK's own pipeline, so every call of a client passes it, and it takes the time from the clock that
//! the client signs with. A call here is a call with all its retries.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Calls that fail one after the other before the circuit opens.
const FAILURES_MAX: u32 = 5;
/// How long it stays open before one call may try.
const PAUSE: Duration = Duration::from_secs(5);

/// Why a call was not made.
#[derive(Debug, thiserror::Error)]
#[error("not called: the last {FAILURES_MAX} calls failed, and it is too early to try again")]
pub(crate) struct Open;

/// What a call told about the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// It answers, if only to refuse.
    Up,
    /// It does not answer, or answers that it cannot.
    Down,
}

#[derive(Debug, Clone, Copy)]
enum Circuit {
    /// Calls pass; so many failed since one succeeded.
    Closed { failures: u32 },
    /// Calls are refused until then. The first one after it passes, and the others wait another pause for its result;
    /// so a trial that nobody waits for any more blocks nothing.
    Open { until: SystemTime },
}

/// The breaker of one client.
#[derive(Debug)]
pub(crate) struct Breaker(Mutex<Circuit>);

impl Breaker {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Circuit::Closed { failures: 0 }))
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a call may be made now.
    fn permit(&self, now: SystemTime) -> Result<(), Open> {
        let mut circuit = self.circuit();
        match *circuit {
            Circuit::Closed { .. } => Ok(()),
            // A clock that was set back must not keep it open for longer than a pause.
            Circuit::Open { until } if now < until && until <= now + PAUSE => Err(Open),
            Circuit::Open { .. } => {
                *circuit = Circuit::Open { until: now + PAUSE };
                Ok(())
            }
        }
    }

    /// Takes what a call told.
    fn record(&self, told: Told, now: SystemTime) {
        let mut circuit = self.circuit();
        *circuit = match (told, *circuit) {
            (Told::Up, _) => Circuit::Closed { failures: 0 },
            (Told::Down, Circuit::Closed { failures }) if failures + 1 < FAILURES_MAX => {
                Circuit::Closed {
                    failures: failures + 1,
                }
            }
            (Told::Down, _) => Circuit::Open { until: now + PAUSE },
        };
    }
}

impl Intercept for Breaker {
    fn name(&self) -> &'static str {
        "Breaker"
    }

    fn read_before_serialization(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        components: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let clock = components.time_source();
        clock.map_or(Ok(()), |clock| Ok(self.permit(clock.now())?))
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        components: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let status = context.response().map(|answer| answer.status().as_u16());
        let told = match context.output_or_error() {
            Some(Err(error)) if error.is_connector_error() || error.is_timeout_error() => {
                Some(Told::Down)
            }
            // A store that does not have something (501) is there to say so.
            _ => status.map(|status| match status {
                501 => Told::Up,
                500.. => Told::Down,
                _ => Told::Up,
            }),
        };
        if let (Some(told), Some(clock)) = (told, components.time_source()) {
            self.record(told, clock.now());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use consign_core::ports::Clock as _;
    use consign_testkit::{ManualClock, sample};

    use super::*;

    /// A breaker and the clock that it is asked by.
    struct Given {
        breaker: Breaker,
        clock: ManualClock,
    }

    impl Given {
        fn new() -> Self {
            Self {
                breaker: Breaker::new(),
                clock: ManualClock::new(sample::start()),
            }
        }

        fn permits(&self) -> bool {
            self.breaker.permit(self.clock.now().into()).is_ok()
        }

        fn tell(&self, told: Told, times: u32) {
            for _ in 0..times {
                self.breaker.record(told, self.clock.now().into());
            }
        }
    }

    #[test]
    fn it_opens_after_failures_in_a_row() {
        let given = Given::new();
        given.tell(Told::Down, FAILURES_MAX - 1);
        given.tell(Told::Up, 1);
        given.tell(Told::Down, FAILURES_MAX - 1);
        assert!(given.permits());
        given.tell(Told::Down, 1);
        assert!(!given.permits());
    }

    #[test]
    fn one_call_tries_after_the_pause_and_closes_it() {
        let given = Given::new();
        given.tell(Told::Down, FAILURES_MAX);
        given.clock.advance_s(PAUSE.as_secs() - 1);
        assert!(!given.permits());
        given.clock.advance_s(1);
        assert!(given.permits(), "one call tries");
        assert!(!given.permits(), "and one alone");
        given.tell(Told::Up, 1);
        assert!(given.permits() && given.permits());
        given.tell(Told::Down, FAILURES_MAX - 1);
        assert!(given.permits(), "it counts from the beginning");
    }

    #[test]
    fn a_trial_that_fails_opens_it_for_another_pause() {
        let given = Given::new();
        given.tell(Told::Down, FAILURES_MAX);
        given.clock.advance_s(PAUSE.as_secs());
        assert!(given.permits());
        given.clock.advance_s(2);
        given.tell(Told::Down, 1);
        given.clock.advance_s(PAUSE.as_secs() - 1);
        assert!(!given.permits());
        given.clock.advance_s(1);
        assert!(given.permits());
    }

    #[test]
    fn a_trial_that_was_given_up_blocks_nobody_for_ever() {
        let given = Given::new();
        given.tell(Told::Down, FAILURES_MAX);
        given.clock.advance_s(PAUSE.as_secs());
        assert!(given.permits());
        given.clock.advance_s(PAUSE.as_secs());
        assert!(given.permits());
    }

    #[test]
    fn a_clock_set_back_does_not_keep_it_open() {
        let given = Given::new();
        given.clock.advance_s(3600);
        given.tell(Told::Down, FAILURES_MAX);
        given.clock.set(sample::start());
        assert!(given.permits());
    }
}
