//! One invocation of a function: the capabilities that its handler names, over simulated ports.

use std::sync::Arc;

use bytes::Bytes;
use consign_core::auth::Authenticator;
use consign_core::host::{
    HasAuthenticator, HasBeginMultipart, HasClock, HasMemory, HasMultipart, HasPolicy, HasProvider,
    HasQueue, HasRandom, HasRepo, HasSigner, HasStore,
};
use consign_core::policy::{Policy, StoreProvider};
use consign_core::ports::{
    BeginMultipart, Clock, IngestQueue, Multipart, ObjectStore, Random, UploadRepo,
};
use consign_core::sigv4::Signer;
use consign_core::time::Timestamp;
use consign_testkit::{Faulty, SeededRandom};
use futures_util::future::{Either, select};
use http::Response;
use tokio::sync::oneshot;

use crate::bucket::Bucket;
use crate::chaos::Chaos;
use crate::fault::Kind;
use crate::records::{Jobs, Records};
use crate::rules::rules;
use crate::scheduler::{Scheduler, shifted};
use crate::world::World;

/// How long a client waits for an answer, in seconds.
const ANSWER_S: u64 = 60;

/// A function that runs, with its own clock and the policy that it was started with.
pub(crate) struct Function {
    repo: Faulty<Records, Chaos>,
    queue: Faulty<Jobs, Chaos>,
    store: Faulty<Bucket, Chaos>,
    clock: SkewedClock,
    random: SeededRandom,
    policy: Arc<Policy>,
}

/// A clock that is wrong by a fixed time.
#[derive(Debug)]
pub(crate) struct SkewedClock {
    scheduler: Scheduler,
    skew_s: i64,
}

impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        shifted(self.scheduler.now(), self.skew_s)
    }
}

impl Function {
    /// Starts a function in the task that runs now.
    pub(crate) fn start(world: &Arc<World>) -> Self {
        let chaos = Chaos(Arc::clone(world));
        let skew_s = world.scheduler.role().map_or(0, |role| role.skew_s);
        Self {
            repo: Faulty::new(Records::new(world, skew_s), chaos.clone()),
            queue: Faulty::new(Jobs::new(world), chaos.clone()),
            store: Faulty::new(Bucket::new(world), chaos),
            clock: SkewedClock {
                scheduler: world.scheduler.clone(),
                skew_s,
            },
            random: SeededRandom::new(world.scheduler.draw(crate::dice::Dice::next)),
            policy: world.policy(),
        }
    }
}

/// Runs a handler in a task of its own and returns its answer, unless the process ends or the answer is lost.
pub(crate) async fn call<F>(
    world: &Arc<World>,
    name: &str,
    handler: impl FnOnce(Function) -> F + Send + 'static,
) -> Option<Response<Bytes>>
where
    F: Future<Output = Response<Bytes>> + Send,
{
    let (sender, receiver) = oneshot::channel();
    let role = world.function_role(name);
    let is_lost = world.scheduler.draw(|dice| dice.percent(10));
    let inside = Arc::clone(world);
    world.scheduler.spawn(role, async move {
        let response = handler(Function::start(&inside)).await;
        inside.scheduler.note(|| describe(&response));
        // The client may have given up.
        let _ = sender.send(response);
    });
    let timeout = world.scheduler.sleep_s(ANSWER_S);
    let answer = match select(receiver, timeout).await {
        Either::Left((answer, _)) => answer.ok(),
        Either::Right(_) => None,
    };
    if answer.is_some() && is_lost && world.has(Kind::LostResponses) {
        world.happened(Kind::LostResponses, || name.to_owned());
        return None;
    }
    answer
}

fn describe(response: &Response<Bytes>) -> String {
    let problem = serde_json::from_slice::<serde_json::Value>(response.body()).ok();
    let code = problem.and_then(|problem| Some(problem.get("code")?.as_str()?.to_owned()));
    format!(
        "answers {} {}",
        response.status().as_u16(),
        code.unwrap_or_default()
    )
}

impl HasClock for Function {
    fn clock(&self) -> &impl Clock {
        &self.clock
    }
}

impl HasRandom for Function {
    fn random(&self) -> &impl Random {
        &self.random
    }
}

impl HasAuthenticator for Function {
    fn authenticator(&self) -> &Authenticator {
        &rules().authenticator
    }
}

impl HasRepo for Function {
    fn repo(&self) -> &impl UploadRepo {
        &self.repo
    }
}

impl HasQueue for Function {
    fn queue(&self) -> &impl IngestQueue {
        &self.queue
    }
}

impl HasStore for Function {
    fn store(&self) -> &impl ObjectStore {
        &self.store
    }
}

impl HasBeginMultipart for Function {
    fn begin_multipart(&self) -> &impl BeginMultipart {
        &self.store
    }
}

impl HasMultipart for Function {
    fn multipart(&self) -> &impl Multipart {
        &self.store
    }
}

impl HasPolicy for Function {
    fn policy(&self) -> &Policy {
        &self.policy
    }
}

impl HasProvider for Function {
    fn provider(&self) -> StoreProvider {
        StoreProvider::Embedded
    }
}

impl HasSigner for Function {
    fn signer(&self) -> &Signer {
        &rules().signer
    }
}

impl HasMemory for Function {
    fn memory_bytes(&self) -> u64 {
        16 << 20
    }
}
