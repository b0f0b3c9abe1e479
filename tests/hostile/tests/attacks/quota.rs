//! A quota that is used up and deleted, again and again: what is kept counts.

use hostile::Host;
use serde_json::json;

const FILE_BYTES: usize = 900_000;
const ROUNDS: usize = 30;
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

#[tokio::test]
async fn deleted_files_count_until_they_are_purged() {
    let host = Host::start().await;
    let mut user = host.user_of_tier("mallory", "small");
    let content = bytes::Bytes::from(
        b"a,b\n"
            .iter()
            .copied()
            .chain(b"1,2\n".iter().copied().cycle())
            .take(FILE_BYTES)
            .collect::<Vec<u8>>(),
    );
    let (mut taken, mut refusal) = (0, String::new());
    for _ in 0..ROUNDS {
        let body =
            json!({"filename": "t.csv", "content_type": "text/csv", "file_size_bytes": FILE_BYTES});
        let answer = user.post("/files/sign_upload", &body).await;
        if answer.status != 201 {
            assert!((400..500).contains(&answer.status), "{}", answer.text());
            refusal = answer.code();
            continue;
        }
        let signed = hostile::Signed(answer.json());
        let sent = user.put(&signed, &content, &[]).await;
        assert_eq!(sent.status, 200, "{}", sent.text());
        taken += 1;
        let confirmed = user.confirm(&signed.file_id()).await;
        assert_eq!(confirmed.status, 200, "{}", confirmed.text());
        let path = format!("/files/{}", signed.file_id());
        let deleted = user.call(("DELETE", &path), None).await;
        assert_eq!(deleted.status, 204, "{}", deleted.text());
    }
    let kept = bytes_under(&host.objects());
    println!("{taken} of {ROUNDS} taken, {kept} bytes kept, then {refusal}");
    assert!(taken >= 1);
    assert!(kept <= KEPT_BYTES_MAX, "{kept} bytes are kept");
}
