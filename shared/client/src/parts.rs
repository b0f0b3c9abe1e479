//! Sends the parts of one upload, several at once. Each part that the store has accepted is recorded.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{StreamExt as _, stream};

use super::body::Stretch;
use super::upload::{Memory, SIGNINGS_MAX};
use super::urls::Urls;
use super::{Client, ClientError, CompletedPart, Confirm, SignedUpload};

/// The number of parts that are sent at once.
const PARTS_AT_ONCE: usize = 4;

impl Client {
    /// Sends the missing parts.
    pub(super) async fn send_parts(
        &self,
        signed: &SignedUpload,
        urls: &Urls<'_>,
        whole: Stretch<'_>,
        memory: &mut Memory,
    ) -> Result<Confirm, ClientError> {
        let bad = |why: &str| ClientError::Answer(why.to_owned());
        let multipart = signed
            .multipart
            .as_ref()
            .ok_or_else(|| bad("multipart is missing"))?;
        let part_bytes = multipart.part_size_bytes;
        if part_bytes == 0 {
            return Err(bad("the part size is 0"));
        }
        let stretch = |part_number| whole.part(part_number, part_bytes);
        let done_bytes = memory
            .resume
            .parts
            .iter()
            .map(|part| stretch(part.part_number).length_bytes)
            .sum::<u64>();
        whole
            .meter
            .add(done_bytes.saturating_sub(whole.meter.sent_bytes()));

        let is_stopped = &AtomicBool::new(false);
        let numbers = multipart.parts.iter().map(|part| part.part_number);
        let missing: Vec<u32> = numbers.filter(|n| !memory.resume.has(*n)).collect();
        let mut sending = stream::iter(missing)
            .map(|part_number| async move {
                if is_stopped.load(Ordering::Relaxed) {
                    return Ok(None);
                }
                let etag = self
                    .send_part(urls, part_number, stretch(part_number))
                    .await?;
                Ok(Some(CompletedPart { part_number, etag }))
            })
            .buffer_unordered(PARTS_AT_ONCE);
        // After the first error no further part starts. Parts in progress may still be accepted.
        let mut first_error = None;
        while let Some(sent) = sending.next().await {
            match sent {
                Ok(Some(part)) => {
                    memory.resume.parts.push(part);
                    memory.save().await?;
                }
                Ok(None) => {}
                Err(error) => {
                    is_stopped.store(true, Ordering::Relaxed);
                    first_error.get_or_insert(error);
                }
            }
        }
        if let Some(error) = first_error {
            return Err(error);
        }
        if memory.resume.parts.len() as u64 != whole.length_bytes.div_ceil(part_bytes).max(1) {
            return Err(bad("the parts do not add up to the file size"));
        }
        let mut parts = memory.resume.parts.clone();
        parts.sort_by_key(|part| part.part_number);
        Ok(Confirm {
            file_id: signed.file_id.clone(),
            parts: Some(parts),
            ..Confirm::default()
        })
    }

    /// Sends one part. If the store reports that the URL has expired, it is signed again.
    async fn send_part(
        &self,
        urls: &Urls<'_>,
        part_number: u32,
        file: Stretch<'_>,
    ) -> Result<String, ClientError> {
        let mut refusals = 0;
        loop {
            let turn = urls.part(part_number).await?.turn;
            match self.put_part(urls, part_number, file).await {
                Err(ClientError::Store(refusal))
                    if refusal.may_be_expired() && refusals + 1 < SIGNINGS_MAX =>
                {
                    refusals += 1;
                    urls.renew(turn).await?;
                }
                outcome => return outcome,
            }
        }
    }
}
