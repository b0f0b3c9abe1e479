//! A circuit breaker: where nobody is at a service's end, calls are answered at once, and one now and then looks whether
//! it is back.
//!
//! What counts is whether somebody answers, not what: a refusal and a 500 are answers, of a service that may well serve the
//! next key. How often those are tried again is bounded by the SDK's own retry budget. Connections that fail count for the
//! endpoint; answers that do not come in time count for their operation alone, and neither where others were
//! answered of late.
//!
//! It sits in the SDK's own pipeline, so every call of a client passes it, and it takes the time from the clock that
//! the client signs with. A call here is a call with all its retries.

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

/// Calls without an answer, one after the other, before a circuit opens.
const MISSES_MAX: u32 = 5;
/// An answer within this time keeps a circuit closed, whatever is missed beside it.
const ANSWER_COUNTS: Duration = Duration::from_secs(10);
/// How long a circuit stays open before one call may try.
const PAUSE: Duration = Duration::from_secs(5);

/// Why a call was not made.
#[derive(Debug, thiserror::Error)]
#[error("not called: the last calls met nobody, and it is too early to try again")]
pub(crate) struct Open;

/// What a call told about the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ServiceHealth {
    /// Somebody answered, if only to refuse or to fail.
    Answered,
    /// No answer came in time.
    Late,
    /// There was no connection, or it broke.
    Nobody,
}

/// Closed while `open_until` is `None`. Open, calls are refused until then; the first one after it passes, and the others
/// wait another pause for its result, so a trial that nobody waits for any more blocks nothing.
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
            // A clock that was set back must not keep it open for longer than a pause.
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
    /// By the operation's name; a client has some twenty.
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

    /// Whether a call of this operation may be made now.
    fn permit(&self, operation: &str, now: SystemTime) -> Result<(), Open> {
        let mut circuits = self.circuits();
        circuits.operation(operation).permit(now)?;
        circuits.endpoint.permit(now)
    }

    /// Takes what a call of this operation told.
    fn record(&self, operation: &str, told: ServiceHealth, now: SystemTime) {
        let mut circuits = self.circuits();
        match told {
            ServiceHealth::Answered => {
                circuits.operation(operation).answered(now);
                circuits.endpoint.answered(now);
            }
            ServiceHealth::Late => circuits.operation(operation).missed(now),
            ServiceHealth::Nobody => circuits.endpoint.missed(now),
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
        let told = match context.output_or_error() {
            Some(Err(error)) if error.is_timeout_error() => Some(ServiceHealth::Late),
            Some(Err(error)) if error.is_connector_error() => {
                let connector = error.as_connector_error();
                let is_late = connector.is_some_and(|error| error.is_timeout());
                Some(if is_late {
                    ServiceHealth::Late
                } else {
                    ServiceHealth::Nobody
                })
            }
            _ => context.response().map(|_| ServiceHealth::Answered),
        };
        if let (Some(told), Some(clock)) = (told, components.time_source()) {
            self.record(operation(config), told, clock.now());
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

        fn permits(&self, operation: &str) -> bool {
            self.breaker
                .permit(operation, self.clock.now().into())
                .is_ok()
        }

        fn tell(&self, operation: &str, told: ServiceHealth, times: u32) {
            for _ in 0..times {
                self.breaker
                    .record(operation, told, self.clock.now().into());
            }
        }
    }

    #[test]
    fn it_opens_for_all_when_nobody_is_there() {
        let given = Given::new();
        given.tell(GET, ServiceHealth::Nobody, MISSES_MAX - 1);
        assert!(given.permits(GET));
        given.tell(HEAD, ServiceHealth::Nobody, 1);
        assert!(!given.permits(GET) && !given.permits(HEAD) && !given.permits("ListParts"));
    }

    #[test]
    fn an_operation_that_is_late_closes_no_other() {
        let given = Given::new();
        given.tell(GET, ServiceHealth::Late, MISSES_MAX);
        assert!(!given.permits(GET));
        assert!(given.permits(HEAD));
        // An answer to another says nothing for it.
        given.tell(HEAD, ServiceHealth::Answered, 1);
        assert!(!given.permits(GET));
    }

    #[test]
    fn keys_without_an_answer_close_nothing_beside_others_that_have_one() {
        for told in [ServiceHealth::Late, ServiceHealth::Nobody] {
            let given = Given::new();
            for _ in 0..50 {
                given.tell(GET, ServiceHealth::Answered, 1);
                given.clock.advance_s(ANSWER_COUNTS.as_secs() - 1);
                given.tell(GET, told, MISSES_MAX * 4);
                assert!(given.permits(GET) && given.permits(HEAD));
            }
            given.clock.advance_s(1);
            given.tell(GET, told, 1);
            assert!(!given.permits(GET), "nobody was answered of late");
        }
    }

    #[test]
    fn one_call_tries_after_the_pause_and_closes_it() {
        let given = Given::new();
        given.tell(GET, ServiceHealth::Nobody, MISSES_MAX);
        given.clock.advance_s(PAUSE.as_secs() - 1);
        assert!(!given.permits(GET));
        given.clock.advance_s(1);
        assert!(given.permits(GET), "one call tries");
        assert!(!given.permits(GET) && !given.permits(HEAD), "and one alone");
        given.tell(GET, ServiceHealth::Answered, 1);
        assert!(given.permits(GET) && given.permits(HEAD));
        given.clock.advance_s(ANSWER_COUNTS.as_secs());
        given.tell(GET, ServiceHealth::Nobody, MISSES_MAX - 1);
        assert!(given.permits(GET), "it counts from the beginning");
    }

    #[test]
    fn a_trial_that_fails_opens_it_for_another_pause() {
        let given = Given::new();
        given.tell(GET, ServiceHealth::Nobody, MISSES_MAX);
        given.clock.advance_s(PAUSE.as_secs());
        assert!(given.permits(GET));
        given.clock.advance_s(2);
        given.tell(GET, ServiceHealth::Nobody, 1);
        given.clock.advance_s(PAUSE.as_secs() - 1);
        assert!(!given.permits(GET));
        given.clock.advance_s(1);
        assert!(given.permits(GET));
    }

    #[test]
    fn a_trial_that_was_given_up_blocks_nobody_for_ever() {
        let given = Given::new();
        given.tell(GET, ServiceHealth::Nobody, MISSES_MAX);
        given.clock.advance_s(PAUSE.as_secs());
        assert!(given.permits(GET));
        given.clock.advance_s(PAUSE.as_secs());
        assert!(given.permits(GET));
    }

    #[test]
    fn a_clock_set_back_does_not_keep_it_open() {
        let given = Given::new();
        given.clock.advance_s(3600);
        given.tell(GET, ServiceHealth::Nobody, MISSES_MAX);
        given.clock.set(sample::start());
        assert!(given.permits(GET));
    }
}
