-- Since 10 what a worker has in hand stands in queue_claims, and what is held has a turn of its own. A program of schema 9 sees neither: beside one of
-- these it would send again what is being sent, and send what is held. It has to stop (engine::migrate, `alone`).
UPDATE schema_least SET least = 10 WHERE id = 1 AND least < 10;

-- Free addresses are looked for by how they begin.
CREATE INDEX openings_by_address ON openings (address_key);
