//! The system's clock is set back while the host runs.

use std::time::Duration;

use hostile::csv;

use crate::support::Clock;

async fn works_after_a_step(offset_s: i64) {
    let clock = Clock::new();
    let host = clock.host().await;
    let mut user = host.user("ann");
    let content = csv(20);
    let before = user.put_csv(&content).await;
    let status = user.wait(&before, Duration::from_secs(30)).await;
    assert_eq!(status["status"], "ready", "{status}");
    // This one is signed before the step and sent after it.
    let signed = user.sign_csv(content.len()).await;
    clock.set(offset_s);
    let sent = user.put(&signed, &content, &[]).await;
    let mut files = Vec::new();
    if sent.status == 200 {
        files.push(signed.file_id());
    }
    for _ in 0..5 {
        files.push(user.put_csv(&content).await);
    }
    for file_id in &files {
        let answer = user.confirm(file_id).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let status = user.wait(file_id, Duration::from_secs(30)).await;
        assert_eq!(status["status"], "ready", "{status}");
    }
    let health = user.get("/health/storage").await;
    assert_eq!(health.status, 200, "{}", health.text());
    assert_eq!(user.download(&before).await.bytes, content);
}

#[tokio::test]
async fn a_clock_that_goes_back_an_hour_stops_nothing() {
    works_after_a_step(-3600).await;
}

#[tokio::test]
async fn a_clock_that_goes_back_a_day_stops_nothing() {
    works_after_a_step(-24 * 3600).await;
}
