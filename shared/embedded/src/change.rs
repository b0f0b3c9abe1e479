//! How every operation reaches the disk, and how a change becomes an event.

use std::sync::Arc;

use s3s::dto::{ETag, PutObjectInput, PutObjectOutput};
use s3s::{S3ErrorCode, S3Request, S3Response, S3Result};
use tokio_util::task::TaskTracker;

use crate::blob::{Attributes, Meta};
use crate::convert::{attributes, check_length, condition, with_checksums};
use crate::event::{Event, ObjectEvents};
use crate::receive::{Declared, declared, receive};
use crate::store::{Store, internal};

/// One server's operations. Clones share everything.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) store: Arc<Store>,
    pub(crate) events: Arc<dyn ObjectEvents>,
    /// Changes under way, which a shutdown awaits.
    pub(crate) changes: TaskTracker,
}

impl Service {
    /// Runs `work` where it may block.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> S3Result<T> + Send + 'static,
    ) -> S3Result<T> {
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || work(&store))
            .await
            .map_err(s3s::S3Error::internal_error)?
    }

    /// Makes a change and tells of it. It runs to its end even when the client has gone meanwhile, since what is
    /// durable must also be told.
    pub(crate) async fn change(
        &self,
        event: Event,
        bucket: String,
        work: impl FnOnce(&Store, &str) -> S3Result<Meta> + Send + 'static,
    ) -> S3Result<Meta> {
        let this = self.clone();
        let change = self.changes.spawn(async move {
            let (meta, notification) = this
                .blocking(move |store| {
                    let meta = work(store, &bucket)?;
                    let notification = event.notification(&bucket, &meta);
                    Ok((meta, notification))
                })
                .await?;
            if let Err(error) = this.events.notify(notification).await {
                tracing::warn!(
                    error,
                    "an object's event was not taken; the sweep will find the object"
                );
            }
            Ok(meta)
        });
        change.await.map_err(s3s::S3Error::internal_error)?
    }

    /// Takes a body in and makes it an object.
    pub(crate) async fn put(
        &self,
        event: Event,
        mut req: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        check_length(&req)?;
        let declared = declared!(req);
        let input = &mut req.input;
        let (bucket, key) = (input.bucket.clone(), std::mem::take(&mut input.key));
        let attributes = attributes!(input);
        let condition = condition(input.if_match.take(), input.if_none_match.take())?;
        let bucket_checked = bucket.clone();
        let (mut staged, condition) = self
            .blocking(move |store| {
                // A client that cannot succeed learns so before it has sent everything; `publish` decides.
                store.check(&bucket_checked, &key, &condition)?;
                let mut staged = store.stage().map_err(internal)?;
                staged.meta = Meta {
                    key,
                    attributes,
                    ..Meta::default()
                };
                Ok((staged, condition))
            })
            .await?;
        receive(
            &mut staged,
            declared,
            input.body.take(),
            req.trailing_headers,
        )
        .await?;
        let publish = move |store: &Store, bucket: &str| store.publish(bucket, staged, &condition);
        let meta = self.change(event, bucket, publish).await?;
        let e_tag = Some(ETag::Strong(meta.e_tag.clone()));
        with_checksums(
            PutObjectOutput {
                e_tag,
                ..PutObjectOutput::default()
            },
            &meta,
        )
    }

    /// Removes an object, if there is one.
    pub(crate) async fn delete(&self, bucket: String, key: String) -> S3Result<()> {
        match self
            .change(Event::Delete, bucket, move |store, bucket| {
                store.remove(bucket, &key)
            })
            .await
        {
            Ok(_) => Ok(()),
            // Nothing was there, so nothing happened: S3 calls that a success too.
            Err(error) if *error.code() == S3ErrorCode::NoSuchKey => Ok(()),
            Err(error) => Err(error),
        }
    }
}
