//! The table of the upload records.

use std::time::Duration;

use consign_aws::{AwsOptions, DynamoRepo};
use tokio_util::sync::CancellationToken;

use crate::Options;

/// The pause after DynamoDB was not there.
const ABSENCE_PAUSE: Duration = Duration::from_secs(1);

/// Makes the table where it is missing, as soon as DynamoDB is there.
pub(crate) async fn ensure(options: Options, stop: CancellationToken) {
    let access = AwsOptions {
        endpoint: Some(options.dynamodb_endpoint),
        region: options.region,
        access_key: options.access_key,
        secret_key: options.secret_key.expose().to_owned(),
        session_token: None,
    };
    let repo = DynamoRepo::new(&access, &options.table);
    let mut is_absent = false;
    while let Err(fault) = repo.ensure_table().await {
        if !is_absent {
            tracing::warn!(table = options.table, %fault, "the table cannot be made yet");
        }
        is_absent = true;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(ABSENCE_PAUSE) => {}
        }
    }
    tracing::info!(table = options.table, "the table is there");
}
