//! Handlers at the same time, interleaved at their calls of the repository in every order that chance finds.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use consign_core::ids::{ETag, ObjectRef, UploadId};
use consign_core::time::Timestamp;
use consign_core::upload::UploadState;
use contract::{Horizon, World, notify};
use ingest_on_object_created::Disposition;

use crate::support::{CSV, CSV_2, confirm, csv, put, signed, told, world};

type Actor<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Polls the actors by turns of chance until all have ended.
fn interleave(mut actors: Vec<Actor<'_>>, random: &mut fastrand::Rng) {
    let mut cx = Context::from_waker(Waker::noop());
    while !actors.is_empty() {
        let turn = random.usize(0..actors.len());
        if let Poll::Ready(()) = actors[turn].as_mut().poll(&mut cx) {
            drop(actors.swap_remove(turn));
        }
    }
}

/// Some turns for the others.
async fn wait(turns: usize) {
    for _ in 0..turns {
        let mut is_over = false;
        std::future::poll_fn(|_| {
            if std::mem::replace(&mut is_over, true) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

/// A message to a consumer, which comes again where it is not acknowledged.
async fn consume(world: &World, body: String) {
    if world.ingest(&body).await != Disposition::Ack {
        world.messages.push(body);
    }
}

/// What the client does by chance, and in which turns.
struct Client {
    is_written_twice: bool,
    is_deleted: bool,
    /// Whether the store tells of the writes.
    is_told: bool,
    write_turns: usize,
    delete_turns: usize,
}

impl Client {
    /// The bytes of its writes.
    fn writes(&self) -> &'static [&'static [u8]] {
        if self.is_written_twice {
            &[CSV, CSV_2]
        } else {
            &[CSV]
        }
    }

    async fn act(&self, world: &World, object: &ObjectRef) {
        for bytes in self.writes() {
            wait(self.write_turns).await;
            let version = put(world, object, bytes).unwrap();
            if self.is_told {
                world.messages.push(told(object, &version));
            }
        }
        if self.is_deleted {
            wait(self.delete_turns).await;
            let at = world.objects.client_delete(object);
            world.messages.push(notify::removed(object, at.as_ref()));
        }
    }
}

/// A consumer that looks for messages three times.
async fn consumer(world: &World, turns: usize) {
    for _ in 0..3 {
        wait(turns).await;
        for message in world.messages.receive(sample_now(world), 30, 1) {
            world.messages.ack(&message);
            consume(world, message.body).await;
        }
    }
}

#[tokio::test]
async fn invariants_1_3_and_8_hold_however_writes_events_confirms_and_sweeps_interleave() {
    for seed in 0..4_000 {
        let random = &mut fastrand::Rng::with_seed(seed);
        let world = &world();
        world.objects.honour_if_none_match(false);
        // A form, since its object may be replaced at all.
        let mut form = csv("versions");
        form["strategy"] = "post".into();
        let upload = &signed(world, &form).await;
        // The sweep is due from the beginning.
        world.clock.advance_s(61);
        let client = &Client {
            is_written_twice: random.bool(),
            is_deleted: random.u8(0..4) == 0,
            is_told: random.u8(0..4) > 0,
            write_turns: random.usize(0..8),
            delete_turns: random.usize(0..8),
        };
        let mut actors: Vec<Actor<'_>> = vec![Box::pin(client.act(world, &upload.object))];
        for _ in 0..2 {
            actors.push(Box::pin(consumer(world, random.usize(0..8))));
        }
        for _ in 0..2 {
            actors.push(Box::pin(async {
                world.sweep().await;
                world.sweep().await;
            }));
        }
        actors.push(Box::pin(async {
            wait(2).await;
            confirm(world, upload).await;
        }));
        interleave(actors, random);
        assert!(world.settle(Horizon::End).await, "seed {seed}");
        assert_ended(world, upload.id, client, seed);
    }
}

/// Each version was committed once at most, and the last write or the deletion has won.
fn assert_ended(world: &World, id: UploadId, client: &Client, seed: u64) {
    let ended = world.record(id).unwrap();
    let mut commits = world.commits(id);
    let commit_count = commits.len();
    commits.dedup();
    commits.sort();
    commits.dedup();
    assert_eq!(
        commits.len(),
        commit_count,
        "seed {seed}: a version was committed twice"
    );
    if client.is_deleted {
        assert_eq!(ended.state, UploadState::Deleted, "seed {seed}: {ended:?}");
        return;
    }
    assert_eq!(ended.state, UploadState::Ready, "seed {seed}: {ended:?}");
    let there = put_etag(world, if client.is_written_twice { CSV_2 } else { CSV });
    assert_eq!(ended.outcome.unwrap().etag, there, "seed {seed}");
}

fn sample_now(world: &World) -> Timestamp {
    consign_core::ports::Clock::now(&world.clock)
}

/// The etag that the store gives these bytes.
fn put_etag(world: &World, bytes: &'static [u8]) -> ETag {
    let aside = ObjectRef::new(contract::BUCKET, "aside");
    put(world, &aside, bytes).unwrap().etag
}
