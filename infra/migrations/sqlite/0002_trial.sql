-- What is written to see whether anything can be: one row, replaced each time.
CREATE TABLE trial (
    id    INTEGER NOT NULL PRIMARY KEY,
    bytes BLOB    NOT NULL
) STRICT;
