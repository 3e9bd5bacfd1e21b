-- The carrier: trust between operators, the queue, structures' own servers, notices.

-- White lists that were put in force, and what each changed (F202). The first one changes nothing: its numbers say enough.
CREATE TABLE white_lists (
    id BIGINT PRIMARY KEY,
    generated BIGINT NOT NULL,
    at BIGINT NOT NULL,
    sha256 BYTEA NOT NULL,
    entries BIGINT NOT NULL,
    domains BIGINT NOT NULL,
    skipped BIGINT NOT NULL,
    added BIGINT NOT NULL,
    removed BIGINT NOT NULL,
    altered BIGINT NOT NULL,
    node BIGINT NOT NULL
);
-- `kind`: added, removed, altered. Names of certificates are JSON lists, as the lists write them.
CREATE TABLE white_list_changes (
    id BIGINT PRIMARY KEY,
    list_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    domain TEXT NOT NULL,
    old_names TEXT NOT NULL,
    new_names TEXT NOT NULL
);
CREATE INDEX white_list_changes_of ON white_list_changes (domain, id);

-- Certificates known here (F204). `kind`: own, peer, issued, anchor, signer. `place`: the use of one of ours, purposes of an anchor, whose one is that
-- was issued. `node` is -1 where no node holds it. `spki` is the SHA-256 of the public key. `stage`: what was last said of its end. Never a key.
CREATE TABLE certificates (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    place TEXT NOT NULL,
    node BIGINT NOT NULL,
    fingerprint TEXT NOT NULL,
    subject TEXT NOT NULL,
    subject_tag TEXT NOT NULL,
    issuer TEXT NOT NULL,
    serial TEXT NOT NULL,
    spki TEXT NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    retired BIGINT,
    stage TEXT NOT NULL,
    UNIQUE (kind, place, node, fingerprint)
);
CREATE INDEX certificates_spki ON certificates (spki);
CREATE INDEX certificates_subject ON certificates (kind, subject_tag);
CREATE INDEX certificates_end ON certificates (not_after);
-- Which node holds which private key of ours: one at a time (EX_SSI_5100).
CREATE TABLE key_holders (
    spki TEXT PRIMARY KEY,
    node BIGINT NOT NULL,
    since BIGINT NOT NULL
);

-- The ledger of partners (F211): a row a domain, direction (in, out) and certificate name; `dn_tag` is a digest of the name, empty where none was shown.
CREATE TABLE peers (
    domain TEXT NOT NULL,
    direction TEXT NOT NULL,
    dn_tag TEXT NOT NULL,
    dn TEXT NOT NULL,
    issuer TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    tls TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    first_ok BIGINT,
    last_ok BIGINT,
    last_failure BIGINT,
    last_cause TEXT NOT NULL,
    PRIMARY KEY (domain, direction, dn_tag)
);
CREATE INDEX peers_last ON peers (last_at);
-- By day (days since 1970, UTC). `d0`…`d15`: deliveries by how long they took.
CREATE TABLE peer_days (
    domain TEXT NOT NULL,
    direction TEXT NOT NULL,
    dn_tag TEXT NOT NULL,
    day BIGINT NOT NULL,
    contacts BIGINT NOT NULL,
    deliveries BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    d0 BIGINT NOT NULL, d1 BIGINT NOT NULL, d2 BIGINT NOT NULL, d3 BIGINT NOT NULL,
    d4 BIGINT NOT NULL, d5 BIGINT NOT NULL, d6 BIGINT NOT NULL, d7 BIGINT NOT NULL,
    d8 BIGINT NOT NULL, d9 BIGINT NOT NULL, d10 BIGINT NOT NULL, d11 BIGINT NOT NULL,
    d12 BIGINT NOT NULL, d13 BIGINT NOT NULL, d14 BIGINT NOT NULL, d15 BIGINT NOT NULL,
    PRIMARY KEY (domain, direction, dn_tag, day)
);
CREATE INDEX peer_days_day ON peer_days (day);
CREATE TABLE peer_causes (
    domain TEXT NOT NULL,
    direction TEXT NOT NULL,
    day BIGINT NOT NULL,
    cause TEXT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (domain, direction, day, cause)
);
CREATE INDEX peer_causes_day ON peer_causes (day);

-- Structures' own servers (F052–F054, F212). See connectors.rs.
-- The authority that issues their certificates, and ours towards them: `purpose` is `structures` or `operator`. The private key is sealed under a
-- key of the keyring that has this row's id; `host` is the name under which structures reach us.
CREATE TABLE connector_authorities (
    id BIGINT PRIMARY KEY,
    purpose TEXT NOT NULL UNIQUE,
    host TEXT NOT NULL,
    certificate TEXT NOT NULL,
    sealed_key BYTEA NOT NULL,
    fingerprint TEXT NOT NULL,
    not_after BIGINT NOT NULL,
    created BIGINT NOT NULL
);

-- `state`: active, suspended, ended. `host` is where mail for its BALs goes, NULL when it only sends. `every_sender`: all open BALs of its domains
-- may send, else those of connector_senders. `seen`, `refused`: when its server last came, was last refused, and why (code, placeholders as JSON).
CREATE TABLE connectors (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    structure_id BIGINT NOT NULL,
    state TEXT NOT NULL,
    host TEXT,
    port BIGINT,
    tls_name TEXT,
    every_sender BIGINT NOT NULL,
    per_hour BIGINT NOT NULL,
    reason TEXT,
    version BIGINT NOT NULL,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    seen BIGINT,
    refused BIGINT,
    refusal TEXT,
    refusal_args TEXT
);
CREATE INDEX connectors_structure ON connectors (structure_id);

-- A domain is carried by one connector at a time.
CREATE TABLE connector_domains (
    domain_id BIGINT PRIMARY KEY,
    connector_id BIGINT NOT NULL
);
CREATE INDEX connector_domains_connector ON connector_domains (connector_id);

CREATE TABLE connector_senders (
    connector_id BIGINT NOT NULL,
    bal_id BIGINT NOT NULL,
    PRIMARY KEY (connector_id, bal_id)
);

-- `kind`: issued (by our authority), pinned (this very certificate), named (any certificate of this DN that leads to the anchors for connectors;
-- `fingerprint` is then empty). `dn_key` is what DNs are compared by. `warned`: days before the end for which a reminder was given.
CREATE TABLE connector_certificates (
    id BIGINT PRIMARY KEY,
    connector_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    dn TEXT NOT NULL,
    dn_key TEXT NOT NULL,
    serial TEXT NOT NULL,
    certificate TEXT,
    not_before BIGINT,
    not_after BIGINT,
    created BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    revoked BIGINT,
    revoked_by TEXT,
    reason TEXT,
    seen BIGINT
);
CREATE INDEX connector_certificates_connector ON connector_certificates (connector_id);
CREATE INDEX connector_certificates_fingerprint ON connector_certificates (fingerprint);
CREATE INDEX connector_certificates_dn ON connector_certificates (dn_key);
CREATE INDEX connector_certificates_end ON connector_certificates (not_after);

-- The queue (F206, F207, F210). See queue.rs.
-- What the sender asked for: `ret` 0 nothing, 1 the header, 2 all of it; `envid` sealed; `requiretls` (RFC 8689); `binary_body`: lines or none (RFC 3030).
ALTER TABLE queue_messages ADD COLUMN ret BIGINT NOT NULL DEFAULT 0;
ALTER TABLE queue_messages ADD COLUMN envid BYTEA;
ALTER TABLE queue_messages ADD COLUMN requiretls BIGINT NOT NULL DEFAULT 0;
ALTER TABLE queue_messages ADD COLUMN binary_body BIGINT NOT NULL DEFAULT 0;
-- `notify`: bits of RFC 3461 §4.1, NULL when nothing was asked; `orcpt` sealed. `bal_id`: the sender, for the order among senders.
-- `turn`: above 0, never tried, to be taken in this order; 0, due at `next_at`; -1, held.
ALTER TABLE queue_entries ADD COLUMN notify BIGINT;
ALTER TABLE queue_entries ADD COLUMN orcpt BYTEA;
ALTER TABLE queue_entries ADD COLUMN bal_id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE queue_entries ADD COLUMN turn BIGINT NOT NULL DEFAULT 0;
ALTER TABLE queue_entries ADD COLUMN held_at BIGINT;
ALTER TABLE queue_entries ADD COLUMN held_by TEXT;
ALTER TABLE queue_entries ADD COLUMN held_why TEXT;
ALTER TABLE queue_entries ADD COLUMN held_until BIGINT;
CREATE INDEX queue_entries_turn ON queue_entries (destination, turn, next_at);
CREATE INDEX queue_entries_sender ON queue_entries (destination, bal_id, turn) WHERE turn > 0;
CREATE INDEX queue_entries_held ON queue_entries (held_until) WHERE held_until IS NOT NULL;
-- A destination may be held as a whole: what comes later waits too.
ALTER TABLE queue_destinations ADD COLUMN held_at BIGINT;
ALTER TABLE queue_destinations ADD COLUMN held_by TEXT;
ALTER TABLE queue_destinations ADD COLUMN held_why TEXT;
ALTER TABLE queue_destinations ADD COLUMN held_until BIGINT;
-- A message that a worker has in hand, with all its due recipients at one destination. Few rows: those of the moment.
CREATE TABLE queue_claims (
    message_id BIGINT NOT NULL,
    destination TEXT NOT NULL,
    owner TEXT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (message_id, destination)
);
CREATE INDEX queue_claims_destination ON queue_claims (destination, until);
-- Attempts that did not succeed: on a recipient, or on a destination as a whole (`entry_id` NULL). `reply` (in full) is sealed under the message's
-- transit key; for a destination `args` has the placeholders of the refusal's sentence, as in queue_destinations.
CREATE TABLE queue_tries (
    id BIGINT PRIMARY KEY,
    entry_id BIGINT,
    destination TEXT NOT NULL,
    at BIGINT NOT NULL,
    server TEXT,
    code TEXT NOT NULL,
    reply BYTEA,
    args TEXT
);
CREATE INDEX queue_tries_entry ON queue_tries (entry_id);
CREATE INDEX queue_tries_destination ON queue_tries (destination, at);

-- Revocation (F204). See revocation.rs. Where lists and responders are asked, and the last good list of each: `kind` is crl or ocsp; `id` is a digest of
-- kind, address, issuer's name and key. `document` is as verified; an older one never replaces a newer one.
CREATE TABLE revocation_sources (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    address TEXT NOT NULL,
    issuer TEXT NOT NULL,
    issuer_name BYTEA NOT NULL,
    issuer_key BYTEA NOT NULL,
    document BYTEA,
    this_update BIGINT,
    next_update BIGINT,
    entries BIGINT NOT NULL,
    fetched BIGINT,
    tried BIGINT,
    failures BIGINT NOT NULL,
    error TEXT NOT NULL,
    used BIGINT NOT NULL
);
-- The last answer of a responder about a certificate (`id`: a digest of the issuer's key and the serial number).
CREATE TABLE revocation_answers (
    id TEXT PRIMARY KEY,
    document BYTEA NOT NULL,
    this_update BIGINT NOT NULL,
    until BIGINT NOT NULL,
    fetched BIGINT NOT NULL
);
CREATE INDEX revocation_answers_until ON revocation_answers (until);

-- Certificates by which a machine logs in to its applicative BAL (F222): a token of purpose `certificate`, and whose name it stands for. `who` is a
-- keyed digest of subject and issuer: a renewed certificate of the same name from the same authority goes on.
CREATE TABLE token_certificates (
    token_id BIGINT PRIMARY KEY,
    who BYTEA NOT NULL,
    subject TEXT NOT NULL,
    issuer TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    not_after BIGINT NOT NULL
);
CREATE INDEX token_certificates_who ON token_certificates (who);
CREATE INDEX tokens_bal ON tokens (bal_id) WHERE bal_id IS NOT NULL;

-- Absence of a BAL (F069): `period` names it among those of the BAL, `said` is sealed with the BAL's key, `seen` is the modseq up to which what came was
-- looked at. Who was answered within a period stands as a keyed digest.
CREATE TABLE absences (
    bal_id BIGINT PRIMARY KEY,
    period BIGINT NOT NULL,
    starts BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    said BYTEA NOT NULL,
    seen BIGINT NOT NULL,
    set_by TEXT NOT NULL,
    set_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE TABLE absence_answers (
    bal_id BIGINT NOT NULL,
    period BIGINT NOT NULL,
    correspondent BYTEA NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (bal_id, period, correspondent)
);
CREATE INDEX absence_answers_at ON absence_answers (at);

-- What a person wants to hear by ordinary mail about new mail of a BAL (F062). `mode`: off, at_once, hourly, daily. Minutes of the day. `since`: when the
-- first mail came of which nothing was said; `due`: when it is said; `told`: when something was said last.
CREATE TABLE mail_notices (
    bal_id BIGINT NOT NULL,
    person_id BIGINT NOT NULL,
    mode TEXT NOT NULL,
    hour BIGINT NOT NULL,
    quiet_from BIGINT,
    quiet_until BIGINT,
    since BIGINT,
    due BIGINT,
    told BIGINT,
    PRIMARY KEY (bal_id, person_id)
);
CREATE INDEX mail_notices_person ON mail_notices (person_id);
CREATE INDEX mail_notices_due ON mail_notices (due);
-- What happens when mail comes: 1, an absence is set; 2, somebody wants to be told. `fill_told`: the last share of the quota that was told.
ALTER TABLE bals ADD COLUMN follows BIGINT NOT NULL DEFAULT 0;
ALTER TABLE bals ADD COLUMN fill_told BIGINT NOT NULL DEFAULT 0;
CREATE INDEX bals_fill_told ON bals (fill_told) WHERE fill_told > 0;
-- Language of notices; since when the ordinary address is known to be wrong (F032), and by which status.
ALTER TABLE people ADD COLUMN lang TEXT;
ALTER TABLE people ADD COLUMN email_wrong BIGINT;
ALTER TABLE people ADD COLUMN email_wrong_code TEXT;
CREATE INDEX people_email_wrong ON people (email_wrong);
-- Answers to tests that a sender (keyed digest) had within an hour (F217).
CREATE TABLE test_answers (
    sender BYTEA NOT NULL,
    hour BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (sender, hour)
);

-- Submission once, limits, abuse (F067, F267). See dedupe.rs, rates.rs, abuse.rs.
-- The id under which a message of ours was accepted: whoever sends it again hears the same one. NULL for mail of peers.
ALTER TABLE accepted_mail ADD COLUMN tag TEXT;
-- Counts of the moment, told by each node about what it alone counted: no two nodes write one row. `what`: which limit or signal; `bucket`: the window,
-- counted since 1970 in its own length; `ends`: when it counts for nothing any more.
CREATE TABLE rate_counts (
    what TEXT NOT NULL,
    subject TEXT NOT NULL,
    bucket BIGINT NOT NULL,
    node BIGINT NOT NULL,
    counted BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    PRIMARY KEY (what, subject, bucket, node)
);
CREATE INDEX rate_counts_end ON rate_counts (ends);
-- To whom a BAL has written: keyed digests of addresses.
CREATE TABLE correspondents (
    bal_id BIGINT NOT NULL,
    tag BYTEA NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (bal_id, tag)
);
CREATE INDEX correspondents_at ON correspondents (at);
-- From where a token is used: `place` is a configured place, or the network of the address. From `since` on without a long pause, last at `at`.
CREATE TABLE token_places (
    token_id BIGINT NOT NULL,
    place TEXT NOT NULL,
    since BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (token_id, place)
);
CREATE INDEX token_places_at ON token_places (at);
-- What looks like abuse, for a person to review. `kind`: token, connector, peer; `subject`: the row's id, of a peer the digest of its name; `shown`: a
-- label without content. `state`: open, decided; `decision`: nothing, warn, block, suspend. One open case a subject.
CREATE TABLE abuse_cases (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    shown TEXT NOT NULL,
    person_id BIGINT,
    bal_id BIGINT,
    structure_id BIGINT,
    state TEXT NOT NULL,
    slowed_until BIGINT,
    told BIGINT,
    decision TEXT,
    reason TEXT,
    decided_by TEXT,
    decided_at BIGINT,
    opened BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX abuse_cases_open ON abuse_cases (kind, subject) WHERE state = 'open';
CREATE INDEX abuse_cases_structure ON abuse_cases (structure_id, id);
CREATE INDEX abuse_cases_slowed ON abuse_cases (slowed_until) WHERE slowed_until IS NOT NULL;
CREATE TABLE abuse_signals (
    case_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    times BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    threshold BIGINT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (case_id, name)
);

-- A domain that comes from another operator (in) or goes to one (out), F216. `until_at`: until when those of its BALs that are still here are served.
CREATE TABLE domain_moves (
    domain_id BIGINT PRIMARY KEY,
    direction TEXT NOT NULL,
    begun BIGINT NOT NULL,
    until_at BIGINT
);
