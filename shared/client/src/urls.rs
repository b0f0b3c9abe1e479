//! The URLs of a multipart upload. They expire long before the upload does. They are signed again before they expire,
//! or when the store reports that they have, while parts in progress continue.

use std::time::Duration;

use tokio::sync::Mutex;

use super::{Client, ClientError, SignUpload, SignedPart, SignedUpload};

/// The share of the validity after which URLs are signed again.
const RENEWED_AFTER: f64 = 0.75;

/// A signed upload, and the validity of its URLs.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The upload.
    pub upload: SignedUpload,
    /// How long the URLs were valid when they were signed, if the server sent a `Date`.
    pub life: Option<Duration>,
    /// When they were requested, by the clock of the client.
    pub asked_at: Duration,
}

/// Signs the URLs of the parts of one upload.
pub(crate) struct Urls<'a> {
    client: &'a Client,
    request: &'a SignUpload,
    idempotency_key: String,
    current: Mutex<Current>,
}

struct Current {
    signed: SignedUpload,
    /// The number of signings.
    turn: u32,
    /// By the clock of the client; `None` if the server sends no `Date`, and only the store can report an expired URL.
    renewed_at: Option<Duration>,
    ends_at: Option<Duration>,
}

/// A part to send, and the number of its signing.
pub(crate) struct Ready {
    pub(crate) part: SignedPart,
    pub(crate) turn: u32,
}

impl Current {
    fn new(signed: Signed, turn: u32) -> Self {
        let end = |share: f64| Some(signed.asked_at + signed.life?.mul_f64(share));
        let (renewed_at, ends_at) = (end(RENEWED_AFTER), end(1.0));
        Self {
            signed: signed.upload,
            turn,
            renewed_at,
            ends_at,
        }
    }
}

impl<'a> Urls<'a> {
    /// Starts with an upload that was just signed.
    pub(crate) fn new(
        client: &'a Client,
        request: &'a SignUpload,
        idempotency_key: String,
        signed: Signed,
    ) -> Self {
        Self {
            client,
            request,
            idempotency_key,
            current: Mutex::new(Current::new(signed, 0)),
        }
    }

    /// Returns a URL of a part that does not expire soon.
    pub(crate) async fn part(&self, part_number: u32) -> Result<Ready, ClientError> {
        let mut current = self.current.lock().await;
        let now = self.client.clock.elapsed();
        if current.renewed_at.is_some_and(|at| at <= now) {
            match self.sign(&mut current).await {
                Ok(()) => {}
                // The current URLs are still valid, so the next part tries again.
                Err(error) if error.is_transient() && current.ends_at > Some(now) => {
                    let left = current.ends_at.unwrap_or(now).saturating_sub(now);
                    current.renewed_at = Some(now + left / 2);
                }
                Err(error) => return Err(error),
            }
        }
        let parts = current.signed.multipart.iter().flat_map(|m| &m.parts);
        let part = parts
            .into_iter()
            .find(|part| part.part_number == part_number)
            .ok_or_else(|| ClientError::Answer("a part is missing from the new signing".into()))?;
        Ok(Ready {
            part: part.clone(),
            turn: current.turn,
        })
    }

    /// Signs again, unless another part has done so since `turn`.
    pub(crate) async fn renew(&self, turn: u32) -> Result<(), ClientError> {
        let mut current = self.current.lock().await;
        if current.turn == turn {
            self.sign(&mut current).await?;
        }
        Ok(())
    }

    async fn sign(&self, current: &mut Current) -> Result<(), ClientError> {
        let signed = self
            .client
            .sign_upload(self.request, &self.idempotency_key)
            .await?;
        let upload_id = |signed: &SignedUpload| {
            let multipart = signed.multipart.as_ref();
            multipart.map(|m| (m.upload_id.clone(), m.part_size_bytes))
        };
        if signed.upload.file_id != current.signed.file_id
            || upload_id(&signed.upload) != upload_id(&current.signed)
        {
            let why = "signing again returned another upload";
            return Err(ClientError::Answer(why.to_owned()));
        }
        *current = Current::new(signed, current.turn + 1);
        Ok(())
    }
}
