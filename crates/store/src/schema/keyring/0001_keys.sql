-- The keyring: apart from the data, never in ordinary backups. Every key is wrapped by the master key.

-- One row: proves the master key, and holds the operator's pepper.
CREATE TABLE master (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    proof BYTEA NOT NULL,
    pepper BYTEA NOT NULL,
    created BIGINT NOT NULL
);

-- A destroyed key leaves its row, so that a restored keyring can replay the destruction.
CREATE TABLE bal_keys (
    bal BIGINT PRIMARY KEY,
    wrapped BYTEA,
    created BIGINT NOT NULL,
    destroyed BIGINT
);

-- One key an epoch (a UTC day).
CREATE TABLE transit_keys (
    epoch BIGINT PRIMARY KEY,
    wrapped BYTEA NOT NULL,
    created BIGINT NOT NULL
);
