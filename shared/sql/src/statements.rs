//! Every statement, in one place. SQL that SQLite and PostgreSQL both take, with numbered parameters.

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

/// The object key becomes one that no template can make, so that the name is free for another upload. `$2` is the revision that the
/// record must have.
pub(crate) const LEAVE_NAME: &str =
    "UPDATE uploads SET object_key = '#' || id WHERE id = $1 AND revision = $2";

/// As [`INSERT`]; `$22` is the revision that the record must have. Of the object nothing moves: see [`LEAVE_NAME`].
pub(crate) const SAVE: &str = "\
    UPDATE uploads SET owner = $2, collection_id = $3, category = $4, filename = $5, content_type = $8, size_bytes = $9, \
        status = $10, checksum_sha256 = $11, row_count = $12, error = $13, \
        metadata = $14, created_at_us = $15, updated_at_us = $16, uploaded_at_us = $17, processed_at_us = $18, \
        due_at_us = $19, revision = $20, record = $21 \
    WHERE id = $1 AND revision = $22";

/// `$1` is a JSON array of ids.
pub(crate) const FIND_ALL: &str =
    "SELECT id, record FROM uploads WHERE id IN (SELECT value FROM json_each($1))";

/// Few are ever held at once.
pub(crate) const LEASES: &str = "\
    SELECT id, json_extract(record, '$.lease.token') FROM uploads \
    WHERE status = 'processing' AND json_extract(record, '$.lease.token') IS NOT NULL";

/// A line for each owner.
pub(crate) const DUE_LINES: &str = "\
    SELECT owner FROM uploads WHERE due_at_us IS NOT NULL AND due_at_us <= $1 \
    GROUP BY owner ORDER BY min(due_at_us) LIMIT $2";

/// `$1` is the owner, `$2` the end, `$3` and `$4` the place before the first.
pub(crate) const DUE: &str = "\
    SELECT due_at_us, id FROM uploads WHERE owner = $1 AND due_at_us IS NOT NULL AND due_at_us <= $2 \
        AND (due_at_us, id) > ($3, $4) \
    ORDER BY due_at_us, id LIMIT $5";

/// `$1` is a JSON array of ids. Only the column moves; the record's own instant comes back with the next save.
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

pub(crate) const WHOSE_OBJECT: &str =
    "SELECT id, owner, size_bytes FROM uploads WHERE bucket = $1 AND object_key = $2";

pub(crate) const WHOSE_ID: &str = "SELECT owner, size_bytes FROM uploads WHERE id = $1";

/// `$7`, the upload, is not written: the message stands by itself.
pub(crate) const PUSH: &str = "\
    INSERT INTO messages (body, owner, size_bytes, lane, penalty, pushed_at_us) \
    SELECT $1, $2, $3, $4, $5, $6 WHERE $7 IS NOT NULL";

pub(crate) const PUSH_JOB: &str = "\
    INSERT INTO messages (body, owner, size_bytes, lane, penalty, pushed_at_us, upload_id) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) \
    ON CONFLICT (upload_id) WHERE upload_id IS NOT NULL DO UPDATE SET news = news + 1";

/// As [`PUSH_JOB`], in place of the job of the upload; nothing where an event is in its place.
pub(crate) const PUSH_EVENT: &str = "\
    INSERT INTO messages (body, owner, size_bytes, lane, penalty, pushed_at_us, upload_id) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) \
    ON CONFLICT (upload_id) WHERE upload_id IS NOT NULL DO UPDATE SET news = news + 1, body = excluded.body \
    WHERE messages.body = '{\"ingest\":\"' || excluded.upload_id || '\"}'";

/// `$1` is by how much the clock went back, in microseconds.
pub(crate) const SET_BACK: &str =
    "UPDATE messages SET available_at_us = MAX(1, available_at_us - $1) WHERE available_at_us > 0";

pub(crate) const REVEAL: &str = "\
    UPDATE messages SET available_at_us = 0 \
    WHERE id IN (SELECT id FROM messages WHERE available_at_us > 0 AND available_at_us <= $1 \
        ORDER BY available_at_us LIMIT $2)";

pub(crate) const RELEASE_ALL: &str =
    "UPDATE messages SET available_at_us = 0 WHERE available_at_us > 0";

/// The first message of the owner that comes after `$3` in lane `$2`, hidden until `$1`.
pub(crate) const TAKE_NEXT: &str = "\
    UPDATE messages SET attempts = attempts + 1, receipt = receipt + 1, available_at_us = $1 \
    WHERE id = (SELECT id FROM messages WHERE available_at_us = 0 AND lane = $2 AND owner > $3 \
        ORDER BY owner, id + penalty LIMIT 1) \
    RETURNING id, body, attempts, size_bytes, lane, receipt, news, owner";

/// As [`TAKE_NEXT`], of the first of all owners; `$3` is the last of them, or after it.
pub(crate) const TAKE_FIRST: &str = "\
    UPDATE messages SET attempts = attempts + 1, receipt = receipt + 1, available_at_us = $1 \
    WHERE id = (SELECT id FROM messages WHERE available_at_us = 0 AND lane = $2 AND owner <= $3 \
        ORDER BY owner, id + penalty LIMIT 1) \
    RETURNING id, body, attempts, size_bytes, lane, receipt, news, owner";

pub(crate) const ACK: &str = "DELETE FROM messages WHERE id = $1 AND receipt = $2 AND news = $3";

pub(crate) const AGAIN: &str =
    "UPDATE messages SET available_at_us = 0, attempts = 0 WHERE id = $1 AND receipt = $2";

pub(crate) const RETRY: &str =
    "UPDATE messages SET available_at_us = $3 WHERE id = $1 AND receipt = $2";

pub(crate) const BURY: &str = "\
    INSERT INTO dead_letters (id, body, attempts, reason, died_at_us) \
    SELECT id, body, attempts, $4, $5 FROM messages WHERE id = $1 AND receipt = $2 AND news = $3";

pub(crate) const FORGET_OLD_LETTERS: &str = "DELETE FROM dead_letters WHERE died_at_us < $1";

pub(crate) const FORGET_MANY_LETTERS: &str = "\
    DELETE FROM dead_letters WHERE id <= (SELECT id FROM dead_letters ORDER BY id DESC LIMIT 1 OFFSET $1)";

pub(crate) const OLDEST: &str =
    "SELECT pushed_at_us FROM messages WHERE available_at_us = 0 ORDER BY id LIMIT 1";

/// When the message of the owner `$1` that is next was pushed, of that in each lane the earlier.
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

/// `$1` is how many bytes it puts down.
pub(crate) const TRIAL: &str = "INSERT INTO trial (bytes) VALUES (zeroblob($1))";

pub(crate) const END_TRIAL: &str = "DELETE FROM trial WHERE id < (SELECT MAX(id) FROM trial)";

pub(crate) const QUICK_CHECK: &str = "PRAGMA quick_check(1)";

/// The listing by this filter: the owner is `$1`, an id above every one to be listed `$5`, how many `$6`. What is not
/// filtered by is not in it, so that the index is found that begins with what is.
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
