//! The table of the template is the one that the adapter makes and reads.

use super::document::{allowed, functions, template};
use consign_aws::dynamodb::table::{BY_DUE, BY_OWNER, INDEXES, Index, KEY, KeyAttribute, TTL};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn key(attribute: KeyAttribute, kind: &str) -> Value {
    json!({"AttributeName": attribute.name, "KeyType": kind})
}

fn index(index: &Index) -> Value {
    let projection = match index.includes {
        [] => json!({"ProjectionType": "KEYS_ONLY"}),
        names => json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": names}),
    };
    json!({
        "IndexName": index.name,
        "KeySchema": [key(index.partition, "HASH"), key(index.sort, "RANGE")],
        "Projection": projection,
    })
}

#[test]
fn keys_indexes_and_expiry_are_those_of_the_adapter() {
    let template = template();
    let table = &template["Resources"]["Table"]["Properties"];
    assert_eq!(table["KeySchema"], json!([key(KEY, "HASH")]));
    let indexes: Vec<Value> = INDEXES.iter().map(index).collect();
    assert_eq!(table["GlobalSecondaryIndexes"], Value::Array(indexes));
    let attributes: BTreeMap<&str, &str> = std::iter::once(KEY)
        .chain(
            INDEXES
                .iter()
                .flat_map(|index| [index.partition, index.sort]),
        )
        .map(|attribute| (attribute.name, if attribute.is_number { "N" } else { "S" }))
        .collect();
    let defined: BTreeMap<&str, &str> = table["AttributeDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|defined| {
            let text = |name: &str| defined[name].as_str().unwrap();
            (text("AttributeName"), text("AttributeType"))
        })
        .collect();
    assert_eq!(defined, attributes);
    let expiry = json!({"AttributeName": TTL, "Enabled": true});
    assert_eq!(table["TimeToLiveSpecification"], expiry);
}

#[test]
fn an_index_is_open_to_who_queries_it() {
    let template = template();
    let queries = |index: &Index| {
        let arn = json!({"Fn::Sub": format!("${{Table.Arn}}/index/{}", index.name)});
        let open = functions(&template).filter(|(_, function)| {
            allowed(&template, function).iter().any(|statement| {
                statement.actions == ["dynamodb:Query"] && statement.resources == [&arn]
            })
        });
        open.map(|(binary, _)| binary).collect::<Vec<_>>()
    };
    assert_eq!(queries(&BY_OWNER), ["files", "ingest-on-object-created"]);
    assert_eq!(queries(&BY_DUE), ["ingest-on-object-created"]);
}
