-- What each owner has due, so that the sweep can serve one after the other.
CREATE INDEX uploads_due_of_owner ON uploads (owner, due_at_us, id) WHERE due_at_us IS NOT NULL;

-- What somebody is at work on: few, and the leases of a process that died are among them.
CREATE INDEX uploads_in_work ON uploads (id) WHERE status = 'processing';
