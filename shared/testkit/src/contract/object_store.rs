//! Objects: atomic writes, reads by version, streaming.

use bytes::Bytes;
use consign_core::ids::{ETag, ObjectRef};
use consign_core::ports::{FaultKind, ObjectStore, ObjectWriter, Read, ReadError};
use futures_util::TryStreamExt;

use super::{BUCKET, BUCKET_MISSING};

pub(super) fn object(key: &str) -> ObjectRef {
    ObjectRef::new(BUCKET, key)
}

/// Returns bytes that differ by position.
pub(super) fn pattern(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24).to_le_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

pub(super) async fn read<S: ObjectStore>(
    store: &S,
    object: &ObjectRef,
    read: &Read,
) -> Result<Vec<u8>, ReadError> {
    let chunks: Vec<Bytes> = store.get(object, read).await?.try_collect().await?;
    Ok(chunks.concat())
}

async fn put<S: ObjectStore>(store: &S, object: &ObjectRef, body: &'static str) -> ETag {
    let body = Bytes::from_static(body.as_bytes());
    store.put(object, "text/csv", body).await.unwrap()
}

/// With its size, type, etag and bytes.
pub async fn what_is_put_is_there<S: ObjectStore>(store: &S) {
    let at = object("a/b.csv");
    let etag = put(store, &at, "x,y\n1,2\n").await;
    let head = store.head(&at).await.unwrap().unwrap();
    assert_eq!((&head.etag, head.size_bytes), (&etag, 8));
    assert_eq!(head.content_type.as_deref(), Some("text/csv"));
    let bytes = read(store, &at, &Read::default()).await.unwrap();
    assert_eq!(bytes, b"x,y\n1,2\n");
}

/// This is a result, not a fault.
pub async fn what_is_not_there_is_not_found<S: ObjectStore>(store: &S) {
    put(store, &object("a/b"), "beside").await;
    for key in ["nothing", "a", "a/", "a/b/c"] {
        assert_eq!(store.head(&object(key)).await.unwrap(), None, "{key}");
        let read = read(store, &object(key), &Read::default()).await;
        assert!(matches!(read, Err(ReadError::NotFound)), "{key}");
    }
}

/// The etag changes.
pub async fn a_put_replaces<S: ObjectStore>(store: &S) {
    let at = object("a");
    let old = put(store, &at, "old").await;
    let new = put(store, &at, "newer").await;
    assert_ne!(old, new);
    let bytes = read(store, &at, &Read::default()).await.unwrap();
    assert_eq!(bytes, b"newer");
}

/// Invariant 4 depends on it: a read has the recorded etag.
pub async fn a_read_names_the_version_it_wants<S: ObjectStore>(store: &S) {
    let at = object("a");
    let old = put(store, &at, "old").await;
    let only_old = Read {
        if_match: Some(old),
        range: None,
    };
    assert_eq!(read(store, &at, &only_old).await.unwrap(), b"old");
    put(store, &at, "newer").await;
    let changed = read(store, &at, &only_old).await;
    assert!(matches!(changed, Err(ReadError::Changed)));
}

/// Beyond the end of the object, the read is shorter or empty.
pub async fn a_range_includes_both_its_ends<S: ObjectStore>(store: &S) {
    let at = object("a");
    put(store, &at, "0123456789").await;
    let cases = [
        ((0, 0), "0"),
        ((2, 4), "234"),
        ((8, 500), "89"),
        ((0, u64::MAX >> 1), "0123456789"),
        ((10, 20), ""),
    ];
    for (range, expected) in cases {
        let part = Read {
            if_match: None,
            range: Some(range),
        };
        let bytes = read(store, &at, &part).await.unwrap();
        assert_eq!(bytes, expected.as_bytes(), "{range:?}");
    }
}

/// With zero bytes. A range of it is empty too.
pub async fn an_empty_object_is_an_object<S: ObjectStore>(store: &S) {
    let at = object("empty");
    put(store, &at, "").await;
    assert_eq!(store.head(&at).await.unwrap().unwrap().size_bytes, 0);
    let whole = Read::default();
    let start = Read {
        if_match: None,
        range: Some((0, 511)),
    };
    assert_eq!(read(store, &at, &whole).await.unwrap(), b"");
    assert_eq!(read(store, &at, &start).await.unwrap(), b"");
}

/// In any number of chunks.
pub async fn a_large_object_streams_whole<S: ObjectStore>(store: &S) {
    let at = object("large");
    let bytes = pattern(3 << 20);
    let body = Bytes::from(bytes.clone());
    store
        .put(&at, "application/octet-stream", body)
        .await
        .unwrap();
    let found = read(store, &at, &Read::default()).await.unwrap();
    assert!(found == bytes, "the bytes came back different");
}

/// Then it is complete, and larger than a part of any store's multipart upload.
pub async fn an_object_being_written_is_not_seen_before_it_is_finished<S: ObjectStore>(store: &S) {
    let at = object("out/data.parquet");
    let bytes = pattern((6 << 20) + 17);
    let mut writer = store
        .writer(&at, "application/vnd.apache.parquet")
        .await
        .unwrap();
    for piece in bytes.chunks(700_001) {
        writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    assert_eq!(store.head(&at).await.unwrap(), None);
    let etag = writer.finish().await.unwrap();
    let head = store.head(&at).await.unwrap().unwrap();
    assert_eq!(head.etag, etag);
    let content_type = head.content_type.as_deref();
    assert_eq!(content_type, Some("application/vnd.apache.parquet"));
    let found = read(store, &at, &Read::default()).await.unwrap();
    assert!(found == bytes, "the bytes came back different");

    let small = object("out/small");
    let writer = store.writer(&small, "text/plain").await.unwrap();
    writer.finish().await.unwrap();
    assert_eq!(store.head(&small).await.unwrap().unwrap().size_bytes, 0);
}

/// By drop or abort. An earlier object stays.
pub async fn an_abandoned_writer_leaves_nothing<S: ObjectStore>(store: &S) {
    let (dropped, aborted) = (object("dropped"), object("aborted"));
    put(store, &aborted, "before").await;
    for at in [&dropped, &aborted] {
        let mut writer = store.writer(at, "text/plain").await.unwrap();
        writer.write(Bytes::from_static(b"half")).await.unwrap();
        if at == &aborted {
            writer.abort().await.unwrap();
        }
    }
    assert_eq!(store.head(&dropped).await.unwrap(), None);
    let kept = read(store, &aborted, &Read::default()).await.unwrap();
    assert_eq!(kept, b"before");
}

/// Copying a missing object is a result, not a fault.
pub async fn a_copy_is_the_same_object_elsewhere<S: ObjectStore>(store: &S) {
    let (from, to) = (object("from"), object("deleted/from"));
    put(store, &from, "moved").await;
    assert!(store.copy(&from, &to).await.unwrap());
    for at in [&from, &to] {
        let head = store.head(at).await.unwrap().unwrap();
        assert_eq!(head.content_type.as_deref(), Some("text/csv"));
        let bytes = read(store, at, &Read::default()).await.unwrap();
        assert_eq!(bytes, b"moved");
    }
    assert!(!store.copy(&object("nothing"), &to).await.unwrap());
    let bytes = read(store, &to, &Read::default()).await.unwrap();
    assert_eq!(bytes, b"moved");
}

/// Once, twice, or without an object.
pub async fn removing_is_idempotent<S: ObjectStore>(store: &S) {
    let (at, beside) = (object("a"), object("b"));
    put(store, &at, "gone").await;
    put(store, &beside, "kept").await;
    store.delete(&at).await.unwrap();
    store.delete(&at).await.unwrap();
    store.delete(&object("never")).await.unwrap();
    assert_eq!(store.head(&at).await.unwrap(), None);
    assert!(store.head(&beside).await.unwrap().is_some());
}

/// From a missing object, by a check and by a write.
pub async fn a_missing_bucket_is_a_missing_resource<S: ObjectStore>(store: &S) {
    store.check_bucket(BUCKET).await.unwrap();
    let missing = store.check_bucket(BUCKET_MISSING).await.unwrap_err();
    assert_eq!(missing.kind, FaultKind::MissingResource);
    let at = ObjectRef::new(BUCKET_MISSING, "a");
    let missing = store
        .put(&at, "text/plain", Bytes::new())
        .await
        .unwrap_err();
    assert_eq!(missing.kind, FaultKind::MissingResource);
}

/// With every character of our keys, and with long ones.
pub async fn keys_are_taken_as_they_are<S: ObjectStore>(store: &S) {
    let long = "long/".repeat(40);
    let keys = ["a=b/c_d.e-f", "A/a", "a/A", "0.1/v=1/..x", &long[..199]];
    for key in keys {
        let body = Bytes::from(key.to_owned());
        store.put(&object(key), "text/plain", body).await.unwrap();
    }
    for key in keys {
        let bytes = read(store, &object(key), &Read::default()).await.unwrap();
        assert_eq!(bytes, key.as_bytes());
    }
}
