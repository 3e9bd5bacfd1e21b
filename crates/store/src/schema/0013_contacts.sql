-- The ordinary address of each person is that person's alone (F063). It is looked for as addresses are compared; those that were set before this may
-- stand twice, which is told where it matters and changes nothing of what is open.
CREATE INDEX people_contact ON people (lower(email)) WHERE email IS NOT NULL;

-- The ordinary address that a line of an import gives, as it is compared.
ALTER TABLE import_lines ADD COLUMN contact TEXT;
CREATE INDEX import_lines_contact ON import_lines (import_id, contact) WHERE contact IS NOT NULL;
