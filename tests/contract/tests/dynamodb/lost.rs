//! Answers that are lost, after a write and before it.

use consign_core::ports::{FaultKind, Inserted, Saved, UploadRepo};
use consign_core::upload::UploadState;
use consign_testkit::sample::{id, upload};

use crate::given::{ATTEMPTS, Given, change, insert, keyed, window};
use crate::support::proxy::Harm;

#[tokio::test]
async fn an_insert_whose_answers_are_lost_is_known_again() {
    for lost in 1..=ATTEMPTS {
        let given = Given::new().await;
        let plan = &given.proxy;
        plan.plan("TransactWriteItems", Harm::CutAfter, lost);
        let first = upload("ada", 1);
        let inserted = insert(&given.proxied, keyed(first.clone()));
        assert_eq!(inserted.await.unwrap(), Inserted::Created, "{lost} lost");
        assert!(plan.is_spent());
        assert_eq!(given.repo.find(first.id).await.unwrap(), Some(first));
        assert_eq!(given.reserved_bytes().await, 100);
        let rate = given.item(&window()).await;
        assert_eq!(rate["signed"]["N"], "1");
    }
}

#[tokio::test]
async fn an_insert_that_cannot_be_known_again_is_replayed_by_the_next_call() {
    let given = Given::new().await;
    given
        .proxy
        .plan("TransactWriteItems", Harm::CutAfter, ATTEMPTS);
    given.proxy.plan("GetItem", Harm::CutBefore, ATTEMPTS);
    let first = upload("ada", 1);
    let inserted = insert(&given.proxied, keyed(first.clone()));
    let fault = inserted.await.unwrap_err();
    assert_eq!(
        (fault.kind, fault.operation),
        (FaultKind::Unreachable, "insert_pending")
    );
    let again = insert(&given.proxied, keyed(upload("ada", 2)));
    assert_eq!(again.await.unwrap(), Inserted::Replayed(Box::new(first)));
    assert_eq!(given.reserved_bytes().await, 100);
}

#[tokio::test]
async fn an_insert_that_never_arrives_leaves_no_trace() {
    let given = Given::new().await;
    given
        .proxy
        .plan("TransactWriteItems", Harm::CutBefore, ATTEMPTS);
    let inserted = insert(&given.proxied, keyed(upload("ada", 1)));
    assert_eq!(inserted.await.unwrap_err().kind, FaultKind::Unreachable);
    assert_eq!(given.repo.find(id(1)).await.unwrap(), None);
    assert_eq!(given.reserved_bytes().await, 0);
    let again = insert(&given.proxied, keyed(upload("ada", 2)));
    assert_eq!(again.await.unwrap(), Inserted::Created);
}

#[tokio::test]
async fn a_save_whose_answers_are_lost_is_known_again() {
    for (operation, reserved_bytes) in [("PutItem", 100), ("TransactWriteItems", 70)] {
        for lost in 1..=ATTEMPTS {
            let first = upload("ada", 1);
            let given = Given::with(&first).await;
            given.proxy.plan(operation, Harm::CutAfter, lost);
            let change = change(&first, |after| {
                after.state = UploadState::Uploaded;
                after.reserved_bytes = reserved_bytes;
            });
            let saved = given.proxied.save(&first, &change).await.unwrap();
            assert_eq!(saved, Saved::Written, "{operation}, {lost} lost");
            assert!(given.proxy.is_spent());
            let found = given.repo.find(first.id).await.unwrap();
            assert_eq!(found.as_ref(), Some(&change.after));
            assert_eq!(given.reserved_bytes().await, reserved_bytes);
            // Another call with the same change is another writer.
            let again = given.proxied.save(&first, &change).await.unwrap();
            assert_eq!(again, Saved::Conflict);
        }
    }
}

#[tokio::test]
async fn a_save_that_never_arrives_is_a_fault_and_no_conflict() {
    for (operation, reserved_bytes) in [("PutItem", 100), ("TransactWriteItems", 70)] {
        let first = upload("ada", 1);
        let given = Given::with(&first).await;
        given.proxy.plan(operation, Harm::CutBefore, ATTEMPTS);
        let change = change(&first, |after| after.reserved_bytes = reserved_bytes);
        let fault = given.proxied.save(&first, &change).await.unwrap_err();
        assert_eq!(
            (fault.kind, fault.operation),
            (FaultKind::Unreachable, "save")
        );
        assert_eq!(
            given.repo.find(first.id).await.unwrap().as_ref(),
            Some(&first)
        );
        let saved = given.proxied.save(&first, &change).await.unwrap();
        assert_eq!(saved, Saved::Written);
        assert_eq!(given.reserved_bytes().await, reserved_bytes);
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_is_not_waited_for() {
    let first = upload("ada", 1);
    let given = Given::with(&first).await;
    given.proxy.plan("PutItem", Harm::Stall, 1);
    let change = change(&first, |after| after.probe_count = 1);
    let saved = given.proxied.save(&first, &change).await.unwrap();
    assert_eq!(saved, Saved::Written);
    given.proxy.plan("GetItem", Harm::Stall, ATTEMPTS);
    let fault = given.proxied.find(first.id).await.unwrap_err();
    assert_eq!((fault.kind, fault.operation), (FaultKind::TimedOut, "find"));
}
