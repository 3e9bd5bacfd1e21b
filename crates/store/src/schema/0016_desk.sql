-- The desk: what lists, writing, sharing, following and rules keep. It only adds, so that a program of 15 may serve meanwhile: what it inserts leaves
-- `traits` and `thread` 0, and is made known later.
--
-- In clear: ids, dates, counts, flags and numbers of conversations. Everything that says something is sealed under its BAL's key (endpoints of pushes: under
-- the identity key).
-- What lists need of an entry: `thread`, keyed 63-bit digest of the first Message-ID of its conversation in its BAL (its own row where there is none; 0: not known);
-- `traits`: 1 has attachments, 2 exchanged with a patient, 4 known.
ALTER TABLE entries ADD COLUMN thread BIGINT NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN traits BIGINT NOT NULL DEFAULT 0;
CREATE INDEX entries_date ON entries (folder_id, internal_date, uid);
CREATE INDEX entries_unseen ON entries (folder_id, internal_date, uid) WHERE (flags & 1) = 0;
CREATE INDEX entries_flagged ON entries (folder_id, internal_date, uid) WHERE (flags & 4) <> 0;
CREATE INDEX entries_attached ON entries (folder_id, internal_date, uid) WHERE (traits & 1) <> 0;
CREATE INDEX entries_patient ON entries (folder_id, internal_date, uid) WHERE (traits & 2) <> 0;
CREATE INDEX entries_labelled ON entries (folder_id, internal_date, uid) WHERE keywords IS NOT NULL;
CREATE INDEX entries_thread ON entries (bal_id, thread, internal_date) WHERE thread <> 0;
CREATE INDEX entries_unknown ON entries (bal_id, folder_id, uid) WHERE traits = 0;
-- What became of each recipient. `id`: of the queue entry, elsewhere; else new. `mid`: keyed digest of the Message-ID (as in traces). `state`: queued, delayed, delivered, relayed, failed,
-- expired, returned, deleted. `recipient` as traces show it; `sealed` {address, server, reply} under the BAL's key (`delivery`). Forgotten after 400 days: the traces say the same.
CREATE TABLE deliveries (
    id BIGINT PRIMARY KEY, bal_id BIGINT NOT NULL, mid BYTEA NOT NULL, tag TEXT NOT NULL, recipient TEXT NOT NULL,
    state TEXT NOT NULL, code TEXT, sealed BYTEA NOT NULL, sent BIGINT NOT NULL, at BIGINT NOT NULL);
CREATE INDEX deliveries_mid ON deliveries (bal_id, mid);
CREATE INDEX deliveries_sent ON deliveries (sent);
-- Shared BALs: who opened, answered, forwarded a message first (by `door`). The traces prove it; this is what a page shows.
CREATE TABLE message_people (
    bal_id BIGINT NOT NULL, message_id BIGINT NOT NULL, person_id BIGINT NOT NULL, opened BIGINT, door TEXT NOT NULL, answered BIGINT, forwarded BIGINT,
    PRIMARY KEY (bal_id, message_id, person_id)) /* clustered */;
-- Who takes care of a conversation. One in force.
CREATE TABLE assignments (
    bal_id BIGINT NOT NULL, thread BIGINT NOT NULL, person_id BIGINT NOT NULL, by_person BIGINT NOT NULL, at BIGINT NOT NULL, version BIGINT NOT NULL,
    PRIMARY KEY (bal_id, thread)) /* clustered */;
CREATE INDEX assignments_person ON assignments (bal_id, person_id);
-- Notes for colleagues, never sent. `sealed` under the BAL's key (`note`).
CREATE TABLE notes (
    id BIGINT PRIMARY KEY, bal_id BIGINT NOT NULL, message_id BIGINT NOT NULL, person_id BIGINT NOT NULL, at BIGINT NOT NULL, sealed BYTEA NOT NULL);
CREATE INDEX notes_message ON notes (bal_id, message_id);
-- Who answers at this moment; no act, no trace.
CREATE TABLE presences (
    bal_id BIGINT NOT NULL, message_id BIGINT NOT NULL, person_id BIGINT NOT NULL, until BIGINT NOT NULL, PRIMARY KEY (bal_id, message_id, person_id)) /* clustered */;
-- What is being written. `sealed`: JSON under the BAL's key (`draft`). `message_id`, `folder_id`, `uid`: what shows it in Drafts (0: not yet), as of `filed` (version). `state`: open, leaving, failed.
CREATE TABLE drafts (
    id BIGINT PRIMARY KEY, bal_id BIGINT NOT NULL, person_id BIGINT NOT NULL, sealed BYTEA NOT NULL, state TEXT NOT NULL, send_at BIGINT, why TEXT,
    message_id BIGINT NOT NULL, folder_id BIGINT NOT NULL, uid BIGINT NOT NULL, filed BIGINT NOT NULL, version BIGINT NOT NULL, created BIGINT NOT NULL, changed BIGINT NOT NULL);
CREATE INDEX drafts_bal ON drafts (bal_id, person_id);
CREATE INDEX drafts_message ON drafts (bal_id, message_id) WHERE message_id <> 0;
CREATE INDEX drafts_changed ON drafts (changed);
-- Files on their way, any node: sealed pieces. `sealed`: name and type.
CREATE TABLE uploads (
    id BIGINT PRIMARY KEY, bal_id BIGINT NOT NULL, draft_id BIGINT NOT NULL, sealed BYTEA NOT NULL, size BIGINT NOT NULL, held BIGINT NOT NULL, created BIGINT NOT NULL);
CREATE INDEX uploads_draft ON uploads (draft_id);
CREATE TABLE upload_pieces (
    upload_id BIGINT NOT NULL, first BIGINT NOT NULL, bal_id BIGINT NOT NULL, size BIGINT NOT NULL, blob_id BYTEA NOT NULL, blob_key BYTEA NOT NULL,
    PRIMARY KEY (upload_id, first)) /* clustered */;
CREATE INDEX upload_pieces_blob ON upload_pieces (blob_id);
CREATE INDEX upload_pieces_bal ON upload_pieces (bal_id);
-- Signatures and templates; `person_id` 0: everybody's of the BAL. `kind`: signature, template.
CREATE TABLE writings (
    id BIGINT PRIMARY KEY, bal_id BIGINT NOT NULL, person_id BIGINT NOT NULL, kind TEXT NOT NULL, sealed BYTEA NOT NULL, place BIGINT NOT NULL, version BIGINT NOT NULL, changed BIGINT NOT NULL);
CREATE INDEX writings_bal ON writings (bal_id, person_id);
-- Rules of a BAL, in order; `told`: why the last one failed (a code). `rule_states.seen`: the modseq up to which they were applied.
CREATE TABLE rules (
    id BIGINT PRIMARY KEY, bal_id BIGINT NOT NULL, place BIGINT NOT NULL, enabled BIGINT NOT NULL, sealed BYTEA NOT NULL, by_person BIGINT NOT NULL, told TEXT, version BIGINT NOT NULL,
    changed BIGINT NOT NULL);
CREATE INDEX rules_bal ON rules (bal_id, place);
CREATE TABLE rule_states (bal_id BIGINT PRIMARY KEY, seen BIGINT NOT NULL);
-- To whom a BAL wrote, for completion: name and address under the BAL's key (`correspondent`; object = the BAL). None for what is marked personal, and for what was
-- written before: those are counted, and known to nobody.
ALTER TABLE correspondents ADD COLUMN sealed BYTEA;
ALTER TABLE correspondents ADD COLUMN count BIGINT NOT NULL DEFAULT 0;
-- An act that can be taken back: its inverse under the BAL's key (`undo`). `due`: a removal that is carried out then.
CREATE TABLE undos (
    id BIGINT PRIMARY KEY, bal_id BIGINT NOT NULL, person_id BIGINT NOT NULL, sealed BYTEA NOT NULL, at BIGINT NOT NULL, expires BIGINT NOT NULL, due BIGINT, used BIGINT);
CREATE INDEX undos_bal ON undos (bal_id);
CREATE INDEX undos_end ON undos (expires);
-- A person's choices of the desk (JSON, no content: undo seconds, theme, density, order, threads, last BAL's id, keys on).
CREATE TABLE desk_choices (person_id BIGINT PRIMARY KEY, choices TEXT NOT NULL, changed BIGINT NOT NULL);
-- Browsers that want to be woken when mail comes. `sealed`: where their service is asked, under the identity key; `tag`: its keyed digest; `host`: which service. `since`: when the first
-- mail came of which nothing was said; `due`: when it is; `last`: when it was last. Ends by its person, when lost means are replaced, and when the service says that it is gone.
CREATE TABLE push_subscriptions (
    id BIGINT PRIMARY KEY, person_id BIGINT NOT NULL, tag BYTEA NOT NULL UNIQUE, sealed BYTEA NOT NULL, host TEXT NOT NULL, created BIGINT NOT NULL,
    since BIGINT, due BIGINT, last BIGINT, failures BIGINT NOT NULL);
CREATE INDEX push_subscriptions_person ON push_subscriptions (person_id);
CREATE INDEX push_subscriptions_due ON push_subscriptions (due);
-- Of which BALs.
CREATE TABLE push_bals (bal_id BIGINT NOT NULL, subscription_id BIGINT NOT NULL, PRIMARY KEY (bal_id, subscription_id)) /* clustered */;
CREATE INDEX push_bals_subscription ON push_bals (subscription_id);
