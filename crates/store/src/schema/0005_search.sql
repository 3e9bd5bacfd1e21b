-- Text search: sealed text records of messages, and the sealed files of one index a BAL. See texts.rs, indexes.rs.

-- Normalised words of a message, sealed under the BAL's key (`message.text`, object = message id). Written by the indexing job.
CREATE TABLE texts (
    message_id BIGINT PRIMARY KEY,
    bal_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    sealed BYTEA,
    blob_id BYTEA,
    blob_key BYTEA
);
CREATE INDEX texts_bal ON texts (bal_id, message_id);
CREATE INDEX texts_blob ON texts (blob_id) WHERE blob_id IS NOT NULL;

-- How far a BAL is indexed. `generation` names the index in force; messages up to `upto` (by id) are in it.
CREATE TABLE search_indexes (
    bal_id BIGINT PRIMARY KEY,
    version BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    upto BIGINT NOT NULL,
    updated BIGINT NOT NULL
);

-- Files of an index: small ones that are replaced in place are `sealed`, immutable ones are blobs.
CREATE TABLE index_files (
    bal_id BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    name TEXT NOT NULL,
    id BIGINT NOT NULL,
    sealed BYTEA,
    blob_id BYTEA,
    blob_key BYTEA,
    PRIMARY KEY (bal_id, generation, name)
);
CREATE INDEX index_files_blob ON index_files (blob_id) WHERE blob_id IS NOT NULL;
