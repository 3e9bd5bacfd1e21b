-- Nodes that serve this database together, and the leases by which one of them does what only one may. See nodes.rs, leases.rs.

-- `owner` is its process and `first_id` the first id this made; `seen` is when the node last said that it lives.
CREATE TABLE nodes (
    number BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    added BIGINT NOT NULL,
    owner TEXT,
    started BIGINT,
    seen BIGINT,
    version TEXT,
    first_id BIGINT
);

-- A role that one process at a time holds. `owner` is the process; `until` when others may take it.
CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    until BIGINT NOT NULL
);
