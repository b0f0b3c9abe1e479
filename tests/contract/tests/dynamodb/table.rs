//! The table as it is made, what expires in it, and its indexes.

use consign_aws::dynamodb::table::{INDEXES, KEY, TTL};
use consign_core::ports::{Inserted, ListFilter, UploadRepo};
use consign_core::time::saturating_add_secs;
use consign_core::upload::{Deletion, UploadState};
use consign_testkit::all_due;
use consign_testkit::sample::{self, id, owner, start, upload};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::given::{Given, change, insert, keyed, server, window};
use crate::support;
use crate::support::proxy::Harm;

#[tokio::test]
async fn a_table_is_made_once_as_it_is_defined() {
    let given = Given::new().await;
    given.repo.ensure_table().await.unwrap();
    let body = json!({ "TableName": given.table });
    let said = support::call(server().await, "DynamoDB_20120810.DescribeTable", &body).await;
    let table = said.unwrap()["Table"].clone();
    assert_eq!(
        table["KeySchema"],
        json!([{ "AttributeName": KEY.name, "KeyType": "HASH" }])
    );
    let made = table["GlobalSecondaryIndexes"].as_array().unwrap();
    assert_eq!(made.len(), INDEXES.len());
    for index in INDEXES {
        let found = made.iter().find(|made| made["IndexName"] == index.name);
        let keys = json!([
            { "AttributeName": index.partition.name, "KeyType": "HASH" },
            { "AttributeName": index.sort.name, "KeyType": "RANGE" },
        ]);
        assert_eq!(found.unwrap()["KeySchema"], keys);
    }
    let said = support::call(
        server().await,
        "DynamoDB_20120810.DescribeTimeToLive",
        &body,
    )
    .await;
    let ttl = &said.unwrap()["TimeToLiveDescription"];
    assert_eq!(
        (&ttl["AttributeName"], &ttl["TimeToLiveStatus"]),
        (&json!(TTL), &json!("ENABLED"))
    );
}

#[tokio::test]
async fn only_what_may_vanish_has_a_time_to_live() {
    let first = upload("ada", 1);
    let given = Given::new().await;
    insert(&given.repo, keyed(first.clone())).await.unwrap();
    let record = format!("UPLOAD#{}", first.id);
    let object = format!("OBJECT#{}/{}", first.object.bucket, first.object.key);
    let expiry = async |key: &str| given.item(key).await[TTL].clone();
    for key in [record.as_str(), object.as_str(), "QUOTA#ada"] {
        assert_eq!(expiry(key).await, Value::Null, "{key}");
    }
    let end_s = saturating_add_secs(start(), 3601).timestamp().to_string();
    assert_eq!(expiry("IDEMPOTENCY#ada k").await, json!({ "N": end_s }));
    assert_ne!(expiry(&window()).await, Value::Null);

    // Long after the purge nothing is left of an upload, but bytes that come again bring it back for good.
    let purged = change(&first, |after| after.deletion = Some(Deletion::Purged));
    given.repo.save(&first, &purged).await.unwrap();
    let kept_s = first.updated_at.timestamp() + 400 * 86_400;
    for key in [&record, &object] {
        assert_eq!(expiry(key).await, json!({ "N": kept_s.to_string() }));
    }
    let again = change(&purged.after, |after| {
        after.deletion = Some(Deletion::Requested)
    });
    given.repo.save(&purged.after, &again).await.unwrap();
    for key in [&record, &object] {
        assert_eq!(expiry(key).await, Value::Null);
    }
    let found = given.repo.find_by_object(&first.object).await.unwrap();
    assert_eq!(found, Some(again.after));
}

#[tokio::test]
async fn owners_and_keys_of_any_signs_do_not_meet() {
    let given = Given::new().await;
    for (number, (name, key)) in [("a", "b c"), ("a#b", "c"), ("a#b#c", ""), ("28#a", "c")]
        .into_iter()
        .enumerate()
    {
        let mut new = keyed(upload(name, u32::try_from(number).unwrap()));
        new.allowance.sign_uploads_per_window = Some(1);
        if let Some(idempotency) = &mut new.idempotency {
            key.clone_into(&mut idempotency.key);
        }
        let inserted = insert(&given.repo, new).await.unwrap();
        assert_eq!(inserted, Inserted::Created, "{name} {key}");
    }
}

#[tokio::test]
async fn a_late_index_shows_no_state_of_yesterday() {
    let first = upload("ada", 1);
    let given = Given::with(&first).await;
    let list = async |state| {
        let filter = ListFilter {
            state,
            ..ListFilter::default()
        };
        let page = given.proxied.list(&first.owner, &filter, None, 9).await;
        page.unwrap().uploads
    };
    assert_eq!(list(None).await.len(), 1);
    let gone = change(&first, |after| after.state = UploadState::Deleted);
    given.repo.save(&first, &gone).await.unwrap();
    given.proxy.plan("Query", Harm::Again, 2);
    assert_eq!(list(None).await, []);
    assert_eq!(list(Some(UploadState::Deleted)).await, [gone.after]);
    assert!(given.proxy.is_spent());
}

#[tokio::test]
async fn pages_are_full_whatever_is_filtered_out() {
    let given = Given::new().await;
    // Between every two that are wanted there are more unwanted ones than one request reads.
    // A few at a time: the emulator works on one core, and a request that waits too long fails.
    let numbers = stream::iter(0..330);
    let repo = &given.repo;
    let insert_all = numbers.for_each_concurrent(8, |number| async move {
        let mut first = upload("ada", number);
        if number % 110 != 0 {
            first.collection_id = Some("other".to_owned());
        }
        insert(repo, sample::new(first)).await.unwrap();
    });
    insert_all.await;
    let filter = ListFilter {
        collection_id: Some("other".to_owned()),
        ..ListFilter::default()
    };
    let page = given
        .repo
        .list(&owner("ada"), &filter, None, 200)
        .await
        .unwrap();
    assert_eq!(page.uploads.len(), 200);
    let rest = given
        .repo
        .list(&owner("ada"), &filter, page.next, 200)
        .await
        .unwrap();
    assert_eq!((rest.uploads.len(), rest.next), (127, None));

    let all = given
        .repo
        .list(&owner("ada"), &ListFilter::default(), None, 500)
        .await;
    assert_eq!(all.unwrap().uploads.len(), 330);
    let due = all_due(&given.repo, saturating_add_secs(start(), 9999))
        .await
        .unwrap();
    assert_eq!(due, (0..330).map(id).collect::<Vec<_>>());
}
