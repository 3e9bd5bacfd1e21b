-- The Merkle log over the traces and its signed checkpoints. See notary.rs.

-- One leaf a trace (or a purge), in the order of the log. `hash` is the leaf's hash, `salt` makes it say nothing about what it covers.
CREATE TABLE leaves (
    number BIGINT PRIMARY KEY,
    trace_id BIGINT UNIQUE,
    salt BYTEA NOT NULL,
    hash BYTEA NOT NULL
);

-- Hashes of full subtrees: `level` 0 is a leaf's parent; `number` counts along the level.
CREATE TABLE nodes_of_log (
    level BIGINT NOT NULL,
    number BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (level, number)
);

CREATE TABLE checkpoints (
    size BIGINT PRIMARY KEY,
    root BYTEA NOT NULL,
    at BIGINT NOT NULL,
    signature BYTEA NOT NULL
);
