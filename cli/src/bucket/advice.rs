//! What to do where a kind of store cannot be told by its S3 interface.

use std::time::Duration;

use consign_aws::{Cleaning, SetupError};
use consign_core::policy::Provider;

use super::plan::Plan;
use super::table::{Row, RowState};

/// A webhook of MinIO is a queue by this name, when its id is `consign`.
const MINIO_ARN: &str = "arn:minio:sqs::consign:webhook";
/// Time to find out what the server is.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A kind of store, as far as what it does not have depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Aws,
    R2,
    Minio,
    /// Any other server.
    Other,
}

impl Kind {
    /// What the provider's name leaves open is seen by what the server calls itself.
    pub(super) async fn find(http: &reqwest::Client, provider: Provider, endpoint: &str) -> Self {
        match provider {
            Provider::S3 => return Self::Aws,
            Provider::R2 => return Self::R2,
            Provider::Minio | Provider::Embedded => {}
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

    /// Where notifications go when nothing else is said.
    pub(super) fn own_queue_arn(self) -> Option<&'static str> {
        match self {
            Self::Minio => Some(MINIO_ARN),
            Self::Aws | Self::R2 | Self::Other => None,
        }
    }

    /// The store has no CORS rules, and turns these origins away.
    pub(super) fn without_cors(self, refused: &[&str]) -> String {
        match self {
            Self::Minio => format!(
                "MinIO takes no CORS rules for a bucket; start it with\nMINIO_API_CORS_ALLOW_ORIGIN={}",
                refused.join(",")
            ),
            Self::Aws | Self::R2 | Self::Other => format!(
                "the store takes no CORS rules; let its own settings allow GET, HEAD, POST and PUT and expose ETag for\n{}",
                refused.join(" ")
            ),
        }
    }

    /// Whether such a rule is worth asking for.
    pub(super) fn takes(self, rule: Cleaning<'_>) -> bool {
        match (self, rule) {
            // MinIO reads no `AbortIncompleteMultipartUpload`, and so finds the rule empty.
            (Self::Minio, Cleaning::Parts { .. }) => false,
            (Self::Minio | Self::Aws | Self::R2 | Self::Other, _) => true,
        }
    }

    /// The store does not take the rule.
    pub(super) fn without_cleaning(self, item: &'static str, rule: Cleaning<'_>) -> Row {
        match (self, rule) {
            (Self::Minio, Cleaning::Parts { .. }) => Row::new(
                item,
                RowState::ByStore,
                "MinIO drops stale parts after a day (MINIO_API_STALE_UPLOADS_EXPIRY)",
            ),
            (Self::Aws | Self::R2 | Self::Other, Cleaning::Parts { .. }) => Row::new(
                item,
                RowState::ByHand,
                "the store takes no such rule: abort unfinished uploads now and then",
            ),
            (_, Cleaning::Objects { prefix, days, .. }) => Row::new(
                item,
                RowState::ByHand,
                format!(
                    "the store takes no such rule; consign removes these itself, and should it not:\n\
                     remove what is older than {days} days under {prefix}"
                ),
            ),
        }
    }

    /// Nobody said where notifications go.
    pub(super) fn without_queue(self, item: &'static str, plan: &Plan<'_>) -> Row {
        match self {
            Self::R2 => self.without_notifications(item, plan),
            Self::Aws => Row::new(
                item,
                RowState::Missing,
                "give --queue-arn arn:aws:sqs:REGION:ACCOUNT:QUEUE; the queue's policy must let s3.amazonaws.com send",
            ),
            Self::Minio | Self::Other => Row::new(
                item,
                RowState::ByHand,
                "give --queue-arn if the store can notify; without, files move on by confirm, or by the sweep",
            ),
        }
    }

    /// The store cannot be told by the S3 interface.
    pub(super) fn without_notifications(self, item: &'static str, plan: &Plan<'_>) -> Row {
        let note = match self {
            Self::R2 => {
                let lines: Vec<String> = plan
                    .prefixes
                    .iter()
                    .map(|prefix| wrangler(plan.bucket, prefix))
                    .collect();
                format!(
                    "R2 is told by wrangler; `… notification list {}` shows what it knows:\n{}",
                    plan.bucket,
                    lines.join("\n")
                )
            }
            Self::Aws | Self::Minio | Self::Other => {
                "the store has no notifications: files move on by confirm, or by the sweep"
                    .to_owned()
            }
        };
        Row::new(item, RowState::ByHand, note)
    }

    /// The store does not know the queue, or does not take the rule.
    pub(super) fn refused_notifications(self, arn: &str, error: &SetupError) -> String {
        let target = arn.split(':').nth(4).unwrap_or("consign");
        match self {
            Self::Minio => format!(
                "{error}\nstart MinIO with these, and come again:\n\
                 MINIO_NOTIFY_WEBHOOK_ENABLE_{target}=on\n\
                 MINIO_NOTIFY_WEBHOOK_ENDPOINT_{target}=http://CONSIGN/events/minio\n\
                 MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_{target}=what S3_EVENT_TOKEN is for `consign serve`\n\
                 MINIO_NOTIFY_WEBHOOK_QUEUE_DIR_{target}=a folder for what could not be delivered yet"
            ),
            Self::Aws => format!(
                "{error}\nthe queue's policy must let s3.amazonaws.com send for this bucket"
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
