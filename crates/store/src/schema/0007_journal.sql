-- The journal of a BAL's changes is pruned by age; `journal_floor` is the modseq below which it is no longer complete. See journal.rs.
ALTER TABLE bals ADD COLUMN journal_floor BIGINT NOT NULL DEFAULT 0;
