//! Writes a change of a record, with the quota of its owner.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use consign_core::ports::{Fault, Saved};
use consign_core::upload::Upload;

use super::DynamoRepo;
use super::item::{self, Item, name, number, record_expiry_s};
use super::transact::{Batch, Move, Refused, Transacted, Tries, is_outcome_unknown, write_name};
use crate::fault::fault;

const OPERATION: &str = "save";

const IS_UNCHANGED: &str = "revision = :revision";

/// How a release is subtracted from a reservation.
#[derive(Clone, Copy)]
enum Floor {
    /// The reservation is at least as large.
    Subtract,
    /// The reservation is smaller, which only a forged record can cause. It becomes zero.
    Zero,
}

impl DynamoRepo {
    /// Writes `after` if the record still has the revision of `before`.
    ///
    /// If the record already contains this write, because its answer was lost, the result is success. If another write
    /// followed before that was checked, the result is a conflict: the caller reads again, and finds the change done.
    pub(super) async fn save_change(
        &self,
        before: &Upload,
        after: &Upload,
    ) -> Result<Saved, Fault> {
        let write = write_name();
        let saved = if before.reserved_bytes == after.reserved_bytes
            && record_expiry_s(before) == record_expiry_s(after)
            && before.counts_as_file() == after.counts_as_file()
        {
            self.save_alone(before, after, &write).await
        } else {
            self.save_with_others(before, after, &write).await
        };
        match saved {
            Err(fault) if is_outcome_unknown(&fault) => {
                match self.is_written_by(OPERATION, after.id, &write).await {
                    Ok(true) => Ok(Saved::Written),
                    Ok(false) | Err(_) => Err(fault),
                }
            }
            saved => saved,
        }
    }

    /// Writes only the record, at half the cost of a transaction.
    async fn save_alone(
        &self,
        before: &Upload,
        after: &Upload,
        write: &str,
    ) -> Result<Saved, Fault> {
        let record = item::record_item(OPERATION, after, write)?;
        let mut tries = Tries::new(OPERATION);
        loop {
            let call = self
                .client
                .put_item()
                .table_name(&self.table)
                .set_item(Some(record.clone()))
                .condition_expression(IS_UNCHANGED)
                .expression_attribute_values(":revision", number(before.revision))
                .return_values_on_condition_check_failure(
                    ReturnValuesOnConditionCheckFailure::AllOld,
                );
            let error = match call.send().await {
                Ok(_) => return Ok(Saved::Written),
                Err(error) => error,
            };
            match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    return Ok(saved_by(failed.item(), write));
                }
                Some(PutItemError::TransactionConflictException(_)) => tries.pause().await?,
                _ => return Err(fault(OPERATION, &error)),
            }
        }
    }

    /// Writes the record, the reservation of its owner, and the expiry of its object key.
    async fn save_with_others(
        &self,
        before: &Upload,
        after: &Upload,
        write: &str,
    ) -> Result<Saved, Fault> {
        let record = item::record_item(OPERATION, after, write)?;
        let mut floor = Floor::Subtract;
        let mut tries = Tries::new(OPERATION);
        loop {
            let mut batch = Batch::new(self, OPERATION);
            let revision = vec![(":revision", number(before.revision))];
            batch.put(record.clone(), IS_UNCHANGED, revision)?;
            if record_expiry_s(before) != record_expiry_s(after) {
                batch.change(item::object_key(&after.object), expiry(after))?;
            }
            if before.reserved_bytes != after.reserved_bytes
                || before.counts_as_file() != after.counts_as_file()
            {
                let moved = quota_move(before, after, floor);
                batch.change(item::quota_key(&after.owner), moved)?;
            }
            match batch.commit().await? {
                Transacted::Committed => return Ok(Saved::Written),
                Transacted::Contended => {}
                Transacted::Refused(refused) => match refused.into_iter().next() {
                    Some(Refused::By(found)) => return Ok(saved_by(found.as_ref(), write)),
                    // The condition on the quota failed: the reservation is smaller than the release.
                    Some(Refused::No) | None => {
                        floor = match floor {
                            Floor::Subtract => Floor::Zero,
                            Floor::Zero => Floor::Subtract,
                        };
                    }
                },
            }
            tries.pause().await?;
        }
    }
}

/// Whether the record that refused a write already contains that write.
fn saved_by(found: Option<&Item>, write: &str) -> Saved {
    let last = found.and_then(|item| item::get_text(item, name::WRITE));
    if last == Some(write) {
        Saved::Written
    } else {
        Saved::Conflict
    }
}

/// Changes the reservation of an owner, which never becomes negative, and the number of its files.
fn quota_move(before: &Upload, after: &Upload, floor: Floor) -> Move {
    let given_back = before.reserved_bytes.saturating_sub(after.reserved_bytes);
    let taken = i128::from(after.reserved_bytes) - i128::from(before.reserved_bytes);
    let files = i64::from(after.counts_as_file()) - i64::from(before.counts_as_file());
    let files = (":files", number(files));
    if given_back == 0 {
        return Move {
            update: "ADD reserved_bytes :bytes, file_count :files",
            condition: None,
            values: vec![(":bytes", number(taken)), files],
        };
    }
    let given_back = (":given_back", number(given_back));
    match floor {
        Floor::Subtract => Move {
            update: "ADD reserved_bytes :bytes, file_count :files",
            condition: Some("reserved_bytes >= :given_back".to_owned()),
            values: vec![(":bytes", number(taken)), given_back, files],
        },
        Floor::Zero => Move {
            update: "SET reserved_bytes = :zero ADD file_count :files",
            condition: Some(
                "attribute_not_exists(reserved_bytes) OR reserved_bytes < :given_back".to_owned(),
            ),
            values: vec![(":zero", number(0)), given_back, files],
        },
    }
}

/// Sets or removes the expiry of the object key, like that of the record.
fn expiry(after: &Upload) -> Move {
    match record_expiry_s(after) {
        Some(expiry_s) => Move {
            update: "SET expires_at = :expires_at",
            condition: None,
            values: vec![(":expires_at", number(expiry_s))],
        },
        None => Move {
            update: "REMOVE expires_at",
            condition: None,
            values: vec![],
        },
    }
}
