//! Whole lives of an upload, as their clients, stores and queues play them: whoever dies is started again.

use consign_core::ids::UploadId;
use consign_core::upload::{Deletion, Upload, UploadState};
use contract::{Horizon, World, notify};

use crate::support::{CSV, LARGE_BYTES, OWNER, csv, large, put, told};

/// A life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// Put, told, confirmed; the original stays.
    Kept,
    /// The same, and the original goes once it is ready.
    Once,
    /// In parts, confirmed.
    Parts,
    /// In parts, and nobody says a word.
    SilentParts,
    /// Put, told, deleted by its owner, purged.
    Deleted,
    /// Put, told, and taken away by somebody at the bucket.
    TakenAway,
    /// Never put.
    Unused,
}

impl Life {
    pub(crate) const ALL: [Self; 7] = [
        Self::Kept,
        Self::Once,
        Self::Parts,
        Self::SilentParts,
        Self::Deleted,
        Self::TakenAway,
        Self::Unused,
    ];

    /// Lives it. Clients ask again after a death or a 5xx; a message that is not acknowledged comes again.
    pub(crate) async fn live(self, world: &World) -> Upload {
        let body = match self {
            Self::Once => csv("once"),
            Self::Deleted => csv("brief"),
            Self::Parts | Self::SilentParts => large(),
            Self::Kept | Self::TakenAway | Self::Unused => csv("table"),
        };
        let id = loop {
            let answer = world
                .faults
                .outlive(world.sign(OWNER, &body, Some("key")))
                .await;
            match answer {
                Some((201, answer)) => {
                    break UploadId::parse(answer["file_id"].as_str().unwrap()).unwrap();
                }
                Some((409 | 500.., _)) | None => world.clock.advance_s(31),
                Some(other) => panic!("{other:?}"),
            }
        };
        let upload = world.record(id).unwrap();
        self.fill(world, &upload);
        if matches!(self, Self::Kept | Self::Once | Self::Parts) {
            self.confirm(world, &upload).await;
        }
        if self == Self::Deleted {
            settle(world, Horizon::Work).await;
            while world
                .faults
                .outlive(world.delete(OWNER, &id.to_string()))
                .await
                != Some(204)
            {}
        }
        if self == Self::TakenAway {
            settle(world, Horizon::Work).await;
            let at = world.objects.client_delete(&upload.object);
            world
                .messages
                .push(notify::removed(&upload.object, at.as_ref()));
        }
        settle(world, Horizon::End).await;
        world.record(id).unwrap()
    }

    fn fill(self, world: &World, upload: &Upload) {
        match self {
            Self::Unused => {}
            Self::Parts | Self::SilentParts => {
                let multipart = upload.multipart_upload_id.as_deref().unwrap();
                let bytes = vec![b'a'; LARGE_BYTES];
                world
                    .objects
                    .client_put_part(multipart, 1, bytes[..5 << 20].to_vec())
                    .unwrap();
                world
                    .objects
                    .client_put_part(multipart, 2, bytes[5 << 20..].to_vec())
                    .unwrap();
            }
            Self::Kept | Self::Once | Self::Deleted | Self::TakenAway => {
                let version = put(world, &upload.object, CSV).unwrap();
                world.messages.push(told(&upload.object, &version));
            }
        }
    }

    async fn confirm(self, world: &World, upload: &Upload) {
        let body = serde_json::json!({ "file_id": upload.id.to_string() });
        loop {
            match world.faults.outlive(world.confirm(OWNER, &body)).await {
                Some((200, _)) => return,
                Some((500.., _)) | None => {}
                Some(other) => panic!("{other:?}"),
            }
        }
    }

    /// What must have come of it.
    #[track_caller]
    pub(crate) fn check(self, world: &World, upload: &Upload, context: &str) {
        let keys = world.keys();
        let commits = world.commits(upload.id);
        let (state, commit_count, objects) = match self {
            Self::Kept => (UploadState::Ready, 1, 3),
            Self::Once => (UploadState::Ready, 1, 2),
            Self::Parts | Self::SilentParts => (UploadState::Ready, 1, 1),
            Self::Deleted | Self::TakenAway => (UploadState::Deleted, 1, 0),
            Self::Unused => (UploadState::Expired, 0, 0),
        };
        assert_eq!(upload.state, state, "{context}: {upload:?}");
        assert_eq!(commits.len(), commit_count, "{context}: {commits:?}");
        assert_eq!(keys.len(), objects, "{context}: {keys:?}");
        assert_eq!(upload.original_removed, self == Self::Once, "{context}");
        if state == UploadState::Deleted {
            assert_eq!(upload.deletion, Some(Deletion::Purged), "{context}");
        }
        // Whose id died with its caller is known to nobody, and the bucket's lifecycle's to remove.
        assert!(world.objects.open_multiparts() <= 1, "{context}");
        assert_eq!(world.messages.depth(), 0, "{context}");
        if let Some(outcome) = upload.current_outcome() {
            assert_eq!(
                Some(&outcome.etag),
                upload.observed.as_ref().map(|seen| &seen.etag),
                "{context}"
            );
            let parquet = outcome.parquet_key.as_ref();
            assert_eq!(
                parquet.is_some(),
                matches!(self, Self::Kept | Self::Once),
                "{context}"
            );
            assert!(parquet.is_none_or(|key| keys.contains(key)), "{context}");
        }
    }
}

/// Settles, and is started again where it dies.
pub(crate) async fn settle(world: &World, horizon: Horizon) {
    for _ in 0..20 {
        if let Some(has_ended) = world.faults.outlive(world.settle(horizon)).await {
            assert!(has_ended, "{horizon:?} has no end");
            return;
        }
    }
    panic!("it dies for ever");
}
