//! The table: its keys, its indexes, and how it is made.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TimeToLiveSpecification,
};
use aws_smithy_types::error::operation::BuildError;
use consign_core::ports::{Fault, FaultKind};

use crate::fault::fault;

/// An attribute that is part of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyAttribute {
    /// Its name.
    pub name: &'static str,
    /// A number rather than a text.
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
    /// Its name.
    pub name: &'static str,
    /// Its partition key.
    pub partition: KeyAttribute,
    /// Its sort key.
    pub sort: KeyAttribute,
    /// What it holds beside the keys.
    pub includes: &'static [&'static str],
}

/// The one key of the table. Its text begins with the kind of the item.
pub const KEY: KeyAttribute = text("pk");

/// The attribute from whose instant, in seconds since 1970, DynamoDB may remove an item.
pub const TTL: &str = "expires_at";

/// Uploads of an owner by id, and so by age. What it says of a state may be late, so records are read again by id.
pub const BY_OWNER: Index = Index {
    name: "by_owner",
    partition: text("owner"),
    sort: text("id"),
    includes: &["category", "state"],
};

/// Uploads that the sweep must look at, by when; the others are not in it.
pub const BY_DUE: Index = Index {
    name: "by_due",
    partition: number("due_shard"),
    sort: number("due_at"),
    includes: &[],
};

/// Every index.
pub const INDEXES: [Index; 2] = [BY_OWNER, BY_DUE];

/// Partitions of [`BY_DUE`]. One takes some 1,000 writes a second, and every change of a record is one. There may be more of
/// them at any time, but never fewer: a record stays in its own until it is written.
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

/// Everything that a table has to be made with.
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

/// Creates the table with its indexes where it is missing; one that is there is left as it is.
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
