//! Runs the operations on the disk, and turns changes into events.

use std::sync::Arc;

use s3s::dto::{ETag, PutObjectInput, PutObjectOutput};
use s3s::{S3ErrorCode, S3Request, S3Response, S3Result};
use tokio_util::task::TaskTracker;

use crate::blob::{Attributes, Meta};
use crate::convert::{attributes, check_length, condition, with_checksums};
use crate::event::{Event, ObjectEvents};
use crate::receive::{Declared, Received, declared, receive};
use crate::store::{Condition, Store};

/// The object that a body becomes.
pub(crate) struct NewObject {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) attributes: Attributes,
    pub(crate) condition: Condition,
}

impl NewObject {
    /// Checks whether the object could be published now.
    pub(crate) fn check(&self, store: &Store) -> S3Result<()> {
        store.check(&self.bucket, &self.key, &self.condition)
    }
}

/// The operations of one server. Clones share the state.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) store: Arc<Store>,
    pub(crate) events: Arc<dyn ObjectEvents>,
    /// Changes in progress, which a shutdown waits for.
    pub(crate) changes: TaskTracker,
}

impl Service {
    /// Runs `work` on the blocking pool.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> S3Result<T> + Send + 'static,
    ) -> S3Result<T> {
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || work(&store))
            .await
            .map_err(s3s::S3Error::internal_error)?
    }

    /// Makes a change and sends its event. It continues if the client disconnects, since the event of a durable change
    /// must be sent.
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
                    "an event was not accepted; the sweep will find the object"
                );
            }
            Ok(meta)
        });
        change.await.map_err(s3s::S3Error::internal_error)?
    }

    /// Receives a body and publishes it as an object.
    pub(crate) async fn put(
        &self,
        mut req: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        check_length(&req)?;
        let declared = declared!(req);
        let awaits_continue = req.headers.contains_key(http::header::EXPECT);
        let input = &mut req.input;
        let (bucket, key) = (input.bucket.clone(), std::mem::take(&mut input.key));
        let attributes = attributes!(input);
        let condition = condition(input.if_match.take(), input.if_none_match.take())?;
        let object = NewObject {
            bucket,
            key,
            attributes,
            condition,
        };
        let object = if awaits_continue || !declared.is_short() {
            // A client that cannot succeed gets the error before it sends the whole body. `publish` decides.
            self.blocking(move |store| object.check(store).map(|()| object))
                .await?
        } else {
            object
        };
        let body = input.body.take();
        let received = receive(&self.store, declared, body, req.trailing_headers).await?;
        let meta = self.publish(Event::Put, object, received).await?;
        let e_tag = Some(ETag::Strong(meta.e_tag.clone()));
        with_checksums(
            PutObjectOutput {
                e_tag,
                ..PutObjectOutput::default()
            },
            &meta,
        )
    }

    /// Publishes a received body.
    pub(crate) async fn publish(
        &self,
        event: Event,
        object: NewObject,
        received: Received,
    ) -> S3Result<Meta> {
        let bucket = object.bucket.clone();
        self.change(event, bucket, move |store, bucket| {
            object.check(store)?;
            let mut staged = received.into_staged(store)?;
            staged.meta.key = object.key;
            staged.meta.attributes = object.attributes;
            store.publish(bucket, staged, &object.condition)
        })
        .await
    }

    /// Removes an object, if it exists.
    pub(crate) async fn delete(&self, bucket: String, key: String) -> S3Result<()> {
        match self
            .change(Event::Delete, bucket, move |store, bucket| {
                store.remove(bucket, &key)
            })
            .await
        {
            Ok(_) => Ok(()),
            // Deleting a missing object is a success in S3.
            Err(error) if *error.code() == S3ErrorCode::NoSuchKey => Ok(()),
            Err(error) => Err(error),
        }
    }
}
