-- Keys with which the notary signs checkpoints. See vault/signing.rs. The public half stays for ever; the private half (`wrapped`) goes when
-- the pair is replaced. `next`: the same under the next master key, while a rotation is on its way.
CREATE TABLE signing_keys (
    id BIGINT PRIMARY KEY,
    public BYTEA NOT NULL UNIQUE,
    wrapped BYTEA,
    created BIGINT NOT NULL,
    retired BIGINT,
    next BYTEA
);
