//! The envelopes that notifications arrive in, and the names by which stores call themselves.

/// The envelope in which a notification arrives. Where it is fixed, messages in other envelopes are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Envelope {
    /// S3 invokes a Lambda function.
    S3Lambda,
    /// S3 sends to an SQS queue.
    S3Sqs,
    /// S3 sends to an SNS topic that invokes a Lambda function or an HTTP endpoint.
    S3Sns,
    /// S3 sends to an SNS topic, which sends to an SQS queue. Each message has SNS's envelope.
    S3SnsSqs,
    /// As before, with raw message delivery. The message has the form of [`Envelope::S3Sqs`].
    S3SnsRawSqs,
    /// S3 sends through EventBridge to a Lambda function or an SQS queue.
    EventBridge,
    /// R2 sends to a Cloudflare Queue.
    R2Queue,
    /// MinIO's webhook, and those of servers with the same notifications.
    MinioWebhook,
}

impl Envelope {
    /// All envelopes.
    pub const ALL: [Self; 8] = [
        Self::S3Lambda,
        Self::S3Sqs,
        Self::S3Sns,
        Self::S3SnsSqs,
        Self::S3SnsRawSqs,
        Self::EventBridge,
        Self::R2Queue,
        Self::MinioWebhook,
    ];

    /// Returns the stable name, as the conformance program reads it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::S3Lambda => "s3-lambda",
            Self::S3Sqs => "s3-sqs",
            Self::S3Sns => "s3-sns",
            Self::S3SnsSqs => "s3-sns-sqs",
            Self::S3SnsRawSqs => "s3-sns-raw-sqs",
            Self::EventBridge => "eventbridge",
            Self::R2Queue => "r2-queue",
            Self::MinioWebhook => "minio-webhook",
        }
    }

    /// Returns the envelope of that name, if there is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|envelope| envelope.as_str() == name)
    }
}

/// Values of `eventSource` that are accepted in addition to `aws:s3`, `minio:s3` and `rustfs:s3`, such as `ceph:s3`,
/// for servers with S3's notifications. Records of other sources are acknowledged without effect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventSources(Vec<String>);

impl EventSources {
    /// The maximum length of a name, in bytes.
    pub const NAME_BYTES_MAX: usize = 64;
    /// Sources that are decoded in their own way and cannot be listed.
    const OWN: [&str; 5] = ["aws:s3", "aws:sqs", "aws:sns", "minio:s3", "rustfs:s3"];

    /// No additional sources.
    pub const KNOWN: Self = Self(Vec::new());

    /// Creates a list of additional sources. `None` if a name is not printable ASCII of 1 to
    /// [`EventSources::NAME_BYTES_MAX`] bytes, or is known already.
    #[must_use]
    pub fn with(names: Vec<String>) -> Option<Self> {
        let is_name = |name: &String| {
            (1..=Self::NAME_BYTES_MAX).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_graphic())
                && !Self::OWN.contains(&name.as_str())
        };
        names.iter().all(is_name).then_some(Self(names))
    }

    pub(crate) fn lists(&self, name: &str) -> bool {
        self.0.iter().any(|listed| listed == name)
    }
}
