//! How a client sends its bytes.

use std::sync::Arc;

use bytes::Bytes;
use consign_core::api::{Pairs, SignedUpload};
use consign_core::ids::{ETag, ObjectRef};
use consign_core::policy::Strategy;

use super::wish::Wish;
use super::{pause, sign};
use crate::bucket::signed::{self, Refused};
use crate::fault::Kind;
use crate::monitor::violated;
use crate::world::World;

/// How often a client signs again because its URLs have expired.
const SIGNINGS_MAX: usize = 3;

/// Sends the file, and signs again where the URLs have expired.
pub(crate) async fn send(world: &Arc<World>, wish: &Wish, mut signed: SignedUpload) {
    let is_slow = world.has(Kind::SlowClients);
    if is_slow {
        world.happened(Kind::SlowClients, || format!("waits {} s", wish.slow_s));
        world.scheduler.sleep_s(wish.slow_s).await;
    }
    let mut transfer_s = if is_slow { wish.transfer_s } else { 0 };
    for _ in 0..SIGNINGS_MAX {
        let sent = match signed.strategy {
            Strategy::Multipart => send_parts(world, wish, &signed, transfer_s).await,
            Strategy::Put | Strategy::Post => send_whole(world, wish, &signed, transfer_s).await,
        };
        match sent {
            // Only a key leads to the same upload again.
            Err(Refused::Signature) if wish.idempotency_key.is_some() => {
                pause(world).await;
                let Some(again) = sign(world, wish, Some(&signed.file_id)).await else {
                    return;
                };
                signed = again;
                transfer_s = 0;
            }
            Ok(()) | Err(Refused::Signature | Refused::Exists | Refused::NoSuchUpload) => return,
        }
    }
}

async fn send_whole(
    world: &Arc<World>,
    wish: &Wish,
    signed: &SignedUpload,
    transfer_s: u64,
) -> Result<(), Refused> {
    if wish.is_torn && world.has(Kind::TornParts) && wish.number.is_multiple_of(3) {
        world.happened(Kind::TornParts, || "a transfer ends half way".to_owned());
        return Ok(());
    }
    check_refusals(world, wish, signed).await;
    let stored = put(world, signed, &wish.body, transfer_s).await;
    world
        .scheduler
        .note(|| format!("sends the file: {stored:?}"));
    stored?;
    if wish.is_replaced && world.has(Kind::BucketDeletes) {
        replace(world, wish, signed).await;
    }
    if wish.reuses && world.has(Kind::ReusedUrls) {
        reuse(world, wish, signed).await;
    }
    Ok(())
}

/// Somebody removes the object in the bucket, and the client sends another at once. Then the notification of the removal
/// may arrive after that of the second object.
async fn replace(world: &Arc<World>, wish: &Wish, signed: &SignedUpload) {
    let (stays_s, away_s) = world
        .scheduler
        .draw(|dice| (dice.below(120), dice.below(60)));
    world.scheduler.sleep_s(stays_s).await;
    let object = ObjectRef::new(&signed.bucket, &signed.object_name);
    if world.objects.bytes(&object).is_none() {
        return;
    }
    world.happened(Kind::BucketDeletes, || object.key.clone());
    signed::remove(world, &object);
    world.scheduler.sleep_s(away_s).await;
    let again = put(world, signed, &wish.other, 0).await;
    world
        .scheduler
        .note(|| format!("sends other bytes: {again:?}"));
}

/// The client uses its URL again with other bytes (invariant 8).
async fn reuse(world: &Arc<World>, wish: &Wish, signed: &SignedUpload) {
    world.happened(Kind::ReusedUrls, || "other bytes".to_owned());
    let wait_s = world.scheduler.draw(|dice| dice.below(900));
    world.scheduler.sleep_s(wait_s).await;
    let object = ObjectRef::new(&signed.bucket, &signed.object_name);
    let is_there = world.objects.bytes(&object).is_some();
    let again = put(world, signed, &wish.reused, 0).await;
    world
        .scheduler
        .note(|| format!("sends other bytes: {again:?}"));
    if again.is_ok() && is_there && signed.strategy == Strategy::Put {
        violated(world, "8", "a URL was used again".to_owned());
    }
}

async fn put(
    world: &Arc<World>,
    signed: &SignedUpload,
    body: &Bytes,
    transfer_s: u64,
) -> Result<ETag, Refused> {
    match (&signed.form_fields, &signed.upload_url) {
        (Some(fields), _) => signed::post(world, fields, body, transfer_s).await,
        (None, Some(url)) => signed::put(world, url, &signed.headers, body, transfer_s).await,
        (None, None) => Err(Refused::Signature),
    }
}

/// A URL takes neither another length nor another type (invariants 13 and 14).
async fn check_refusals(world: &Arc<World>, wish: &Wish, signed: &SignedUpload) {
    let Some(url) = signed
        .upload_url
        .as_ref()
        .filter(|_| signed.form_fields.is_none())
    else {
        return;
    };
    if wish.number.is_multiple_of(2) {
        return;
    }
    let longer = Bytes::from([wish.body.as_ref(), b"x"].concat());
    let other_type = Pairs(vec![
        ("content-type".to_owned(), "text/html".to_owned()),
        ("if-none-match".to_owned(), "*".to_owned()),
    ]);
    let without = Pairs(vec![("content-type".to_owned(), "text/csv".to_owned())]);
    let wrong = [
        (&signed.headers, &longer),
        (&other_type, &wish.body),
        (&without, &wish.body),
    ];
    for (headers, body) in wrong {
        if signed::put(world, url, headers, body, 0).await != Err(Refused::Signature) {
            violated(world, "13", "a PUT that was not signed is taken".to_owned());
        }
    }
}

async fn send_parts(
    world: &Arc<World>,
    wish: &Wish,
    signed: &SignedUpload,
    transfer_s: u64,
) -> Result<(), Refused> {
    let Some(multipart) = &signed.multipart else {
        return Err(Refused::Signature);
    };
    let is_torn = world.has(Kind::TornParts);
    let mut order: Vec<usize> = (0..multipart.parts.len()).collect();
    if wish.number.is_multiple_of(2) {
        order.reverse();
    }
    if is_torn && wish.is_torn {
        world.happened(Kind::TornParts, || "a part never comes".to_owned());
        order.truncate(1);
    }
    let bodies = wish.parts();
    for index in order {
        let (Some(part), Some(body)) = (multipart.parts.get(index), bodies.get(index)) else {
            return Err(Refused::Signature);
        };
        let stored = signed::put_part(world, &part.url, &part.headers, body, transfer_s).await;
        world
            .scheduler
            .note(|| format!("sends part {}: {stored:?}", part.part_number));
        stored?;
        if is_torn && wish.repeats_part {
            world.happened(Kind::TornParts, || "a part is sent twice".to_owned());
            let again = if index == 0 { body } else { &wish.other };
            signed::put_part(world, &part.url, &part.headers, again, 0).await?;
        }
    }
    Ok(())
}
