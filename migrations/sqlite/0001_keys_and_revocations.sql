-- Counts what other processes must notice. Written in the transaction of each such change, so that numbers are handed out
-- in the order in which changes are seen.
CREATE TABLE changes (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    sequence INTEGER NOT NULL
) STRICT;

INSERT INTO changes (only, sequence) VALUES (1, 0);

-- Times are milliseconds since 1970. Lists are JSON arrays.
CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    owner TEXT NOT NULL,
    roles TEXT NOT NULL,
    permissions TEXT NOT NULL,
    scopes TEXT NOT NULL,
    networks TEXT NOT NULL,
    limit_count INTEGER,
    limit_seconds INTEGER,
    created INTEGER NOT NULL,
    expires INTEGER,
    revoked INTEGER,
    last_used INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX api_keys_owner ON api_keys (owner);

CREATE TABLE revocations (
    sequence INTEGER PRIMARY KEY,
    what TEXT NOT NULL CHECK (what IN ('token', 'key', 'subject', 'session')),
    authenticator TEXT,
    id TEXT NOT NULL,
    until INTEGER
) STRICT;

CREATE INDEX revocations_until ON revocations (until) WHERE until IS NOT NULL;

CREATE TABLE signing_keys (
    name TEXT PRIMARY KEY,
    secret BLOB NOT NULL,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
