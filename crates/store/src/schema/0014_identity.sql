-- Proofs of identity: what people enrolled, their sessions, programs that come with tokens of ours or of others. It only adds.
--
-- One rule: a credential is a row of `tokens`, whatever proves it. `purpose` is `device`, `api`, `certificate` as before, and `web` (a browser's session),
-- `psc` and `card` (standing: this person by Pro Santé Connect through this client, or by this card), `oauth` (a grant of ours), `device_certificate`.
-- `strength`: what proved whoever made it (`card`, `password+totp`), empty before. `last_place`: a configured place or a network, never an address.
-- `scope`: what an OAuth grant opens, in bits; NULL: everything that its purpose opens.
ALTER TABLE tokens ADD COLUMN strength TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN last_place TEXT;
ALTER TABLE tokens ADD COLUMN scope BIGINT;
CREATE INDEX tokens_web ON tokens (expires) WHERE purpose = 'web';
CREATE INDEX tokens_standing ON tokens (COALESCE(last_used, created)) WHERE purpose IN ('psc', 'card');

-- Who is who elsewhere: (kind, issuer, subject) is one person. `kind`: card, psc, sso. `subject`: keyed digest of what the issuer calls the person.
CREATE TABLE bindings (
    kind TEXT NOT NULL,
    issuer TEXT NOT NULL,
    subject BYTEA NOT NULL,
    person_id BIGINT NOT NULL REFERENCES people (id),
    bound BIGINT NOT NULL,
    how TEXT NOT NULL,
    seen BIGINT NOT NULL,
    PRIMARY KEY (kind, issuer, subject)
);
CREATE INDEX bindings_person ON bindings (person_id);

-- What a person enrolled. `kind`: passkey, totp, password. `public`: JSON (a passkey's key, backup state, transports; a password's cost and salt).
-- `sealed`: an authenticator's secret under the identity key; a password: argon2id over a keyed digest. It goes when the factor is removed.
-- `counter`: a passkey's sign count, an authenticator's last time step.
CREATE TABLE factors (
    id BIGINT PRIMARY KEY,
    person_id BIGINT NOT NULL REFERENCES people (id),
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    credential BYTEA UNIQUE,
    public TEXT NOT NULL,
    sealed BYTEA,
    counter BIGINT NOT NULL,
    enrolled BIGINT NOT NULL,
    enrolled_with TEXT NOT NULL,
    last_used BIGINT,
    last_place TEXT,
    removed BIGINT,
    version BIGINT NOT NULL
);
CREATE INDEX factors_person ON factors (person_id);
CREATE UNIQUE INDEX factors_one ON factors (person_id, kind) WHERE removed IS NULL AND kind IN ('totp', 'password');
CREATE INDEX factors_removed ON factors (removed) WHERE removed IS NOT NULL;
-- A person's name towards authenticators: random, says nothing.
CREATE TABLE handles (
    person_id BIGINT PRIMARY KEY REFERENCES people (id),
    handle BYTEA NOT NULL UNIQUE
);

-- A sign-in, or an enrolment, under way in one browser. `digest`: of its cookie. `sealed`: JSON under the identity key (nonce, verifier, challenge, proof
-- so far, where to go), replaced from version to version, so that each of its secrets is spent once.
CREATE TABLE attempts (
    id BIGINT PRIMARY KEY,
    digest BYTEA NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    person_id BIGINT,
    sealed BYTEA NOT NULL,
    at BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    used BIGINT,
    tries BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX attempts_end ON attempts (expires);
CREATE INDEX attempts_person ON attempts (person_id) WHERE person_id IS NOT NULL;

-- A browser's session, beside its row of `tokens` (whose `expires` is its absolute end). `proof`: JSON of factors and instants. `provider`,
-- `provider_sid`: whose session elsewhere it came from (keyed digest), for a logout there.
CREATE TABLE web_sessions (
    token_id BIGINT PRIMARY KEY,
    proof TEXT NOT NULL,
    agent TEXT NOT NULL,
    provider TEXT,
    provider_sid BYTEA,
    seen BIGINT NOT NULL
);
CREATE INDEX web_sessions_provider ON web_sessions (provider, provider_sid) WHERE provider IS NOT NULL;

-- Codes by ordinary mail: keyed digest, of one attempt, once, a few tries.
CREATE TABLE one_time_codes (
    id BIGINT PRIMARY KEY,
    person_id BIGINT NOT NULL,
    attempt_id BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    at BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    used BIGINT
);
CREATE INDEX one_time_codes_person ON one_time_codes (person_id, at);
CREATE INDEX one_time_codes_attempt ON one_time_codes (attempt_id);
CREATE INDEX one_time_codes_end ON one_time_codes (expires);

-- Browsers in which somebody signed in with a strong proof before: keyed digest of a cookie and of the person.
CREATE TABLE known_browsers (
    digest BYTEA PRIMARY KEY,
    person_id BIGINT NOT NULL,
    since BIGINT NOT NULL,
    seen BIGINT NOT NULL
);
CREATE INDEX known_browsers_person ON known_browsers (person_id);
CREATE INDEX known_browsers_seen ON known_browsers (seen);

-- Factors that were lost are replaced: asked by one, confirmed by another, after a delay, unless the person objects. `state`: asked, confirmed, open
-- (the link was sent), done, objected, withdrawn, expired. `checked`: how the identity was verified.
CREATE TABLE recoveries (
    id BIGINT PRIMARY KEY,
    person_id BIGINT NOT NULL,
    state TEXT NOT NULL,
    checked TEXT NOT NULL,
    reason TEXT NOT NULL,
    asked BIGINT NOT NULL,
    asked_by BIGINT NOT NULL,
    confirmed BIGINT,
    confirmed_by BIGINT,
    opens BIGINT,
    ended BIGINT,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX recoveries_open ON recoveries (person_id) WHERE state IN ('asked', 'confirmed', 'open');
CREATE INDEX recoveries_person ON recoveries (person_id, id);
CREATE INDEX recoveries_due ON recoveries (state, opens);

-- Our authorization server. A grant is a row of `tokens` (purpose oauth): its id stands everywhere. `redirects`: JSON list. `secret`: keyed digest.
-- `state`: active, blocked. `registered`: admin, dynamic.
CREATE TABLE oauth_clients (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    redirects TEXT NOT NULL,
    scopes BIGINT NOT NULL,
    secret BYTEA,
    jwks TEXT,
    state TEXT NOT NULL,
    registered TEXT NOT NULL,
    created BIGINT NOT NULL,
    version BIGINT NOT NULL
);
-- `generation`: of its refresh tokens, the newest; `rotated`: since when. `until`: the grant's own end.
CREATE TABLE oauth_grants (
    token_id BIGINT PRIMARY KEY,
    client_id TEXT NOT NULL,
    generation BIGINT NOT NULL,
    rotated BIGINT NOT NULL,
    until BIGINT NOT NULL
);
CREATE INDEX oauth_grants_client ON oauth_grants (client_id, token_id);
CREATE TABLE oauth_codes (
    digest BYTEA PRIMARY KEY,
    grant_id BIGINT NOT NULL,
    client_id TEXT NOT NULL,
    redirect TEXT NOT NULL,
    challenge TEXT NOT NULL,
    expires BIGINT NOT NULL,
    used BIGINT
);
CREATE INDEX oauth_codes_end ON oauth_codes (expires);
-- `kind`: access, refresh; assertion: a client's signed proof that was shown (grant 0).
CREATE TABLE oauth_tokens (
    digest BYTEA PRIMARY KEY,
    grant_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    generation BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    used BIGINT
);
CREATE INDEX oauth_tokens_grant ON oauth_tokens (grant_id);
CREATE INDEX oauth_tokens_end ON oauth_tokens (expires);
-- Devices without a browser (RFC 8628). `state`: waiting, granted, refused, spent. `every`: milliseconds between two questions.
CREATE TABLE oauth_devices (
    digest BYTEA PRIMARY KEY,
    user_code TEXT NOT NULL UNIQUE,
    client_id TEXT NOT NULL,
    scope BIGINT NOT NULL,
    state TEXT NOT NULL,
    grant_id BIGINT,
    at BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    polled BIGINT NOT NULL,
    every BIGINT NOT NULL,
    place TEXT NOT NULL
);
CREATE INDEX oauth_devices_end ON oauth_devices (expires);

-- A structure's own sign-in (OpenID Connect). `secret`: sealed under the identity key. `assurance`: JSON, which claim with which values is strong.
CREATE TABLE sso_providers (
    id BIGINT PRIMARY KEY,
    structure_id BIGINT NOT NULL REFERENCES structures (id),
    name TEXT NOT NULL UNIQUE,
    issuer TEXT NOT NULL,
    client_id TEXT NOT NULL,
    secret BYTEA,
    assurance TEXT NOT NULL,
    subject_claim TEXT NOT NULL,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    created BIGINT NOT NULL
);
CREATE INDEX sso_providers_structure ON sso_providers (structure_id, id);

-- Our authority for people's devices: the private key is sealed under a key of the keyring that has this row's id. The newest is in force.
CREATE TABLE device_authorities (
    id BIGINT PRIMARY KEY,
    certificate TEXT NOT NULL,
    sealed_key BYTEA NOT NULL,
    fingerprint TEXT NOT NULL,
    not_after BIGINT NOT NULL,
    created BIGINT NOT NULL
);

-- Breached passwords that the operator imported: first eight octets of SHA-1. A list is what one generation holds. `state`: draft, force, gone.
CREATE TABLE breached_lists (
    generation BIGINT PRIMARY KEY,
    state TEXT NOT NULL,
    source TEXT NOT NULL,
    entries BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    imported_by TEXT NOT NULL
);
CREATE UNIQUE INDEX breached_lists_force ON breached_lists (state) WHERE state = 'force';
CREATE TABLE breached (
    generation BIGINT NOT NULL,
    prefix BIGINT NOT NULL,
    PRIMARY KEY (generation, prefix)
) /* clustered */;
