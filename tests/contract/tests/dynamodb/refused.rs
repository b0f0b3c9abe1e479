//! Requests that are refused, by the service and by us.

use consign_aws::DynamoRepo;
use consign_core::ports::{FaultKind, Inserted, ListFilter, Saved, UploadRepo};
use consign_testkit::all_due;
use consign_testkit::sample::{self, id, start, upload};
use futures_util::future::join_all;

use crate::given::{ATTEMPTS, Given, THROTTLED, change, insert, keyed, server, window};
use crate::support::options;
use crate::support::proxy::Harm;

#[tokio::test]
async fn throttling_is_waited_out_and_then_told() {
    let first = upload("ada", 1);
    let given = Given::new().await;
    for operation in ["TransactWriteItems", "PutItem", "GetItem"] {
        given.proxy.plan(operation, THROTTLED, ATTEMPTS - 1);
    }
    let inserted = insert(&given.proxied, keyed(first.clone()));
    assert_eq!(inserted.await.unwrap(), Inserted::Created);
    let change = change(&first, |after| after.probe_count = 1);
    let saved = given.proxied.save(&first, &change).await.unwrap();
    assert_eq!(saved, Saved::Written);
    let found = given.proxied.find(first.id).await.unwrap();
    assert_eq!(found, Some(change.after));
    assert!(given.proxy.is_spent());

    for operation in ["TransactWriteItems", "GetItem", "Query"] {
        given.proxy.plan(operation, THROTTLED, usize::MAX);
    }
    let new = keyed(upload("ada", 2));
    let filter = ListFilter::default();
    let faults = [
        insert(&given.proxied, new).await.map(drop),
        given.proxied.find(first.id).await.map(drop),
        all_due(&given.proxied, start()).await.map(drop),
        given
            .proxied
            .list(&first.owner, &filter, None, 9)
            .await
            .map(drop),
    ];
    for fault in faults {
        assert_eq!(fault.unwrap_err().kind, FaultKind::Throttled);
    }
    assert_eq!(given.repo.find(id(2)).await.unwrap(), None);
    assert_eq!(given.reserved_bytes().await, 100);
}

#[tokio::test]
async fn conflicts_with_other_transactions_are_tried_again_within_bounds() {
    let first = upload("ada", 1);
    let given = Given::new().await;
    given.proxy.plan("TransactWriteItems", Harm::Conflict, 4);
    let inserted = insert(&given.proxied, keyed(first.clone()));
    assert_eq!(inserted.await.unwrap(), Inserted::Created);
    given.proxy.plan("TransactWriteItems", Harm::Conflict, 4);
    given.proxy.plan(
        "PutItem",
        Harm::Answer(400, "TransactionConflictException"),
        4,
    );
    let refund = change(&first, |after| after.reserved_bytes = 0);
    let saved = given.proxied.save(&first, &refund).await.unwrap();
    assert_eq!(saved, Saved::Written);
    let look = change(&refund.after, |after| after.probe_count = 1);
    let saved = given.proxied.save(&refund.after, &look).await.unwrap();
    assert_eq!(saved, Saved::Written);
    assert!(given.proxy.is_spent());

    given
        .proxy
        .plan("TransactWriteItems", Harm::Conflict, usize::MAX);
    let again = insert(&given.proxied, keyed(upload("ada", 2)));
    let fault = again.await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Throttled);
    assert_eq!(given.repo.find(id(2)).await.unwrap(), None);
}

#[tokio::test]
async fn writers_that_race_lose_nothing_and_double_nothing() {
    let given = Given::new().await;
    let repos = [&given.repo, &given.proxied];
    join_all((0..60).map(|number| async move {
        let repo = repos[number as usize % 2];
        let first = upload("ada", number);
        let inserted = insert(repo, sample::new(first.clone()));
        assert_eq!(inserted.await.unwrap(), Inserted::Created);
        let change = change(&first, |after| after.reserved_bytes = 40);
        // Both write the same record: one wins, and the quota moves once.
        let saves = repos.map(|repo| repo.save(&first, &change));
        let mut saved: Vec<Saved> = join_all(saves)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        saved.sort_unstable_by_key(|saved| *saved == Saved::Conflict);
        assert_eq!(saved, [Saved::Written, Saved::Conflict]);
    }))
    .await;
    assert_eq!(given.reserved_bytes().await, 60 * 40);
    let rate = given.item(&window()).await;
    assert_eq!(rate["signed"]["N"], "60");
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let given = Given::new().await;
    for (status, code, kind) in [
        (400, "AccessDeniedException", FaultKind::Denied),
        (
            400,
            "UnrecognizedClientException",
            FaultKind::BadCredentials,
        ),
        (400, "ExpiredTokenException", FaultKind::BadCredentials),
        (500, "InternalServerError", FaultKind::Unreachable),
        (400, "ValidationException", FaultKind::Other),
    ] {
        given
            .proxy
            .plan("GetItem", Harm::Answer(status, code), usize::MAX);
        let fault = given.proxied.find(id(1)).await.unwrap_err();
        assert_eq!((fault.kind, fault.operation), (kind, "find"), "{code}");
        given.proxy.clear();
    }
    let missing = DynamoRepo::new(&options(server().await), "contract-missing");
    let faults = [
        missing.find(id(1)).await.map(drop),
        all_due(&missing, start()).await.map(drop),
        insert(&missing, keyed(upload("ada", 1))).await.map(drop),
    ];
    for fault in faults {
        assert_eq!(fault.unwrap_err().kind, FaultKind::MissingResource);
    }
}

#[tokio::test]
async fn a_table_that_is_down_is_left_alone_for_a_while() {
    let given = Given::new().await;
    given.proxy.plan("GetItem", Harm::CutBefore, usize::MAX);
    // Of so many calls the last are not made; how many, the clock decides.
    for _ in 0..100 {
        let before = given.proxy.seen("GetItem");
        let fault = given.proxied.find(id(1)).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unreachable);
        if given.proxy.seen("GetItem") == before {
            return;
        }
    }
    panic!("every call reached the server");
}

#[tokio::test]
async fn a_record_too_long_for_an_item_is_refused_before_it_is_sent() {
    let first = upload("ada", 1);
    let given = Given::with(&first).await;
    let mut long = upload("ada", 2);
    long.labels.insert("note".to_owned(), "x".repeat(400 << 10));
    let fault = insert(&given.proxied, sample::new(long)).await;
    assert_eq!(fault.unwrap_err().kind, FaultKind::Full);
    let grown = change(&first, |after| {
        after
            .metadata
            .insert("note".to_owned(), "x".repeat(400 << 10).into());
    });
    let fault = given.proxied.save(&first, &grown).await.unwrap_err();
    assert_eq!((fault.kind, fault.operation), (FaultKind::Full, "save"));
    assert_eq!(
        given.proxy.seen("TransactWriteItems") + given.proxy.seen("PutItem"),
        0
    );
    assert_eq!(given.reserved_bytes().await, 100);

    // What is let through, the service takes: with each text as long as it may be.
    let fits = change(&first, |after| {
        after
            .metadata
            .insert("note".to_owned(), "x".repeat(395_000).into());
    });
    let saved = given.proxied.save(&first, &fits).await.unwrap();
    assert_eq!(saved, Saved::Written);
}
