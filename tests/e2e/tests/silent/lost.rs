//! The events of the store are lost, all of them.

use std::time::Duration;

use e2e::{OwnHost, SilentStore, csv};
use serde_json::Value;

#[tokio::test]
async fn a_confirm_whose_event_was_lost_becomes_parquet() {
    let store = SilentStore::start().await;
    let host = OwnHost::over(&store, None).await;
    let user = host.user("ann");
    let file_id = user.put_csv(&csv(10)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        user.status(&file_id).await["uploaded_at"],
        Value::Null,
        "nobody told"
    );
    assert_eq!(user.confirm(&file_id).await.status, 200);
    assert_eq!(user.wait_ready(&file_id).await["row_count"], 10);
}

#[tokio::test]
async fn inv1_neither_event_nor_confirm_and_a_restart_finds_the_file() {
    let store = SilentStore::start().await;
    let mut host = OwnHost::over(&store, None).await;
    let user = host.user("ann");
    let file_id = user.put_csv(&csv(10)).await;
    host.restart().await;
    assert_eq!(user.wait_ready(&file_id).await["row_count"], 10);
}
