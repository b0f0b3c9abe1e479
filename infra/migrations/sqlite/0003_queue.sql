-- The ingest queue, drained fairly: a message is in a lane by its file's size, so that a small one never waits for large
-- ones; within a lane the owners take turns; an owner's messages come by the place id + penalty, so that a smaller file
-- may overtake a larger one, and only so many of them.
ALTER TABLE messages ADD COLUMN owner TEXT NOT NULL DEFAULT '';           -- empty where it is nobody's
ALTER TABLE messages ADD COLUMN upload_id TEXT;                           -- one message an upload
ALTER TABLE messages ADD COLUMN size_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN lane INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN penalty INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN pushed_at_us INTEGER NOT NULL DEFAULT 0;  -- 0 where nobody said when
ALTER TABLE messages ADD COLUMN receipt INTEGER NOT NULL DEFAULT 0;       -- counts the deliveries; names the last one
ALTER TABLE messages ADD COLUMN news INTEGER NOT NULL DEFAULT 0;          -- how often its upload was pushed again

-- `available_at_us` is 0 where a message waits, else the instant until which it is hidden.
UPDATE messages SET available_at_us = 0, receipt = attempts;
CREATE UNIQUE INDEX messages_of_upload ON messages (upload_id) WHERE upload_id IS NOT NULL;
CREATE INDEX messages_in_turn ON messages (lane, owner, id + penalty) WHERE available_at_us = 0;
CREATE INDEX messages_by_age ON messages (id) WHERE available_at_us = 0;
CREATE INDEX messages_hidden ON messages (available_at_us) WHERE available_at_us > 0;

CREATE INDEX dead_letters_by_age ON dead_letters (died_at_us);

-- A listing reads what it shows, whatever it is filtered by: the filter stands before the order, and all else that it
-- may be filtered by is in the index as well.
DROP INDEX uploads_of_owner;
DROP INDEX uploads_of_collection;
DROP INDEX uploads_by_status;
CREATE INDEX uploads_alive ON uploads (owner, id, category, collection_id) WHERE status <> 'deleted';
CREATE INDEX uploads_of_status ON uploads (owner, status, id, category, collection_id);
CREATE INDEX uploads_of_category ON uploads (owner, category, id, status, collection_id);
CREATE INDEX uploads_of_collection ON uploads (owner, collection_id, id, status, category)
    WHERE collection_id IS NOT NULL;
