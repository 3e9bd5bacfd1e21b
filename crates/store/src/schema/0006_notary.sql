-- The Merkle log over the traces and its signed checkpoints. See notary.rs.

-- One row: how far the log has come. `size` is the number of leaves (no number is left out); every trace with an id up to `horizon` was
-- looked at when there could be no later one beside it; `patrol` is how far the walk over all of them is.
CREATE TABLE notary (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    size BIGINT NOT NULL,
    horizon BIGINT NOT NULL,
    patrol BIGINT NOT NULL,
    hold TEXT
);

-- One leaf a trace, in the order of the log. `hash` is the leaf's hash, `salt` makes it say nothing about the trace. After a purge
-- `trace_id` and `salt` are gone; `stub` (the leaf's input) and `purged_by` (the leaf of the purge's own trace) take their place.
CREATE TABLE leaves (
    number BIGINT PRIMARY KEY,
    trace_id BIGINT UNIQUE,
    salt BYTEA,
    hash BYTEA NOT NULL,
    stub BYTEA,
    purged_by BIGINT
);

-- Hashes of full subtrees: those whose height is a multiple of four (a leaf's is 0 and stands in `leaves`).
CREATE TABLE nodes_of_log (
    level BIGINT NOT NULL,
    number BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (level, number)
) /* clustered */;

-- `key` is the id of the signing key; `keeper` the node that appended the checkpoint to its file outside the database.
CREATE TABLE checkpoints (
    size BIGINT PRIMARY KEY,
    root BYTEA NOT NULL,
    at BIGINT NOT NULL,
    origin TEXT NOT NULL,
    key TEXT NOT NULL,
    keeper BIGINT NOT NULL,
    signature BYTEA NOT NULL
);
CREATE INDEX checkpoints_at ON checkpoints (at);
CREATE INDEX checkpoints_keeper ON checkpoints (keeper, size);
