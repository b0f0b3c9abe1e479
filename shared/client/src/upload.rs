//! Uploads one local file: sign, send, confirm, and wait until it is ready. Continues an interrupted upload.

use std::path::Path;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use sha2::{Digest as _, Sha256};

use super::body::Stretch;
use super::transfer::Stored;
use super::urls::Urls;
use super::{
    Client, ClientError, Confirm, File, Meter, Resume, ResumeStore, SignUpload, Signed,
    SignedUpload, Status, Strategy,
};

/// The poll interval if the server sends none, in seconds.
const POLL_USUAL_S: u64 = 1;
/// The longest poll interval, in seconds.
const POLL_LONGEST_S: u64 = 30;
/// The most signings without progress. A URL may expire once; a second refusal has another reason.
pub(super) const SIGNINGS_MAX: u32 = 2;

/// Receives the progress of an upload.
pub trait Observer: Send + Sync {
    /// Returns the meter of sent bytes.
    fn meter(&self) -> &Meter;
    /// Called when the upload has its id, first or again.
    fn signed(&self, file_id: &str, resumed_parts: usize);
    /// Called when the file is in this state.
    fn state(&self, state: Status);
}

/// What to upload, and how.
#[derive(Debug)]
pub struct Upload<'a> {
    /// The file. The path must be absolute, since it identifies the saved state.
    pub path: &'a Path,
    /// The request. Its size must be that of the file.
    pub request: SignUpload,
    /// The idempotency key of the caller. Without one, a key is generated and saved.
    pub idempotency_key: Option<String>,
    /// The folder for the state of unfinished uploads.
    pub resume_folder: &'a Path,
    /// Whether to wait until the state is final, or to return after confirm.
    pub is_awaited: bool,
}

/// The size and modification time of a file, to notice changes.
type Stamp = (u64, Option<SystemTime>);

impl Client {
    /// Uploads a file. With `is_awaited`, waits until it is ready or has failed and returns the state.
    ///
    /// # Errors
    /// [`ClientError`] if the file could not be sent or confirmed.
    pub async fn upload(
        &self,
        upload: &Upload<'_>,
        observer: &dyn Observer,
    ) -> Result<File, ClientError> {
        let stamp = stamp(upload.path).await?;
        if upload.request.file_size_bytes != Some(stamp.0) {
            return Err(ClientError::Changed(upload.path.to_owned()));
        }
        let store = ResumeStore::new(
            upload.resume_folder,
            &self.identity(upload, stamp)?.each_ref().map(String::as_str),
        );

        // 1. Load the state of an earlier run, unless its upload has ended.
        let (mut memory, known) = self.resume(upload, store).await?;
        // 2. Sign and send. Sign again when URLs expire, while there is progress.
        let sent = match known {
            Some(file_id) => Sent {
                file_id,
                confirm: None,
            },
            None => self.sign_and_send(upload, &mut memory, observer).await?,
        };
        if stamp != self::stamp(upload.path).await? {
            memory.store.forget().await;
            return Err(ClientError::Changed(upload.path.to_owned()));
        }
        // 3. Confirm. A refusal is final for this upload, so the next run starts a new one.
        if let Some(confirm) = &sent.confirm {
            observer.state(Status::Uploaded);
            if let Err(error) = self.confirm(confirm).await {
                if is_refused(&error) {
                    memory.store.forget().await;
                }
                return Err(error);
            }
        }
        // 4. Wait.
        let file_id = &sent.file_id;
        let status = self.watch(file_id, upload.is_awaited, observer).await?;
        memory.store.forget().await;
        Ok(status)
    }

    /// Polls the status until it is final, or once if `is_awaited` is false.
    ///
    /// # Errors
    /// [`ClientError`] if the server refuses, or does not answer until the retries are used up.
    pub async fn watch(
        &self,
        file_id: &str,
        is_awaited: bool,
        observer: &dyn Observer,
    ) -> Result<File, ClientError> {
        loop {
            let (status, retry_after_s) = self.status(file_id).await?;
            observer.state(status.status);
            if status.status.is_final() || !is_awaited {
                return Ok(status);
            }
            let wait_s = retry_after_s
                .unwrap_or(POLL_USUAL_S)
                .clamp(1, POLL_LONGEST_S);
            tokio::time::sleep(Duration::from_secs(wait_s)).await;
        }
    }

    fn identity(
        &self,
        upload: &Upload<'_>,
        (size_bytes, changed): Stamp,
    ) -> Result<[String; 5], ClientError> {
        let asked = serde_json::to_string(&upload.request)
            .map_err(|error| ClientError::Answer(error.to_string()))?;
        let changed = changed
            .and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok())
            .unwrap_or_default();
        Ok([
            self.base().to_string(),
            upload.path.to_string_lossy().into_owned(),
            size_bytes.to_string(),
            changed.as_nanos().to_string(),
            asked,
        ])
    }

    /// Returns the saved state, and the file id if the bytes have arrived already.
    async fn resume(
        &self,
        upload: &Upload<'_>,
        store: ResumeStore,
    ) -> Result<(Memory, Option<String>), ClientError> {
        if let Some(resume) = store.load().await
            && upload
                .idempotency_key
                .as_ref()
                .is_none_or(|key| *key == resume.idempotency_key)
        {
            let Some(file_id) = resume.file_id.clone() else {
                return Ok((Memory { store, resume }, None));
            };
            match self.status(&file_id).await {
                Ok((status, _)) if status.status.awaits_bytes() => {
                    return Ok((Memory { store, resume }, None));
                }
                Ok((status, _)) if !status.status.is_final() || status.status == Status::Ready => {
                    return Ok((Memory { store, resume }, Some(file_id)));
                }
                Ok(_) => {}
                Err(error) if is_refused(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let key = upload.idempotency_key.clone().unwrap_or_else(new_key);
        let memory = Memory {
            store,
            resume: Resume::fresh(key),
        };
        memory.save().await?;
        Ok((memory, None))
    }

    async fn sign_and_send(
        &self,
        upload: &Upload<'_>,
        memory: &mut Memory,
        observer: &dyn Observer,
    ) -> Result<Sent, ClientError> {
        let mut signings_left = SIGNINGS_MAX;
        loop {
            let signed = match self.sign(upload, memory).await? {
                Next::Send(signed) => signed,
                Next::Arrived(file_id) => return Ok(Sent::known(file_id)),
                Next::SignAgain => continue,
            };
            let SignedUpload {
                file_id,
                strategy,
                multipart,
                ..
            } = &signed.upload;
            let multipart = multipart
                .as_ref()
                .map_or(("", 0), |m| (m.upload_id.as_str(), m.part_size_bytes));
            memory.resume.adopt(file_id, multipart.0, multipart.1);
            memory.save().await?;
            observer.signed(file_id, memory.resume.parts.len());
            observer.state(Status::Uploading);
            signings_left -= 1;
            match self.transfer(upload, &signed, memory, observer).await {
                Ok(confirm) => return Ok(Sent::with(confirm)),
                Err(error) if has_arrived(&error) => return Ok(Sent::known(file_id.clone())),
                // Parts sign their URLs again one by one.
                Err(ClientError::Store(refusal))
                    if refusal.may_be_expired()
                        && *strategy != Strategy::Multipart
                        && signings_left > 0 => {}
                // The store has removed the parts, or the server has ended the upload, so it cannot be continued.
                Err(error)
                    if is_gone(&error) && upload.idempotency_key.is_none() && signings_left > 0 =>
                {
                    memory.begin_anew().await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Signs, or finds that the file has already arrived.
    async fn sign(&self, upload: &Upload<'_>, memory: &mut Memory) -> Result<Next, ClientError> {
        let key = &memory.resume.idempotency_key;
        let error = match self.sign_upload(&upload.request, key).await {
            Ok(signed) => return Ok(Next::Send(Box::new(signed))),
            Err(error) => error,
        };
        match &memory.resume.file_id {
            Some(file_id) if has_arrived(&error) => return Ok(Next::Arrived(file_id.clone())),
            // An upload of an earlier run that cannot be signed again is left to expire.
            Some(_) if is_refused(&error) && upload.idempotency_key.is_none() => {
                memory.begin_anew().await?;
                return Ok(Next::SignAgain);
            }
            Some(_) | None => {}
        }
        if is_refused(&error) {
            memory.store.forget().await;
        }
        Err(error)
    }

    /// Sends the bytes by the signed strategy.
    async fn transfer(
        &self,
        upload: &Upload<'_>,
        signed: &Signed,
        memory: &mut Memory,
        observer: &dyn Observer,
    ) -> Result<Confirm, ClientError> {
        let whole = Stretch {
            path: upload.path,
            offset_bytes: 0,
            length_bytes: upload.request.file_size_bytes.unwrap_or(0),
            meter: observer.meter(),
        };
        let signed_upload = &signed.upload;
        match signed_upload.strategy {
            Strategy::Put => {
                let stored = self.put(signed_upload, whole).await?;
                Ok(confirm_of(signed_upload, stored))
            }
            Strategy::Post => {
                let stored = self.post_form(signed_upload, whole).await?;
                Ok(confirm_of(signed_upload, stored))
            }
            Strategy::Multipart => {
                let key = memory.resume.idempotency_key.clone();
                let urls = Urls::new(self, &upload.request, key, signed.clone());
                self.send_parts(signed_upload, &urls, whole, memory).await
            }
        }
    }
}

/// The result of signing.
enum Next {
    Send(Box<Signed>),
    /// The file has arrived: the server had an event of it.
    Arrived(String),
    SignAgain,
}

/// The saved state and its file.
pub(super) struct Memory {
    pub(super) store: ResumeStore,
    pub(super) resume: Resume,
}

impl Memory {
    pub(super) async fn save(&self) -> Result<(), ClientError> {
        self.store.save(&self.resume).await
    }

    /// Discards the upload, so that the next signing starts a new one.
    async fn begin_anew(&mut self) -> Result<(), ClientError> {
        self.resume = Resume::fresh(new_key());
        self.save().await
    }
}

/// An upload whose bytes are in the bucket. `confirm` is `None` if an earlier run or an event has confirmed it.
struct Sent {
    file_id: String,
    confirm: Option<Confirm>,
}

impl Sent {
    fn with(confirm: Confirm) -> Self {
        Self {
            file_id: confirm.file_id.clone(),
            confirm: Some(confirm),
        }
    }

    /// Returns an upload that arrived without our confirm.
    fn known(file_id: String) -> Self {
        Self {
            file_id,
            confirm: None,
        }
    }
}

fn confirm_of(signed: &SignedUpload, stored: Stored) -> Confirm {
    let etag = match stored {
        Stored::Taken(etag) => etag,
        Stored::AlreadyThere => None,
    };
    Confirm {
        file_id: signed.file_id.clone(),
        etag,
        ..Confirm::default()
    }
}

/// Whether the error means that the file has arrived: the server observed it before the confirm.
fn has_arrived(error: &ClientError) -> bool {
    matches!(error, ClientError::Problem(problem) if problem.document.code == "already_uploaded")
}

/// Whether the error means that the upload has ended, so that sending more is useless.
fn is_gone(error: &ClientError) -> bool {
    match error {
        ClientError::Problem(problem) => problem.document.code == "upload_expired",
        ClientError::Store(refusal) => refusal.code == "NoSuchUpload",
        ClientError::NoAnswer { .. }
        | ClientError::Stalled(_)
        | ClientError::Answer(_)
        | ClientError::Address(_)
        | ClientError::File { .. }
        | ClientError::Changed(_) => false,
    }
}

/// Whether the refusal is final. A bad token or an exceeded rate does not concern the upload.
fn is_refused(error: &ClientError) -> bool {
    match error {
        ClientError::Problem(problem) => {
            let status = problem.document.status;
            (400..500).contains(&status) && !matches!(status, 401 | 403) && !error.is_transient()
        }
        ClientError::Store(_)
        | ClientError::NoAnswer { .. }
        | ClientError::Stalled(_)
        | ClientError::Answer(_)
        | ClientError::Address(_)
        | ClientError::File { .. }
        | ClientError::Changed(_) => false,
    }
}

fn new_key() -> String {
    format!("cli-{:032x}", fastrand::u128(..))
}

async fn stamp(path: &Path) -> Result<Stamp, ClientError> {
    let metadata = tokio::fs::metadata(path)
        .await
        .map_err(ClientError::file(path))?;
    Ok((metadata.len(), metadata.modified().ok()))
}

/// Returns the SHA-256 of a file in base64, in constant memory.
///
/// # Errors
/// [`ClientError::File`] if it cannot be read.
pub async fn sha256_base64(path: &Path) -> Result<String, ClientError> {
    let owned = path.to_owned();
    let hashed = tokio::task::spawn_blocking(move || {
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 1024 * 1024];
        let mut file = std::fs::File::open(owned)?;
        loop {
            match std::io::Read::read(&mut file, &mut buffer)? {
                0 => return Ok(hash.finalize()),
                count => hash.update(&buffer[..count]),
            }
        }
    });
    let digest = hashed
        .await
        .map_err(std::io::Error::other)
        .flatten()
        .map_err(ClientError::file(path))?;
    Ok(base64::engine::general_purpose::STANDARD.encode(digest))
}
