-- Rotation of the master key, and what is known of copies. See vault/rotate.rs, vault/copies.rs.

-- `keeper` says what kind of master key opens this keyring, without secrets (empty: not known yet); `generation` counts master keys: whoever
-- opened the keyring with an earlier one neither reads nor adds.
ALTER TABLE master ADD COLUMN keeper TEXT NOT NULL DEFAULT '';
ALTER TABLE master ADD COLUMN generation BIGINT NOT NULL DEFAULT 1;
ALTER TABLE master ADD COLUMN rotated BIGINT;
ALTER TABLE master ADD COLUMN backed_up BIGINT;
ALTER TABLE master ADD COLUMN backup_days BIGINT;

-- The same keys under the next master key, while a rotation is on its way.
ALTER TABLE bal_keys ADD COLUMN next BYTEA;
ALTER TABLE transit_keys ADD COLUMN next BYTEA;

-- The next master key: one row while a rotation is on its way.
CREATE TABLE rotation (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    proof BYTEA NOT NULL,
    pepper BYTEA NOT NULL,
    keeper TEXT NOT NULL,
    started BIGINT NOT NULL
);
