//! The table: its keys, its indexes, and its creation.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TimeToLiveSpecification,
};
use aws_smithy_types::error::operation::BuildError;
use consign_core::ports::{Fault, FaultKind};

use crate::fault::fault;

/// A key attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyAttribute {
    /// The name of the attribute.
    pub name: &'static str,
    /// Whether it is a number; otherwise it is a string.
    pub is_number: bool,
}

const fn text(name: &'static str) -> KeyAttribute {
    KeyAttribute {
        name,
        is_number: false,
    }
}

const fn number(name: &'static str) -> KeyAttribute {
    KeyAttribute {
        name,
        is_number: true,
    }
}

/// A global secondary index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    /// The name of the index.
    pub name: &'static str,
    /// The partition key.
    pub partition: KeyAttribute,
    /// The sort key.
    pub sort: KeyAttribute,
    /// The projected attributes besides the keys.
    pub includes: &'static [&'static str],
}

/// The primary key of the table. Its text begins with the kind of the item.
pub const KEY: KeyAttribute = text("pk");

/// The attribute with the instant, in seconds since 1970, from which DynamoDB may remove an item.
pub const TTL: &str = "expires_at";

/// Uploads of an owner by id, and so by age. Its states may lag behind, so records are read again by id.
pub const BY_OWNER: Index = Index {
    name: "by_owner",
    partition: text("owner"),
    sort: text("id"),
    includes: &["category", "state"],
};

/// Uploads that the sweep has to examine, by due time. Other uploads are not in it.
pub const BY_DUE: Index = Index {
    name: "by_due",
    partition: number("due_shard"),
    sort: number("due_at"),
    includes: &[],
};

/// Every index.
pub const INDEXES: [Index; 2] = [BY_OWNER, BY_DUE];

/// The number of partitions of [`BY_DUE`]. One partition takes about 1,000 writes per second, and every change of a
/// record is one. The number may grow at any time, but never shrink: a record keeps its partition until it is written.
pub const DUE_SHARDS: u8 = 16;

fn key_schema(name: &str, kind: KeyType) -> Result<KeySchemaElement, BuildError> {
    KeySchemaElement::builder()
        .attribute_name(name)
        .key_type(kind)
        .build()
}

fn definition(attribute: KeyAttribute) -> Result<AttributeDefinition, BuildError> {
    AttributeDefinition::builder()
        .attribute_name(attribute.name)
        .attribute_type(if attribute.is_number {
            ScalarAttributeType::N
        } else {
            ScalarAttributeType::S
        })
        .build()
}

fn index(index: &Index) -> Result<GlobalSecondaryIndex, BuildError> {
    let projection = if index.includes.is_empty() {
        Projection::builder().projection_type(ProjectionType::KeysOnly)
    } else {
        let includes = index.includes.iter().map(|&name| name.to_owned()).collect();
        Projection::builder()
            .projection_type(ProjectionType::Include)
            .set_non_key_attributes(Some(includes))
    };
    GlobalSecondaryIndex::builder()
        .index_name(index.name)
        .key_schema(key_schema(index.partition.name, KeyType::Hash)?)
        .key_schema(key_schema(index.sort.name, KeyType::Range)?)
        .projection(projection.build())
        .build()
}

/// The schema of the table.
struct TableSchema {
    key: KeySchemaElement,
    definitions: Vec<AttributeDefinition>,
    indexes: Vec<GlobalSecondaryIndex>,
    ttl: TimeToLiveSpecification,
}

fn parts() -> Result<TableSchema, BuildError> {
    let keys = INDEXES
        .iter()
        .flat_map(|index| [index.partition, index.sort]);
    Ok(TableSchema {
        key: key_schema(KEY.name, KeyType::Hash)?,
        definitions: std::iter::once(KEY)
            .chain(keys)
            .map(definition)
            .collect::<Result<_, _>>()?,
        indexes: INDEXES.iter().map(index).collect::<Result<_, _>>()?,
        ttl: TimeToLiveSpecification::builder()
            .attribute_name(TTL)
            .enabled(true)
            .build()?,
    })
}

/// Creates the table with its indexes if it is missing. An existing table is not changed.
pub(super) async fn ensure(client: &Client, table: &str) -> Result<(), Fault> {
    const OPERATION: &str = "ensure_table";
    let parts = parts().map_err(|error| Fault::new(FaultKind::Other, OPERATION, error))?;
    let created = client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(parts.key)
        .set_attribute_definitions(Some(parts.definitions))
        .set_global_secondary_indexes(Some(parts.indexes))
        .send()
        .await;
    match created {
        Ok(_) => {}
        Err(error)
            if error
                .as_service_error()
                .is_some_and(CreateTableError::is_resource_in_use_exception) =>
        {
            return Ok(());
        }
        Err(error) => return Err(fault(OPERATION, &error)),
    }
    wait_until_active(client, table).await?;
    client
        .update_time_to_live()
        .table_name(table)
        .time_to_live_specification(parts.ttl)
        .send()
        .await
        .map(drop)
        .map_err(|error| fault(OPERATION, &error))
}

async fn wait_until_active(client: &Client, table: &str) -> Result<(), Fault> {
    use aws_sdk_dynamodb::client::Waiters as _;
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(120);
    client
        .wait_until_table_exists()
        .table_name(table)
        .wait(LIMIT)
        .await
        .map(drop)
        .map_err(|_| {
            Fault::new(
                FaultKind::TimedOut,
                "ensure_table",
                "the table is not active yet",
            )
        })
}
