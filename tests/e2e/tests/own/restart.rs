//! What was so before a kill is so after it.

use e2e::{OwnHost, POLICY, csv};

#[tokio::test]
async fn inv9_what_was_ready_is_ready_after_a_kill() {
    let mut host = OwnHost::spawn(POLICY).await;
    let user = host.user("ann");
    let file_id = user.put_csv(&csv(10)).await;
    let before = user.wait_ready(&file_id).await;
    host.restart().await;
    assert_eq!(user.status(&file_id).await, before);
    assert_eq!(user.wait_ready(&file_id).await["row_count"], 10);
}

#[tokio::test]
async fn a_url_signed_before_a_kill_is_good_after_it() {
    let mut host = OwnHost::spawn(POLICY).await;
    let user = host.user("ann");
    let content = csv(10);
    let signed = user.sign_csv(&content).await;
    host.restart().await;
    assert_eq!(user.put(&signed, &content).await, 200);
    assert_eq!(user.wait_ready(&signed.file_id()).await["row_count"], 10);
}
