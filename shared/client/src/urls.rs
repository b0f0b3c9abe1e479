//! The URLs of an upload in parts. They end long before the upload does: they are signed anew ahead of their end, or when
//! the store says that it has come, while the parts that are under way go on.

use std::time::Duration;

use tokio::sync::Mutex;

use super::{Client, ClientError, SignUpload, SignedPart, SignedUpload};

/// Of the life of URLs, the share from whose beginning on they are signed anew.
const RENEWED_AFTER: f64 = 0.75;

/// What was signed, and for how long it is good.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The upload.
    pub upload: SignedUpload,
    /// For how long the URLs lived when they were signed, where the server told.
    pub life: Option<Duration>,
    /// When they were asked for, by the client's own clock.
    pub asked_at: Duration,
}

/// Signs the parts of one upload.
pub(crate) struct Urls<'a> {
    client: &'a Client,
    request: &'a SignUpload,
    idempotency_key: String,
    current: Mutex<Current>,
}

struct Current {
    signed: SignedUpload,
    /// Counts the signings.
    turn: u32,
    /// By the client's clock; `None` where the server does not tell, and so the store has to.
    renewed_at: Option<Duration>,
    ends_at: Option<Duration>,
}

/// A part to send, and of which signing it is.
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
    /// Begins with what was signed just now.
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

    /// A part's URL that is good for a while.
    pub(crate) async fn part(&self, part_number: u32) -> Result<Ready, ClientError> {
        let mut current = self.current.lock().await;
        let now = self.client.clock.elapsed();
        if current.renewed_at.is_some_and(|at| at <= now) {
            match self.sign(&mut current).await {
                Ok(()) => {}
                // What there is still works: the next part tries again.
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
            .ok_or_else(|| {
                ClientError::Answer("a part that was signed is signed no more".into())
            })?;
        Ok(Ready {
            part: part.clone(),
            turn: current.turn,
        })
    }

    /// Signs anew, unless another part has had it done since that turn.
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
            let why = "signing again gave another upload";
            return Err(ClientError::Answer(why.to_owned()));
        }
        *current = Current::new(signed, current.turn + 1);
        Ok(())
    }
}
