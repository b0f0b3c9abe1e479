//! The operational limits: lifetimes, numbers of attempts, and intervals of probes.
//!
//! They are in one file because they depend on one another, and because deployments repeat some of them:
//! `template.yaml`, `wrangler.toml`, `infra/elasticmq.conf`, `infra/edge/README.md` and the rules that `consign
//! bucket init` sets. The assertions below check the relations, and `tests/contract/tests/template/numbers.rs` checks
//! the deployments.

use std::ops::RangeInclusive;

use crate::sigv4::{EXPIRES_S_MAX, SKEW_S_MAX};

/// The seconds of a minute.
pub const MINUTE_S: u64 = 60;
/// The seconds of an hour.
pub const HOUR_S: u64 = 60 * MINUTE_S;
/// The seconds of a day.
pub const DAY_S: u64 = 24 * HOUR_S;

// ---------------------------------------------------------------------------------------------------------------
// URLs

/// The shortest and longest life of an upload URL that a policy may set, in seconds. The maximum is the limit of SigV4: seven days.
pub const UPLOAD_URL_RANGE_S: RangeInclusive<u64> = 120..=EXPIRES_S_MAX as u64;
/// The default life of an upload URL, in seconds.
pub const UPLOAD_URL_S: u64 = 15 * MINUTE_S;
/// The shortest and longest life of a download URL that a policy or a request may set, in seconds.
pub const DOWNLOAD_URL_RANGE_S: RangeInclusive<u64> = MINUTE_S..=DAY_S;
/// The default life of a download URL, in seconds.
pub const DOWNLOAD_URL_S: u64 = HOUR_S;
/// How long after the URL expired a write that began in time may still finish before the upload counts as unused, in
/// seconds.
pub const EXPIRY_GRACE_S: u64 = MINUTE_S;

/// How far the clock of a function may be from that of the store, in seconds. S3 accepts the signatures of such a clock.
pub const SKEW_S: u64 = SKEW_S_MAX as u64;

const _: () = assert!(*UPLOAD_URL_RANGE_S.start() > EXPIRY_GRACE_S);
const _: () = assert!(is_within(UPLOAD_URL_S, &UPLOAD_URL_RANGE_S));
const _: () = assert!(is_within(DOWNLOAD_URL_S, &DOWNLOAD_URL_RANGE_S));

// ---------------------------------------------------------------------------------------------------------------
// The life of an upload

/// The longest life of a multipart upload from its first signing to its completion, in seconds, however often it is
/// signed again.
pub const UPLOAD_LIFE_MAX_S: u64 = 7 * DAY_S;
/// The default time that a multipart upload may be inactive, in seconds.
pub const ACTIVITY_S: u64 = DAY_S;
/// The shortest and longest time that a policy may let a multipart upload be inactive, in seconds.
pub const ACTIVITY_RANGE_S: RangeInclusive<u64> = HOUR_S..=UPLOAD_LIFE_MAX_S;
/// How long an idempotency key is stored, in seconds. It equals the longest life of its upload, since the same call
/// signs the missing parts anew.
pub const IDEMPOTENCY_S: u64 = UPLOAD_LIFE_MAX_S;
/// How long a call may take to begin a multipart upload in the bucket before another call takes over, in seconds.
pub const BEGIN_S: u64 = 30;
/// How long the sweep may be out of service before the bucket removes abandoned parts instead, in days.
const PARTS_SWEEP_AWAY_DAYS: u64 = 2;
/// After how many days a bucket may abort an unfinished multipart upload by itself: no upload can be alive, no URL
/// can bring another part, and the sweep has been out of service for two days.
pub const PARTS_ABORT_DAYS: u64 =
    (UPLOAD_LIFE_MAX_S + *UPLOAD_URL_RANGE_S.end()).div_ceil(DAY_S) + PARTS_SWEEP_AWAY_DAYS;
/// How long a purged upload keeps its object key after its URL expired, in seconds. A write that began in time may
/// still be under way. Its bytes are removed and not taken for those of another upload.
pub const KEY_KEPT_S: u64 = DAY_S;

const _: () = assert!(is_within(ACTIVITY_S, &ACTIVITY_RANGE_S));
const _: () = assert!(KEY_KEPT_S > EXPIRY_GRACE_S);
const _: () = assert!(BEGIN_S < *UPLOAD_URL_RANGE_S.start());

// ---------------------------------------------------------------------------------------------------------------
// Probes of the bucket

/// The interval of the sweep when a schedule starts it, in seconds: the shortest that EventBridge and Cloudflare's
/// cron triggers support.
pub const SWEEP_EVERY_S: u64 = MINUTE_S;
/// When the sweep first probes for an object that no event reported, in seconds after signing.
pub const PROBE_FIRST_S: u64 = MINUTE_S;
/// The longest pause between two probes, in seconds.
pub const PROBE_LAST_S: u64 = 15 * MINUTE_S;
/// The longest pause between two probes for the parts of an upload whose URLs have expired, in seconds.
pub const PARTS_PROBE_LAST_S: u64 = HOUR_S;
/// The shortest and the longest pause of an upload that the sweep cannot examine, in seconds. The pause doubles each
/// time, so uploads that fail permanently take little of the sweep's time.
pub const PROBE_FAILED_S: (u64, u64) = (MINUTE_S, 6 * HOUR_S);
/// How often the sweep probes for late bytes of an expired upload.
pub const LATE_PROBES_MAX: u32 = 5;
/// How long after an object was first absent the probe follows that ends the upload, in seconds. It is longer than it
/// takes to mount a disk again or to correct an endpoint.
pub const ABSENCE_CONFIRM_S: u64 = 30 * MINUTE_S;
/// When an absent object is first probed for again, in seconds: a store that came back empty often recovers soon.
/// Each further pause is as long as the object has been absent.
pub const ABSENCE_PROBE_S: u64 = 10;

const _: () = assert!(PROBE_FIRST_S <= PROBE_LAST_S && PROBE_LAST_S < DAY_S);
const _: () = assert!(PARTS_PROBE_LAST_S <= *ACTIVITY_RANGE_S.start());
const _: () = assert!(0 < PROBE_FAILED_S.0 && PROBE_FAILED_S.0 <= PROBE_FAILED_S.1);
const _: () = assert!(
    ABSENCE_CONFIRM_S >= PROBE_LAST_S,
    "two probes must be far apart"
);
const _: () = assert!(0 < ABSENCE_PROBE_S && ABSENCE_PROBE_S < PROBE_FIRST_S);

// ---------------------------------------------------------------------------------------------------------------
// Ingest and its queue

/// How long an ingest may hold a lease without renewing it, in seconds.
pub const LEASE_S: u64 = 2 * MINUTE_S;
/// The number of attempts for one generation. After that it fails permanently.
pub const ATTEMPTS_MAX: u32 = 8;
/// How often a process that holds one generation may end without a result before each such end counts as an attempt.
/// Frequent restarts say nothing about a file, but a file that ends its process each time must fail eventually.
pub const HOLDERS_LOST_MAX: u32 = 64;
/// When the sweep requeues an upload for which no lease was acquired, in seconds.
pub const ENQUEUE_CHECK_S: u64 = 2 * MINUTE_S;
/// The longest pause between two requeues, in seconds.
pub const REQUEUE_LAST_S: u64 = HOUR_S;
/// The number of deliveries of a message before a queue gives it up, on every host. It is larger than the number of
/// attempts, so the upload ends before its message becomes a dead letter.
pub const DELIVERIES_MAX: u32 = ATTEMPTS_MAX + 4;
/// The shortest and the longest pause before a message is delivered again, in seconds, on the hosts that choose it.
/// On AWS, the pause is the rest of the visibility timeout of SQS.
pub const RETRY_PAUSE_S: (u64, u64) = (2, MINUTE_S);
/// The timeout of the ingest function on Lambda, in seconds.
pub const INGEST_RUN_S: u64 = 10 * MINUTE_S;
/// The visibility timeout of the SQS queue, in seconds: six times the function's timeout, as AWS recommends.
pub const SQS_HIDDEN_S: u64 = 6 * INGEST_RUN_S;
/// The longest time that consign's own queue hides a message, in seconds. A message that is hidden for longer was
/// hidden before the clock was set back, and is delivered at once. The lease in the record protects the work: a
/// repeated message finds it held.
pub const HIDDEN_MAX_S: u64 = 15 * MINUTE_S;
/// The longest time that a message stays on the ingest queue, in seconds. The sweep queues an upload again when its
/// message is lost.
pub const MESSAGE_KEPT_S: u64 = 4 * DAY_S;
/// How long a dead letter is kept, in seconds: the longest retention of SQS and Cloudflare Queues.
pub const DEAD_LETTER_S: u64 = 14 * DAY_S;

const _: () = assert!(ATTEMPTS_MAX >= 2, "a crash must leave room for a retry");
const _: () = assert!(DELIVERIES_MAX > ATTEMPTS_MAX);
const _: () = assert!(RETRY_PAUSE_S.0 < RETRY_PAUSE_S.1 && RETRY_PAUSE_S.1 <= HIDDEN_MAX_S);
const _: () = assert!(
    LEASE_S <= ENQUEUE_CHECK_S,
    "a requeued message must not find an expired lease"
);
const _: () = assert!(LEASE_S < HIDDEN_MAX_S && HIDDEN_MAX_S < SQS_HIDDEN_S);
const _: () = assert!(
    DELIVERIES_MAX as u64 * SQS_HIDDEN_S < MESSAGE_KEPT_S,
    "a message must become a dead letter before its retention ends"
);
const _: () = assert!(
    MESSAGE_KEPT_S < DEAD_LETTER_S,
    "SQS counts a dead letter's age from its first sending"
);

// ---------------------------------------------------------------------------------------------------------------
// Retention of deleted uploads

/// The default retention of a deleted file's bytes, in seconds.
pub const DELETED_RETENTION_S: u64 = 30 * DAY_S;
/// How long the sweep, which purges deleted files, may be out of service before the bucket removes them instead, in
/// days.
pub const PURGE_SWEEP_AWAY_DAYS: u64 = 30;
/// After how many days a bucket removes an object of the health check that could not be removed at once.
pub const HEALTH_OBJECT_DAYS: u64 = 1;
/// How long the record of a purged upload is kept on stores whose records expire, in seconds.
pub const PURGED_KEPT_S: u64 = 400 * DAY_S;

const _: () = assert!(PURGED_KEPT_S > UPLOAD_LIFE_MAX_S + *UPLOAD_URL_RANGE_S.end() + KEY_KEPT_S);

/// Returns after how many days a bucket removes every object under `deleted/`, for the longest `deleted_retention` of
/// its categories.
#[must_use]
pub const fn deleted_days(deleted_retention_s: u64) -> u64 {
    deleted_retention_s
        .div_ceil(DAY_S)
        .saturating_add(PURGE_SWEEP_AWAY_DAYS)
}

const fn is_within(value: u64, range: &RangeInclusive<u64>) -> bool {
    *range.start() <= value && value <= *range.end()
}
