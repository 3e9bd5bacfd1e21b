-- Keys with which the notary signs checkpoints. The public half stays for ever; the private half (wrapped) is gone once it was replaced.
CREATE TABLE signing_keys (
    id BIGINT PRIMARY KEY,
    public BYTEA NOT NULL UNIQUE,
    wrapped BYTEA,
    created BIGINT NOT NULL,
    retired BIGINT
);
-- One key signs at a time.
CREATE UNIQUE INDEX signing_key_in_force ON signing_keys ((1)) WHERE retired IS NULL;
