//! Sample uploads: plain ones, and arbitrary ones.

use consign_core::events::Sequencer;
use consign_core::ids::{ETag, ObjectRef, OwnerId, UploadId};
use consign_core::policy::{Overwrite, Strategy};
use consign_core::ports::{Allowance, NewUpload};
use consign_core::time::{self, Timestamp, saturating_add_secs};
use consign_core::upload::{
    ClientMetadata, Columns, Deletion, DeletionReason, Failure, IngestOutcome, Lease,
    MultipartProgress, ObjectVersion, Outputs, Upload, UploadState,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::{Just, Strategy as Generator, any, prop_oneof};
use serde_json::Value;

/// The bucket of the samples.
pub const BUCKET: &str = "contract";

/// Returns the start time of the samples: 2027-01-15T08:00:00Z, the start of a rate window.
#[must_use]
pub fn start() -> Timestamp {
    saturating_add_secs(Timestamp::UNIX_EPOCH, 1_800_000_000)
}

/// Returns an owner.
///
/// # Panics
/// The text is not a valid owner.
#[must_use]
#[expect(clippy::expect_used, reason = "a test names a good owner")]
pub fn owner(text: &str) -> OwnerId {
    OwnerId::parse(text).expect("an owner of 1 to 128 printable characters")
}

/// Returns the id of a sample. Ids sort by number.
#[must_use]
pub fn id(number: u32) -> UploadId {
    let [a, b, c, d] = number.to_be_bytes();
    let at = saturating_add_secs(start(), u64::from(number));
    UploadId::new(at, [0, 0, 0, 0, 0, 0, a, b, c, d])
}

/// Returns a pending upload of 100 bytes at revision 0, signed `number` seconds after [`start`].
#[must_use]
pub fn upload(owner_text: &str, number: u32) -> Upload {
    let id = id(number);
    let at = saturating_add_secs(start(), u64::from(number));
    Upload {
        filename: format!("file {number}.csv"),
        category: "dataset".to_owned(),
        extension: "csv".to_owned(),
        content_type: "text/csv".to_owned(),
        size_bytes_declared: Some(100),
        size_bytes_max: 100,
        deleted_retention_s: 86_400,
        url_expires_at: saturating_add_secs(at, 900),
        reserved_bytes: 100,
        ..Upload::pending(
            id,
            owner(owner_text),
            ObjectRef::new(BUCKET, format!("uploads/{owner_text}/{id}.csv")),
            at,
        )
    }
}

/// Returns an upload to insert, without idempotency key and limits.
#[must_use]
pub fn new(upload: Upload) -> NewUpload {
    NewUpload {
        upload,
        idempotency: None,
        allowance: Allowance {
            quota_bytes_max: None,
            sign_uploads_per_window: None,
            files_max: None,
        },
    }
}

fn timestamps() -> impl Generator<Value = Timestamp> {
    prop_oneof![
        (0..4_000_000_000_i64, 0..1_000_000_000_u32)
            .prop_map(|(s, ns)| Timestamp::from_timestamp(s, ns).unwrap_or(time::MAX)),
        Just(Timestamp::UNIX_EPOCH),
        Just(time::MAX),
    ]
}

fn etags() -> impl Generator<Value = ETag> {
    "[0-9a-f]{32}(-[1-9][0-9]{0,3})?".prop_map(|text| ETag::new(&text))
}

fn versions() -> impl Generator<Value = ObjectVersion> {
    let sequencer = option::of("[0-9A-F]{16,18}");
    (
        etags(),
        any::<u64>(),
        option::of(any::<String>()),
        sequencer,
    )
        .prop_map(|(etag, size_bytes, version_id, sequencer)| ObjectVersion {
            etag,
            size_bytes,
            version_id,
            sequencer: sequencer.and_then(|text| Sequencer::parse(&text).into_iter().next()),
        })
}

fn json_values() -> impl Generator<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn outcomes() -> impl Generator<Value = IngestOutcome> {
    let key = || option::of("[a-z0-9/]{1,40}");
    let rows = (option::of(any::<u64>()), option::of(any::<u64>()));
    let columns = option::of(vec(any::<String>(), 0..4).prop_map(Columns::of));
    (etags(), (key(), key(), key(), key()), rows, columns).prop_map(
        |(
            etag,
            (parquet_key, profile_key, rejects_key, rejects_parquet_key),
            (row_count, reject_count),
            columns,
        )| {
            IngestOutcome {
                etag,
                bucket: parquet_key.clone(),
                parquet_key,
                profile_key,
                rejects_key,
                rejects_parquet_key,
                row_count,
                reject_count,
                columns,
                schema_difference: None,
            }
        },
    )
}

fn failures() -> impl Generator<Value = Failure> {
    ("[a-z_]{1,20}", any::<String>(), option::of(etags()))
        .prop_map(|(code, detail, etag)| Failure { code, detail, etag })
}

fn claims() -> impl Generator<Value = ClientMetadata> {
    let columns = option::of(vec(any::<String>(), 0..4).prop_map(Columns::of));
    (
        columns,
        option::of(any::<u64>()),
        option::of(any::<String>()),
    )
        .prop_map(|(columns, row_count, file_hash)| ClientMetadata {
            columns,
            row_count,
            file_hash,
        })
}

fn strategies() -> impl Generator<Value = Strategy> {
    prop_oneof![
        Just(Strategy::Put),
        Just(Strategy::Post),
        Just(Strategy::Multipart)
    ]
}

fn deletions() -> impl Generator<Value = Deletion> {
    prop_oneof![
        Just(Deletion::Requested),
        Just(Deletion::Moved),
        Just(Deletion::Purged)
    ]
}

/// Generates plain samples of many owners. Every id and object key is new with overwhelming likelihood.
fn identified() -> impl Generator<Value = Upload> {
    (
        any::<u64>(),
        any::<[u8; 10]>(),
        "[!-~]{1,128}",
        "[A-Za-z0-9/_.=-]{1,200}",
    )
        .prop_map(|(millis, random, owner_text, key)| {
            let at = saturating_add_secs(Timestamp::UNIX_EPOCH, millis % 4_000_000_000);
            let id = UploadId::new(at, random);
            Upload {
                id,
                owner: owner(&owner_text),
                object: ObjectRef::new(BUCKET, format!("{id}/{key}")),
                ..upload("any", 0)
            }
        })
}

/// Gives uploads their state, numbers and choices.
fn counted(uploads: impl Generator<Value = Upload>) -> impl Generator<Value = Upload> {
    (
        uploads,
        (
            0..UploadState::ALL.len(),
            any::<u32>(),
            any::<u32>(),
            any::<u32>(),
        ),
        (0..1_u64 << 50, any::<u64>(), any::<u64>()),
        (
            option::of(any::<u64>()),
            option::of(any::<u64>()),
            option::of(any::<u64>()),
        ),
        (any::<bool>(), any::<bool>(), strategies()),
    )
        .prop_map(|(upload, counts, sizes, options, choices)| Upload {
            state: UploadState::ALL[counts.0],
            generation: counts.1,
            attempts: counts.2,
            probe_count: counts.3,
            probe_failures: counts.2,
            puts_once: choices.1,
            reserved_bytes: sizes.0,
            size_bytes_max: sizes.1,
            deleted_retention_s: sizes.2,
            size_bytes_declared: options.0,
            part_size_bytes: options.1,
            retention_s: options.2,
            unconfirmed_s: options.1,
            multipart: MultipartProgress {
                activity_s: sizes.2,
                count: counts.1,
                size_bytes: sizes.0,
                active_at: choices.0.then_some(upload.created_at),
                begin_until: choices.1.then_some(upload.updated_at),
            },
            keep_original: choices.0,
            original_removed: choices.1,
            removed_unobserved: choices.0 != choices.1,
            strategy: choices.2,
            ..upload
        })
}

/// Gives uploads their texts, labels and metadata.
fn described(uploads: impl Generator<Value = Upload>) -> impl Generator<Value = Upload> {
    let text = any::<String>;
    (
        uploads,
        (text(), text(), text(), text()),
        (option::of(text()), option::of(text()), option::of(text())),
        btree_map(text(), text(), 0..4),
        btree_map(text(), json_values(), 0..4),
        claims(),
    )
        .prop_map(
            |(upload, texts, options, labels, metadata, claimed)| Upload {
                filename: texts.0,
                category: texts.1,
                extension: texts.2,
                content_type: texts.3,
                checksum_sha256: options.0,
                multipart_upload_id: options.1,
                collection_id: options.2,
                labels,
                metadata: metadata.into_iter().collect(),
                client_metadata: claimed,
                ..upload
            },
        )
}

/// Gives uploads what happened to them: times, work and how they ended.
fn lived(uploads: impl Generator<Value = Upload>) -> impl Generator<Value = Upload> {
    let lease = ("[0-9a-f]{32}", timestamps()).prop_map(|(token, until)| Lease { token, until });
    (
        uploads,
        (timestamps(), timestamps(), timestamps()),
        (
            option::of(timestamps()),
            option::of(timestamps()),
            option::of(timestamps()),
        ),
        (
            option::of(versions()),
            option::of(lease),
            option::of(outcomes()),
        ),
        (option::of(failures()), option::of(deletions())),
    )
        .prop_map(|(upload, times, times_maybe, work, ends)| Upload {
            created_at: times.0,
            updated_at: times.1,
            url_expires_at: times.2,
            uploaded_at: times_maybe.0,
            processed_at: times_maybe.1,
            confirmed_at: times_maybe.0,
            next_check_at: times_maybe.2,
            observed: work.0,
            lease: work.1,
            outcome: work.2,
            absent_since: times_maybe.1,
            deleted_at: times_maybe.2,
            deletion_reason: ends.1.as_ref().map(|deletion| match deletion {
                Deletion::Requested => DeletionReason::ObjectAbsent,
                Deletion::Moved => DeletionReason::Owner,
                Deletion::Purged => DeletionReason::Retention,
            }),
            last_fault: ends.0.as_ref().map(|failure| failure.detail.clone()),
            conflict_etag: ends.0.as_ref().and_then(|failure| failure.etag.clone()),
            overwrite: ends.1.as_ref().map(|_| Overwrite::Refuse),
            outputs: (ends.1.iter())
                .map(|_| Outputs {
                    generation: upload.generation,
                    bucket: BUCKET.to_owned(),
                    parquet_key: "a.parquet".to_owned(),
                    profile_key: "a.profile.json".to_owned(),
                    rejects_key: "a.rejects.json".to_owned(),
                    rejects_parquet_key: ends.0.as_ref().map(|_| "a.rejects.parquet".to_owned()),
                })
                .collect(),
            failure: ends.0,
            deletion: ends.1,
            ..upload
        })
}

/// Generates uploads at revision 0 with independent fields, which a repository must return unchanged. Every id and
/// object key is new with overwhelming likelihood.
pub fn any_upload() -> impl Generator<Value = Upload> {
    lived(described(counted(identified())))
}
