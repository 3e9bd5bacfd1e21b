-- Mailboxes: folders, messages and their entries. Names, keywords, prefixes and summaries are sealed under the BAL's key.
-- What is clear is what listing and counting need: ids, UIDs, dates, sizes, flag bits. See folders.rs, messages.rs, keywords.rs.

-- `name_sealed` is the full path, `name_tag` its keyed digest for look-up and uniqueness. The counts are kept with the
-- entries, so that STATUS reads one row.
CREATE TABLE folders (
    id BIGINT PRIMARY KEY,
    bal_id BIGINT NOT NULL REFERENCES bals (id),
    name_sealed BYTEA NOT NULL,
    name_tag BYTEA NOT NULL,
    special_use TEXT,
    subscribed BIGINT NOT NULL,
    uidvalidity BIGINT NOT NULL,
    uidnext BIGINT NOT NULL,
    modseq BIGINT NOT NULL,
    created BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    unseen BIGINT NOT NULL,
    deleted BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    UNIQUE (bal_id, name_tag)
);

-- One row a message and BAL, however many entries show it. `blob_key` is the blob's key wrapped by the BAL's; `prefix` is
-- what the way added before the content, NULL when empty; `size` counts prefix and content, in clear bytes.
CREATE TABLE messages (
    id BIGINT PRIMARY KEY,
    bal_id BIGINT NOT NULL REFERENCES bals (id),
    blob_id BYTEA NOT NULL,
    blob_key BYTEA NOT NULL,
    prefix BYTEA,
    summary BYTEA NOT NULL,
    size BIGINT NOT NULL,
    created BIGINT NOT NULL
);
CREATE INDEX messages_blob ON messages (blob_id);
CREATE INDEX messages_bal ON messages (bal_id);

-- `flags`: system flags as bits. `keywords`: bit n (of byte n/8, lowest first) is the keyword of slot n of the BAL's sealed
-- list; NULL when there is none.
CREATE TABLE entries (
    folder_id BIGINT NOT NULL,
    uid BIGINT NOT NULL,
    bal_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    modseq BIGINT NOT NULL,
    flags BIGINT NOT NULL,
    keywords BYTEA,
    internal_date BIGINT NOT NULL,
    size BIGINT NOT NULL,
    PRIMARY KEY (folder_id, uid)
) /* clustered */;
CREATE INDEX entries_modseq ON entries (folder_id, modseq);
CREATE INDEX entries_message ON entries (message_id);

-- Entries that are gone: UIDs `uid` to `uid_last`, removed at `modseq`.
CREATE TABLE vanished (
    folder_id BIGINT NOT NULL,
    uid BIGINT NOT NULL,
    uid_last BIGINT NOT NULL,
    bal_id BIGINT NOT NULL,
    modseq BIGINT NOT NULL,
    PRIMARY KEY (folder_id, uid)
) /* clustered */;
CREATE INDEX vanished_modseq ON vanished (folder_id, modseq);

-- Keywords in use in a BAL.
CREATE TABLE keywords (
    bal_id BIGINT NOT NULL REFERENCES bals (id),
    slot BIGINT NOT NULL,
    id BIGINT NOT NULL,
    name_tag BYTEA NOT NULL,
    name_sealed BYTEA NOT NULL,
    PRIMARY KEY (bal_id, slot),
    UNIQUE (bal_id, name_tag)
) /* clustered */;
