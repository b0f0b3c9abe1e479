//! Multipart uploads: completed once, from the listed parts.

use consign_core::ids::{ETag, ObjectRef};
use consign_core::policy::Encryption;
use consign_core::ports::{Multipart, ObjectStore, Part, Read};

use super::ClientParts;
use super::object_store::{object, pattern, read};

/// The smallest part of S3, except for the last.
const PART_BYTES: usize = 5 << 20;

async fn begin<S: Multipart>(store: &S, at: &ObjectRef) -> String {
    let begun = store.begin(at, "text/csv", &Encryption::None).await;
    begun.unwrap()
}

/// Begins an upload and puts two parts, the second one first.
async fn two_parts<S: Multipart + ClientParts>(store: &S, at: &ObjectRef) -> (String, Vec<Part>) {
    let upload_id = begin(store, at).await;
    let bytes = pattern(PART_BYTES + 10);
    let (first, last) = bytes.split_at(PART_BYTES);
    store.put_part(at, &upload_id, (2, last.to_vec())).await;
    store.put_part(at, &upload_id, (1, first.to_vec())).await;
    let parts = store.parts(at, &upload_id).await.unwrap().unwrap();
    (upload_id, parts)
}

/// In order, with the type from the beginning, and not before the completion.
pub async fn parts_become_the_object<S: Multipart + ObjectStore + ClientParts>(store: &S) {
    let at = object("big.csv");
    let begun = begin(store, &at).await;
    assert_eq!(store.parts(&at, &begun).await.unwrap(), Some(vec![]));
    let (upload_id, parts) = two_parts(store, &at).await;
    let listed: Vec<(u16, u64)> = parts.iter().map(|p| (p.number, p.size_bytes)).collect();
    assert_eq!(listed, [(1, PART_BYTES as u64), (2, 10)]);
    assert_eq!(store.head(&at).await.unwrap(), None);
    assert!(store.complete(&at, &upload_id, &parts).await.unwrap());
    let head = store.head(&at).await.unwrap().unwrap();
    assert_eq!(head.content_type.as_deref(), Some("text/csv"));
    let bytes = read(store, &at, &Read::default()).await.unwrap();
    assert!(bytes == pattern(PART_BYTES + 10), "the bytes differ");
}

/// As by a client that resumes.
pub async fn a_part_put_again_replaces_the_first<S: Multipart + ObjectStore + ClientParts>(
    store: &S,
) {
    let at = object("again.csv");
    let upload_id = begin(store, &at).await;
    store.put_part(&at, &upload_id, (1, b"half".to_vec())).await;
    let etag = store
        .put_part(&at, &upload_id, (1, b"whole".to_vec()))
        .await;
    let parts = store.parts(&at, &upload_id).await.unwrap().unwrap();
    let expected = Part {
        number: 1,
        etag,
        size_bytes: 5,
    };
    assert_eq!(parts, [expected]);
    assert!(store.complete(&at, &upload_id, &parts).await.unwrap());
    let bytes = read(store, &at, &Read::default()).await.unwrap();
    assert_eq!(bytes, b"whole");
}

/// The second completion finds no upload.
pub async fn a_multipart_completes_once<S: Multipart + ObjectStore + ClientParts>(store: &S) {
    let at = object("once.csv");
    let (upload_id, parts) = two_parts(store, &at).await;
    assert!(store.complete(&at, &upload_id, &parts).await.unwrap());
    let first = store.head(&at).await.unwrap();
    assert!(!store.complete(&at, &upload_id, &parts).await.unwrap());
    assert_eq!(store.parts(&at, &upload_id).await.unwrap(), None);
    assert_eq!(store.head(&at).await.unwrap(), first);
}

/// Another etag, a part that was never put, or no part.
pub async fn a_part_that_is_not_as_named_completes_nothing<
    S: Multipart + ObjectStore + ClientParts,
>(
    store: &S,
) {
    let at = object("named.csv");
    let (upload_id, parts) = two_parts(store, &at).await;
    let mut other = parts.clone();
    other[1].etag = ETag::new("00000000000000000000000000000000");
    let mut absent = parts.clone();
    absent[1].number = 3;
    for named in [&other[..], &absent[..], &[]] {
        let completed = store.complete(&at, &upload_id, named).await;
        assert!(!completed.unwrap(), "{named:?}");
    }
    assert_eq!(store.head(&at).await.unwrap(), None);
    assert!(store.complete(&at, &upload_id, &parts).await.unwrap());
}

/// Invariant 8: the existing object is kept.
pub async fn a_taken_key_completes_nothing<S: Multipart + ObjectStore + ClientParts>(store: &S) {
    let at = object("taken.csv");
    let (upload_id, parts) = two_parts(store, &at).await;
    let body = bytes::Bytes::from_static(b"first");
    let etag = store.put(&at, "text/csv", body).await.unwrap();
    assert!(!store.complete(&at, &upload_id, &parts).await.unwrap());
    assert_eq!(store.head(&at).await.unwrap().unwrap().etag, etag);
}

/// A second abort is no fault.
pub async fn an_aborted_multipart_is_unknown<S: Multipart + ObjectStore + ClientParts>(store: &S) {
    let at = object("aborted.csv");
    let (upload_id, parts) = two_parts(store, &at).await;
    store.abort(&at, &upload_id).await.unwrap();
    store.abort(&at, &upload_id).await.unwrap();
    assert_eq!(store.parts(&at, &upload_id).await.unwrap(), None);
    assert!(!store.complete(&at, &upload_id, &parts).await.unwrap());
    assert_eq!(store.head(&at).await.unwrap(), None);
}

/// The upload id of another key is unknown, like one that never existed.
pub async fn an_unknown_multipart_is_a_result_of_its_own<
    S: Multipart + ObjectStore + ClientParts,
>(
    store: &S,
) {
    let (at, elsewhere) = (object("a.csv"), object("b.csv"));
    let (upload_id, parts) = two_parts(store, &at).await;
    assert_eq!(store.parts(&elsewhere, &upload_id).await.unwrap(), None);
    let completed = store.complete(&elsewhere, &upload_id, &parts).await;
    assert!(!completed.unwrap());
    assert_eq!(store.parts(&at, "no-such-id").await.unwrap(), None);
    store.abort(&at, "no-such-id").await.unwrap();
}
