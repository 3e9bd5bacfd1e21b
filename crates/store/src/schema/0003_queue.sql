-- The mail queue and the deduplication of peers' retries. See queue.rs and dedupe.rs.

-- A message waiting for at least one recipient elsewhere. Its content is a blob whose key is wrapped by a transit key:
-- `epoch` is the transit epoch of every sealed column, here and in the entries. `bal_id` is our BAL that sent it and
-- receives the reports. `sender` is the reverse path as it may be shown, empty for the null one; it is sealed too when the
-- clear form is a pseudonym. `prefix` (sealed) goes before the content; `size` counts both, in clear bytes. `tag` is the id
-- given in the reply that accepted it.
CREATE TABLE queue_messages (
    id BIGINT PRIMARY KEY,
    blob_id BYTEA NOT NULL,
    epoch BIGINT NOT NULL,
    blob_key BYTEA NOT NULL,
    bal_id BIGINT NOT NULL,
    sender TEXT NOT NULL,
    sender_sealed BYTEA,
    prefix BYTEA NOT NULL,
    size BIGINT NOT NULL,
    body_8bit BIGINT NOT NULL,
    smtputf8 BIGINT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    tag TEXT NOT NULL
);
CREATE INDEX queue_messages_epoch ON queue_messages (epoch);
CREATE INDEX queue_messages_blob ON queue_messages (blob_id);

-- One recipient of a queued message. `unreached_base` is `queue_destinations.unreached` when it was queued: the attempts on
-- the destination since then are its attempts too. `warn_at` is when the sender is to be told of the delay, NULL once told.
-- `last_reply` may quote an address or content: sealed under the message's transit key.
CREATE TABLE queue_entries (
    id BIGINT PRIMARY KEY,
    message_id BIGINT NOT NULL REFERENCES queue_messages (id),
    destination TEXT NOT NULL,
    recipient TEXT NOT NULL,
    recipient_sealed BYTEA,
    attempts BIGINT NOT NULL,
    unreached_base BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    warn_at BIGINT,
    expires BIGINT NOT NULL,
    last_at BIGINT,
    last_code TEXT,
    last_reply BYTEA
);
CREATE INDEX queue_entries_due ON queue_entries (destination, next_at);
CREATE INDEX queue_entries_message ON queue_entries (message_id);
CREATE INDEX queue_entries_warn ON queue_entries (warn_at);
CREATE INDEX queue_entries_expires ON queue_entries (expires);

-- A destination: one worker at a time, one backoff for all its entries when it cannot be reached. `failures` counts the
-- consecutive attempts that reached no server, `unreached` every such attempt since the row exists. `last_args` holds the
-- placeholders of the refusal's sentence as JSON, never an address or a reply.
CREATE TABLE queue_destinations (
    domain TEXT PRIMARY KEY,
    next_at BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    unreached BIGINT NOT NULL,
    leased_by TEXT,
    lease_until BIGINT,
    last_at BIGINT,
    last_code TEXT,
    last_args TEXT
);
CREATE INDEX queue_destinations_due ON queue_destinations (next_at);

-- What peers handed over lately, one row a recipient: keyed digest of (peer, envelope sender, recipient, content).
CREATE TABLE accepted_mail (
    digest BYTEA PRIMARY KEY,
    at BIGINT NOT NULL
);
CREATE INDEX accepted_mail_at ON accepted_mail (at);
