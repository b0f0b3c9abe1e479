//! Transactions and their retries.

use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use consign_core::ports::{Fault, FaultKind};

use super::DynamoRepo;
use super::item::{Item, unreadable};
use crate::fault::fault;

/// The result of a transaction.
pub(super) enum Transacted {
    /// All writes are durable.
    Committed,
    /// Another transaction uses one of the items, or a partition is busy. Nothing was written.
    Contended,
    /// A condition failed. Nothing was written.
    Refused(Vec<Refused>),
}

/// Whether the condition of an item failed. A transaction has one result per item, in order.
pub(super) enum Refused {
    /// The condition held, or was not evaluated.
    No,
    /// The condition failed. Contains the existing item, if it was requested and exists.
    By(Option<Item>),
}

fn cancellation<R>(
    error: &SdkError<TransactWriteItemsError, R>,
) -> Option<&TransactionCanceledException> {
    let said = error.as_service_error();
    if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = said {
        Some(cancelled)
    } else {
        None
    }
}

/// `DynamoDB`, "TransactWriteItems: cancellation reason codes".
fn sort(
    operation: &'static str,
    cancelled: &TransactionCanceledException,
) -> Result<Transacted, Fault> {
    let mut refused = Vec::new();
    for reason in cancelled.cancellation_reasons() {
        match reason.code().unwrap_or("None") {
            "None" => refused.push(Refused::No),
            "ConditionalCheckFailed" => refused.push(Refused::By(reason.item.clone())),
            "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded" => {
                return Ok(Transacted::Contended);
            }
            "ItemCollectionSizeLimitExceeded" => {
                return Err(Fault::new(FaultKind::Full, operation, "an index is full"));
            }
            code => {
                let said = reason.message().unwrap_or("no message");
                return Err(unreadable(operation, format!("{code}: {said}")));
            }
        }
    }
    if refused.is_empty() {
        let said = cancelled.meta().message().unwrap_or("no message");
        return Err(unreadable(operation, format!("cancelled: {said}")));
    }
    Ok(Transacted::Refused(refused))
}

/// Whether the write may have happened despite the fault.
pub(super) fn is_outcome_unknown(fault: &Fault) -> bool {
    match fault.kind {
        FaultKind::TimedOut | FaultKind::Unreachable => true,
        FaultKind::Throttled
        | FaultKind::BadCredentials
        | FaultKind::Denied
        | FaultKind::MissingResource
        | FaultKind::WrongBucket
        | FaultKind::Full
        | FaultKind::Other => false,
    }
}

/// Returns a name for a writing call, by which it recognises its own write. It is unique, not secret.
pub(super) fn write_name() -> String {
    format!("{:032x}", fastrand::u128(..))
}

/// The most tries of a call under contention.
const TRIES_MAX: u32 = 12;
/// The longest pause after the first try. It doubles with each try.
const PAUSE_MS: u64 = 25;
/// The upper limit of a pause.
const PAUSE_MS_MAX: u64 = 800;

/// Counts the tries of a call, and waits between them.
pub(super) struct Tries {
    operation: &'static str,
    made: u32,
}

impl Tries {
    pub(super) fn new(operation: &'static str) -> Self {
        Self { operation, made: 0 }
    }

    /// Waits before the next try, for a random time up to a limit that doubles (full jitter).
    ///
    /// # Errors
    /// A fault when the tries are used up.
    pub(super) async fn pause(&mut self) -> Result<(), Fault> {
        self.made += 1;
        if self.made == TRIES_MAX {
            let why = "too many others write the same items";
            return Err(Fault::new(FaultKind::Throttled, self.operation, why));
        }
        let bound_ms = (PAUSE_MS << (self.made - 1).min(16)).min(PAUSE_MS_MAX);
        let pause = Duration::from_millis(fastrand::u64(0..=bound_ms));
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

/// The values of an expression, by their placeholders.
pub(super) type Values = Vec<(&'static str, AttributeValue)>;

/// An update with its condition. Both use the values.
pub(super) struct Move {
    pub(super) update: &'static str,
    pub(super) condition: Option<String>,
    pub(super) values: Values,
}

/// The items of a transaction, in order.
pub(super) struct Batch<'r> {
    repo: &'r DynamoRepo,
    operation: &'static str,
    items: Vec<TransactWriteItem>,
}

impl<'r> Batch<'r> {
    pub(super) fn new(repo: &'r DynamoRepo, operation: &'static str) -> Self {
        Self {
            repo,
            operation,
            items: Vec::new(),
        }
    }

    /// Adds a put of a whole item under `condition`. A refusal returns the existing item.
    pub(super) fn put(&mut self, item: Item, condition: &str, values: Values) -> Result<(), Fault> {
        let values = values
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        let put = Put::builder()
            .table_name(&self.repo.table)
            .set_item(Some(item))
            .condition_expression(condition)
            .set_expression_attribute_values(some_if_any(values.collect()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|error| unreadable(self.operation, error))?;
        self.items
            .push(TransactWriteItem::builder().put(put).build());
        Ok(())
    }

    /// Adds an update of an item. The item is created if it is missing.
    pub(super) fn change(&mut self, key: Item, to: Move) -> Result<(), Fault> {
        let values = to
            .values
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        let update = Update::builder()
            .table_name(&self.repo.table)
            .set_key(Some(key))
            .update_expression(to.update)
            .set_condition_expression(to.condition)
            .set_expression_attribute_values(some_if_any(values.collect()))
            .build()
            .map_err(|error| unreadable(self.operation, error))?;
        self.items
            .push(TransactWriteItem::builder().update(update).build());
        Ok(())
    }

    /// Runs the transaction. If an answer is lost, the SDK tries again under the same token, so that it runs once.
    pub(super) async fn commit(&self) -> Result<Transacted, Fault> {
        let call = self
            .repo
            .client
            .transact_write_items()
            .set_transact_items(Some(self.items.clone()));
        match call.send().await {
            Ok(_) => Ok(Transacted::Committed),
            Err(error) => match cancellation(&error) {
                Some(cancelled) => sort(self.operation, cancelled),
                None => Err(fault(self.operation, &error)),
            },
        }
    }
}

/// The service refuses an empty map.
fn some_if_any(values: Item) -> Option<Item> {
    (!values.is_empty()).then_some(values)
}
