-- How many files each owner has: all but those that never came and those that are purged.
ALTER TABLE owners ADD COLUMN files INTEGER NOT NULL DEFAULT 0;

UPDATE owners SET files = (
    SELECT COUNT(*) FROM uploads
    WHERE uploads.owner = owners.owner
        AND status <> 'expired'
        AND COALESCE(json_extract(record, '$.deletion'), '') <> 'purged'
);

-- By what each bucket is known again: the name of a marker object in it.
CREATE TABLE buckets (
    bucket   TEXT NOT NULL PRIMARY KEY,
    identity TEXT NOT NULL
) STRICT, WITHOUT ROWID;
