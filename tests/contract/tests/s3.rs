//! The S3 adapter keeps the contract, on the embedded store and on MinIO.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what tests share may fail them"
)]

#[path = "s3/history.rs"]
mod history;
#[path = "s3/peculiar.rs"]
mod peculiar;

use std::io::Read as _;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use consign_aws::{Body, S3Options, S3Store, S3Writer};
use consign_core::ids::{ETag, ObjectRef};
use consign_core::policy::Encryption;
use consign_core::ports::{
    BeginMultipart, Fault, Multipart, ObjectHead, ObjectStore, Part, Read, ReadError,
};
use consign_core::sigv4::{Addressing, Credentials, Operation, Request, Signer, SignerConfig};
use consign_core::time::Timestamp;
use consign_embedded::{EmbeddedS3, Options, Running};
use consign_testkit::contract::{BUCKET, ClientParts};
use futures_util::StreamExt as _;
use tempfile::TempDir;

const ACCESS_KEY: &str = "contract";
const SECRET_KEY: &str = "contract-secret";

/// The adapter, and a client that puts parts by presigned URLs as a browser would.
struct Subject {
    store: S3Store,
    signer: Signer,
    http: reqwest::Client,
}

impl Subject {
    fn new(endpoint: &str) -> Self {
        let store = S3Store::new(&S3Options {
            endpoint: Some(endpoint.to_owned()),
            region: "us-east-1".to_owned(),
            path_style: true,
            access_key: ACCESS_KEY.to_owned(),
            secret_key: SECRET_KEY.to_owned(),
            session_token: None,
        });
        let signer = Signer::new(SignerConfig {
            endpoint: Some(endpoint),
            region: "us-east-1",
            addressing: Addressing::Path,
            credentials: Credentials {
                access_key: ACCESS_KEY.to_owned(),
                secret_key: SECRET_KEY.into(),
                session_token: None,
                expires_at: None,
            },
        });
        // The workspace's client comes without one; a second installation changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            store,
            signer: signer.unwrap(),
            http: reqwest::Client::new(),
        }
    }
}

fn now() -> Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "the servers have the system's clock"
    )]
    chrono::Utc::now()
}

impl ClientParts for Subject {
    async fn put_part(&self, object: &ObjectRef, upload_id: &str, part: (u16, Vec<u8>)) -> ETag {
        let number = part.0.to_string();
        let request = Request {
            operation: Operation::UploadPart,
            bucket: &object.bucket,
            key: &object.key,
            headers: &[("content-length", &part.1.len().to_string())],
            query: &[("partNumber", &number), ("uploadId", upload_id)],
            expires_s: 300,
        };
        let url = self.signer.presign(&request, now()).unwrap();
        let answer = self.http.put(url).body(part.1).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        ETag::new(answer.headers()["etag"].to_str().unwrap())
    }
}

impl ObjectStore for Subject {
    type Body = Body;
    type Writer = S3Writer;

    async fn head(&self, object: &ObjectRef) -> Result<Option<ObjectHead>, Fault> {
        self.store.head(object).await
    }
    async fn get(&self, object: &ObjectRef, read: &Read) -> Result<Body, ReadError> {
        self.store.get(object, read).await
    }
    async fn put(
        &self,
        object: &ObjectRef,
        content_type: &str,
        body: Bytes,
    ) -> Result<ETag, Fault> {
        self.store.put(object, content_type, body).await
    }
    async fn writer(&self, object: &ObjectRef, content_type: &str) -> Result<S3Writer, Fault> {
        self.store.writer(object, content_type).await
    }
    async fn copy(&self, from: &ObjectRef, to: &ObjectRef) -> Result<bool, Fault> {
        self.store.copy(from, to).await
    }
    async fn delete(&self, object: &ObjectRef) -> Result<(), Fault> {
        self.store.delete(object).await
    }
    async fn check_bucket(&self, bucket: &str) -> Result<(), Fault> {
        self.store.check_bucket(bucket).await
    }
}

impl BeginMultipart for Subject {
    async fn begin(
        &self,
        object: &ObjectRef,
        content_type: &str,
        encryption: &Encryption,
    ) -> Result<String, Fault> {
        self.store.begin(object, content_type, encryption).await
    }
}

impl Multipart for Subject {
    async fn parts(&self, object: &ObjectRef, upload_id: &str) -> Result<Option<Vec<Part>>, Fault> {
        self.store.parts(object, upload_id).await
    }
    async fn complete(
        &self,
        object: &ObjectRef,
        upload_id: &str,
        parts: &[Part],
    ) -> Result<bool, Fault> {
        self.store.complete(object, upload_id, parts).await
    }
    async fn abort(&self, object: &ObjectRef, upload_id: &str) -> Result<(), Fault> {
        self.store.abort(object, upload_id).await
    }
}

async fn embedded() -> ((TempDir, Running), Subject) {
    let folder = TempDir::new().unwrap();
    let options = Options {
        root: folder.path().to_owned(),
        access_key: ACCESS_KEY.to_owned(),
        secret_key: SECRET_KEY.to_owned(),
        buckets: vec![BUCKET.to_owned()],
        cors_origins: Vec::new(),
        abort_parts_after: std::time::Duration::from_secs(10 * 86_400),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = |_: String| async { Ok(()) };
    #[expect(
        clippy::disallowed_methods,
        reason = "signatures need the system's clock"
    )]
    let running = EmbeddedS3::start(options, listener, silent, SystemTime::now).unwrap();
    let subject = Subject::new(&format!("http://{}", running.local_addr()));
    ((folder, running), subject)
}

/// A MinIO of its own, ended with the test.
struct Minio {
    child: Child,
    _folder: TempDir,
}

impl Drop for Minio {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn minio() -> (Minio, Subject) {
    #[expect(clippy::disallowed_methods, reason = "the test command says where the server is")]
    let program = std::env::var("CONSIGN_MINIO_BIN").expect(
        "CONSIGN_MINIO_BIN names the MinIO server; run `cargo xtask test`, or `eval \"$(cargo xtask tools --env)\"` first",
    );
    let folder = TempDir::new().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], ports::free_port()));
    let child = Command::new(program)
        .args(["server", "--quiet", "--address", &address.to_string()])
        .arg(folder.path())
        .env("MINIO_ROOT_USER", ACCESS_KEY)
        .env("MINIO_ROOT_PASSWORD", SECRET_KEY)
        .env("MINIO_BROWSER", "off")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Guarded from here on: a test that fails leaves no server behind.
    let mut minio = Minio {
        child,
        _folder: folder,
    };
    let subject = Subject::new(&format!("http://{address}"));
    for _ in 0..150 {
        if let Some(status) = minio.child.try_wait().unwrap() {
            let mut said = String::new();
            minio
                .child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut said)
                .unwrap();
            panic!("MinIO ended with {status}: {said}");
        }
        if tokio::net::TcpStream::connect(address).await.is_ok()
            && subject.store.ensure_bucket(BUCKET).await.is_ok()
        {
            return (minio, subject);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("MinIO did not come up at {address}");
}

mod embedded_objects {
    consign_testkit::object_store_contract!(super::embedded);
}

mod embedded_multipart {
    consign_testkit::multipart_contract!(super::embedded);
}

mod minio_objects {
    consign_testkit::object_store_contract!(super::minio);
}

mod minio_multipart {
    consign_testkit::multipart_contract!(super::minio);
}

#[tokio::test]
async fn an_object_too_large_for_one_call_is_copied_in_parts_with_its_type() {
    const PART_BYTES: usize = 5 << 20;
    let (_minio, subject) = minio().await;
    let store = subject.store.clone().with_copy_at_once(PART_BYTES as u64);
    let (from, to) = (
        ObjectRef::new(BUCKET, "from"),
        ObjectRef::new(BUCKET, "deleted/to"),
    );
    let bytes: Vec<u8> = (0..2 * PART_BYTES + 17).map(|i| (i % 251) as u8).collect();
    let put = store.put(&from, "text/csv", bytes.clone().into()).await;
    assert!(put.is_ok());

    assert!(store.copy(&from, &to).await.unwrap());

    let head = store.head(&to).await.unwrap().unwrap();
    assert_eq!(head.size_bytes, bytes.len() as u64);
    assert_eq!(head.content_type.as_deref(), Some("text/csv"));
    assert!(head.etag.to_string().contains("-3"), "{}", head.etag);
    let mut body = store.get(&to, &Read::default()).await.unwrap();
    let mut copied = Vec::new();
    while let Some(chunk) = body.next().await {
        copied.extend_from_slice(&chunk.unwrap());
    }
    assert!(copied == bytes);
    let nothing = ObjectRef::new(BUCKET, "nothing");
    assert!(!store.copy(&nothing, &to).await.unwrap());
}
