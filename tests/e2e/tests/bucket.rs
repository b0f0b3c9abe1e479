//! `consign bucket init` on a real MinIO, which has no CORS rules and takes no abort rules, and on the embedded store, which has
//! neither rules nor notifications.

#![expect(
    clippy::expect_used,
    reason = "what a test's helper cannot do fails the test"
)]

use std::process::{Command, Output};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, Event, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter, NotificationConfiguration, QueueConfiguration,
};
use e2e::{Minio, POLICY, SilentStore, program};

/// A folder with the suite's policy, and how its store is reached.
struct Setup {
    folder: tempfile::TempDir,
    endpoint: String,
    keys: (String, String),
}

impl Setup {
    fn new(endpoint: String, keys: (String, String), policy: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("consign.toml"), policy).expect("it takes a file");
        Self {
            folder,
            endpoint,
            keys,
        }
    }

    fn init(&self, args: &[&str]) -> Output {
        let mut command = Command::new(program());
        command
            .args(["bucket", "init"])
            .args(args)
            .current_dir(self.folder.path())
            .env("S3_ENDPOINT", &self.endpoint)
            .env("S3_ACCESS_KEY", &self.keys.0)
            .env("S3_SECRET_KEY", &self.keys.1);
        command.output().expect("the program starts")
    }

    /// What it printed, where it ended with this code.
    fn says(&self, args: &[&str], code: i32) -> String {
        let Output {
            status,
            stdout,
            stderr,
        } = self.init(args);
        let printed = String::from_utf8(stdout).expect("it prints text");
        let complaints = String::from_utf8_lossy(&stderr);
        assert_eq!(
            status.code(),
            Some(code),
            "{args:?}:\n{printed}{complaints}"
        );
        assert!(!printed.contains(&self.keys.1) && !complaints.contains(&self.keys.1));
        printed + &complaints
    }

    fn client(&self) -> Client {
        let http = aws_smithy_http_client::Builder::new().build_http();
        let credentials = Credentials::new(&self.keys.0, &self.keys.1, None, None, "test");
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http)
            .region(Region::new("us-east-1"))
            .credentials_provider(credentials)
            .force_path_style(true)
            .endpoint_url(&self.endpoint);
        Client::from_conf(config.build())
    }
}

/// The states of a table, in order: what, state.
fn states(table: &str) -> Vec<(&'static str, &'static str)> {
    let known = [
        "present",
        "created",
        "by the store",
        "manual",
        "skipped",
        "MISSING",
        "FAILED",
    ];
    let items = [
        "bucket",
        "CORS",
        "abandoned parts",
        "deleted files",
        "health probes",
        "notifications",
    ];
    table
        .lines()
        .filter_map(|line| {
            let item = items
                .into_iter()
                .find(|item| line.contains(&format!("  {item} ")))?;
            let after = line.split_once(item)?.1.trim_start();
            let state = known.into_iter().find(|state| after.starts_with(state))?;
            Some((item, state))
        })
        .collect()
}

#[tokio::test]
async fn a_minio_is_made_ready_once_and_found_ready_after_that() {
    let minio = Minio::shared().await;
    let lease = minio.lease().await;
    let (bucket, arn) = (lease.bucket("e2e-files"), lease.queue_arn());
    let policy = POLICY.text().replace("e2e-files", &bucket);
    let setup = Setup::new(minio.url(), minio.keys(), &policy);
    let origin = ["--origin", "https://app.example.org", "--queue-arn", &arn];
    let check = [&origin[..], &["--check"]].concat();

    assert_eq!(states(&setup.says(&check, 1)), [("bucket", "MISSING")]);
    let made = setup.says(&origin, 0);
    let expected = |state| {
        [
            ("bucket", state),
            ("CORS", "by the store"),
            ("abandoned parts", "by the store"),
            ("deleted files", state),
            ("health probes", state),
            ("notifications", state),
        ]
    };
    assert_eq!(states(&made), expected("created"), "{made}");
    assert!(
        made.contains("MINIO_API_STALE_UPLOADS_EXPIRY") && made.contains(&arn),
        "{made}"
    );
    for args in [&origin[..], &check] {
        assert_eq!(states(&setup.says(args, 0)), expected("present"));
    }

    // What the store now has, as others see it.
    let client = setup.client();
    let rules = client.get_bucket_lifecycle_configuration().bucket(&bucket);
    let rules = rules.send().await.expect("MinIO answers");
    let ids: Vec<_> = rules.rules().iter().filter_map(LifecycleRule::id).collect();
    assert_eq!(ids, ["consign-deleted", "consign-probes"]);
    let queues = client
        .get_bucket_notification_configuration()
        .bucket(&bucket);
    let queues = queues.send().await.expect("MinIO answers");
    // A rule for each place where uploads arrive; what ingest writes tells nobody.
    assert_eq!(queues.queue_configurations().len(), 4, "{queues:?}");

    // Once something of ours is gone, a check says so.
    let none = NotificationConfiguration::builder().build();
    let put = client
        .put_bucket_notification_configuration()
        .bucket(&bucket);
    put.notification_configuration(none)
        .send()
        .await
        .expect("MinIO takes it");
    let missing = setup.says(&check, 1);
    assert_eq!(
        states(&missing)[5],
        ("notifications", "MISSING"),
        "{missing}"
    );
}

#[tokio::test]
async fn rules_of_others_stay() {
    let minio = Minio::shared().await;
    let (lease, other) = (minio.lease().await, minio.lease().await);
    let bucket = lease.bucket("e2e-files");
    let policy = POLICY.text().replace("e2e-files", &bucket);
    let setup = Setup::new(minio.url(), minio.keys(), &policy);
    let client = setup.client();
    client
        .create_bucket()
        .bucket(&bucket)
        .send()
        .await
        .expect("MinIO makes it");
    let rule = LifecycleRule::builder()
        .id("theirs")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("scratch/").build())
        .expiration(LifecycleExpiration::builder().days(3).build())
        .build()
        .expect("it is whole");
    let rules = BucketLifecycleConfiguration::builder()
        .rules(rule.clone())
        .build();
    let put = client.put_bucket_lifecycle_configuration().bucket(&bucket);
    let put = put.lifecycle_configuration(rules.expect("it is whole"));
    put.send().await.expect("MinIO takes it");
    let queue = QueueConfiguration::builder()
        .id("theirs")
        .queue_arn(other.queue_arn())
        .events(Event::S3ObjectCreated)
        .build()
        .expect("it is whole");
    let queues = NotificationConfiguration::builder().queue_configurations(queue.clone());
    let put = client
        .put_bucket_notification_configuration()
        .bucket(&bucket);
    let put = put.notification_configuration(queues.build());
    put.send().await.expect("MinIO takes it");

    for _ in 0..2 {
        setup.says(&["--queue-arn", &lease.queue_arn()], 0);
    }
    let found = client.get_bucket_lifecycle_configuration().bucket(&bucket);
    let found = found.send().await.expect("MinIO answers");
    assert_eq!(found.rules().len(), 3);
    let theirs = found
        .rules()
        .iter()
        .find(|rule| rule.id() == Some("theirs"));
    let theirs = theirs.expect("it is there");
    assert_eq!(theirs.expiration(), rule.expiration());
    assert_eq!(
        theirs.filter().and_then(|filter| filter.prefix()),
        Some("scratch/")
    );
    let found = client
        .get_bucket_notification_configuration()
        .bucket(&bucket);
    let found = found.send().await.expect("MinIO answers");
    assert_eq!(found.queue_configurations().len(), 5);
    let theirs = found
        .queue_configurations()
        .iter()
        .find(|rule| rule.id() == Some("theirs"));
    assert_eq!(
        theirs.map(QueueConfiguration::queue_arn),
        Some(other.queue_arn().as_str())
    );
}

#[tokio::test]
async fn a_webhook_that_minio_does_not_know_is_said_with_what_to_do() {
    let minio = Minio::shared().await;
    let lease = minio.lease().await;
    let policy = POLICY
        .text()
        .replace("e2e-files", &lease.bucket("e2e-files"));
    let setup = Setup::new(minio.url(), minio.keys(), &policy);
    // Without an ARN it is the webhook `consign`, which this MinIO does not have.
    let table = setup.says(&[], 1);
    assert_eq!(states(&table)[5], ("notifications", "FAILED"), "{table}");
    for name in ["ENABLE", "ENDPOINT", "AUTH_TOKEN", "QUEUE_DIR"] {
        assert!(
            table.contains(&format!("MINIO_NOTIFY_WEBHOOK_{name}_consign=")),
            "{table}"
        );
    }
}

// The store is in this process, and answers while the program is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_store_says_what_it_does_not_have() {
    let store = SilentStore::start().await;
    let setup = Setup::new(store.url(), store.keys(), POLICY.text());
    // Its CORS is that of `consign serve`, and this one lets no page in.
    let table = setup.says(&["--origin", "https://app.example.org"], 1);
    assert_eq!(
        states(&table),
        [
            ("bucket", "present"),
            ("CORS", "MISSING"),
            ("abandoned parts", "manual"),
            ("deleted files", "manual"),
            ("health probes", "manual"),
            ("notifications", "manual"),
        ],
        "{table}"
    );
    let table = setup.says(&[], 0);
    assert_eq!(states(&table)[1], ("CORS", "skipped"), "{table}");
}

#[tokio::test]
async fn without_a_store_or_its_credentials_it_says_so() {
    let setup = Setup::new(
        String::new(),
        (String::new(), "unused".to_owned()),
        POLICY.text(),
    );
    assert!(setup.says(&[], 1).contains("--s3-endpoint"));
    let setup = Setup::new(
        "http://127.0.0.1:9".to_owned(),
        (String::new(), "unused".to_owned()),
        POLICY.text(),
    );
    assert!(setup.says(&[], 1).contains("S3_ACCESS_KEY"));
}
