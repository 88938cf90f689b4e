"""
The tables of the logbook's store, in the words that SQLite reads: records that nobody can change, and what changes beside them.
"""

from __future__ import annotations

RECORDS = """
CREATE TABLE IF NOT EXISTS stored_events (
    position INTEGER PRIMARY KEY,          -- named, so that VACUUM never renumbers it
    originator_id TEXT NOT NULL,           -- <owner>/<source>
    originator_version INTEGER NOT NULL,   -- the n of <source>:<n>
    topic TEXT NOT NULL,
    state TEXT NOT NULL,                   -- the header, as JSON
    body TEXT,                             -- canonical JSON; null once erased
    salt BLOB,                             -- 16 random bytes; null once erased
    patch TEXT,                            -- of an app's edit
    UNIQUE (originator_id, originator_version)
)"""

IMMUTABLE = """
CREATE TRIGGER IF NOT EXISTS records_are_never_deleted BEFORE DELETE ON stored_events
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END"""

UNCHANGED = """
CREATE TRIGGER IF NOT EXISTS records_are_never_changed BEFORE UPDATE ON stored_events
WHEN NOT (new.position IS old.position AND new.originator_id IS old.originator_id AND new.originator_version IS old.originator_version
    AND new.topic IS old.topic AND new.state IS old.state AND coalesce(new.body, old.body) IS old.body
    AND coalesce(new.salt, old.salt) IS old.salt AND coalesce(new.patch, old.patch) IS old.patch)
BEGIN SELECT RAISE(ABORT, 'the log is append-only; a body can only be emptied'); END"""

REFERRING = """
CREATE INDEX IF NOT EXISTS records_referring ON stored_events (originator_id, json_extract(state, '$.reference')) WHERE topic <> 'record-added'"""

HEADS = """
CREATE TABLE IF NOT EXISTS heads (
    log TEXT NOT NULL, type TEXT NOT NULL, key TEXT NOT NULL,
    first INTEGER NOT NULL, newest INTEGER NOT NULL,   -- versions
    digest BLOB NOT NULL,                              -- plain SHA-256 of the newest body
    deleted INTEGER NOT NULL DEFAULT 0,
    scope INTEGER, as_of TEXT,                         -- which export saw it last, and when that was made
    PRIMARY KEY (log, type, key)
) WITHOUT ROWID"""

VIEW = """
CREATE VIEW IF NOT EXISTS records AS
SELECT position,
    substr(originator_id, 1, instr(originator_id, '/') - 1) AS owner,
    substr(originator_id, instr(originator_id, '/') + 1) || ':' || originator_version AS id,
    json_extract(state, '$.timestamp') AS timestamp,
    substr(originator_id, instr(originator_id, '/') + 1) AS source,
    json_extract(state, '$.type') AS type,
    CASE topic WHEN 'record-added' THEN 'add' WHEN 'record-edited' THEN 'edit' ELSE 'delete' END AS op,
    CASE WHEN json_extract(state, '$.reference') IS NOT NULL
        THEN substr(originator_id, instr(originator_id, '/') + 1) || ':' || json_extract(state, '$.reference') END AS reference,
    json_extract(state, '$.key') AS key,
    json_extract(state, '$.digest') AS digest,
    json_extract(state, '$.by') AS "by",
    json_extract(state, '$.note') AS note,
    patch, body, hex(salt) AS salt
FROM stored_events"""

LANES = """
CREATE TABLE IF NOT EXISTS lanes (
    subscription INTEGER PRIMARY KEY,      -- the number of its first record
    position INTEGER,                      -- how far it came; null: as far as all that are in step
    epoch INTEGER NOT NULL,                -- grows with each replay
    until INTEGER, lag REAL,               -- a replay at the original pace: to which position, how many seconds later
    failing REAL                           -- since when nothing arrives
)"""

DELIVERIES = """
CREATE TABLE IF NOT EXISTS deliveries (
    subscription INTEGER NOT NULL, thing TEXT NOT NULL,   -- <owner>/<id of its first record>
    settled INTEGER NOT NULL,              -- position of the newest revision that was told, or given up
    has INTEGER NOT NULL,                  -- whether the subscriber has it: told of it, and not of its end
    epoch INTEGER NOT NULL,                -- of the lane, when that was
    waiting INTEGER,                       -- position of the revision to be told next; the settled one: look for what came after it
    attempts INTEGER NOT NULL, due REAL NOT NULL,
    PRIMARY KEY (subscription, thing)
) WITHOUT ROWID"""

WAITING = "CREATE INDEX IF NOT EXISTS deliveries_waiting ON deliveries (subscription, due) WHERE waiting IS NOT NULL"

DEAD = """
CREATE TABLE IF NOT EXISTS dead_letters (
    subscription INTEGER NOT NULL, position INTEGER NOT NULL, thing TEXT NOT NULL, since TEXT NOT NULL,
    PRIMARY KEY (subscription, position)
) WITHOUT ROWID"""

OTHERS = [
    "CREATE TABLE IF NOT EXISTS scopes (id INTEGER PRIMARY KEY, log TEXT NOT NULL, name TEXT NOT NULL, as_of TEXT, UNIQUE (log, name))",
    "CREATE TABLE IF NOT EXISTS sightings (log TEXT, type TEXT, key TEXT, scope INTEGER, as_of TEXT, PRIMARY KEY (log, type, key, scope)) WITHOUT ROWID",
    'CREATE TABLE IF NOT EXISTS budgets (name TEXT PRIMARY KEY, "limit" REAL NOT NULL, "left" REAL NOT NULL, resets REAL NOT NULL, '
    "blocked REAL NOT NULL, last REAL NOT NULL)",
    "CREATE TABLE IF NOT EXISTS voices (log TEXT, type TEXT, key TEXT, scope INTEGER, digest BLOB, as_of TEXT NOT NULL, "
    "PRIMARY KEY (log, type, key, scope, digest)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS blobs (digest TEXT PRIMARY KEY, size INTEGER NOT NULL, media_type TEXT NOT NULL, content BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, expires REAL NOT NULL)",
    "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
]

CONNECTIONS = """
CREATE TABLE IF NOT EXISTS connections (       -- how a connection fares; what it is, a record says
    owner TEXT NOT NULL, source TEXT NOT NULL,
    mode TEXT NOT NULL DEFAULT 'initial', before TEXT,   -- initial, normal, rate-limited, unauthorized, disabled; the mode before the last three
    errors INTEGER NOT NULL DEFAULT 0, code TEXT, error TEXT,
    identified INTEGER NOT NULL DEFAULT 0,               -- whether the account behind the present secrets is known
    ran TEXT, succeeded TEXT, due TEXT,                  -- the last run's end, the last good one's, and when the next is due
    told INTEGER NOT NULL DEFAULT 0,                     -- the newest version of its log that its run records speak of
    PRIMARY KEY (owner, source)
) WITHOUT ROWID"""

WALKS = """
CREATE TABLE IF NOT EXISTS walks (             -- where the walk of one stream of a connection stands
    owner TEXT NOT NULL, source TEXT NOT NULL, stream TEXT NOT NULL,
    step TEXT, since TEXT,                               -- JSON: where to go on, and what the last finished walk left
    started TEXT,                                        -- when the walk under way began; null if none is
    whole INTEGER NOT NULL DEFAULT 0, ended INTEGER NOT NULL DEFAULT 0,
    pages INTEGER NOT NULL DEFAULT 0, unreadable INTEGER NOT NULL DEFAULT 0,   -- of the walk under way
    base INTEGER NOT NULL DEFAULT 0,                     -- the newest version of the log when it began
    finished TEXT,                                       -- when the last walk ended
    swept TEXT,                                          -- when the last sweep began that saw everything
    errors INTEGER NOT NULL DEFAULT 0, code TEXT, error TEXT,
    due TEXT,
    PRIMARY KEY (owner, source, stream)
) WITHOUT ROWID"""

TABLES = [RECORDS, REFERRING, IMMUTABLE, UNCHANGED, HEADS, VIEW, CONNECTIONS, WALKS, LANES, DELIVERIES, WAITING, DEAD, *OTHERS]
