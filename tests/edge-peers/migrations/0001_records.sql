-- What the benchmark's peer writes into: one table, without an index.
CREATE TABLE records (
    id     INTEGER NOT NULL PRIMARY KEY,
    record TEXT    NOT NULL
) STRICT;
