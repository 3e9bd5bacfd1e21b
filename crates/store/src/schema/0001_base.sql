-- Accounts, traces, alarms, jobs, settings, blobs. Portable SQL: see engine/migrate.rs for the few substitutions.

CREATE TABLE domains (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    created BIGINT NOT NULL
);

CREATE TABLE people (
    id BIGINT PRIMARY KEY,
    login TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    national_id TEXT,
    created BIGINT NOT NULL,
    admin_role TEXT,
    disabled BIGINT
);

-- `address_key` is what addresses are compared by; for a patient it holds a keyed pseudonym instead of the local part, and the
-- address itself is only in `address_sealed`.
CREATE TABLE bals (
    id BIGINT PRIMARY KEY,
    address_key TEXT NOT NULL UNIQUE,
    address TEXT NOT NULL,
    address_sealed BYTEA,
    domain_id BIGINT NOT NULL REFERENCES domains (id),
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    test BIGINT NOT NULL,
    reachable BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'closed')),
    modseq BIGINT NOT NULL,
    uidvalidity_next BIGINT NOT NULL,
    used_bytes BIGINT NOT NULL,
    message_count BIGINT NOT NULL,
    quota_bytes BIGINT NOT NULL,
    created BIGINT NOT NULL
);
CREATE INDEX bals_domain ON bals (domain_id);

CREATE TABLE access (
    person_id BIGINT NOT NULL REFERENCES people (id),
    bal_id BIGINT NOT NULL REFERENCES bals (id),
    role TEXT NOT NULL CHECK (role IN ('holder', 'responsible', 'member', 'delegate', 'machine')),
    granted BIGINT NOT NULL,
    ended BIGINT,
    PRIMARY KEY (person_id, bal_id, granted)
);
CREATE INDEX access_bal ON access (bal_id);
-- One role in force at a time for a person on a BAL.
CREATE UNIQUE INDEX access_in_force ON access (person_id, bal_id) WHERE ended IS NULL;

-- Only a peppered digest of a token is kept.
CREATE TABLE tokens (
    id BIGINT PRIMARY KEY,
    person_id BIGINT NOT NULL REFERENCES people (id),
    bal_id BIGINT REFERENCES bals (id),
    label TEXT NOT NULL,
    digest BYTEA NOT NULL UNIQUE,
    created BIGINT NOT NULL,
    expires BIGINT,
    last_used BIGINT,
    revoked BIGINT
);
CREATE INDEX tokens_person ON tokens (person_id);

-- The probative log. A trace stands by itself for ten years: it repeats login and address (a patient's as a pseudonym).
CREATE TABLE traces (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('Functional', 'Technical')),
    act TEXT NOT NULL,
    at BIGINT NOT NULL,
    person_id BIGINT,
    actor TEXT NOT NULL,
    bal_id BIGINT,
    bal TEXT,
    remote TEXT,
    session TEXT,
    outcome TEXT NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX traces_act ON traces (act, id);
CREATE INDEX traces_bal ON traces (bal, id) WHERE bal IS NOT NULL;
CREATE INDEX traces_actor ON traces (actor, id);
CREATE INDEX traces_at ON traces (at);

CREATE TABLE alarms (
    code TEXT NOT NULL,
    subject TEXT NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('warning', 'critical')),
    data TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    count BIGINT NOT NULL,
    acked_by TEXT,
    acked_at BIGINT,
    cleared BIGINT,
    PRIMARY KEY (code, subject)
);

-- `lease` fences: only the worker that holds the present lease may finish or fail the job. `again`: enqueued anew while leased.
CREATE TABLE jobs (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    unique_key TEXT NOT NULL,
    payload BYTEA NOT NULL,
    run_at BIGINT NOT NULL,
    lease BIGINT,
    leased_until BIGINT,
    again BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    last_error TEXT,
    created BIGINT NOT NULL,
    UNIQUE (kind, unique_key)
);
CREATE INDEX jobs_due ON jobs (kind, run_at);

CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value BYTEA NOT NULL,
    version BIGINT NOT NULL,
    updated BIGINT NOT NULL
);

-- `inline` is NULL when a file holds the sealed bytes.
CREATE TABLE blobs (
    id BYTEA PRIMARY KEY,
    size BIGINT NOT NULL,
    inline BYTEA,
    created BIGINT NOT NULL
);

-- Blobs that lost a reference: the collector looks at these only.
CREATE TABLE blobs_released (
    id BYTEA PRIMARY KEY,
    at BIGINT NOT NULL
);
CREATE INDEX blobs_released_at ON blobs_released (at);
