//! The saved state of an interrupted upload, so that a second run continues it.

use std::path::{Path, PathBuf};

use base16ct::lower;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{ClientError, CompletedPart};

/// One unfinished upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// Sent with every signing, so that the server returns the same upload with new URLs.
    pub idempotency_key: String,
    /// The id of the upload, once it is signed.
    #[serde(default)]
    pub file_id: Option<String>,
    /// The multipart upload id of the store, if it is a multipart upload.
    #[serde(default)]
    pub upload_id: Option<String>,
    /// The size of all parts but the last.
    #[serde(default)]
    pub part_size_bytes: u64,
    /// The parts that the store has.
    #[serde(default)]
    pub parts: Vec<CompletedPart>,
}

impl Resume {
    /// Returns the state of an upload that has not begun.
    pub fn fresh(idempotency_key: String) -> Self {
        Self {
            idempotency_key,
            file_id: None,
            upload_id: None,
            part_size_bytes: 0,
            parts: Vec::new(),
        }
    }

    /// Stores a signed upload. Parts of another upload, or of another part size, are discarded.
    pub fn adopt(&mut self, file_id: &str, upload_id: &str, part_size_bytes: u64) {
        let is_same = self.file_id.as_deref() == Some(file_id)
            && self.upload_id.as_deref() == Some(upload_id)
            && self.part_size_bytes == part_size_bytes;
        if !is_same {
            self.parts.clear();
        }
        self.file_id = Some(file_id.to_owned());
        self.upload_id = Some(upload_id.to_owned());
        self.part_size_bytes = part_size_bytes;
    }

    /// Whether the store has this part.
    pub fn has(&self, part_number: u32) -> bool {
        self.parts
            .iter()
            .any(|part| part.part_number == part_number)
    }
}

/// The file of one [`Resume`].
#[derive(Debug, Clone)]
pub struct ResumeStore {
    path: PathBuf,
}

impl ResumeStore {
    /// Returns the file for the upload that `identity` describes: server, absolute path, size, modification time and
    /// request. A different request therefore starts a new upload.
    pub fn new(folder: &Path, identity: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in identity {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self {
            path: folder.join(format!(
                "{}.json",
                lower::encode_string(&hash.finalize()[..16])
            )),
        }
    }

    /// Loads the state; `None` if the file is missing or cannot be read.
    pub async fn load(&self) -> Option<Resume> {
        serde_json::from_slice(&tokio::fs::read(&self.path).await.ok()?).ok()
    }

    /// Saves the state, atomically.
    ///
    /// # Errors
    /// [`ClientError::File`] if it cannot be written.
    pub async fn save(&self, resume: &Resume) -> Result<(), ClientError> {
        let failed = || ClientError::file(&self.path);
        let text = serde_json::to_vec(resume).map_err(|error| failed()(error.into()))?;
        if let Some(folder) = self.path.parent() {
            tokio::fs::create_dir_all(folder).await.map_err(failed())?;
        }
        let aside = self
            .path
            .with_extension(format!("{}.tmp", std::process::id()));
        tokio::fs::write(&aside, text).await.map_err(failed())?;
        tokio::fs::rename(&aside, &self.path)
            .await
            .map_err(failed())
    }

    /// Removes the file.
    pub async fn forget(&self) {
        // An error is harmless: the next run finds the upload complete.
        let _ = tokio::fs::remove_file(&self.path).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(part_number: u32) -> CompletedPart {
        CompletedPart {
            part_number,
            etag: format!("e{part_number}"),
        }
    }

    #[tokio::test]
    async fn what_was_saved_is_loaded_and_can_be_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let store = ResumeStore::new(&folder.path().join("deep/er"), &["http://a", "/b", "3"]);
        assert_eq!(store.load().await, None);
        let mut resume = Resume::fresh("key".into());
        resume.adopt("f", "u", 5);
        resume.parts.push(part(2));
        store.save(&resume).await.unwrap();
        assert_eq!(store.load().await, Some(resume));
        store.forget().await;
        assert_eq!(store.load().await, None);
    }

    #[tokio::test]
    async fn a_torn_file_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let store = ResumeStore::new(folder.path(), &["x"]);
        std::fs::write(&store.path, b"{\"idempotency_key\":\"k").unwrap();
        assert_eq!(store.load().await, None);
    }

    #[test]
    fn another_identity_is_another_file_even_when_the_texts_join_alike() {
        let path = |identity: &[&str]| ResumeStore::new(Path::new("/c"), identity).path;
        assert_ne!(path(&["ab", "c"]), path(&["a", "bc"]));
        assert_eq!(path(&["ab", "c"]), path(&["ab", "c"]));
    }

    #[test]
    fn parts_of_another_upload_are_dropped() {
        let mut resume = Resume::fresh("key".into());
        resume.adopt("f", "u", 5);
        resume.parts.push(part(1));
        resume.adopt("f", "u", 5);
        assert!(resume.has(1));
        resume.adopt("f", "u2", 5);
        assert!(!resume.has(1));
    }
}
