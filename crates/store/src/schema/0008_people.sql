-- Structures, regional bodies, people, roles, openings, access with rights, terms of use, life, policies, retention, holds, imports.

-- A regional body (GRADeS) follows structures: counts, supports, blocks; never reads content (F149).
CREATE TABLE regional_bodies (
    id BIGINT PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    contact TEXT NOT NULL,
    blocked BIGINT,
    version BIGINT NOT NULL,
    created BIGINT NOT NULL
);

-- A legal person. `address` and `contact` are JSON: read whole, never searched. `convention`: none, draft, signed, ended.
-- `opening`: who opens BALs of it: delegated, operator, self (F012).
CREATE TABLE structures (
    id BIGINT PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    category TEXT NOT NULL,
    finess_ej TEXT,
    finess_eg TEXT,
    siret TEXT,
    address TEXT NOT NULL,
    contact TEXT NOT NULL,
    body_id BIGINT REFERENCES regional_bodies (id),
    opening TEXT NOT NULL,
    convention TEXT NOT NULL,
    convention_reference TEXT,
    convention_from BIGINT,
    convention_until BIGINT,
    territory TEXT NOT NULL,
    blocked BIGINT,
    version BIGINT NOT NULL,
    created BIGINT NOT NULL
);
CREATE INDEX structures_body ON structures (body_id);
CREATE INDEX structures_finess ON structures (finess_eg);

CREATE TABLE structure_domains (
    structure_id BIGINT NOT NULL REFERENCES structures (id),
    domain_id BIGINT NOT NULL REFERENCES domains (id),
    PRIMARY KEY (structure_id, domain_id)
);
CREATE INDEX structure_domains_domain ON structure_domains (domain_id);

-- Identity traits, means of contact. `local_id`: only without any registration authority, with its reason and end (F010).
-- `identity`: how the identity was certified: none, operator, structure, card. Choices are NULL until the person has chosen (F094).
ALTER TABLE people ADD COLUMN given_name TEXT;
ALTER TABLE people ADD COLUMN family_name TEXT;
ALTER TABLE people ADD COLUMN profession TEXT;
ALTER TABLE people ADD COLUMN speciality TEXT;
ALTER TABLE people ADD COLUMN habilitated BIGINT NOT NULL DEFAULT 0;
ALTER TABLE people ADD COLUMN local_id TEXT;
ALTER TABLE people ADD COLUMN local_id_reason TEXT;
ALTER TABLE people ADD COLUMN local_id_until BIGINT;
ALTER TABLE people ADD COLUMN identity TEXT NOT NULL DEFAULT 'none';
ALTER TABLE people ADD COLUMN identity_at BIGINT;
ALTER TABLE people ADD COLUMN identity_by TEXT;
ALTER TABLE people ADD COLUMN email TEXT;
ALTER TABLE people ADD COLUMN email_verified BIGINT;
ALTER TABLE people ADD COLUMN phone TEXT;
ALTER TABLE people ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
CREATE INDEX people_national_id ON people (national_id) WHERE national_id IS NOT NULL;
-- Whose a national identifier is: nobody gets one that another has. Those given twice before this table existed stay with the first.
CREATE TABLE national_ids (
    national_id TEXT PRIMARY KEY,
    person_id BIGINT NOT NULL REFERENCES people (id)
);
INSERT INTO national_ids (national_id, person_id) SELECT national_id, MIN(id) FROM people WHERE national_id IS NOT NULL GROUP BY national_id;
CREATE INDEX national_ids_person ON national_ids (person_id);

-- Who works where. One membership in force of a person in a structure.
CREATE TABLE memberships (
    person_id BIGINT NOT NULL REFERENCES people (id),
    structure_id BIGINT NOT NULL REFERENCES structures (id),
    function TEXT NOT NULL,
    since BIGINT NOT NULL,
    ended BIGINT,
    PRIMARY KEY (person_id, structure_id, since)
);
CREATE INDEX memberships_structure ON memberships (structure_id, person_id);
CREATE UNIQUE INDEX memberships_in_force ON memberships (person_id, structure_id) WHERE ended IS NULL;

-- Named administrative roles: administrator (of the operator), structure, region, support, auditor. History is kept.
CREATE TABLE roles (
    id BIGINT PRIMARY KEY,
    person_id BIGINT NOT NULL REFERENCES people (id),
    role TEXT NOT NULL,
    structure_id BIGINT REFERENCES structures (id),
    body_id BIGINT REFERENCES regional_bodies (id),
    granted BIGINT NOT NULL,
    granted_by TEXT NOT NULL,
    reason TEXT,
    ended BIGINT,
    ended_by TEXT
);
CREATE INDEX roles_person ON roles (person_id) WHERE ended IS NULL;
CREATE INDEX roles_structure ON roles (structure_id) WHERE structure_id IS NOT NULL;
INSERT INTO roles (id, person_id, role, granted, granted_by)
    SELECT id, id, 'administrator', created, 'configuration' FROM people WHERE admin_role IS NOT NULL;

-- The states of a BAL's life are more than two now: active, suspended, blocked, closing, closed. Anew, for its constraint.
ALTER TABLE bals RENAME COLUMN state TO state_before;
ALTER TABLE bals ADD COLUMN state TEXT NOT NULL DEFAULT 'active'
    CHECK (state IN ('active', 'suspended', 'blocked', 'closing', 'closed'));
UPDATE bals SET state = state_before;
ALTER TABLE bals DROP COLUMN state_before;
-- Texts of the MOS; choices are NULL until somebody with the right has chosen (F094). `closing_at`: when a closing BAL is closed for good.
ALTER TABLE bals ADD COLUMN structure_id BIGINT REFERENCES structures (id);
ALTER TABLE bals ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE bals ADD COLUMN responsible TEXT NOT NULL DEFAULT '';
ALTER TABLE bals ADD COLUMN service TEXT NOT NULL DEFAULT '';
ALTER TABLE bals ADD COLUMN red_list BIGINT;
ALTER TABLE bals ADD COLUMN phone_published BIGINT;
ALTER TABLE bals ADD COLUMN paperless BIGINT;
ALTER TABLE bals ADD COLUMN closing_at BIGINT;
ALTER TABLE bals ADD COLUMN tombstone_until BIGINT;
ALTER TABLE bals ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
CREATE INDEX bals_structure ON bals (structure_id);
CREATE INDEX bals_closing ON bals (closing_at) WHERE closing_at IS NOT NULL;

-- Bits of `rights`: 1 read, 2 send, 4 file (move, flag, delete), 8 manage. `starts`/`ends`: planned; `ended`: when it was over in fact.
ALTER TABLE access ADD COLUMN rights BIGINT NOT NULL DEFAULT 7;
ALTER TABLE access ADD COLUMN starts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE access ADD COLUMN ends BIGINT;
ALTER TABLE access ADD COLUMN granted_by TEXT NOT NULL DEFAULT '';
ALTER TABLE access ADD COLUMN reason TEXT;
ALTER TABLE access ADD COLUMN ended_by TEXT;
UPDATE access SET rights = 15 WHERE role IN ('holder', 'responsible');

-- What opens with a token: `device` (mail programs) or `api`.
ALTER TABLE tokens ADD COLUMN purpose TEXT NOT NULL DEFAULT 'device';
-- Who made it: a session that another person could have opened does not count as a second person.
ALTER TABLE tokens ADD COLUMN made_by BIGINT;

-- A BAL on its way to being opened, or a change or end of one that is asked for (F015, F016, F030). `request` is JSON: what was asked.
CREATE TABLE openings (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    address_key TEXT NOT NULL,
    structure_id BIGINT REFERENCES structures (id),
    bal_id BIGINT,
    state TEXT NOT NULL,
    request TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    asked_person BIGINT,
    at BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX openings_state ON openings (state, id);
CREATE INDEX openings_structure ON openings (structure_id, id);
-- One request under way for an address.
CREATE UNIQUE INDEX openings_address ON openings (address_key) WHERE state IN ('requested', 'verified');
-- Whose agreement with the terms an opening waits for.
CREATE TABLE opening_people (
    opening_id BIGINT NOT NULL REFERENCES openings (id),
    person_id BIGINT NOT NULL REFERENCES people (id),
    PRIMARY KEY (opening_id, person_id)
);
CREATE INDEX opening_people_person ON opening_people (person_id);

-- Each step of a life: who, when, why. `subject`: bal, person, structure, body, opening. `authority`: the role by which it was done.
CREATE TABLE life (
    id BIGINT PRIMARY KEY,
    subject TEXT NOT NULL,
    subject_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    was TEXT NOT NULL,
    became TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    reason TEXT,
    authority TEXT
);
CREATE INDEX life_subject ON life (subject, subject_id, id);
-- What had been closed until now was to be destroyed at once.
INSERT INTO life (id, subject, subject_id, at, was, became, by_whom)
    SELECT b.id, 'bal', b.id, COALESCE((SELECT MAX(t.at) FROM traces t WHERE t.bal_id = b.id AND t.act = 'bal.closed'), b.created),
    'closed', 'destroyed', 'system' FROM bals b WHERE b.state = 'closed';

-- Versions of the terms of use. The one in force is the newest whose `from_at` has come.
CREATE TABLE terms (
    id BIGINT PRIMARY KEY,
    version TEXT NOT NULL UNIQUE,
    text_fr TEXT NOT NULL,
    text_en TEXT NOT NULL,
    digest BYTEA NOT NULL,
    changes_fr TEXT NOT NULL,
    changes_en TEXT NOT NULL,
    from_at BIGINT NOT NULL,
    published BIGINT NOT NULL,
    published_by TEXT NOT NULL
);
CREATE INDEX terms_from ON terms (from_at);
CREATE TABLE acceptances (
    person_id BIGINT NOT NULL REFERENCES people (id),
    terms_id BIGINT NOT NULL REFERENCES terms (id),
    at BIGINT NOT NULL,
    door TEXT NOT NULL,
    factors TEXT NOT NULL,
    digest BYTEA NOT NULL,
    PRIMARY KEY (person_id, terms_id)
);

-- Values set for a place (`scope`: operator, domain, kind, structure, bal; `subject`: which one), over those of the configuration.
CREATE TABLE policy_values (
    scope TEXT NOT NULL,
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    set_by TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (scope, subject, name)
);
-- `bals.quota_bytes` holds the quota in force, which follows from these values and the configuration: what was given to a BAL stays its own.
INSERT INTO policy_values (scope, subject, name, value, set_by, at)
    SELECT 'bal', CAST(id AS TEXT), 'quota_bytes', CAST(quota_bytes AS TEXT), 'schema', created FROM bals WHERE quota_bytes <> 2147483648;
-- Messages that a BAL sent, by hours since 1970; counted only where a limit is set.
CREATE TABLE submission_counts (
    bal_id BIGINT NOT NULL,
    hour BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    PRIMARY KEY (bal_id, hour)
) /* clustered */;

-- How long what is kept (JSON of `domain::retention`), by name; one is the operator's, structures may name another.
CREATE TABLE retention_policies (
    name TEXT PRIMARY KEY,
    definition TEXT NOT NULL,
    version BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    changed_by TEXT NOT NULL
);

-- Which policy is followed: 0, the operator's; else a structure's.
CREATE TABLE retention_choices (
    structure_id BIGINT PRIMARY KEY,
    policy TEXT NOT NULL,
    changed BIGINT NOT NULL,
    changed_by TEXT NOT NULL
);

-- Nothing that a hold names is destroyed or purged while it stands. `subject`: bal, person, structure, operator (everything; id 0).
CREATE TABLE legal_holds (
    id BIGINT PRIMARY KEY,
    subject TEXT NOT NULL,
    subject_id BIGINT NOT NULL,
    reason TEXT NOT NULL,
    authority TEXT NOT NULL,
    placed BIGINT NOT NULL,
    placed_by TEXT NOT NULL,
    lifted BIGINT,
    lifted_by TEXT,
    lifted_reason TEXT
);
CREATE INDEX legal_holds_subject ON legal_holds (subject, subject_id) WHERE lifted IS NULL;
-- The hold of the configuration was a column of its own until now.
INSERT INTO legal_holds (id, subject, subject_id, reason, authority, placed, placed_by)
    SELECT 1, 'operator', 0, hold, 'configuration', COALESCE((SELECT MAX(at) FROM checkpoints), 0), 'configuration'
    FROM notary WHERE hold IS NOT NULL;
ALTER TABLE notary DROP COLUMN hold;
-- Messages that their user removed while a hold stood: out of sight, and destroyed once no hold names their BAL any more.
CREATE TABLE kept_messages (
    bal_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (bal_id, message_id)
) /* clustered */;

-- Days that an operator adds to the calendar, or takes from it (F165).
CREATE TABLE calendar_days (
    territory TEXT NOT NULL,
    day TEXT NOT NULL,
    working BIGINT NOT NULL,
    label TEXT NOT NULL,
    PRIMARY KEY (territory, day)
);

-- Reference tables that were imported; `reference_lists` says from what. Entries of other generations than a list's belong to an import that
-- is not over, was given up, or was replaced. `search`: the label folded, to be looked up by its beginning.
CREATE TABLE reference_lists (
    name TEXT PRIMARY KEY,
    generation BIGINT NOT NULL,
    source TEXT NOT NULL,
    digest BYTEA NOT NULL,
    encoding TEXT NOT NULL,
    entries BIGINT NOT NULL,
    skipped BIGINT NOT NULL,
    imported BIGINT NOT NULL,
    imported_by TEXT NOT NULL
);
CREATE TABLE reference_entries (
    generation BIGINT NOT NULL,
    code TEXT NOT NULL,
    line BIGINT NOT NULL,
    label TEXT NOT NULL,
    search TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (generation, code, line)
) /* clustered */;
CREATE INDEX reference_entries_search ON reference_entries (generation, search, code, line);
-- Generations that are being written: who begins one says so, so that what is left of a dead import is found.
CREATE TABLE reference_drafts (
    generation BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    begun BIGINT NOT NULL
);

-- Files of many lines that are worked through a slice at a time; `next_line`: where to go on.
CREATE TABLE imports (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    structure_id BIGINT REFERENCES structures (id),
    name TEXT NOT NULL,
    dry BIGINT NOT NULL,
    state TEXT NOT NULL,
    header TEXT NOT NULL,
    encoding TEXT NOT NULL,
    reason TEXT,
    next_line BIGINT NOT NULL,
    lines BIGINT NOT NULL,
    done BIGINT NOT NULL,
    wrong BIGINT NOT NULL,
    skipped BIGINT NOT NULL,
    person_id BIGINT NOT NULL,
    by_whom TEXT NOT NULL,
    at BIGINT NOT NULL,
    changed BIGINT NOT NULL
);
-- `text`: the fields as a JSON list. `key`: what says that two lines are about the same thing. `result`: the BAL, or the person.
CREATE TABLE import_lines (
    import_id BIGINT NOT NULL REFERENCES imports (id),
    line BIGINT NOT NULL,
    text TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    code TEXT,
    sentence_fr TEXT,
    sentence_en TEXT,
    login TEXT,
    result TEXT,
    PRIMARY KEY (import_id, line)
) /* clustered */;
CREATE INDEX import_lines_key ON import_lines (import_id, key, line);
CREATE INDEX import_lines_login ON import_lines (import_id, login) WHERE login IS NOT NULL;
CREATE INDEX import_lines_result ON import_lines (import_id, result) WHERE result IS NOT NULL;

-- A request that carries a key is carried out once: the row is written in the act's own transaction.
CREATE TABLE idempotency (
    person_id BIGINT NOT NULL,
    key TEXT NOT NULL,
    request BYTEA NOT NULL,
    nonce BIGINT NOT NULL,
    at BIGINT NOT NULL,
    status BIGINT,
    body TEXT,
    PRIMARY KEY (person_id, key)
);
CREATE INDEX idempotency_at ON idempotency (at);

-- The one way to content for somebody who has no access: asked by one administrator, agreed to by another, for a time.
-- `asked_with`: the token of the asker's session. `state`: asked, agreed, refused, withdrawn. `decision`: the reason of who decided. `ended`: when it was withdrawn.
CREATE TABLE disclosures (
    id BIGINT PRIMARY KEY,
    bal_id BIGINT NOT NULL,
    cause TEXT NOT NULL,
    reason TEXT NOT NULL,
    beneficiary TEXT NOT NULL,
    state TEXT NOT NULL,
    asked BIGINT NOT NULL,
    asked_by BIGINT NOT NULL,
    asked_with BIGINT,
    decided BIGINT,
    decided_by BIGINT,
    decision TEXT,
    until BIGINT NOT NULL,
    ended BIGINT,
    ended_by BIGINT,
    used BIGINT
);
CREATE INDEX disclosures_bal ON disclosures (bal_id);

-- One-time links sent to an ordinary address. Only a peppered digest of the secret is kept.
CREATE TABLE links (
    id BIGINT PRIMARY KEY,
    purpose TEXT NOT NULL,
    person_id BIGINT NOT NULL REFERENCES people (id),
    digest BYTEA NOT NULL UNIQUE,
    value TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    used BIGINT
);
CREATE INDEX links_person ON links (person_id);

-- Ordinary mail without content, towards a person's address outside the trust space. `sealed` (address and values, under the transit key of
-- `epoch`) goes when the notice has left or is given up. `state`: waiting, sent, refused, expired. `code`: why.
CREATE TABLE notices (
    id BIGINT PRIMARY KEY,
    person_id BIGINT NOT NULL REFERENCES people (id),
    template TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    sealed BYTEA,
    state TEXT NOT NULL,
    code TEXT,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    settled BIGINT
);
CREATE INDEX notices_person ON notices (person_id, id);
CREATE INDEX notices_waiting ON notices (epoch) WHERE sealed IS NOT NULL;
