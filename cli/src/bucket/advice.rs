//! What to do for stores that cannot be configured through their S3 API.

use std::time::Duration;

use consign_aws::{Cleaning, SetupError};
use consign_core::policy::StoreProvider;

use super::plan::Plan;
use super::table::{Row, RowState};

/// The ARN of MinIO's webhook with the id `consign`.
const MINIO_ARN: &str = "arn:minio:sqs::consign:webhook";
/// The timeout for identifying the server.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A kind of store, by its limitations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Aws,
    R2,
    Minio,
    /// Any other server.
    Other,
}

impl Kind {
    /// Returns the kind of store. If the provider does not determine it, the `Server` header does.
    pub(super) async fn find(
        http: &reqwest::Client,
        provider: StoreProvider,
        endpoint: &str,
    ) -> Self {
        match provider {
            StoreProvider::S3 => return Self::Aws,
            StoreProvider::R2 => return Self::R2,
            StoreProvider::Minio | StoreProvider::Embedded => {}
        }
        let answer = http.head(endpoint).timeout(TIMEOUT).send().await;
        let is_minio = answer.is_ok_and(|answer| {
            let server = answer.headers().get(http::header::SERVER);
            server.is_some_and(|server| server.as_bytes().starts_with(b"MinIO"))
        });
        if is_minio { Self::Minio } else { Self::Other }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Aws => "Amazon S3",
            Self::R2 => "Cloudflare R2",
            Self::Minio => "MinIO",
            Self::Other => "an S3 server",
        }
    }

    /// Returns the default target of notifications.
    pub(super) fn own_queue_arn(self) -> Option<&'static str> {
        match self {
            Self::Minio => Some(MINIO_ARN),
            Self::Aws | Self::R2 | Self::Other => None,
        }
    }

    /// Returns the note for a store without CORS rules that refuses these origins.
    pub(super) fn without_cors(self, refused: &[&str]) -> String {
        match self {
            Self::Minio => format!(
                "MinIO has no CORS rules for buckets; start it with\nMINIO_API_CORS_ALLOW_ORIGIN={}",
                refused.join(",")
            ),
            Self::Aws | Self::R2 | Self::Other => format!(
                "the store has no CORS rules; configure it to allow GET, HEAD, POST and PUT and to expose ETag for\n{}",
                refused.join(" ")
            ),
        }
    }

    /// Whether the store supports the rule.
    pub(super) fn takes(self, rule: Cleaning<'_>) -> bool {
        match (self, rule) {
            // MinIO ignores `AbortIncompleteMultipartUpload`, and then refuses the rule as empty.
            (Self::Minio, Cleaning::Parts { .. }) => false,
            (Self::Minio | Self::Aws | Self::R2 | Self::Other, _) => true,
        }
    }

    /// Returns the row for a rule that the store does not support.
    pub(super) fn without_cleaning(self, item: &'static str, rule: Cleaning<'_>) -> Row {
        match (self, rule) {
            (Self::Minio, Cleaning::Parts { .. }) => Row::new(
                item,
                RowState::ByStore,
                "MinIO removes stale parts after a day (MINIO_API_STALE_UPLOADS_EXPIRY)",
            ),
            (Self::Aws | Self::R2 | Self::Other, Cleaning::Parts { .. }) => Row::new(
                item,
                RowState::Manual,
                "the store does not support this rule; abort unfinished uploads regularly",
            ),
            (_, Cleaning::Objects { prefix, days, .. }) => Row::new(
                item,
                RowState::Manual,
                format!(
                    "the store does not support this rule; consign removes these objects itself. As a fallback,\n\
                     remove objects older than {days} days under {prefix}"
                ),
            ),
        }
    }

    /// Returns the row for missing notifications without a target.
    pub(super) fn without_queue(self, item: &'static str, plan: &Plan<'_>) -> Row {
        match self {
            Self::R2 => self.without_notifications(item, plan),
            Self::Aws => Row::new(
                item,
                RowState::Missing,
                "set --queue-arn arn:aws:sqs:REGION:ACCOUNT:QUEUE; the policy of the queue must allow s3.amazonaws.com to send",
            ),
            Self::Minio | Self::Other => Row::new(
                item,
                RowState::Manual,
                "set --queue-arn if the store supports notifications; without them, confirm or the sweep starts the ingest",
            ),
        }
    }

    /// Returns the row for a store whose notifications cannot be set through the S3 API.
    pub(super) fn without_notifications(self, item: &'static str, plan: &Plan<'_>) -> Row {
        let note = match self {
            Self::R2 => {
                let lines: Vec<String> = plan
                    .prefixes
                    .iter()
                    .map(|prefix| wrangler(plan.bucket, prefix))
                    .collect();
                format!(
                    "set the notifications of R2 with wrangler; `… notification list {}` shows them:\n{}",
                    plan.bucket,
                    lines.join("\n")
                )
            }
            Self::Aws | Self::Minio | Self::Other => {
                "the store has no notifications; confirm or the sweep starts the ingest".to_owned()
            }
        };
        Row::new(item, RowState::Manual, note)
    }

    /// Returns the note for a store that does not know the queue, or refused the rule.
    pub(super) fn refused_notifications(self, arn: &str, error: &SetupError) -> String {
        let target = arn.split(':').nth(4).unwrap_or("consign");
        match self {
            Self::Minio => format!(
                "{error}\nstart MinIO with these variables, and run the command again:\n\
                 MINIO_NOTIFY_WEBHOOK_ENABLE_{target}=on\n\
                 MINIO_NOTIFY_WEBHOOK_ENDPOINT_{target}=http://CONSIGN/events/minio\n\
                 MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_{target}=the S3_EVENT_TOKEN of `consign serve`\n\
                 MINIO_NOTIFY_WEBHOOK_QUEUE_DIR_{target}=a folder for undelivered notifications"
            ),
            Self::Aws => format!(
                "{error}\nthe policy of the queue must allow s3.amazonaws.com to send for this bucket"
            ),
            Self::R2 | Self::Other => error.to_string(),
        }
    }
}

fn wrangler(bucket: &str, prefix: &str) -> String {
    let filter = match prefix {
        "" => String::new(),
        prefix => format!(" --prefix {prefix}"),
    };
    format!(
        "npx wrangler r2 bucket notification create {bucket} --event-type object-create --event-type object-delete \
         --queue QUEUE{filter}"
    )
}
