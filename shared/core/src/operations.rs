//! The operational numbers: how long things live, how often they are tried, and when somebody looks again.
//!
//! They stand in one place because they depend on one another, and because deployments repeat some of them: `template.yaml`,
//! `wrangler.toml`, `infra/elasticmq.conf`, `infra/edge/README.md` and the rules that `consign bucket init` sets. The assertions below hold the
//! relations, and `tests/contract/tests/template/numbers.rs` holds the deployments.

use std::ops::RangeInclusive;

use crate::sigv4::EXPIRES_S_MAX;

/// Seconds of a minute.
pub const MINUTE_S: u64 = 60;
/// Seconds of an hour.
pub const HOUR_S: u64 = 60 * MINUTE_S;
/// Seconds of a day.
pub const DAY_S: u64 = 24 * HOUR_S;

// ---------------------------------------------------------------------------------------------------------------
// URLs

/// The shortest and longest life that a policy may give an upload URL, in seconds. The longest is SigV4's.
pub const UPLOAD_URL_RANGE_S: RangeInclusive<u64> = 120..=EXPIRES_S_MAX as u64;
/// The life of an upload URL where the policy says nothing, in seconds.
pub const UPLOAD_URL_S: u64 = 15 * MINUTE_S;
/// The shortest and longest life that a policy or a request may give a download URL, in seconds.
pub const DOWNLOAD_URL_RANGE_S: RangeInclusive<u64> = MINUTE_S..=DAY_S;
/// The life of a download URL where neither says anything, in seconds.
pub const DOWNLOAD_URL_S: u64 = HOUR_S;
/// How long after the URL's end an upload that began in time may still finish before we call it unused, in seconds.
pub const EXPIRY_GRACE_S: u64 = MINUTE_S;

const _: () = assert!(*UPLOAD_URL_RANGE_S.start() > EXPIRY_GRACE_S);
const _: () = assert!(is_within(UPLOAD_URL_S, &UPLOAD_URL_RANGE_S));
const _: () = assert!(is_within(DOWNLOAD_URL_S, &DOWNLOAD_URL_RANGE_S));

// ---------------------------------------------------------------------------------------------------------------
// The life of an upload

/// The longest life of an upload in parts from its signing to its completion, in seconds, however often it is signed
/// again.
pub const UPLOAD_LIFE_MAX_S: u64 = 7 * DAY_S;
/// How long an upload in parts may be silent where the policy says nothing, in seconds.
pub const ACTIVITY_S: u64 = DAY_S;
/// The shortest and longest time that a policy may give an upload in parts to be silent, in seconds.
pub const ACTIVITY_RANGE_S: RangeInclusive<u64> = HOUR_S..=UPLOAD_LIFE_MAX_S;
/// How long an idempotency key is remembered, in seconds: as long as the upload that it names may live, since
/// the same call signs anew what it still lacks.
pub const IDEMPOTENCY_S: u64 = UPLOAD_LIFE_MAX_S;
/// How long a call may take to begin a multipart upload in the bucket before another takes its work over, in seconds.
pub const BEGIN_S: u64 = 30;
/// How long the sweep may be away before a bucket removes abandoned parts in its place, in days.
const PARTS_SWEEP_AWAY_DAYS: u64 = 2;
/// After how many days a bucket may abort by itself the parts of an upload that was never completed: when no upload
/// can be alive, no URL can bring another part, and the sweep has been away for two days.
pub const PARTS_ABORT_DAYS: u64 =
    (UPLOAD_LIFE_MAX_S + *UPLOAD_URL_RANGE_S.end()).div_ceil(DAY_S) + PARTS_SWEEP_AWAY_DAYS;
/// How long after its URL's end a purged upload keeps the name of its object, in seconds: an upload that began in time may still be
/// on its way, and what it brings is removed and not taken for that of another.
pub const KEY_KEPT_S: u64 = DAY_S;

const _: () = assert!(is_within(ACTIVITY_S, &ACTIVITY_RANGE_S));
const _: () = assert!(KEY_KEPT_S > EXPIRY_GRACE_S);
const _: () = assert!(BEGIN_S < *UPLOAD_URL_RANGE_S.start());

// ---------------------------------------------------------------------------------------------------------------
// Looking at the bucket

/// How often the sweep runs where a schedule starts it, in seconds: the shortest pause that EventBridge and Cloudflare's clock know.
pub const SWEEP_EVERY_S: u64 = MINUTE_S;
/// When the sweep first looks for an object that nobody told of, in seconds after signing.
pub const PROBE_FIRST_S: u64 = MINUTE_S;
/// The longest pause between two looks, in seconds.
pub const PROBE_LAST_S: u64 = 15 * MINUTE_S;
/// The longest pause between two looks at the parts of an upload whose URLs have ended, in seconds.
pub const PARTS_PROBE_LAST_S: u64 = HOUR_S;
/// The shortest and the longest pause of an upload that the sweep cannot look at, in seconds. It doubles from look to
/// look, so that those that fail for good take next to nothing of the sweep's time.
pub const PROBE_FAILED_S: (u64, u64) = (MINUTE_S, 6 * HOUR_S);
/// How often the sweep still looks for late bytes of an expired upload.
pub const LATE_PROBES_MAX: u32 = 5;
/// How long after an object was first missed the look is taken that ends it, in seconds: longer than a disk takes to be
/// mounted again, or somebody to mend an endpoint.
pub const ABSENCE_CONFIRM_S: u64 = 30 * MINUTE_S;
/// When it is first looked for again, in seconds: a store that came back empty is itself again soon. Each further pause is as
/// long as it has been missing.
pub const ABSENCE_PROBE_S: u64 = 10;

const _: () = assert!(PROBE_FIRST_S <= PROBE_LAST_S && PROBE_LAST_S < DAY_S);
const _: () = assert!(PARTS_PROBE_LAST_S <= *ACTIVITY_RANGE_S.start());
const _: () = assert!(0 < PROBE_FAILED_S.0 && PROBE_FAILED_S.0 <= PROBE_FAILED_S.1);
const _: () = assert!(
    ABSENCE_CONFIRM_S >= PROBE_LAST_S,
    "two looks must be far apart"
);
const _: () = assert!(0 < ABSENCE_PROBE_S && ABSENCE_PROBE_S < PROBE_FIRST_S);

// ---------------------------------------------------------------------------------------------------------------
// Work, and the queue that it comes by

/// How long an ingest may hold an upload without renewing its lease, in seconds.
pub const LEASE_S: u64 = 2 * MINUTE_S;
/// How often one generation is tried before it fails for good.
pub const ATTEMPTS_MAX: u32 = 8;
/// How often a process may die at one generation before each death counts as an attempt. A process that is restarted often
/// says nothing against a file; a file that ends its process each time must come to an end too.
pub const HOLDERS_LOST_MAX: u32 = 64;
/// When the sweep queues an upload again that nobody claimed, in seconds.
pub const ENQUEUE_CHECK_S: u64 = 2 * MINUTE_S;
/// The longest pause before it does so again, in seconds.
pub const REQUEUE_LAST_S: u64 = HOUR_S;
/// Deliveries of a message before a queue gives it up, on every host: more than a file has attempts, so that a file that
/// can be judged is judged before its message is a dead letter.
pub const DELIVERIES_MAX: u32 = ATTEMPTS_MAX + 4;
/// The shortest and the longest pause before a message is delivered again, in seconds, where we choose it. On AWS it is the rest of the
/// time that SQS hides it.
pub const RETRY_PAUSE_S: (u64, u64) = (2, MINUTE_S);
/// The longest that the ingest function runs on Lambda, in seconds.
pub const INGEST_RUN_S: u64 = 10 * MINUTE_S;
/// How long SQS hides a message in the ingest function's hands, in seconds: six times the function's timeout, as AWS asks for.
pub const SQS_HIDDEN_S: u64 = 6 * INGEST_RUN_S;
/// The longest that a queue of ours hides a message, in seconds. One that is hidden for longer was hidden before the clock
/// was set back, and comes at once. The lease in the record protects the work; a message that comes again finds it held.
pub const HIDDEN_MAX_S: u64 = 15 * MINUTE_S;
/// How long a message waits on the ingest queue at the most, in seconds. What is lost with it, the sweep queues again.
pub const MESSAGE_KEPT_S: u64 = 4 * DAY_S;
/// How long a dead letter is kept, in seconds: the longest that SQS and Cloudflare's Queues keep a message.
pub const DEAD_LETTER_S: u64 = 14 * DAY_S;

const _: () = assert!(ATTEMPTS_MAX >= 2, "a crash must leave room for a retry");
const _: () = assert!(DELIVERIES_MAX > ATTEMPTS_MAX);
const _: () = assert!(RETRY_PAUSE_S.0 < RETRY_PAUSE_S.1 && RETRY_PAUSE_S.1 <= HIDDEN_MAX_S);
const _: () = assert!(
    LEASE_S <= ENQUEUE_CHECK_S,
    "what is queued again finds no dead lease"
);
const _: () = assert!(LEASE_S < HIDDEN_MAX_S && HIDDEN_MAX_S < SQS_HIDDEN_S);
const _: () = assert!(
    DELIVERIES_MAX as u64 * SQS_HIDDEN_S < MESSAGE_KEPT_S,
    "a message is given up before it is forgotten"
);
const _: () = assert!(
    MESSAGE_KEPT_S < DEAD_LETTER_S,
    "SQS counts a dead letter's age from its first sending"
);

// ---------------------------------------------------------------------------------------------------------------
// What is kept of what was deleted

/// How long a deleted file's bytes are kept where the policy says nothing, in seconds.
pub const DELETED_RETENTION_S: u64 = 30 * DAY_S;
/// How long the sweep, which purges deleted files, may be away before the bucket does it instead, in days.
pub const PURGE_SWEEP_AWAY_DAYS: u64 = 30;
/// After how many days a bucket removes a health probe that could not be removed at once.
pub const HEALTH_OBJECT_DAYS: u64 = 1;
/// How long the record of a purged upload is kept where records have an end, in seconds.
pub const PURGED_KEPT_S: u64 = 400 * DAY_S;

const _: () = assert!(PURGED_KEPT_S > UPLOAD_LIFE_MAX_S + *UPLOAD_URL_RANGE_S.end() + KEY_KEPT_S);

/// After how many days a bucket removes what lies under `deleted/`, whatever happens, where the longest `deleted_retention` of its
/// categories is this.
#[must_use]
pub const fn deleted_days(deleted_retention_s: u64) -> u64 {
    deleted_retention_s
        .div_ceil(DAY_S)
        .saturating_add(PURGE_SWEEP_AWAY_DAYS)
}

const fn is_within(value: u64, range: &RangeInclusive<u64>) -> bool {
    *range.start() <= value && value <= *range.end()
}
