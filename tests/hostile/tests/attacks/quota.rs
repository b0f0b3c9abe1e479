//! A quota that is used up and deleted, again and again: what is kept counts.

use std::time::Duration;

use bytes::Bytes;
use hostile::{Host, Signed, User};

use crate::support::Clock;

const FILE_BYTES: usize = 900_000;
const ROUNDS: usize = 30;
/// The policy's, and how long a write that began in time may take.
const URL_S: i64 = 120;
const GRACE_S: i64 = 60;
/// Longer than the host's sweep is away.
const SWEEP: Duration = Duration::from_secs(13);
/// The quota is 1 MB; what is deleted may have as much again before it is purged.
const KEPT_BYTES_MAX: u64 = 3_000_000;

fn bytes_under(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| {
            let entry = entry.unwrap();
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => bytes_under(&entry.path()),
                Ok(metadata) => metadata.len(),
                // Gone meanwhile.
                Err(_) => 0,
            }
        })
        .sum()
}

fn content() -> Bytes {
    let rows = b"1,2\n".iter().copied().cycle();
    let text = b"a,b\n".iter().copied().chain(rows);
    text.take(FILE_BYTES).collect()
}

/// An upload, or the code of its refusal.
async fn sign(user: &mut User) -> Result<Signed, String> {
    let answer = user.ask_csv(FILE_BYTES).await;
    if answer.status == 201 {
        return Ok(Signed(answer.json()));
    }
    assert!((400..500).contains(&answer.status), "{}", answer.text());
    Err(answer.code())
}

async fn delete(user: &mut User, signed: &Signed) {
    let path = format!("/files/{}", signed.file_id());
    let deleted = user.call(("DELETE", &path), None).await;
    assert_eq!(deleted.status, 204, "{}", deleted.text());
}

/// Uses the quota up and deletes, again and again; `is_confirmed` before that, or before anybody was told.
async fn use_up_and_delete(is_confirmed: bool) {
    let host = Host::start().await;
    let mut user = host.user_of_tier("mallory", "small");
    let content = content();
    let (mut taken, mut refusal) = (0, String::new());
    for _ in 0..ROUNDS {
        let signed = match sign(&mut user).await {
            Ok(signed) => signed,
            Err(code) => {
                refusal = code;
                continue;
            }
        };
        let sent = user.put(&signed, &content, &[]).await;
        assert_eq!(sent.status, 200, "{}", sent.text());
        taken += 1;
        if is_confirmed {
            let confirmed = user.confirm(&signed.file_id()).await;
            assert_eq!(confirmed.status, 200, "{}", confirmed.text());
        }
        delete(&mut user, &signed).await;
    }
    let kept = bytes_under(&host.objects());
    println!("{taken} of {ROUNDS} taken, {kept} bytes kept, then {refusal}");
    assert_eq!((taken, &refusal[..]), (1, "quota_exceeded"));
    assert!(kept <= KEPT_BYTES_MAX, "{kept} bytes are kept");
}

#[tokio::test]
async fn deleted_files_count_until_they_are_purged() {
    use_up_and_delete(true).await;
}

#[tokio::test]
async fn what_is_deleted_before_anybody_told_of_it_counts_too() {
    use_up_and_delete(false).await;
}

/// The URLs of uploads that were deleted unused are kept, and then used together.
#[tokio::test]
async fn urls_of_deleted_uploads_bring_nothing_beyond_the_quota() {
    let host = Host::start().await;
    let mut user = host.user_of_tier("mallory", "small");
    let mut kept = Vec::new();
    for _ in 0..2 {
        for _ in 0..ROUNDS / 2 {
            if let Ok(signed) = sign(&mut user).await {
                delete(&mut user, &signed).await;
                kept.push(signed);
            }
        }
        // Also when it has looked, and found nothing.
        tokio::time::sleep(SWEEP).await;
    }
    let content = content();
    for signed in &kept {
        let sent = user.put(signed, &content, &[]).await;
        assert_eq!(sent.status, 200, "{}", sent.text());
    }
    let bytes = bytes_under(&host.objects());
    println!("{} URLs brought {bytes} bytes", kept.len());
    assert_eq!(kept.len(), 1);
    assert!(bytes <= KEPT_BYTES_MAX, "{bytes} bytes are kept");
    // It is told of, and gone at the next sweep.
    tokio::time::sleep(SWEEP).await;
    let bytes = bytes_under(&host.objects());
    assert!(bytes < FILE_BYTES as u64, "{bytes} bytes are kept");
}

/// A deletion takes room for good neither.
#[tokio::test]
async fn the_room_of_a_deleted_upload_is_back_when_its_url_is_dead() {
    let clock = Clock::new();
    let host = clock.host().await;
    let mut user = host.user_of_tier("ann", "small");
    let signed = sign(&mut user).await.unwrap();
    delete(&mut user, &signed).await;
    tokio::time::sleep(SWEEP).await;
    assert_eq!(sign(&mut user).await.unwrap_err(), "quota_exceeded");
    clock.set(URL_S + GRACE_S + 1);
    tokio::time::sleep(SWEEP).await;
    sign(&mut user).await.unwrap();
}
