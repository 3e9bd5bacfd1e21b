-- Sign-ins elsewhere that made a browser's session stronger, beside the one that began it (`web_sessions.provider`): a logout there ends it too. It only adds.
-- `provider_sid`: keyed digest of the session there; empty: it has no name.
CREATE TABLE web_step_ups (
    token_id BIGINT NOT NULL,
    provider TEXT NOT NULL,
    provider_sid BYTEA NOT NULL,
    PRIMARY KEY (token_id, provider, provider_sid)
);
CREATE INDEX web_step_ups_provider ON web_step_ups (provider, provider_sid);
