-- The upload records. `record` is the whole record as JSON and the truth; every other column is derived from it on
-- each write, for indexes, listings and people. Instants are microseconds since 1970 (UTC).
CREATE TABLE uploads (
    id              TEXT    NOT NULL PRIMARY KEY,
    owner           TEXT    NOT NULL,
    collection_id   TEXT,
    category        TEXT    NOT NULL,
    filename        TEXT    NOT NULL,
    bucket          TEXT    NOT NULL,
    object_key      TEXT    NOT NULL,
    content_type    TEXT    NOT NULL,
    size_bytes      INTEGER,                -- as found in the bucket, before that as declared
    status          TEXT    NOT NULL,
    checksum_sha256 TEXT,
    row_count       INTEGER,
    error           TEXT,
    metadata        TEXT    NOT NULL,       -- JSON object
    created_at_us   INTEGER NOT NULL,
    updated_at_us   INTEGER NOT NULL,
    uploaded_at_us  INTEGER,                -- processing could start
    processed_at_us INTEGER,                -- processing was completed
    due_at_us       INTEGER,                -- when the sweep looks at it next
    revision        INTEGER NOT NULL,
    record          TEXT    NOT NULL,       -- JSON object
    UNIQUE (bucket, object_key)
) STRICT;

CREATE INDEX uploads_of_owner ON uploads (owner, id);
CREATE INDEX uploads_of_collection ON uploads (collection_id) WHERE collection_id IS NOT NULL;
CREATE INDEX uploads_by_status ON uploads (status);
CREATE INDEX uploads_due ON uploads (due_at_us, id) WHERE due_at_us IS NOT NULL;

-- What each owner has reserved, and how many uploads it signed in its last rate window.
CREATE TABLE owners (
    owner            TEXT    NOT NULL PRIMARY KEY,
    reserved_bytes   INTEGER NOT NULL CHECK (reserved_bytes >= 0),
    rate_window      INTEGER NOT NULL,      -- number of the window since 1970
    signed_in_window INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The idempotency keys that are not forgotten yet.
CREATE TABLE idempotency (
    owner         TEXT    NOT NULL,
    key           TEXT    NOT NULL,
    upload_id     TEXT    NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    body_sha256   TEXT    NOT NULL,
    expires_at_us INTEGER NOT NULL,
    PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_by_end ON idempotency (expires_at_us);
CREATE INDEX idempotency_of_upload ON idempotency (upload_id);

-- The ingest queue. A delivery is named by (id, attempts): each one counts up, so a late one names nothing.
CREATE TABLE messages (
    id              INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    body            TEXT    NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    available_at_us INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Messages that were given up.
CREATE TABLE dead_letters (
    id         INTEGER NOT NULL PRIMARY KEY,
    body       TEXT    NOT NULL,
    attempts   INTEGER NOT NULL,
    reason     TEXT    NOT NULL,
    died_at_us INTEGER NOT NULL
) STRICT;
