//! Histories of concurrent calls to one key of a real store, checked for linearizability: the calls must have an order, within
//! the time that each took, in which the semantics below give the same answers. consign relies on these semantics: the
//! first writer wins, a read sees the last write and whole objects, and a multipart upload is completed once.

use std::collections::{BTreeSet, HashSet};
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};

use consign_core::ids::ObjectRef;
use consign_core::policy::Encryption;
use consign_core::ports::{
    BeginMultipart as _, Multipart as _, ObjectStore as _, Part, Read, ReadError,
};
use consign_core::sigv4::{Operation, Request};
use consign_testkit::contract::{BUCKET, ClientParts as _};
use fastrand::Rng;
use futures_util::TryStreamExt as _;
use futures_util::future::join_all;

use crate::{Subject, now};

const KEYS: u32 = 60;
const CLIENTS: usize = 4;
const CALLS: usize = 7;
/// The multipart uploads of a key.
const UPLOADS: usize = 2;
/// The length of every object in bytes: a read that mixes two writes shows.
const LENGTH: usize = 16 << 10;

/// A call. A number stands for a content that nothing else writes.
#[derive(Debug, Clone, Copy)]
enum Call {
    PutOnce(u32),
    Put(u32),
    Read,
    Delete,
    ListParts(usize),
    Complete(usize),
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Answer {
    Done,
    /// The key exists, or the multipart upload is unknown.
    Refused,
    Content(Option<u32>),
    /// Whether the store knows the multipart upload.
    Known(bool),
}

/// One key of a bucket, as it would be with one call at a time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    content: Option<u32>,
    /// The multipart uploads that are neither completed nor aborted.
    open: BTreeSet<usize>,
}

impl Key {
    /// A key without an object.
    fn free(uploads: usize) -> Self {
        Self {
            content: None,
            open: (0..uploads).collect(),
        }
    }

    fn call(&mut self, call: Call) -> Answer {
        match call {
            Call::PutOnce(_) if self.content.is_some() => Answer::Refused,
            Call::PutOnce(content) | Call::Put(content) => {
                self.content = Some(content);
                Answer::Done
            }
            Call::Read => Answer::Content(self.content),
            Call::Delete => {
                self.content = None;
                Answer::Done
            }
            Call::ListParts(_) => unreachable!("a listing is checked by itself"),
            Call::Complete(upload) => {
                if self.content.is_some() || !self.open.remove(&upload) {
                    return Answer::Refused;
                }
                self.content = Some(of_upload(upload));
                Answer::Done
            }
        }
    }
}

/// A call with its answer, and when it began and ended.
#[derive(Debug, Clone, Copy)]
struct Answered {
    call: Call,
    answer: Answer,
    began: usize,
    ended: usize,
}

/// Returns whether the calls of some clients have an order that explains their answers: a search by depth that remembers
/// what it has seen. (`stateright` 0.31 has such a search without a memory. It did not end on these histories.)
fn has_order(clients: &[Vec<Answered>], start: &Key) -> bool {
    let mut seen = HashSet::new();
    let mut open = vec![(vec![0; clients.len()], start.clone())];
    while let Some((done, key)) = open.pop() {
        let next: Vec<Option<&Answered>> = clients
            .iter()
            .zip(&done)
            .map(|(calls, done)| calls.get(*done))
            .collect();
        // A call that began after another one had ended comes after it.
        let Some(first_end) = next.iter().flatten().map(|call| call.ended).min() else {
            return true;
        };
        for (client, call) in next.iter().enumerate() {
            let Some(call) = call.filter(|call| call.began < first_end) else {
                continue;
            };
            let mut key = key.clone();
            if key.call(call.call) == call.answer {
                let mut done = done.clone();
                done[client] += 1;
                if seen.insert((done.clone(), key.clone())) {
                    open.push((done, key));
                }
            }
        }
    }
    false
}

/// Returns whether the listings of a history fit its completions. A store may list an upload until its completion is answered,
/// also if the object can be read by then.
fn lists_open_uploads(clients: &[Vec<Answered>]) -> bool {
    let completed = |upload: usize| {
        clients.iter().flatten().find(|call| {
            matches!(call.call, Call::Complete(completed) if completed == upload)
                && call.answer == Answer::Done
        })
    };
    clients.iter().flatten().all(|list| match list.call {
        Call::ListParts(upload) => match completed(upload) {
            Some(completed) if list.answer == Answer::Known(true) => list.began < completed.ended,
            Some(completed) => list.ended > completed.began,
            None => list.answer == Answer::Known(true),
        },
        Call::PutOnce(_) | Call::Put(_) | Call::Read | Call::Delete | Call::Complete(_) => true,
    })
}

/// The content of a multipart upload.
fn of_upload(upload: usize) -> u32 {
    u32::try_from(upload).unwrap() + 1_000_000
}

fn bytes_of(content: u32) -> Vec<u8> {
    content.to_be_bytes().repeat(LENGTH / 4)
}

fn content_of(bytes: &[u8]) -> u32 {
    let (units, rest) = bytes.as_chunks::<4>();
    assert!(
        units.len() == LENGTH / 4 && rest.is_empty() && units.iter().all(|unit| *unit == units[0]),
        "a read of {} bytes is of no single write",
        bytes.len()
    );
    u32::from_be_bytes(units[0])
}

/// A key of the subject's bucket, with its multipart uploads.
struct Target<'a> {
    subject: &'a Subject,
    object: ObjectRef,
    uploads: Vec<(String, Vec<Part>)>,
}

impl<'a> Target<'a> {
    async fn new(subject: &'a Subject, name: &str, uploads: usize) -> Self {
        let object = ObjectRef::new(BUCKET, name);
        let mut target = Self {
            subject,
            object,
            uploads: Vec::new(),
        };
        for upload in 0..uploads {
            let id = subject.begin(&target.object, "text/csv", &Encryption::None);
            let id = id.await.unwrap();
            let part = (1, bytes_of(of_upload(upload)));
            subject.put_part(&target.object, &id, part).await;
            let parts = subject.parts(&target.object, &id).await.unwrap();
            target.uploads.push((id, parts.unwrap()));
        }
        target
    }

    async fn call(&self, call: Call) -> Answer {
        let store = &self.subject.store;
        match call {
            Call::PutOnce(content) => self.put_once(content).await,
            Call::Put(content) => {
                let put = store.put(&self.object, "text/csv", bytes_of(content).into());
                put.await.unwrap();
                Answer::Done
            }
            Call::Read => Answer::Content(self.read().await),
            Call::Delete => {
                store.delete(&self.object).await.unwrap();
                Answer::Done
            }
            Call::ListParts(upload) => {
                let parts = store.parts(&self.object, &self.uploads[upload].0);
                Answer::Known(parts.await.unwrap().is_some())
            }
            Call::Complete(upload) => {
                let (id, parts) = &self.uploads[upload];
                match store.complete(&self.object, id, parts).await.unwrap() {
                    true => Answer::Done,
                    false => Answer::Refused,
                }
            }
        }
    }

    /// The PUT of a client: presigned, and only where the key is free.
    async fn put_once(&self, content: u32) -> Answer {
        let bytes = bytes_of(content);
        let request = Request {
            operation: Operation::PutObject,
            bucket: &self.object.bucket,
            key: &self.object.key,
            headers: &[
                ("content-length", &bytes.len().to_string()),
                ("if-none-match", "*"),
            ],
            query: &[],
            expires_s: 300,
        };
        let url = self.subject.signer.presign(&request, now()).unwrap();
        let put = self.subject.http.put(url).header("if-none-match", "*");
        match put.body(bytes).send().await.unwrap().status().as_u16() {
            200 => Answer::Done,
            412 => Answer::Refused,
            status => panic!("a conditional PUT is answered {status}"),
        }
    }

    async fn read(&self) -> Option<u32> {
        let body = match self.subject.store.get(&self.object, &Read::default()).await {
            Ok(body) => body,
            Err(ReadError::NotFound) => return None,
            Err(error) => panic!("{error}"),
        };
        let chunks: Vec<_> = body.try_collect().await.unwrap();
        Some(content_of(&chunks.concat()))
    }
}

/// Lets clients make their calls at the same time, and checks what they were answered.
async fn check(target: &Target<'_>, rng: &mut Rng, pick: fn(&mut Rng) -> Call) {
    let clock = AtomicUsize::new(0);
    let tick = || clock.fetch_add(1, Ordering::SeqCst);
    let clients = (0..CLIENTS).map(|_| {
        let calls: Vec<Call> = (0..CALLS).map(|_| pick(rng)).collect();
        let tick = &tick;
        async move {
            let mut answered = Vec::new();
            for call in calls {
                let began = tick();
                let answer = target.call(call).await;
                let ended = tick();
                answered.push(Answered {
                    call,
                    answer,
                    began,
                    ended,
                });
            }
            answered
        }
    });
    let mut clients = join_all(clients).await;
    let told = told(&clients);
    assert!(lists_open_uploads(&clients), "a listing is wrong:\n{told}");
    for calls in &mut clients {
        calls.retain(|call| !matches!(call.call, Call::ListParts(_)));
    }
    let start = Key::free(target.uploads.len());
    assert!(has_order(&clients, &start), "no order explains:\n{told}");
}

/// A line for each call of a history, by its beginning.
fn told(clients: &[Vec<Answered>]) -> String {
    let all = clients.iter().enumerate();
    let mut all: Vec<_> = all
        .flat_map(|(client, calls)| calls.iter().map(move |call| (call.began, client, call)))
        .collect();
    all.sort_by_key(|(began, ..)| *began);
    all.iter()
        .map(|(began, client, call)| {
            let Answered {
                call,
                answer,
                ended,
                ..
            } = call;
            format!("{began:3} to {ended:3}, client {client}: {call:?}, answer {answer:?}\n")
        })
        .collect()
}

fn a_put(rng: &mut Rng) -> Call {
    match rng.u8(..5) {
        0 | 1 => Call::PutOnce(rng.u32(..1_000_000)),
        2 => Call::Put(rng.u32(..1_000_000)),
        3 => Call::Read,
        _ => Call::Delete,
    }
}

fn a_completion(rng: &mut Rng) -> Call {
    match rng.u8(..8) {
        0..=3 => Call::Complete(rng.usize(..UPLOADS)),
        4 => Call::ListParts(rng.usize(..UPLOADS)),
        5 | 6 => Call::Read,
        _ => Call::Delete,
    }
}

async fn check_store<G, F: Future<Output = (G, Subject)>>(start: fn() -> F) {
    let (_guard, subject) = start().await;
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    for key in 0..KEYS {
        let target = Target::new(&subject, &format!("history/put-{key}"), 0).await;
        check(&target, &mut rng, a_put).await;
        let target = Target::new(&subject, &format!("history/parts-{key}"), UPLOADS).await;
        check(&target, &mut rng, a_completion).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_calls_to_a_key_of_the_embedded_store_have_an_order() {
    check_store(crate::embedded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_calls_to_a_key_of_minio_have_an_order() {
    check_store(crate::minio).await;
}

#[test]
fn answers_that_no_order_explains_are_found() {
    use Answer::{Content, Done, Known, Refused};

    let history = |calls: [Call; 2], answers: [Answer; 2], are_concurrent: bool| {
        [0, 1].map(|client| {
            vec![Answered {
                call: calls[client],
                answer: answers[client],
                began: 2 * client,
                ended: 2 * client + 1 + 2 * usize::from(are_concurrent),
            }]
        })
    };
    let explained = |calls, answers, are_concurrent| {
        has_order(&history(calls, answers, are_concurrent), &Key::free(1))
    };
    let puts = [Call::PutOnce(1), Call::PutOnce(2)];
    assert!(explained(puts, [Refused, Done], true));
    assert!(!explained(puts, [Refused, Done], false));
    assert!(!explained(puts, [Done, Done], true));
    assert!(!explained(puts, [Refused, Refused], true));
    let stale = [Call::Put(1), Call::Read];
    assert!(explained(stale, [Done, Content(None)], true));
    assert!(!explained(stale, [Done, Content(None)], false));
    let twice = [Call::Complete(0), Call::Complete(0)];
    assert!(explained(twice, [Refused, Done], true));
    assert!(!explained(twice, [Done, Done], true));
    let listed = [Call::Complete(0), Call::ListParts(0)];
    let lists = |answer, are_concurrent| {
        lists_open_uploads(&history(listed, [Done, Known(answer)], are_concurrent))
    };
    assert!(lists(true, true) && lists(false, true) && lists(false, false));
    assert!(!lists(true, false));
}
