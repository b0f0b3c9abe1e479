//! The policy changes below files that are there.

use std::time::Duration;

use bytes::Bytes;
use hostile::{Client, Host, POLICY, csv};

use crate::support::reconfigure;

const PATIENCE: Duration = Duration::from_secs(30);

/// Whether the store holds an object of this key.
async fn is_there(host: &Host, key: &str) -> bool {
    let url = host.store_keys().presign("GET", (host.bucket(), key), 60);
    let mut client = Client::default();
    let answer = client.send(("GET", &url), &[], Bytes::new()).await.unwrap();
    assert!([200, 404].contains(&answer.status), "{}", answer.text());
    answer.status == 200
}

#[tokio::test]
async fn a_deletion_leaves_no_outputs_of_an_older_template() {
    let mut host = Host::start().await;
    let mut user = host.user("ann");
    let content = csv(20);
    let file_id = user.put_csv(&content).await;
    let status = user.wait(&file_id, PATIENCE).await;
    assert_eq!(status["status"], "ready", "{status}");
    let keys = [
        format!("incoming/ann/{file_id}.csv"),
        format!("datasets/ann/{file_id}/v1.parquet"),
        format!("datasets/ann/{file_id}/v1.profile.json"),
    ];
    for key in &keys {
        assert!(is_there(&host, key).await, "{key}");
    }
    let other = POLICY.replace("output = \"datasets/", "output = \"elsewhere/");
    assert_ne!(other, POLICY);
    reconfigure(&mut host, &other).await;
    let mut user = host.user("ann");
    let path = format!("/files/{file_id}");
    let deleted = user.call(("DELETE", &path), None).await;
    assert_eq!(deleted.status, 204, "{}", deleted.text());
    for key in &keys {
        for _ in 0..PATIENCE.as_secs() {
            if !is_there(&host, key).await {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert!(!is_there(&host, key).await, "{key} is left");
        assert!(is_there(&host, &format!("deleted/{key}")).await, "{key}");
    }
}
