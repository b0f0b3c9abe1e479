//! What the contract is run against.

use std::sync::Arc;

use bytes::Bytes;
use consign_cloudflare::{Body, D1Repo, R2Multipart, R2Store, R2Writer, WorkerClock, binding_of};
use consign_core::ids::{ETag, ObjectRef};
use consign_core::policy::Encryption;
use consign_core::ports::{
    BeginMultipart, Clock as _, Fault, Multipart, ObjectHead, ObjectStore, Part, Read, ReadError,
};
use consign_core::sigv4::{Addressing, Credentials, Operation, Request, Signer, SignerConfig};
use consign_testkit::contract::{BUCKET, ClientParts};
use worker::js_sys::Uint8Array;
use worker::send::IntoSendFuture as _;
use worker::{Env, Error, Fetch, Headers, Method, RequestInit};

/// Removes every record and every object.
pub(crate) async fn empty(env: &Env) -> worker::Result<()> {
    let database = env.d1("DB")?;
    let tables = ["idempotency", "owners", "uploads"];
    let deletions = tables.map(|table| database.prepare(format!("DELETE FROM {table}")));
    database.batch(deletions.into()).await?;
    let bucket = env.bucket(&binding_of(BUCKET))?;
    for object in bucket.list().execute().await?.objects() {
        bucket.delete(object.key()).await?;
    }
    Ok(())
}

pub(crate) fn repo(env: &Env) -> worker::Result<D1Repo> {
    D1Repo::open(env, "DB")
}

/// Objects and multipart uploads, and a client that puts parts.
pub(crate) struct Store {
    pub(crate) objects: R2Store,
    multipart: R2Multipart,
    signer: Arc<Signer>,
}

impl Store {
    pub(crate) fn open(env: &Env) -> worker::Result<Self> {
        let variable = |name: &str| env.var(name).map(|value| value.to_string());
        let signer = Signer::new(SignerConfig {
            endpoint: Some(&variable("CONSIGN_STORE_ENDPOINT")?),
            region: "auto",
            addressing: Addressing::Path,
            credentials: Credentials {
                access_key: variable("CONSIGN_STORE_ACCESS_KEY")?,
                secret_key: variable("CONSIGN_STORE_SECRET_KEY")?.into(),
                session_token: None,
                expires_at: None,
            },
        });
        let signer = Arc::new(signer.map_err(|error| Error::RustError(error.to_string()))?);
        let objects = R2Store::open(env, [BUCKET]);
        Ok(Self {
            multipart: R2Multipart::new(objects.clone(), Arc::clone(&signer)),
            objects,
            signer,
        })
    }

    async fn put(&self, url: &str, body: &[u8]) -> worker::Result<String> {
        let mut init = RequestInit::new();
        init.with_method(Method::Put)
            .with_headers(Headers::new())
            .with_body(Some(Uint8Array::from(body).into()));
        let request = worker::Request::new_with_init(url, &init)?;
        let answer = Fetch::Request(request).send().await?;
        let etag = answer.headers().get("etag")?;
        etag.ok_or_else(|| Error::RustError(format!("no etag, status {}", answer.status_code())))
    }
}

impl ClientParts for Store {
    #[expect(clippy::expect_used, reason = "a test fails where its client does")]
    async fn put_part(
        &self,
        object: &ObjectRef,
        upload_id: &str,
        (number, body): (u16, Vec<u8>),
    ) -> ETag {
        let url = self.signer.presign(
            &Request {
                operation: Operation::UploadPart,
                bucket: &object.bucket,
                key: &object.key,
                headers: &[],
                query: &[("partNumber", &number.to_string()), ("uploadId", upload_id)],
                expires_s: 300,
            },
            WorkerClock.now(),
        );
        let url = url.expect("the part can be signed");
        let put = self.put(&url, &body).into_send().await;
        ETag::new(&put.expect("the part is taken"))
    }
}

impl ObjectStore for Store {
    type Body = Body;
    type Writer = R2Writer;

    async fn head(&self, object: &ObjectRef) -> Result<Option<ObjectHead>, Fault> {
        self.objects.head(object).await
    }

    async fn get(&self, object: &ObjectRef, read: &Read) -> Result<Body, ReadError> {
        self.objects.get(object, read).await
    }

    async fn put(
        &self,
        object: &ObjectRef,
        content_type: &str,
        body: Bytes,
    ) -> Result<ETag, Fault> {
        self.objects.put(object, content_type, body).await
    }

    async fn writer(&self, object: &ObjectRef, content_type: &str) -> Result<R2Writer, Fault> {
        self.objects.writer(object, content_type).await
    }

    async fn copy(&self, from: &ObjectRef, to: &ObjectRef) -> Result<bool, Fault> {
        self.objects.copy(from, to).await
    }

    async fn delete(&self, object: &ObjectRef) -> Result<(), Fault> {
        self.objects.delete(object).await
    }

    async fn check_bucket(&self, bucket: &str) -> Result<(), Fault> {
        self.objects.check_bucket(bucket).await
    }
}

impl BeginMultipart for Store {
    async fn begin(
        &self,
        object: &ObjectRef,
        content_type: &str,
        encryption: &Encryption,
    ) -> Result<String, Fault> {
        self.multipart.begin(object, content_type, encryption).await
    }
}

impl Multipart for Store {
    async fn parts(&self, object: &ObjectRef, upload_id: &str) -> Result<Option<Vec<Part>>, Fault> {
        self.multipart.parts(object, upload_id).await
    }

    async fn complete(
        &self,
        object: &ObjectRef,
        upload_id: &str,
        parts: &[Part],
    ) -> Result<bool, Fault> {
        self.multipart.complete(object, upload_id, parts).await
    }

    async fn abort(&self, object: &ObjectRef, upload_id: &str) -> Result<(), Fault> {
        self.multipart.abort(object, upload_id).await
    }
}
