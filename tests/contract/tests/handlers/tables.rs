//! What is said of a table on the wire and in the policy: hints, rejected rows, rules.

use consign_core::ids::ObjectRef;
use consign_core::upload::{Upload, UploadState};
use contract::{BUCKET, Get, Horizon, World};
use serde_json::{Value, json};

use crate::support::{OWNER, put, signed, told};

fn world(options: &str) -> World {
    World::new(&format!(
        "[tier.default]\nfile_size_max = \"10 MB\"\n[category.table]\nbucket = \"files\"\n\
         key = \"in/{{owner}}/{{file_id}}.{{ext}}\"\noutput = \"out/{{owner}}/{{file_id}}/v{{version}}.{{ext}}\"\n\
         ingest = \"tabular\"\nextensions = [\"csv\"]\nsize_max = \"10 MB\"\n{options}\n"
    ))
    .unwrap()
}

fn request(content: &[u8], hints: Value) -> Value {
    json!({"filename": "a.csv", "content_type": "text/csv", "file_size_bytes": content.len(), "hints": hints})
}

async fn ingested(world: &World, content: &'static [u8], hints: Value) -> Upload {
    let upload = signed(world, &request(content, hints)).await;
    let version = put(world, &upload.object, content).unwrap();
    world.ingest(&told(&upload.object, &version)).await;
    world.record(upload.id).unwrap()
}

fn names(upload: &Upload) -> Vec<String> {
    let outcome = upload.outcome.as_ref().unwrap();
    outcome.columns.as_ref().unwrap().names().to_vec()
}

#[tokio::test]
async fn hints_of_a_request_stand_above_those_of_the_category() {
    let content = b"1;2,5\n2;3,5\n";
    let world = world("hints = { delimiter = \",\", header = false }");
    let of_category = ingested(&world, content, Value::Null).await;
    assert_eq!(names(&of_category), ["column_1", "column_2"]);
    assert_eq!(of_category.hints.delimiter, Some(','));
    let of_both = ingested(&world, content, json!({"delimiter": ";", "decimal": ","})).await;
    let (_, status) = world.get(OWNER, &of_both.id.to_string(), Get::Status).await;
    assert_eq!(
        status["hints"],
        json!({"delimiter": ";", "header": false, "decimal": ","})
    );
    let profile = of_both.outcome.unwrap().profile_key.unwrap();
    let profile = world
        .objects
        .bytes(&ObjectRef::new(BUCKET, profile))
        .unwrap();
    let profile: Value = serde_json::from_slice(&profile).unwrap();
    assert_eq!(profile["columns"][1]["type"], "decimal");
    assert_eq!(profile["hints"], status["hints"]);
}

/// Hints are what counted when the upload was signed.
#[tokio::test]
async fn a_policy_that_changes_leaves_the_hints_of_signed_uploads() {
    let content = b"1;2\n3;4\n";
    let mut world = world("hints = { header = false }");
    let upload = signed(&world, &request(content, json!({"delimiter": ";"}))).await;
    let text = "[tier.default]\nfile_size_max = \"10 MB\"\n[category.table]\nbucket = \"files\"\n\
         key = \"in/{owner}/{file_id}.{ext}\"\noutput = \"out/{owner}/{file_id}/v{version}.{ext}\"\n\
         ingest = \"tabular\"\nextensions = [\"csv\"]\nsize_max = \"10 MB\"\nhints = { header = true }\n";
    world.reconfigure(text).unwrap();
    let version = put(&world, &upload.object, content).unwrap();
    world.ingest(&told(&upload.object, &version)).await;
    let upload = world.record(upload.id).unwrap();
    assert_eq!(upload.outcome.unwrap().row_count, Some(2));
}

#[tokio::test]
async fn a_hint_that_cannot_be_followed_fails_the_file_by_name() {
    let world = world("");
    let upload = ingested(&world, b"a,b\n1,2\n", json!({"columns": {"c": "text"}})).await;
    assert_eq!(upload.state, UploadState::Failed);
    assert_eq!(upload.failure.unwrap().code, "impossible_hint");
}

#[tokio::test]
async fn every_rejected_row_is_kept_and_purged_with_the_file() {
    let world = world("rejects_max = \"60%\"");
    let rows = 300;
    let text = format!(
        "id,name\n{}{}",
        "1,wren\n".repeat(rows),
        "2,robin,x\n".repeat(rows)
    );
    let content: &'static [u8] = Box::leak(text.into_bytes().into_boxed_slice());
    let upload = ingested(&world, content, Value::Null).await;
    let outcome = upload.outcome.clone().unwrap();
    assert_eq!(
        (outcome.row_count, outcome.reject_count),
        (Some(300), Some(300))
    );
    let key = ObjectRef::new(BUCKET, outcome.rejects_parquet_key.unwrap());
    assert!(key.key.ends_with("/v1.rejects.parquet"), "{key:?}");
    let parquet = world.objects.bytes(&key).unwrap();
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    let id = upload.id.to_string();
    let (status, _) = world
        .get(OWNER, &id, Get::Download("rejects_parquet"))
        .await;
    assert_eq!(status, 200);
    assert_eq!(world.keys().len(), 5);
    assert_eq!(world.delete(OWNER, &id).await, 204);
    assert!(world.settle(Horizon::End).await);
    assert_eq!(world.keys(), Vec::<String>::new());
}

#[tokio::test]
async fn a_file_with_more_rejects_than_its_category_allows_fails() {
    let content = b"id,name\n1,wren\n2,robin,x\n3,tit\n";
    assert_eq!(
        ingested(&world(""), content, Value::Null).await.state,
        UploadState::Ready
    );
    let world = world("rejects_max = 0");
    let upload = ingested(&world, content, Value::Null).await;
    assert_eq!(upload.failure.unwrap().code, "too_many_rejects");
    // The original alone is left.
    assert_eq!(world.keys().len(), 1);
}

/// The Parquet file does not have the rejected rows, so nothing else has them than the original.
#[tokio::test]
async fn an_original_with_rejects_is_never_removed() {
    for (content, is_kept) in [
        (&b"id,name\n1,wren\n2,robin\n3,tit\n"[..], false),
        (&b"id,name\n1,wren\n2,robin,x\n3,tit\n"[..], true),
    ] {
        let world = world("keep_original = false");
        let upload = ingested(&world, content, Value::Null).await;
        assert_eq!(upload.state, UploadState::Ready);
        assert!(world.settle(Horizon::Work).await);
        let upload = world.record(upload.id).unwrap();
        assert_eq!(world.objects.bytes(&upload.object).is_some(), is_kept);
        assert_eq!(upload.original_removed, !is_kept);
    }
}

#[tokio::test]
async fn a_table_that_breaks_rules_fails_with_all_reasons_and_leaves_no_output() {
    let world = world(
        "rows_min = 3\nempty_cells_max = 0\ncolumns_required = { id = \"text\", price = \"any\" }",
    );
    let upload = ingested(&world, b"id,name\n1,wren\n2,\n", Value::Null).await;
    let failure = upload.failure.unwrap();
    assert_eq!(failure.code, "table_rules_broken");
    for reason in [
        "it has 2 rows and needs at least 3",
        "1 of its 4 cells are empty, and at most 0 may be",
        "column `id` is int64, and must be text",
        "it has no column `price`",
    ] {
        assert!(failure.detail.contains(reason), "{}", failure.detail);
    }
    assert_eq!(world.keys().len(), 1);
}

#[tokio::test]
async fn a_table_within_its_rules_is_ready() {
    let world =
        world("rows_min = 2\nrows_max = 2\ncolumns_required = [\"id\"]\nempty_cells_max = \"25%\"");
    let upload = ingested(&world, b"id,name\n1,wren\n2,\n", Value::Null).await;
    assert_eq!(upload.state, UploadState::Ready);
}

/// Uploads a table into the collection `sales`.
async fn collected(world: &World, content: &'static [u8]) -> Upload {
    let mut body = request(content, Value::Null);
    body["collection_id"] = "sales".into();
    let upload = signed(world, &body).await;
    let version = put(world, &upload.object, content).unwrap();
    world.ingest(&told(&upload.object, &version)).await;
    world.record(upload.id).unwrap()
}

const SALES: &[u8] = b"id,price,note\n1,1.50,\n2,2.50,\n";

#[tokio::test]
async fn a_frozen_schema_refuses_a_table_that_differs_and_says_how() {
    let world = world("schema_contract = \"freeze\"");
    assert_eq!(collected(&world, SALES).await.state, UploadState::Ready);
    for (content, says) in [
        // Whole numbers alone: by the schema they are decimals.
        (&b"id,price,note\n3,4,\n"[..], None),
        // The column had no value yet.
        (b"note,id,price\nnew,3,4.00\n", None),
        (b"id,price\n3,4.00\n", Some("no column is named note")),
        (
            b"id,price,note,more\n3,4.00,,x\n",
            Some("new columns: `more`"),
        ),
        (b"id,note\n3,x\n", Some("no column is named price")),
        (
            b"id,price,note\n3,much,\n4,4.00,\n",
            Some("rows with cells of other types: 1"),
        ),
    ] {
        let upload = collected(&world, content).await;
        let failure = upload.failure.as_ref();
        let said = failure.map(|failure| (failure.code.as_str(), failure.detail.as_str()));
        match says {
            None => assert_eq!((upload.state, said), (UploadState::Ready, None)),
            Some(says) => {
                let (code, detail) = said.unwrap();
                assert!(
                    code == "schema_differs" && detail.contains(says),
                    "{code}: {detail}"
                );
            }
        }
    }
}

#[tokio::test]
async fn rows_of_other_types_are_rejected_where_the_contract_discards_them() {
    let world = world("schema_contract = \"discard_row\"");
    collected(&world, SALES).await;
    let upload = collected(&world, b"id,price,note\n3,much,\n4,4.00,\n").await;
    let outcome = upload.outcome.unwrap();
    assert_eq!(
        (outcome.row_count, outcome.reject_count),
        (Some(1), Some(1))
    );
    let wider = collected(&world, b"id,price,note,more\n3,4.00,,x\n").await;
    assert_eq!(wider.failure.unwrap().code, "schema_differs");
}

#[tokio::test]
async fn a_schema_that_evolves_is_warned_of() {
    let world = world("schema_contract = \"evolve\"");
    let first = collected(&world, SALES).await;
    assert_eq!(first.outcome.unwrap().schema_difference, None);
    let second = collected(&world, b"id,price,more\nx,4.00,1\n").await;
    let (_, status) = world.get(OWNER, &second.id.to_string(), Get::Status).await;
    assert_eq!(status["warning"]["code"], "schema_changed");
    let detail = status["warning"]["detail"].as_str().unwrap();
    for says in [
        "missing columns: `note`",
        "new columns: `more`",
        "`id` (text, was int64)",
    ] {
        assert!(detail.contains(says), "{detail}");
    }
    // A table of another collection, and one of none, is not compared.
    let alone = ingested(&world, b"x\n1\n2\n", Value::Null).await;
    assert_eq!(alone.outcome.unwrap().schema_difference, None);
}
