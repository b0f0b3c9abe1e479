//! The functions' own programs behind cargo-lambda's runtime interface, with `MinIO`, DynamoDB Local, `ElasticMQ`, and the
//! bridge (`infra/bridge`) for what AWS does between them. One such stack serves all tests of a program that want its policy.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;

use crate::guard::{self, Guarded};
use crate::kind::needed;
use crate::minio::{EVENT_TOKEN, Lease, Minio};
use crate::policy::rename_buckets;
use crate::settings::{DEV_SECRET, TOKEN_SECRET, environment};
use crate::store::Account;
use crate::{Policy, program};
use ports::free_port;

/// The programs. The ingest twice, so that a long conversion keeps no other file waiting.
const FUNCTIONS: [&str; 8] = [
    "sign-upload",
    "confirm",
    "status",
    "download-url",
    "files",
    "health",
    INGEST,
    INGEST,
];
const INGEST: &str = "ingest-on-object-created";
/// Memory that a function is told it has, in megabytes.
const MEMORY_MB: &str = "1024";
/// How long a message of the queue stays hidden, and so how long an invocation that was lost is waited for.
const VISIBILITY_S: u32 = 10;
const SWEEP_S: u32 = 1;
const START: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(100);

static SERVERS: OnceCell<Servers> = OnceCell::const_new();
static SUITE: OnceCell<Stack> = OnceCell::const_new();
static RECONCILIATION: OnceCell<Stack> = OnceCell::const_new();

/// What all stacks share, beside `MinIO`.
#[derive(Debug)]
struct Servers {
    dynamodb_url: String,
    elasticmq_url: String,
    _dynamodb: Guarded,
    _elasticmq: Guarded,
}

/// Everything behind one base URL.
#[derive(Debug)]
pub(crate) struct Stack {
    /// Base URL of the functions.
    pub(crate) base_url: String,
    /// The policy, with the names of this stack's buckets.
    pub(crate) policy: toml::Table,
    /// The store's.
    pub(crate) account: Account,
    environment: Vec<(String, String)>,
    functions: Mutex<Vec<Function>>,
    bridge: Guarded,
    /// What functions wrote that live no more.
    last_words: Mutex<String>,
    runtime: Runtime,
    _lease: Lease,
}

/// The runtime interface, whose folder holds the policy too.
#[derive(Debug)]
struct Runtime {
    url: String,
    /// The file of the policy.
    config: PathBuf,
    _program: Guarded,
}

#[derive(Debug)]
struct Function {
    name: &'static str,
    program: Guarded,
}

impl Servers {
    async fn shared() -> &'static Self {
        SERVERS.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let dynamodb_url = format!("http://127.0.0.1:{}", free_port());
        let elasticmq_url = format!("http://127.0.0.1:{}", free_port());
        let port = |url: &str| url.rsplit(':').next().unwrap_or_default().to_owned();
        let mut dynamodb = java("CONSIGN_DYNAMODB_DIR");
        dynamodb
            .args(["-Djava.library.path=lib", "-cp", "lib/*"])
            .arg("com.amazonaws.services.dynamodbv2.local.main.ServerRunner")
            .args(["-inMemory", "-sharedDb", "-disableTelemetry", "-port"])
            .arg(port(&dynamodb_url));
        let mut elasticmq = java("CONSIGN_ELASTICMQ_DIR");
        elasticmq
            .arg(format!(
                "-Dconfig.file={}",
                root().join("infra/elasticmq.conf").display()
            ))
            .arg(format!("-Dnode-address.port={}", port(&elasticmq_url)))
            .arg(format!("-Drest-sqs.bind-port={}", port(&elasticmq_url)))
            .args(["-Drest-sqs.bind-hostname=127.0.0.1", "-cp", "lib/*"])
            .arg("org.elasticmq.server.Main");
        let elasticmq = Guarded::start(guard::folder(), &elasticmq);
        let ready = format!("{elasticmq_url}/?Action=ListQueues");
        Self {
            // The bridge waits for it.
            _dynamodb: Guarded::start(guard::folder(), &dynamodb),
            _elasticmq: elasticmq.answers(&ready).await,
            dynamodb_url,
            elasticmq_url,
        }
    }

    /// Makes a queue with its dead letter queue, as `infra/elasticmq.conf` does; their URLs.
    async fn queue(&self, name: &str) -> (String, String) {
        let dead = format!("{name}-dead");
        let redrive = format!(
            "{{\"deadLetterTargetArn\":\"arn:aws:sqs:elasticmq:000000000000:{dead}\",\"maxReceiveCount\":\"12\"}}"
        );
        let visibility = VISIBILITY_S.to_string();
        self.create(&dead, &[]).await;
        self.create(
            name,
            &[
                ("Attribute.1.Name", "VisibilityTimeout"),
                ("Attribute.1.Value", &visibility),
                ("Attribute.2.Name", "RedrivePolicy"),
                ("Attribute.2.Value", &redrive),
            ],
        )
        .await;
        let url = |name: &str| format!("{}/000000000000/{name}", self.elasticmq_url);
        (url(name), url(&dead))
    }

    async fn create(&self, name: &str, attributes: &[(&str, &str)]) {
        let form = [("Action", "CreateQueue"), ("QueueName", name)];
        let http = crate::user::http();
        let request = http
            .post(&self.elasticmq_url)
            .form(&[&form, attributes].concat());
        let answer = request.send().await.expect("ElasticMQ answers");
        assert_eq!(answer.status(), 200, "{name}");
    }
}

impl Runtime {
    async fn start(policy: &toml::Table) -> Self {
        let folder = guard::folder();
        let config = folder.join("consign.toml");
        std::fs::write(&config, policy.to_string()).expect("the policy is written");
        let port = free_port();
        let mut program = Command::new(needed("CONSIGN_CARGO_LAMBDA"));
        program
            .current_dir(root())
            .args(["lambda", "watch", "--only-lambda-apis", "--ignore-changes"])
            .args(["-A", "127.0.0.1", "-P", &port.to_string()]);
        let program = Guarded::start(folder, &program);
        Self {
            url: format!("http://127.0.0.1:{port}"),
            config,
            _program: program.listens(port).await,
        }
    }
}

impl Stack {
    /// The stack of this program for a policy; started where it is not.
    pub(crate) async fn shared(policy: Policy) -> &'static Self {
        let cell = match policy {
            Policy::Suite => &SUITE,
            Policy::Reconciliation => &RECONCILIATION,
        };
        cell.get_or_init(|| Self::start(policy)).await
    }

    async fn start(policy: Policy) -> Self {
        // 1. The servers, and what is this stack's alone on them.
        let (minio, servers) = tokio::join!(Minio::shared(), Servers::shared());
        let lease = minio.lease().await;
        let name = format!("consign-{}", policy.name());
        let (queue_url, dead_url) = servers.queue(&name).await;
        let account = minio.account();
        let mut policy = policy.table();
        rename_buckets(&mut policy, |bucket| lease.bucket(bucket));

        // 2. The runtime interface, which has to listen first: a function that finds nobody ends.
        let runtime = Runtime::start(&policy).await;

        // 3. What all functions find in their environment, and the buckets.
        let config = runtime.config.display().to_string();
        let (url, public_url) = (minio.url(), minio.public_url());
        let environment = environment(
            &policy,
            &[
                ("AWS_REGION", "us-east-1"),
                ("AWS_ACCESS_KEY_ID", &account.access_key),
                ("AWS_SECRET_ACCESS_KEY", &account.secret_key),
                ("AWS_ENDPOINT_URL_S3", &url),
                ("AWS_ENDPOINT_URL_DYNAMODB", &servers.dynamodb_url),
                ("AWS_ENDPOINT_URL_SQS", &servers.elasticmq_url),
                ("S3_ENDPOINT", &url),
                ("S3_PUBLIC_ENDPOINT", &public_url),
                ("S3_QUEUE_ARN", &lease.queue_arn()),
                ("CONSIGN_CONFIG", &config),
                ("CONSIGN_TABLE", &name),
                ("CONSIGN_QUEUE_URL", &queue_url),
                ("CONSIGN_DEAD_LETTERS_URL", &dead_url),
                ("CONSIGN_LOG", "INFO"),
                (DEV_SECRET, TOKEN_SECRET),
                // The example's policy names these.
                ("MINIO_ACCESS_KEY", &account.access_key),
                ("MINIO_SECRET_KEY", &account.secret_key),
                ("MINIO_EVENT_TOKEN", EVENT_TOKEN),
            ],
        );
        make_buckets(&environment);

        // 4. The bridge and the functions. Requests wait until the functions they are for are there.
        let gateway = format!("127.0.0.1:{}", free_port());
        let mut bridge = Command::new(needed("CONSIGN_BRIDGE_BIN"));
        bridge
            .args(["--listen", lease.base_url().trim_start_matches("http://")])
            .args(["--gateway", &gateway, "--runtime", &runtime.url])
            .args(["--queue", &name, "--concurrency", "3"])
            .args(["--invoke-timeout", &VISIBILITY_S.to_string()])
            .args(["--sweep-every", &SWEEP_S.to_string()])
            .env("CONSIGN_WEBHOOK_TOKEN", EVENT_TOKEN)
            .envs(environment.iter().cloned());
        let stack = Self {
            base_url: format!("http://{gateway}"),
            policy,
            account,
            environment,
            functions: Mutex::default(),
            bridge: Guarded::start(guard::folder(), &bridge),
            last_words: Mutex::default(),
            runtime,
            _lease: lease,
        };
        for name in FUNCTIONS {
            stack.launch(name);
        }
        stack.wait_until_up().await;
        stack
    }

    fn launch(&self, name: &'static str) {
        let mut command = Command::new(Path::new(&needed("CONSIGN_LAMBDA_DIR")).join(name));
        command
            .env(
                "AWS_LAMBDA_RUNTIME_API",
                format!("{}/.rt/{name}", self.runtime.url),
            )
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", MEMORY_MB)
            .envs(self.environment.iter().cloned());
        let program = Guarded::start(guard::folder(), &command);
        let mut functions = self
            .functions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        functions.push(Function { name, program });
    }

    /// Kills an ingest as a power failure would, and starts another in its place.
    pub(crate) fn strike(&self) {
        let struck = {
            let mut functions = self
                .functions
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            // The oldest: a new one stands at the end.
            let place = functions
                .iter()
                .position(|function| function.name == INGEST);
            functions.remove(place.expect("there is an ingest"))
        };
        let log = struck.program.log();
        struck.program.kill();
        let mut last_words = self
            .last_words
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        last_words.push_str(&log);
        drop(last_words);
        self.launch(INGEST);
    }

    /// What functions and bridge wrote so far.
    pub(crate) fn log(&self) -> String {
        let mut log = self
            .last_words
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let functions = self
            .functions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for function in functions.iter() {
            log.push_str(&function.program.log());
        }
        log.push_str(&self.bridge.log());
        log
    }

    /// Waits until the store, the records and the functions answer through the gateway.
    async fn wait_until_up(&self) {
        let up = tokio::time::timeout(START, async {
            while !self.is_up().await {
                tokio::time::sleep(PAUSE).await;
            }
        });
        if up.await.is_err() {
            unreachable!("the functions are not up after {START:?}:\n{}", self.log());
        }
    }

    async fn is_up(&self) -> bool {
        let http = crate::user::http();
        let status = async |path: &str| {
            let answer = http.get(format!("{}{path}", self.base_url)).send().await;
            answer.map_or(0, |answer| answer.status().as_u16())
        };
        // Without a token: that is told only by the function itself.
        status("/health/storage").await == 200 && status("/files").await == 401
    }
}

/// `consign bucket init`, with the policy and the store that the environment names.
fn make_buckets(environment: &[(String, String)]) {
    let mut init = Command::new(program());
    init.args(["bucket", "init"])
        .envs(environment.iter().cloned());
    let init = init.output().expect("the program starts");
    assert!(
        init.status.success(),
        "{}{}",
        String::from_utf8_lossy(&init.stdout),
        String::from_utf8_lossy(&init.stderr)
    );
}

fn java(home: &str) -> Command {
    let mut java = Command::new("java");
    // A test's server has no time to become fast.
    java.current_dir(needed(home))
        .arg("-XX:TieredStopAtLevel=1");
    java
}

/// The root of the repository, where cargo-lambda finds the names of the functions.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
