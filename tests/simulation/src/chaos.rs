//! The faults of port calls: every call waits before and after its effect, and may fail at both points.

use std::fmt;
use std::sync::Arc;

use consign_core::ports::{Fault, FaultKind};
use consign_testkit::{Harm, Interposer, Moment, Verb};

use crate::dice::Dice;
use crate::fault::{Kind, Rates};
use crate::world::World;

/// The longest time that a slow call takes, in milliseconds. More than twice the life of a lease.
const SLOW_MS_MAX: u64 = 300_000;

/// Decides about the port calls of the functions.
#[derive(Clone)]
pub(crate) struct Chaos(pub(crate) Arc<World>);

impl fmt::Debug for Chaos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chaos").finish_non_exhaustive()
    }
}

/// What happens to one call. All of it is drawn for every call, so that a kind that is switched off changes no other
/// decision.
struct Fate {
    before_ms: u64,
    after_ms: u64,
    slow_ms: Option<(Moment, u64)>,
    crash: Option<Moment>,
    refusal: Option<FaultKind>,
    is_answer_lost: bool,
}

impl Fate {
    fn draw(dice: &mut Dice, rates: &Rates) -> Self {
        let moment = |dice: &mut Dice| match dice.percent(50) {
            true => Moment::Before,
            false => Moment::After,
        };
        let (slow, slow_at) = (dice.in_10_000(rates.slow), moment(dice));
        let slow_ms = dice.between(1_000, SLOW_MS_MAX);
        let (crash, crash_at) = (dice.in_10_000(rates.crash), moment(dice));
        let refusal = dice.in_10_000(rates.refusal);
        let kinds = [
            FaultKind::Throttled,
            FaultKind::Unreachable,
            FaultKind::TimedOut,
        ];
        let refused_as = dice.pick(&kinds);
        Self {
            before_ms: dice.between(0, rates.latency_ms),
            after_ms: dice.between(0, rates.latency_ms),
            slow_ms: slow.then_some((slow_at, slow_ms)),
            crash: crash.then_some(crash_at),
            refusal: refused_as.filter(|_| refusal),
            is_answer_lost: dice.in_10_000(rates.lost_answer),
        }
    }
}

impl Chaos {
    async fn pass(&self, verb: Verb, moment: Moment, fate: &Fate) {
        let world = &self.0;
        let ms = match moment {
            Moment::Before => fate.before_ms,
            Moment::After => fate.after_ms,
        };
        world.scheduler.sleep_ms(ms).await;
        if let Some((at, slow_ms)) = fate.slow_ms
            && at == moment
            && world.has(Kind::SlowPorts)
        {
            world.happened(Kind::SlowPorts, || {
                format!("{} takes {} s more", verb.as_str(), slow_ms / 1_000)
            });
            world.scheduler.sleep_ms(slow_ms).await;
        }
        if fate.crash == Some(moment) && world.has(Kind::Crashes) {
            world.happened(Kind::Crashes, || {
                format!("the process ends {moment:?} {}", verb.as_str()).to_lowercase()
            });
            world.scheduler.die().await;
        }
    }
}

fn fault(kind: FaultKind, verb: Verb) -> Fault {
    Fault::new(kind, verb.as_str(), "simulated")
}

impl Interposer for Chaos {
    async fn around<T: Send, E: From<Fault> + Send>(
        &self,
        verb: Verb,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let world = &self.0;
        let fate = world.scheduler.draw(|dice| Fate::draw(dice, &world.rates));
        self.pass(verb, Moment::Before, &fate).await;
        if let Some(kind) = fate.refusal
            && world.has(Kind::Refusals)
        {
            world.happened(Kind::Refusals, || {
                format!("{} {}", verb.as_str(), kind.code())
            });
            return Err(fault(kind, verb).into());
        }
        let answer = call.await;
        self.pass(verb, Moment::After, &fate).await;
        if fate.is_answer_lost && world.has(Kind::LostAnswers) {
            world.happened(Kind::LostAnswers, || verb.as_str().to_owned());
            return Err(fault(FaultKind::TimedOut, verb).into());
        }
        answer
    }

    fn strike(&self, verb: Verb) -> Option<(Moment, Harm)> {
        let world = &self.0;
        let fate = world.scheduler.draw(|dice| Fate::draw(dice, &world.rates));
        if fate.crash.is_some() && world.has(Kind::Crashes) {
            world.happened(Kind::Crashes, || {
                format!("the process ends at {}", verb.as_str())
            });
            return Some((Moment::Before, Harm::Death));
        }
        let kind = fate.refusal.filter(|_| world.has(Kind::Refusals))?;
        world.happened(Kind::Refusals, || {
            format!("{} {}", verb.as_str(), kind.code())
        });
        Some((Moment::Before, Harm::Fault(kind)))
    }

    fn die(&self) {
        self.0.scheduler.kill_current();
    }
}
