-- What readers of mail ask for: see docs/architecture.md, the IMAP door.

-- When an entry came into its folder, milliseconds since 1970 (SAVEDATE, RFC 8514); NULL for those that were there before.
ALTER TABLE entries ADD COLUMN saved BIGINT;

-- The first words of a message (PREVIEW, RFC 8970), sealed as its summary is (`message.preview`, object = message id); NULL until somebody asks for
-- them.
ALTER TABLE messages ADD COLUMN preview BYTEA;

-- Annotations of folders, and of a BAL as a whole (`folder_id` 0), everybody's (`person_id` 0) or one person's (METADATA, RFC 5464). See annotations.rs.
CREATE TABLE annotations (
    id BIGINT PRIMARY KEY,
    bal_id BIGINT NOT NULL REFERENCES bals (id),
    folder_id BIGINT NOT NULL,
    person_id BIGINT NOT NULL,
    name_tag BYTEA NOT NULL,
    name_sealed BYTEA NOT NULL,
    value_sealed BYTEA NOT NULL,
    bytes BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    UNIQUE (bal_id, folder_id, person_id, name_tag)
);

-- What people beside a BAL's holder subscribe to in it. See subscriptions.rs.
CREATE TABLE subscriptions (
    folder_id BIGINT NOT NULL,
    person_id BIGINT NOT NULL,
    bal_id BIGINT NOT NULL REFERENCES bals (id),
    subscribed BIGINT NOT NULL,
    PRIMARY KEY (folder_id, person_id)
) /* clustered */;
CREATE INDEX subscriptions_bal ON subscriptions (bal_id, person_id);
