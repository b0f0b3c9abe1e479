//! Multipart uploads that clients fill, through R2's S3 API. The binding cannot list the parts, and an upload is
//! completed only after its parts were checked. Each call is presigned like that of a client, and made with `fetch`.

use std::fmt;
use std::sync::Arc;

use consign_core::ids::ObjectRef;
use consign_core::parts::PartList;
use consign_core::policy::Encryption;
use consign_core::ports::{
    BeginMultipart, Clock as _, Fault, FaultKind, Multipart, ObjectStore as _, Part,
};
use consign_core::sigv4::{Operation, Request, Signer};
use worker::send::IntoSendFuture as _;
use worker::wasm_bindgen::JsValue;
use worker::{Fetch, Headers, Method, RequestInit};

use super::R2Store;
use super::xml;
use crate::WorkerClock;
use crate::fault::{fault, s3_kind, unreadable};

/// How long the URL of a call is valid, in seconds.
const CALL_S: u32 = 300;

/// Multipart uploads in R2. Clones share the configuration.
#[derive(Clone)]
pub struct R2Multipart {
    store: R2Store,
    signer: Arc<Signer>,
}

impl fmt::Debug for R2Multipart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("R2Multipart").finish_non_exhaustive()
    }
}

/// A call of the S3 API.
struct Call<'a> {
    /// The operation of the port.
    name: &'static str,
    operation: Operation,
    object: &'a ObjectRef,
    headers: &'a [(&'a str, &'a str)],
    query: &'a [(&'a str, &'a str)],
    body: Option<&'a str>,
}

/// An answer of the S3 API.
struct Answer {
    status: u16,
    text: String,
}

impl Answer {
    fn code(&self) -> &str {
        xml::element(&self.text, "Code").unwrap_or_default()
    }

    fn is_unknown_upload(&self) -> bool {
        self.status == 404 && self.code() != "NoSuchBucket" || self.code() == "NoSuchUpload"
    }

    fn fault(&self, operation: &'static str) -> Fault {
        let kind = s3_kind(self.code(), self.status, operation);
        let said = format!("status {}, code {}", self.status, self.code());
        Fault::new(kind, operation, said)
    }
}

impl R2Multipart {
    /// Creates the adapter over these objects. `signer` signs for the endpoint of R2's S3 API.
    #[must_use]
    pub fn new(store: R2Store, signer: Arc<Signer>) -> Self {
        Self { store, signer }
    }

    async fn call(&self, call: Call<'_>) -> Result<Answer, Fault> {
        let request = Request {
            operation: call.operation,
            bucket: &call.object.bucket,
            key: &call.object.key,
            headers: call.headers,
            query: call.query,
            expires_s: CALL_S,
        };
        let url = self.signer.presign(&request, WorkerClock.now());
        let url = url.map_err(|error| unreadable(call.name, error))?;
        let failed = |error| fault(call.name, error);
        let headers = Headers::new();
        for (name, value) in call.headers {
            headers.set(name, value).map_err(failed)?;
        }
        let mut init = RequestInit::new();
        init.with_method(Method::from(call.operation.method().to_owned()))
            .with_headers(headers)
            .with_body(call.body.map(JsValue::from_str));
        // The error would contain the URL, and with it a signature.
        let request = worker::Request::new_with_init(&url, &init);
        let request = request.map_err(|_| unreadable(call.name, "the request cannot be made"))?;
        let answer = Fetch::Request(request).send().await;
        let mut answer = answer
            .map_err(|_| Fault::new(FaultKind::Unreachable, call.name, "no answer from R2's S3"))?;
        Ok(Answer {
            status: answer.status_code(),
            text: answer.text().await.map_err(failed)?,
        })
    }

    async fn begin_at(&self, object: &ObjectRef, content_type: &str) -> Result<String, Fault> {
        let answer = self
            .call(Call {
                name: "begin",
                operation: Operation::CreateMultipartUpload,
                object,
                headers: &[("content-type", content_type)],
                query: &[],
                body: None,
            })
            .await?;
        if answer.status != 200 {
            return Err(answer.fault("begin"));
        }
        xml::element(&answer.text, "UploadId")
            .map(str::to_owned)
            .ok_or_else(|| unreadable("begin", "R2 gave no upload id"))
    }

    async fn list(&self, object: &ObjectRef, upload_id: &str) -> Result<Option<Vec<Part>>, Fault> {
        let mut list = PartList::new();
        loop {
            let marker = list.marker().unwrap_or(0).to_string();
            let answer = self
                .call(Call {
                    name: "parts",
                    operation: Operation::ListParts,
                    object,
                    headers: &[],
                    query: &[("part-number-marker", &marker), ("uploadId", upload_id)],
                    body: None,
                })
                .await?;
            if answer.is_unknown_upload() {
                return Ok(None);
            }
            let page = match answer.status {
                200 => xml::parts(&answer.text),
                _ => return Err(answer.fault("parts")),
            };
            let (parts, next) = page.ok_or_else(|| unreadable("parts", "R2's list is no list"))?;
            if !list.take(parts, next) {
                return Ok(Some(list.finish()));
            }
        }
    }

    async fn complete_at(
        &self,
        object: &ObjectRef,
        upload_id: &str,
        parts: &[Part],
    ) -> Result<bool, Fault> {
        // R2 has no condition for completion. The key is ours alone, and this upload is the only other writer.
        if parts.is_empty() || self.store.head(object).await?.is_some() {
            return Ok(false);
        }
        let answer = self
            .call(Call {
                name: "complete",
                operation: Operation::CompleteMultipartUpload,
                object,
                headers: &[],
                query: &[("uploadId", upload_id)],
                body: Some(&xml::completion(parts)),
            })
            .await?;
        // S3 may begin its answer before it knows the result, so an error can have the status 200.
        match (answer.status, answer.code()) {
            (200, "") => Ok(true),
            (_, "InvalidPart" | "InvalidPartOrder" | "MalformedXML") => Ok(false),
            _ if answer.is_unknown_upload() => Ok(false),
            _ => Err(answer.fault("complete")),
        }
    }

    async fn abort_at(&self, object: &ObjectRef, upload_id: &str) -> Result<(), Fault> {
        let answer = self
            .call(Call {
                name: "abort",
                operation: Operation::AbortMultipartUpload,
                object,
                headers: &[],
                query: &[("uploadId", upload_id)],
                body: None,
            })
            .await?;
        if matches!(answer.status, 200 | 204) || answer.is_unknown_upload() {
            return Ok(());
        }
        Err(answer.fault("abort"))
    }
}

impl BeginMultipart for R2Multipart {
    async fn begin(
        &self,
        object: &ObjectRef,
        content_type: &str,
        // R2 encrypts every object itself and has no other mode. The policy refuses one that asks for more.
        _: &Encryption,
    ) -> Result<String, Fault> {
        self.begin_at(object, content_type).into_send().await
    }
}

impl Multipart for R2Multipart {
    async fn parts(&self, object: &ObjectRef, upload_id: &str) -> Result<Option<Vec<Part>>, Fault> {
        self.list(object, upload_id).into_send().await
    }

    async fn complete(
        &self,
        object: &ObjectRef,
        upload_id: &str,
        parts: &[Part],
    ) -> Result<bool, Fault> {
        self.complete_at(object, upload_id, parts).into_send().await
    }

    async fn abort(&self, object: &ObjectRef, upload_id: &str) -> Result<(), Fault> {
        self.abort_at(object, upload_id).into_send().await
    }
}
