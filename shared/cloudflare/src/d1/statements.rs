//! Every SQL statement. D1 takes numbered parameters only, and a batch of statements is one transaction.
//!
//! No code runs between the statements of a batch, so each statement carries its conditions. The first writes only if
//! all conditions hold, and `changes()` shows the next one whether it did.

pub(crate) const FIND: &str = "SELECT record FROM uploads WHERE id = ?1";

pub(crate) const FIND_BY_OBJECT: &str =
    "SELECT record FROM uploads WHERE bucket = ?1 AND object_key = ?2";

pub(crate) const FORGET_KEYS: &str = "DELETE FROM idempotency WHERE expires_at_us <= ?1";

pub(crate) const KEY: &str = "\
    SELECT k.body_sha256, u.record FROM idempotency k JOIN uploads u ON u.id = k.upload_id \
    WHERE k.owner = ?1 AND k.key = ?2 AND k.expires_at_us > ?3";

pub(crate) const ACCOUNT: &str =
    "SELECT reserved_bytes, rate_window, signed_in_window, files FROM owners WHERE owner = ?1";

/// `?1` to `?21` are the columns, as [`crate::d1::row::values`] returns them. `?22` is the idempotency key or null,
/// `?23` the rate window, `?24` the rate limit or null, `?25` the bytes to reserve, `?26` the quota or null, `?27` the
/// current instant, and `?28` the limit of files or null.
pub(crate) const INSERT: &str = "\
    INSERT INTO uploads (id, owner, collection_id, category, filename, bucket, object_key, content_type, size_bytes, \
        status, checksum_sha256, row_count, error, metadata, created_at_us, updated_at_us, uploaded_at_us, \
        processed_at_us, due_at_us, revision, record) \
    SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21 \
    WHERE NOT EXISTS (SELECT 1 FROM idempotency WHERE owner = ?2 AND key = ?22 AND expires_at_us > ?27) \
        AND (?24 IS NULL OR ?24 > COALESCE( \
            (SELECT signed_in_window FROM owners WHERE owner = ?2 AND rate_window = ?23), 0)) \
        AND (?26 IS NULL OR ?26 >= ?25 + COALESCE((SELECT reserved_bytes FROM owners WHERE owner = ?2), 0)) \
        AND (?28 IS NULL OR ?28 > COALESCE((SELECT files FROM owners WHERE owner = ?2), 0)) \
    ON CONFLICT DO NOTHING \
    RETURNING id";

/// After [`INSERT`]: `?1` owner, `?2` bytes to reserve, `?3` rate window.
pub(crate) const CHARGE: &str = "\
    INSERT INTO owners (owner, reserved_bytes, rate_window, signed_in_window, files) \
    SELECT ?1, ?2, ?3, 1, 1 WHERE changes() = 1 \
    ON CONFLICT (owner) DO UPDATE SET reserved_bytes = reserved_bytes + excluded.reserved_bytes, files = files + 1, \
        signed_in_window = CASE rate_window WHEN excluded.rate_window THEN signed_in_window + 1 ELSE 1 END, \
        rate_window = excluded.rate_window";

/// After [`CHARGE`]. An existing key has expired.
pub(crate) const SET_KEY: &str = "\
    INSERT INTO idempotency (owner, key, upload_id, body_sha256, expires_at_us) \
    SELECT ?1, ?2, ?3, ?4, ?5 WHERE changes() = 1 \
    ON CONFLICT (owner, key) DO UPDATE SET upload_id = excluded.upload_id, body_sha256 = excluded.body_sha256, \
        expires_at_us = excluded.expires_at_us";

/// Replaces the object key by one that no template can produce, so that another upload can use the key. `?2` is the
/// expected revision.
pub(crate) const RELEASE_OBJECT_KEY: &str =
    "UPDATE uploads SET object_key = '#' || id WHERE id = ?1 AND revision = ?2 RETURNING id";

/// `?1` to `?21` as in [`INSERT`]; `?22` is the expected revision. The bucket and the object key do not change; see
/// [`RELEASE_OBJECT_KEY`].
pub(crate) const SAVE: &str = "\
    UPDATE uploads SET owner = ?2, collection_id = ?3, category = ?4, filename = ?5, content_type = ?8, size_bytes = ?9, \
        status = ?10, checksum_sha256 = ?11, row_count = ?12, error = ?13, \
        metadata = ?14, created_at_us = ?15, updated_at_us = ?16, uploaded_at_us = ?17, processed_at_us = ?18, \
        due_at_us = ?19, revision = ?20, record = ?21 \
    WHERE id = ?1 AND revision = ?22 \
    RETURNING id";

/// After [`SAVE`]: `?1` owner, `?2` the difference of the reservations, `?3` the same, or zero if negative; `?4` and
/// `?5` the same for the number of files.
pub(crate) const MOVE_QUOTA: &str = "\
    INSERT INTO owners (owner, reserved_bytes, rate_window, signed_in_window, files) \
    SELECT ?1, ?3, 0, 0, ?5 WHERE changes() = 1 \
    ON CONFLICT (owner) DO UPDATE SET reserved_bytes = MAX(0, reserved_bytes + ?2), files = MAX(0, files + ?4)";

pub(crate) const BUCKET: &str = "SELECT identity FROM buckets WHERE bucket = ?1";

pub(crate) const RECORD_BUCKET: &str =
    "INSERT INTO buckets (bucket, identity) VALUES (?1, ?2) ON CONFLICT DO NOTHING";

/// `?5` is an id above every listed one.
pub(crate) const LIST: &str = "\
    SELECT record FROM uploads \
    WHERE owner = ?1 AND id < ?5 \
        AND (status = ?2 OR (?2 IS NULL AND status <> 'deleted')) \
        AND (?3 IS NULL OR category = ?3) \
        AND (?4 IS NULL OR collection_id = ?4) \
    ORDER BY id DESC LIMIT ?6";

/// `?1` is a JSON array of ids.
pub(crate) const FIND_ALL: &str =
    "SELECT id, record FROM uploads WHERE id IN (SELECT value FROM json_each(?1))";

/// The number of due lines that owners are hashed into. It is small, since the number of queries of a Worker is
/// limited.
pub(crate) const LINES: usize = 8;

/// `?1` is the end of the range, `?2` and `?3` the position before the first row, `?5` the line, by the owner's last
/// character.
pub(crate) const DUE: &str = "\
    SELECT due_at_us, id FROM uploads WHERE due_at_us IS NOT NULL AND due_at_us <= ?1 AND unicode(substr(owner, -1)) % 8 = ?5 \
        AND (due_at_us, id) > (?2, ?3) \
    ORDER BY due_at_us, id LIMIT ?4";

/// `?1` is a JSON array of ids. Only the column changes. The next save restores the instant of the record.
pub(crate) const HOLD: &str = "\
    UPDATE uploads SET due_at_us = ?3 WHERE id IN (SELECT value FROM json_each(?1)) AND due_at_us <= ?2";
