-- What the second reading of the people's tables (0008) changed.

-- A version of the terms that was published and taken back before it came into force. Its row stays: it was public.
ALTER TABLE terms ADD COLUMN withdrawn BIGINT;
ALTER TABLE terms ADD COLUMN withdrawn_by TEXT;
ALTER TABLE terms ADD COLUMN withdrawn_reason TEXT;
-- What the person had accepted before (a version's id), the language that was shown, and who had made the token that proved who accepts, when that
-- was somebody else.
ALTER TABLE acceptances ADD COLUMN previous BIGINT;
ALTER TABLE acceptances ADD COLUMN lang TEXT NOT NULL DEFAULT 'fr';
ALTER TABLE acceptances ADD COLUMN token_by TEXT;

-- Since when a regional body follows a structure, and which ones did before (F149). One in force at a time.
CREATE TABLE followings (
    structure_id BIGINT NOT NULL REFERENCES structures (id),
    body_id BIGINT NOT NULL REFERENCES regional_bodies (id),
    since BIGINT NOT NULL,
    ended BIGINT,
    PRIMARY KEY (structure_id, since, body_id)
);
CREATE UNIQUE INDEX followings_in_force ON followings (structure_id) WHERE ended IS NULL;
CREATE INDEX followings_body ON followings (body_id);
INSERT INTO followings (structure_id, body_id, since) SELECT id, body_id, created FROM structures WHERE body_id IS NOT NULL;

-- What somebody finds wrong in a directory, an abuse, a request for help (F097, F149). `desk`: structure, region, operator. `state`: open, done,
-- refused, withdrawn. `about`: the address that it is about, if any.
CREATE TABLE reports (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    about TEXT,
    said TEXT NOT NULL,
    person_id BIGINT NOT NULL REFERENCES people (id),
    structure_id BIGINT REFERENCES structures (id),
    desk TEXT NOT NULL,
    state TEXT NOT NULL,
    answer TEXT,
    answered_by TEXT,
    at BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX reports_person ON reports (person_id, id);
CREATE INDEX reports_structure ON reports (structure_id, id);
CREATE INDEX reports_state ON reports (state, id);

-- What a regional body, or the operator (no body), announces to the administrators of the structures that it follows.
CREATE TABLE announcements (
    id BIGINT PRIMARY KEY,
    body_id BIGINT REFERENCES regional_bodies (id),
    title TEXT NOT NULL,
    said TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX announcements_body ON announcements (body_id, id);

-- Identifiers that structures give are looked up when another is given.
CREATE INDEX people_local_id ON people (local_id) WHERE local_id IS NOT NULL;

-- What the national register says of each person with a national identifier, looked at whenever it is replaced (F008). `state`: there, other_name,
-- absent, struck (an earlier register had it). `label`: the name that the register has, or had. `since`: in this state.
CREATE TABLE register_findings (
    person_id BIGINT PRIMARY KEY REFERENCES people (id),
    national_id TEXT NOT NULL,
    state TEXT NOT NULL,
    label TEXT NOT NULL,
    generation BIGINT NOT NULL,
    since BIGINT NOT NULL
);
CREATE INDEX register_findings_state ON register_findings (state, person_id);
-- Imports are listed by structure; identifiers are looked up by their beginning within one.
CREATE INDEX imports_structure ON imports (structure_id, id);

-- An answer that is given again is given with where the new thing is, and its version.
ALTER TABLE idempotency ADD COLUMN location TEXT;
ALTER TABLE idempotency ADD COLUMN etag TEXT;

-- Who set the ordinary address of a person: whoever did sends no token there.
ALTER TABLE people ADD COLUMN email_set_by BIGINT;
-- 1: whoever answered for the person before took part (or the person was added there); 0: taken in by the national identifier alone, which says who
-- is meant and no more. Acts on the whole person are for the first.
ALTER TABLE memberships ADD COLUMN entrusted BIGINT NOT NULL DEFAULT 1;
-- What whoever has a role does (F157).
ALTER TABLE roles ADD COLUMN function TEXT;

-- The schema that a program must know to go on serving: raised by a migration that takes something away (engine::migrate).
CREATE TABLE schema_least (
    id BIGINT PRIMARY KEY,
    least BIGINT NOT NULL
);
INSERT INTO schema_least (id, least) VALUES (1, 8);

-- Lists of many rows, in the order in which they are paged.
CREATE INDEX bals_structure_address ON bals (structure_id, address_key);
CREATE INDEX bals_domain_address ON bals (domain_id, address_key);
CREATE INDEX bals_state_address ON bals (state, address_key);
CREATE INDEX acceptances_terms ON acceptances (terms_id DESC, person_id);
CREATE INDEX openings_asked ON openings (asked_person) WHERE asked_person IS NOT NULL;
CREATE INDEX links_expires ON links (expires);
CREATE INDEX imports_state ON imports (state, changed);

-- What each person did with a shared BAL on a day of its calendar, counted from the traces (F159); `doors`: bits of the doors that were used.
CREATE TABLE usage_days (
    bal_id BIGINT NOT NULL,
    day TEXT NOT NULL,
    person_id BIGINT NOT NULL,
    logins BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    sent BIGINT NOT NULL,
    removed BIGINT NOT NULL,
    off_hours BIGINT NOT NULL,
    doors BIGINT NOT NULL,
    PRIMARY KEY (bal_id, day, person_id)
) /* clustered */;
CREATE INDEX usage_days_day ON usage_days (day);
-- What was unusual on such a day, once for each kind of it; `told`: when those responsible were.
CREATE TABLE usage_alerts (
    id BIGINT PRIMARY KEY,
    bal_id BIGINT NOT NULL,
    day TEXT NOT NULL,
    person_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    seen BIGINT NOT NULL,
    usual BIGINT NOT NULL,
    at BIGINT NOT NULL,
    told BIGINT
);
CREATE UNIQUE INDEX usage_alerts_once ON usage_alerts (bal_id, day, person_id, kind);
CREATE INDEX usage_alerts_bal ON usage_alerts (bal_id, id);
CREATE INDEX usage_alerts_untold ON usage_alerts (id) WHERE told IS NULL;
-- Whoever is responsible for a shared BAL attests its data: the digest of what was attested (F159).
CREATE TABLE attestations (
    bal_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    person_id BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    PRIMARY KEY (bal_id, at, person_id)
);
-- When those responsible were last asked for it.
CREATE TABLE attestation_asks (
    bal_id BIGINT PRIMARY KEY,
    at BIGINT NOT NULL
);
