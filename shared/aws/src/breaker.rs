//! A circuit breaker: while a service does not answer, calls fail at once, and from time to time one call checks
//! whether it answers again.
//!
//! Any answer counts as success, also a refusal or a 500: the service may well serve the next key. The SDK's retry
//! budget limits how often those are retried. Failed connections count for the endpoint. Answers that do not arrive in
//! time count for their operation only. Neither counts if other calls were answered recently.
//!
//! It is part of the SDK's pipeline, so every call of a client passes through it, and it uses the clock that the client
//! signs with. A call here includes its retries.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Consecutive calls without an answer before a circuit opens.
const MISSES_MAX: u32 = 5;
/// An answer within this time keeps a circuit closed, whatever other calls miss.
const ANSWER_COUNTS: Duration = Duration::from_secs(10);
/// How long a circuit stays open before one call may try.
const PAUSE: Duration = Duration::from_secs(5);

/// The call was not made.
#[derive(Debug, thiserror::Error)]
#[error("not called: the service did not answer the last calls, and it is too early to try again")]
pub(crate) struct Open;

/// What a call shows about the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ServiceHealth {
    /// The service answered, also if it refused or failed.
    Answered,
    /// No answer arrived in time.
    Late,
    /// There was no connection, or it broke.
    Unreachable,
}

/// Closed while `open_until` is `None`. While open, calls are refused until then. The first call after it passes. The
/// others wait for its result for another pause, so a trial that was cancelled blocks nothing.
#[derive(Debug, Default)]
struct Circuit {
    misses: u32,
    answered_at: Option<SystemTime>,
    open_until: Option<SystemTime>,
}

impl Circuit {
    fn permit(&mut self, now: SystemTime) -> Result<(), Open> {
        match self.open_until {
            None => Ok(()),
            // If the clock was set back, the circuit stays open for one pause at most.
            Some(until) if now < until && until <= now + PAUSE => Err(Open),
            Some(_) => {
                self.open_until = Some(now + PAUSE);
                Ok(())
            }
        }
    }

    fn answered(&mut self, now: SystemTime) {
        *self = Self {
            answered_at: Some(now),
            ..Self::default()
        };
    }

    fn missed(&mut self, now: SystemTime) {
        self.misses = self.misses.saturating_add(1);
        let since = self
            .answered_at
            .and_then(|answered| now.duration_since(answered).ok());
        let is_answering = since.is_some_and(|since| since < ANSWER_COUNTS);
        if self.open_until.is_some() || (self.misses >= MISSES_MAX && !is_answering) {
            self.open_until = Some(now + PAUSE);
        }
    }
}

#[derive(Debug, Default)]
struct Circuits {
    endpoint: Circuit,
    /// Circuits by operation name. A client has some twenty operations.
    operations: HashMap<String, Circuit>,
}

impl Circuits {
    fn operation(&mut self, name: &str) -> &mut Circuit {
        self.operations.entry(name.to_owned()).or_default()
    }
}

/// The breaker of one client, and so of one endpoint.
#[derive(Debug)]
pub(crate) struct Breaker(Mutex<Circuits>);

impl Breaker {
    pub(crate) fn new() -> Self {
        Self(Mutex::default())
    }

    fn circuits(&self) -> MutexGuard<'_, Circuits> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this operation may be called now.
    fn permit(&self, operation: &str, now: SystemTime) -> Result<(), Open> {
        let mut circuits = self.circuits();
        circuits.operation(operation).permit(now)?;
        circuits.endpoint.permit(now)
    }

    /// Records the result of a call.
    fn record(&self, operation: &str, health: ServiceHealth, now: SystemTime) {
        let mut circuits = self.circuits();
        match health {
            ServiceHealth::Answered => {
                circuits.operation(operation).answered(now);
                circuits.endpoint.answered(now);
            }
            ServiceHealth::Late => circuits.operation(operation).missed(now),
            ServiceHealth::Unreachable => circuits.endpoint.missed(now),
        }
    }
}

fn operation(config: &ConfigBag) -> &str {
    config.load::<Metadata>().map_or("", Metadata::name)
}

impl Intercept for Breaker {
    fn name(&self) -> &'static str {
        "Breaker"
    }

    fn read_before_serialization(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        match components.time_source() {
            Some(clock) => Ok(self.permit(operation(config), clock.now())?),
            None => Ok(()),
        }
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let health = match context.output_or_error() {
            Some(Err(error)) if error.is_timeout_error() => Some(ServiceHealth::Late),
            Some(Err(error)) if error.is_connector_error() => {
                let connector = error.as_connector_error();
                let is_late = connector.is_some_and(|error| error.is_timeout());
                Some(if is_late {
                    ServiceHealth::Late
                } else {
                    ServiceHealth::Unreachable
                })
            }
            _ => context.response().map(|_| ServiceHealth::Answered),
        };
        if let (Some(health), Some(clock)) = (health, components.time_source()) {
            self.record(operation(config), health, clock.now());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use consign_core::ports::Clock as _;
    use consign_testkit::{ManualClock, sample};

    use super::*;

    const GET: &str = "GetObject";
    const HEAD: &str = "HeadObject";

    /// A breaker with a clock.
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

        fn permits(&self, operation: &str) -> bool {
            self.breaker
                .permit(operation, self.clock.now().into())
                .is_ok()
        }

        fn record(&self, operation: &str, health: ServiceHealth, times: u32) {
            for _ in 0..times {
                self.breaker
                    .record(operation, health, self.clock.now().into());
            }
        }
    }

    #[test]
    fn it_opens_for_all_when_nobody_is_there() {
        let given = Given::new();
        given.record(GET, ServiceHealth::Unreachable, MISSES_MAX - 1);
        assert!(given.permits(GET));
        given.record(HEAD, ServiceHealth::Unreachable, 1);
        assert!(!given.permits(GET) && !given.permits(HEAD) && !given.permits("ListParts"));
    }

    #[test]
    fn an_operation_that_is_late_closes_no_other() {
        let given = Given::new();
        given.record(GET, ServiceHealth::Late, MISSES_MAX);
        assert!(!given.permits(GET));
        assert!(given.permits(HEAD));
        // An answer to another operation does not count.
        given.record(HEAD, ServiceHealth::Answered, 1);
        assert!(!given.permits(GET));
    }

    #[test]
    fn keys_without_an_answer_close_nothing_beside_others_that_have_one() {
        for health in [ServiceHealth::Late, ServiceHealth::Unreachable] {
            let given = Given::new();
            for _ in 0..50 {
                given.record(GET, ServiceHealth::Answered, 1);
                given.clock.advance_s(ANSWER_COUNTS.as_secs() - 1);
                given.record(GET, health, MISSES_MAX * 4);
                assert!(given.permits(GET) && given.permits(HEAD));
            }
            given.clock.advance_s(1);
            given.record(GET, health, 1);
            assert!(!given.permits(GET), "no call was answered recently");
        }
    }

    #[test]
    fn one_call_tries_after_the_pause_and_closes_it() {
        let given = Given::new();
        given.record(GET, ServiceHealth::Unreachable, MISSES_MAX);
        given.clock.advance_s(PAUSE.as_secs() - 1);
        assert!(!given.permits(GET));
        given.clock.advance_s(1);
        assert!(given.permits(GET), "one call may try");
        assert!(!given.permits(GET) && !given.permits(HEAD), "only one");
        given.record(GET, ServiceHealth::Answered, 1);
        assert!(given.permits(GET) && given.permits(HEAD));
        given.clock.advance_s(ANSWER_COUNTS.as_secs());
        given.record(GET, ServiceHealth::Unreachable, MISSES_MAX - 1);
        assert!(given.permits(GET), "the count starts again");
    }

    #[test]
    fn a_trial_that_fails_opens_it_for_another_pause() {
        let given = Given::new();
        given.record(GET, ServiceHealth::Unreachable, MISSES_MAX);
        given.clock.advance_s(PAUSE.as_secs());
        assert!(given.permits(GET));
        given.clock.advance_s(2);
        given.record(GET, ServiceHealth::Unreachable, 1);
        given.clock.advance_s(PAUSE.as_secs() - 1);
        assert!(!given.permits(GET));
        given.clock.advance_s(1);
        assert!(given.permits(GET));
    }

    #[test]
    fn a_trial_that_was_given_up_blocks_nobody_for_ever() {
        let given = Given::new();
        given.record(GET, ServiceHealth::Unreachable, MISSES_MAX);
        given.clock.advance_s(PAUSE.as_secs());
        assert!(given.permits(GET));
        given.clock.advance_s(PAUSE.as_secs());
        assert!(given.permits(GET));
    }

    #[test]
    fn a_clock_set_back_does_not_keep_it_open() {
        let given = Given::new();
        given.clock.advance_s(3600);
        given.record(GET, ServiceHealth::Unreachable, MISSES_MAX);
        given.clock.set(sample::start());
        assert!(given.permits(GET));
    }
}
