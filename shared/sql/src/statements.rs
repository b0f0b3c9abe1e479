//! Every SQL statement. SQLite and PostgreSQL both accept them; parameters are numbered.

use consign_core::ports::ListFilter;

pub(crate) const FIND: &str = "SELECT record FROM uploads WHERE id = $1";

pub(crate) const FIND_BY_OBJECT: &str =
    "SELECT record FROM uploads WHERE bucket = $1 AND object_key = $2";

/// The columns of `$1` to `$21` are those of [`crate::row::bind`].
pub(crate) const INSERT: &str = "\
    INSERT INTO uploads (id, owner, collection_id, category, filename, bucket, object_key, content_type, size_bytes, \
        status, checksum_sha256, row_count, error, metadata, created_at_us, updated_at_us, uploaded_at_us, \
        processed_at_us, due_at_us, revision, record) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21) \
    ON CONFLICT DO NOTHING";

/// Replaces the object key by one that no template can produce, so that another upload can use the key. `$2` is the
/// expected revision.
pub(crate) const RELEASE_OBJECT_KEY: &str =
    "UPDATE uploads SET object_key = '#' || id WHERE id = $1 AND revision = $2";

/// Like [`INSERT`]. `$22` is the expected revision. The bucket and the object key do not change; see
/// [`RELEASE_OBJECT_KEY`].
pub(crate) const SAVE: &str = "\
    UPDATE uploads SET owner = $2, collection_id = $3, category = $4, filename = $5, content_type = $8, size_bytes = $9, \
        status = $10, checksum_sha256 = $11, row_count = $12, error = $13, \
        metadata = $14, created_at_us = $15, updated_at_us = $16, uploaded_at_us = $17, processed_at_us = $18, \
        due_at_us = $19, revision = $20, record = $21 \
    WHERE id = $1 AND revision = $22";

/// `$1` is a JSON array of ids.
pub(crate) const FIND_ALL: &str =
    "SELECT id, record FROM uploads WHERE id IN (SELECT value FROM json_each($1))";

/// A scan is cheap enough: few leases exist at once.
pub(crate) const LEASES: &str = "\
    SELECT id, json_extract(record, '$.lease.token') FROM uploads \
    WHERE status = 'processing' AND json_extract(record, '$.lease.token') IS NOT NULL";

/// One row per owner.
pub(crate) const DUE_LINES: &str = "\
    SELECT owner FROM uploads WHERE due_at_us IS NOT NULL AND due_at_us <= $1 \
    GROUP BY owner ORDER BY min(due_at_us) LIMIT $2";

/// `$1` is the owner, `$2` the end of the range, `$3` and `$4` the position before the first row.
pub(crate) const DUE: &str = "\
    SELECT due_at_us, id FROM uploads WHERE owner = $1 AND due_at_us IS NOT NULL AND due_at_us <= $2 \
        AND (due_at_us, id) > ($3, $4) \
    ORDER BY due_at_us, id LIMIT $5";

/// `$1` is a JSON array of ids. Only the column changes. The next save restores the instant of the record.
pub(crate) const HOLD: &str = "\
    UPDATE uploads SET due_at_us = $3 WHERE id IN (SELECT value FROM json_each($1)) AND due_at_us <= $2";

pub(crate) const ACCOUNT: &str =
    "SELECT reserved_bytes, rate_window, signed_in_window, files FROM owners WHERE owner = $1";

pub(crate) const SET_ACCOUNT: &str = "\
    INSERT INTO owners (owner, reserved_bytes, rate_window, signed_in_window, files) VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (owner) DO UPDATE SET reserved_bytes = excluded.reserved_bytes, files = excluded.files, \
        rate_window = excluded.rate_window, signed_in_window = excluded.signed_in_window";

pub(crate) const KEY: &str = "\
    SELECT k.body_sha256, u.record FROM idempotency k JOIN uploads u ON u.id = k.upload_id \
    WHERE k.owner = $1 AND k.key = $2 AND k.expires_at_us > $3";

pub(crate) const SET_KEY: &str = "\
    INSERT INTO idempotency (owner, key, upload_id, body_sha256, expires_at_us) VALUES ($1, $2, $3, $4, $5)";

pub(crate) const BUCKET: &str = "SELECT identity FROM buckets WHERE bucket = $1";

pub(crate) const RECORD_BUCKET: &str =
    "INSERT INTO buckets (bucket, identity) VALUES ($1, $2) ON CONFLICT DO NOTHING";

pub(crate) const FORGET_KEYS: &str = "DELETE FROM idempotency WHERE expires_at_us <= $1";

pub(crate) const OWNER_OF_OBJECT: &str =
    "SELECT id, owner, size_bytes FROM uploads WHERE bucket = $1 AND object_key = $2";

pub(crate) const OWNER_OF_ID: &str = "SELECT owner, size_bytes FROM uploads WHERE id = $1";

/// `$7`, the upload id, is not written, so the message joins no other.
pub(crate) const PUSH: &str = "\
    INSERT INTO messages (body, owner, size_bytes, lane, penalty, pushed_at_us) \
    SELECT $1, $2, $3, $4, $5, $6 WHERE $7 IS NOT NULL";

pub(crate) const PUSH_JOB: &str = "\
    INSERT INTO messages (body, owner, size_bytes, lane, penalty, pushed_at_us, upload_id) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) \
    ON CONFLICT (upload_id) WHERE upload_id IS NOT NULL DO UPDATE SET news = news + 1";

/// Like [`PUSH_JOB`], but replaces a queued job of the upload. Affects no row if an event is queued.
pub(crate) const PUSH_EVENT: &str = "\
    INSERT INTO messages (body, owner, size_bytes, lane, penalty, pushed_at_us, upload_id) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) \
    ON CONFLICT (upload_id) WHERE upload_id IS NOT NULL DO UPDATE SET news = news + 1, body = excluded.body \
    WHERE messages.body = '{\"ingest\":\"' || excluded.upload_id || '\"}'";

/// `$1` is the microseconds by which the clock went back.
pub(crate) const SET_BACK: &str =
    "UPDATE messages SET available_at_us = MAX(1, available_at_us - $1) WHERE available_at_us > 0";

pub(crate) const REVEAL: &str = "\
    UPDATE messages SET available_at_us = 0 \
    WHERE id IN (SELECT id FROM messages WHERE available_at_us > 0 AND available_at_us <= $1 \
        ORDER BY available_at_us LIMIT $2)";

pub(crate) const RELEASE_ALL: &str =
    "UPDATE messages SET available_at_us = 0 WHERE available_at_us > 0";

/// Receives the first message of the owner that follows `$3` in lane `$2`, and hides it until `$1`.
pub(crate) const TAKE_NEXT: &str = "\
    UPDATE messages SET attempts = attempts + 1, receipt = receipt + 1, available_at_us = $1 \
    WHERE id = (SELECT id FROM messages WHERE available_at_us = 0 AND lane = $2 AND owner > $3 \
        ORDER BY owner, id + penalty LIMIT 1) \
    RETURNING id, body, attempts, size_bytes, lane, receipt, news, owner";

/// Like [`TAKE_NEXT`], but starts at the first owner. `$3` is the last owner in order, or follows it.
pub(crate) const TAKE_FIRST: &str = "\
    UPDATE messages SET attempts = attempts + 1, receipt = receipt + 1, available_at_us = $1 \
    WHERE id = (SELECT id FROM messages WHERE available_at_us = 0 AND lane = $2 AND owner <= $3 \
        ORDER BY owner, id + penalty LIMIT 1) \
    RETURNING id, body, attempts, size_bytes, lane, receipt, news, owner";

pub(crate) const ACK: &str = "DELETE FROM messages WHERE id = $1 AND receipt = $2 AND news = $3";

pub(crate) const REDELIVER: &str =
    "UPDATE messages SET available_at_us = 0, attempts = 0 WHERE id = $1 AND receipt = $2";

pub(crate) const RETRY: &str =
    "UPDATE messages SET available_at_us = $3 WHERE id = $1 AND receipt = $2";

pub(crate) const DEAD_LETTER: &str = "\
    INSERT INTO dead_letters (id, body, attempts, reason, died_at_us) \
    SELECT id, body, attempts, $4, $5 FROM messages WHERE id = $1 AND receipt = $2 AND news = $3";

pub(crate) const FORGET_OLD_LETTERS: &str = "DELETE FROM dead_letters WHERE died_at_us < $1";

pub(crate) const FORGET_MANY_LETTERS: &str = "\
    DELETE FROM dead_letters WHERE id <= (SELECT id FROM dead_letters ORDER BY id DESC LIMIT 1 OFFSET $1)";

pub(crate) const OLDEST: &str =
    "SELECT pushed_at_us FROM messages WHERE available_at_us = 0 ORDER BY id LIMIT 1";

/// The push time of the owner's next message; of the next messages of both lanes, the earlier time. `$1` is the owner.
pub(crate) const NEXT_OF_OWNER: &str = "\
    SELECT MIN(pushed_at_us) FROM ( \
        SELECT * FROM (SELECT pushed_at_us FROM messages WHERE available_at_us = 0 AND lane = 0 AND owner = $1 \
            ORDER BY id + penalty LIMIT 1) \
        UNION ALL \
        SELECT * FROM (SELECT pushed_at_us FROM messages WHERE available_at_us = 0 AND lane = 1 AND owner = $1 \
            ORDER BY id + penalty LIMIT 1))";

pub(crate) const DEPTH: &str = "SELECT COUNT(*) FROM messages";

pub(crate) const DEAD_LETTERS: &str =
    "SELECT id, body, attempts, reason, died_at_us FROM dead_letters ORDER BY id DESC LIMIT $1";

pub(crate) const PING: &str = "SELECT COUNT(*) FROM (SELECT id FROM uploads LIMIT 1) AS one";

/// `$1` is the number of bytes to write.
pub(crate) const TRIAL_WRITE: &str = "INSERT INTO trial (bytes) VALUES (zeroblob($1))";

pub(crate) const END_TRIAL_WRITE: &str = "DELETE FROM trial WHERE id < (SELECT MAX(id) FROM trial)";

pub(crate) const QUICK_CHECK: &str = "PRAGMA quick_check(1)";

/// Returns the listing query for this filter: `$1` is the owner, `$5` an id above every listed one, `$6` the limit. The
/// query contains only the conditions that are used, so that SQLite finds the index that starts with them.
pub(crate) fn list(filter: &ListFilter) -> String {
    let mut listing = "SELECT record FROM uploads WHERE owner = $1 AND id < $5".to_owned();
    listing += match filter.state {
        Some(_) => " AND status = $2",
        None => " AND status <> 'deleted'",
    };
    if filter.category.is_some() {
        listing += " AND category = $3";
    }
    if filter.collection_id.is_some() {
        listing += " AND collection_id = $4";
    }
    listing + " ORDER BY id DESC LIMIT $6"
}
