/**
 * The tables of `hits.db`, as numbered migrations: hits of log lines, marks, how far each follower has
 * got, and the queues of what is told to others. A part of this room that needs tables appends a
 * migration here. `docs/spec/hits.md` says what always holds of them. Times are epoch milliseconds.
 */
export const MIGRATIONS: readonly string[] = [
  `
CREATE TABLE met (                     -- an attribute as it was when it was met
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,                  -- of the indicator
  value TEXT NOT NULL,
  uuid TEXT NOT NULL,
  type TEXT NOT NULL,
  event_id TEXT NOT NULL,
  event_uuid TEXT NOT NULL,
  event_info TEXT NOT NULL,
  source TEXT NOT NULL,
  tlp TEXT NOT NULL,                   -- '': no tag said anything
  UNIQUE (uuid, value, kind, source, type, event_id, event_uuid, event_info, tlp)
) STRICT;
CREATE INDEX met_value ON met (value);
CREATE INDEX met_event_id ON met (event_id);
CREATE INDEX met_event_uuid ON met (event_uuid);

CREATE TABLE line (                    -- a log line that hit
  id INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,         -- of its bytes
  at INTEGER NOT NULL,                 -- its own time
  way TEXT NOT NULL,
  label TEXT NOT NULL
) STRICT;

CREATE TABLE observed (                -- what was looked up in it
  line INTEGER NOT NULL REFERENCES line,
  field TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (line, field, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX observed_value ON observed (value);

CREATE TABLE hit (
  row INTEGER PRIMARY KEY AUTOINCREMENT, -- grows in the order in which hits become visible
  id BLOB NOT NULL UNIQUE,
  at INTEGER NOT NULL,                 -- that of the line
  recorded INTEGER NOT NULL,
  line INTEGER NOT NULL REFERENCES line,
  field TEXT NOT NULL,
  observable TEXT NOT NULL,
  met INTEGER NOT NULL REFERENCES met
) STRICT;
CREATE INDEX hit_at ON hit (at, id);
CREATE INDEX hit_recorded ON hit (recorded);
CREATE INDEX hit_line ON hit (line);
CREATE INDEX hit_met ON hit (met);

CREATE TABLE mark (                    -- hits, of either kind, that somebody called false
  hit TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  by TEXT NOT NULL,
  why TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE follower (                -- who is told of new hits, and how far
  name TEXT PRIMARY KEY,
  log_row INTEGER NOT NULL,            -- hits of lines up to this one
  flow_from INTEGER NOT NULL,          -- hits of flows written after this: ClickHouse's clock, seconds
  flow_at INTEGER NOT NULL             -- the newest of them that was told
) STRICT, WITHOUT ROWID;

CREATE TABLE told (                    -- hits of flows that a follower has got and might see again
  follower TEXT NOT NULL,
  hit TEXT NOT NULL,
  at INTEGER NOT NULL,                 -- when ClickHouse wrote it, seconds
  PRIMARY KEY (follower, hit)
) STRICT, WITHOUT ROWID;
CREATE INDEX told_at ON told (follower, at);
`,
  `
CREATE TABLE alert_pair (              -- an indicator and a place of ours that a channel has been told of
  channel TEXT NOT NULL,
  pair TEXT NOT NULL,
  last INTEGER NOT NULL,               -- when it was last met, by our clock
  PRIMARY KEY (channel, pair)
) STRICT, WITHOUT ROWID;

CREATE TABLE alert_waiting (           -- sights that wait for a channel's next digest
  channel TEXT NOT NULL,
  pair TEXT NOT NULL,
  since INTEGER NOT NULL,
  sight TEXT NOT NULL,                 -- JSON
  PRIMARY KEY (channel, pair)
) STRICT, WITHOUT ROWID;

CREATE TABLE alert (                   -- the queue of each channel
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  channel TEXT NOT NULL,
  kind TEXT NOT NULL,
  at INTEGER NOT NULL,
  state TEXT NOT NULL,                 -- waiting, sending, sent, parked, dropped
  tries INTEGER NOT NULL,
  due INTEGER NOT NULL,                -- not before this
  changed INTEGER NOT NULL,
  reason TEXT NOT NULL,                -- what the receiver said last, or why not
  body TEXT NOT NULL                   -- JSON; empty once sent or dropped
) STRICT;
CREATE INDEX alert_state ON alert (channel, state, number);
CREATE INDEX alert_kind ON alert (channel, kind, at);
`,
  `
CREATE TABLE sighting (                -- what MISP is, or was, told of an attribute
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  source TEXT NOT NULL,
  attribute TEXT NOT NULL,             -- uuid
  type INTEGER NOT NULL,               -- 0: seen, 1: a false positive
  state TEXT NOT NULL,                 -- open, sending, stored, refused, withheld
  opened INTEGER NOT NULL,             -- when its first hit was told
  first INTEGER NOT NULL,              -- of its hits
  last INTEGER NOT NULL,
  count INTEGER NOT NULL,
  tlp TEXT NOT NULL,                   -- '': nobody said
  at INTEGER,                          -- the time that MISP is told, seconds
  tried INTEGER NOT NULL DEFAULT 0,    -- when it was last sent
  tries INTEGER NOT NULL DEFAULT 0,
  reason TEXT NOT NULL DEFAULT ''      -- why MISP did not store it
) STRICT;
CREATE UNIQUE INDEX sighting_open ON sighting (source, attribute, type) WHERE state = 'open';
CREATE INDEX sighting_state ON sighting (source, state, opened);
CREATE INDEX sighting_at ON sighting (source, attribute, type, at);
CREATE INDEX sighting_tried ON sighting (source, tried);
`,
  `
CREATE TABLE flood (                   -- indicators beyond the most hits of an hour that were told of
  source TEXT NOT NULL,
  attribute TEXT NOT NULL,             -- uuid
  last INTEGER NOT NULL,               -- end of the last flow that was counted
  PRIMARY KEY (source, attribute)
) STRICT, WITHOUT ROWID;
`,
  `
CREATE TABLE sighted (                 -- the hits of a sighting (type 0) that is not settled yet
  sighting INTEGER NOT NULL,
  hit TEXT NOT NULL,                   -- '': those from before this table, which no mark can name
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (sighting, hit)
) STRICT, WITHOUT ROWID;
CREATE INDEX sighted_hit ON sighted (hit);
INSERT INTO sighted
  SELECT id, '', first, last FROM sighting WHERE type = 0 AND state IN ('open', 'sending');
`,
]
