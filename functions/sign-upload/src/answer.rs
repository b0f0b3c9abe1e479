//! Builds the signed answer: what the client sends, and where. The signature covers everything that matters.

use consign_core::api::{Method, Multipart, Pairs, SignedPart, SignedUpload};
use consign_core::policy::{Accepted, Capabilities, Strategy};
use consign_core::problem::Problem;
use consign_core::sigv4::{Condition, Operation, PostRequest, PresignError, Request, Signer};
use consign_core::time::{Timestamp, saturating_add_secs, to_rfc3339};
use consign_core::upload::Upload;

/// A header that is signed for stores that accept an unsigned `x-amz-copy-source` and would copy another object. It
/// permits only a source with this ETag, which no object has. A PUT of bytes ignores it.
const NO_COPY: (&str, &str) = ("x-amz-copy-source-if-match", "none");

/// The inputs of a signed answer.
pub(crate) struct Signing<'a> {
    pub(crate) signer: &'a Signer,
    /// The capabilities of the store.
    pub(crate) store: Capabilities,
    pub(crate) upload: &'a Upload,
    pub(crate) accepted: &'a Accepted,
    pub(crate) now: Timestamp,
    /// The life of the URLs in seconds, from `now`.
    pub(crate) expires_s: u32,
}

impl Signing<'_> {
    /// Signs the upload by its strategy.
    ///
    /// # Errors
    /// A problem if the request cannot be signed.
    pub(crate) fn sign(&self) -> Result<SignedUpload, Problem> {
        let mut answer = SignedUpload {
            file_id: self.upload.id.to_string(),
            bucket: self.upload.object.bucket.clone(),
            object_name: self.upload.object.key.clone(),
            strategy: self.upload.strategy,
            method: Method::Put,
            upload_url: None,
            headers: Pairs::default(),
            form_fields: None,
            multipart: None,
            expires_at: to_rfc3339(saturating_add_secs(self.now, self.expires_s.into())),
        };
        match self.upload.strategy {
            Strategy::Put => self.put(&mut answer),
            Strategy::Post => self.post(&mut answer),
            Strategy::Multipart => self.parts(&mut answer),
        }
        .map_err(Problem::unsignable)?;
        Ok(answer)
    }

    /// Signs one PUT: size, type, checksum, encryption and "only once" are signed headers (DESIGN, section 3).
    fn put(&self, answer: &mut SignedUpload) -> Result<(), PresignError> {
        let mut headers = vec![
            ("content-type".to_owned(), self.upload.content_type.clone()),
            ("if-none-match".to_owned(), "*".to_owned()),
        ];
        headers.extend(self.extra());
        headers.extend(self.no_copy());
        let length = self.upload.size_bytes_max.to_string();
        let mut signed: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        signed.push(("content-length", &length));
        answer.upload_url = Some(self.presign(Operation::PutObject, &signed, &[])?);
        // Every HTTP client sends the length itself, and browsers do not let a page set it.
        answer.headers = Pairs(headers);
        Ok(())
    }

    /// Signs a POST form with the exact key and type, and the size or its range.
    fn post(&self, answer: &mut SignedUpload) -> Result<(), PresignError> {
        let mut fields = vec![("content-type".to_owned(), self.upload.content_type.clone())];
        fields.extend(self.extra());
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let (size_bytes_min, size_bytes_max) = match self.upload.size_bytes_declared {
            Some(exact) => (exact, exact),
            None => (self.accepted.size_bytes_min, self.upload.size_bytes_max),
        };
        let mut conditions: Vec<Condition<'_>> = fields
            .iter()
            .map(|&(field, value)| Condition::Exact { field, value })
            .collect();
        conditions.push(Condition::ContentLengthRange {
            size_bytes_min,
            size_bytes_max,
        });
        let key = &self.upload.object.key;
        let owned = key.rfind('/').map_or("", |slash| &key[..=slash]);
        let request = PostRequest {
            bucket: &self.upload.object.bucket,
            key,
            fields: &fields,
            conditions: &conditions,
            expires_s: self.expires_s,
        };
        let form = self
            .signer
            .post_policy(&request.owned_by(owned)?, self.now)?;
        answer.method = Method::Post;
        answer.upload_url = Some(form.url);
        answer.form_fields = Some(Pairs(form.fields));
        Ok(())
    }

    /// Signs a PUT for every part, each with its exact length.
    fn parts(&self, answer: &mut SignedUpload) -> Result<(), PresignError> {
        let upload_id = self
            .upload
            .multipart_upload_id
            .as_deref()
            .unwrap_or_default();
        let size_bytes = self.upload.size_bytes_max;
        let part_size_bytes = self.upload.part_size_bytes.unwrap_or(size_bytes).max(1);
        let parts = (0..size_bytes.div_ceil(part_size_bytes)).map(|index| {
            let part_number = index + 1;
            let length = part_size_bytes.min(size_bytes - index * part_size_bytes);
            let length = length.to_string();
            let mut signed = vec![("content-length", length.as_str())];
            signed.extend(self.store.copies_unsigned.then_some(NO_COPY));
            let url = self.presign(
                Operation::UploadPart,
                &signed,
                &[
                    ("partNumber", &part_number.to_string()),
                    ("uploadId", upload_id),
                ],
            )?;
            Ok(SignedPart {
                part_number: u32::try_from(part_number).unwrap_or(u32::MAX),
                url,
                headers: Pairs(self.no_copy().into_iter().collect()),
            })
        });
        answer.multipart = Some(Multipart {
            upload_id: upload_id.to_owned(),
            part_size_bytes,
            parts: parts.collect::<Result<_, PresignError>>()?,
        });
        Ok(())
    }

    /// Returns the header that prevents copies, for stores that need it.
    fn no_copy(&self) -> Option<(String, String)> {
        let (name, value) = NO_COPY;
        let needed = self.store.copies_unsigned;
        needed.then(|| (name.to_owned(), value.to_owned()))
    }

    /// Returns the headers that the client must send in addition to its type: the declared checksum and the policy's
    /// encryption.
    fn extra(&self) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        if let Some(checksum) = &self.upload.checksum_sha256 {
            headers.push(("x-amz-checksum-sha256".to_owned(), checksum.clone()));
        }
        let encryption = self.accepted.category.encryption.headers();
        headers.extend(encryption.map(|(name, value)| (name.to_owned(), value.to_owned())));
        headers
    }

    fn presign(
        &self,
        operation: Operation,
        headers: &[(&str, &str)],
        query: &[(&str, &str)],
    ) -> Result<String, PresignError> {
        self.signer.presign(
            &Request {
                operation,
                bucket: &self.upload.object.bucket,
                key: &self.upload.object.key,
                headers,
                query,
                expires_s: self.expires_s,
            },
            self.now,
        )
    }
}
