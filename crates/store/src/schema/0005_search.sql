-- Text search: sealed text records of messages, and the sealed files of one index a BAL. See texts.rs, indexes.rs.

-- The text of a message as search sees it, as a sealed stream (the blobs' format): in the row when it is small (`sealed`, under the
-- id `sealed_id`), a blob otherwise. `text_key` is the stream's key wrapped by the BAL's (object = message id). `pass`: the round of
-- indexing that took it; it is in the index in force when that round is over. `made` orders the makings.
CREATE TABLE texts (
    message_id BIGINT PRIMARY KEY,
    bal_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    made BIGINT NOT NULL,
    pass BIGINT NOT NULL,
    sealed_id BYTEA,
    sealed BYTEA,
    blob_id BYTEA,
    text_key BYTEA NOT NULL
);
CREATE INDEX texts_bal ON texts (bal_id, message_id);
CREATE INDEX texts_blob ON texts (blob_id) WHERE blob_id IS NOT NULL;

-- How far a BAL is indexed. `generation` names the files of the index in force (0: none), made by `version` of the analyzer. It holds
-- every message whose entries all have a modseq up to `modseq`, and those whose record has a `pass` up to `pass`. `building` names the
-- index that is being made anew (0: none): messages up to the id `building_upto` are in it, and when it is ready it will be as of
-- `building_modseq`. Records made before `texts_since` are made again by it. `writer` fences: only who wrote it last may write files.
CREATE TABLE search_indexes (
    bal_id BIGINT PRIMARY KEY,
    version BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    modseq BIGINT NOT NULL,
    pass BIGINT NOT NULL,
    building BIGINT NOT NULL,
    building_upto BIGINT NOT NULL,
    building_modseq BIGINT NOT NULL,
    texts_since BIGINT NOT NULL,
    writer BIGINT NOT NULL,
    updated BIGINT NOT NULL
);

-- Files of an index: small ones that are replaced in place are `sealed`, immutable ones are blobs.
CREATE TABLE index_files (
    bal_id BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    name TEXT NOT NULL,
    sealed BYTEA,
    blob_id BYTEA,
    blob_key BYTEA,
    PRIMARY KEY (bal_id, generation, name)
);
CREATE INDEX index_files_blob ON index_files (blob_id) WHERE blob_id IS NOT NULL;

-- Messages that are gone and that an index may still hold.
CREATE TABLE index_removals (
    bal_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    PRIMARY KEY (bal_id, message_id)
);
