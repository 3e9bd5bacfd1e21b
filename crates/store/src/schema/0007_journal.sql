-- What changed in a BAL since any modseq, with tombstones, pruned by age. See journal.rs.

-- A modseq: what was removed at or before it may be forgotten. Of what happened before this schema, no tombstone says all that is needed.
ALTER TABLE bals ADD COLUMN journal_floor BIGINT NOT NULL DEFAULT 0;
UPDATE bals SET journal_floor = modseq;

-- Modseq of the act that made the row (0: before this schema), and of the last change of name or subscription.
ALTER TABLE messages ADD COLUMN made BIGINT NOT NULL DEFAULT 0;
ALTER TABLE folders ADD COLUMN made BIGINT NOT NULL DEFAULT 0;
ALTER TABLE folders ADD COLUMN shaped BIGINT NOT NULL DEFAULT 0;

-- Messages that left a folder, last at `modseq`. One that has no row in `messages` any more is destroyed.
CREATE TABLE departed (
    bal_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    modseq BIGINT NOT NULL,
    made BIGINT NOT NULL,
    PRIMARY KEY (bal_id, message_id)
) /* clustered */;
CREATE INDEX departed_modseq ON departed (bal_id, modseq);

-- Folders that were deleted.
CREATE TABLE departed_folders (
    bal_id BIGINT NOT NULL,
    folder_id BIGINT NOT NULL,
    modseq BIGINT NOT NULL,
    made BIGINT NOT NULL,
    PRIMARY KEY (bal_id, folder_id)
) /* clustered */;

-- How old tombstones are: the highest modseq of those of an hour (since 1970). Only hours in which something was removed have a row.
CREATE TABLE journal_hours (
    bal_id BIGINT NOT NULL,
    hour BIGINT NOT NULL,
    modseq BIGINT NOT NULL,
    PRIMARY KEY (bal_id, hour)
) /* clustered */;
CREATE INDEX journal_hours_hour ON journal_hours (hour);
