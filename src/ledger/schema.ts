/**
 * The ledger's tables, as numbered migrations. `docs/spec/ledger.md` says what always holds of them.
 *
 * Ids of events and attributes are never used again (AUTOINCREMENT): a pull may remove and add in one
 * go, and what is listed for removal must not come to mean something new. An indicator goes only when
 * nothing names it any more, and never the last one, so that its id is not used again either.
 *
 * Times are epoch seconds. An indicator is stored as (space, value, port); see indicators/indicator.ts.
 */

import { ENTER, SPELLED_TABLE } from './spelled.js'

export const MIGRATIONS: readonly string[] = [
  `
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE source (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  place INTEGER NOT NULL,              -- order in the config; -1: gone from the config
  settings TEXT NOT NULL DEFAULT '',   -- fingerprint of what the source is asked for
  identity TEXT,                       -- who the key belongs to (role, organisation)
  last_good INTEGER                    -- when it last gave a believable answer
) STRICT;

CREATE TABLE event (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  source INTEGER NOT NULL REFERENCES source,
  uuid TEXT NOT NULL,
  misp_id TEXT NOT NULL,               -- '' in a feed
  timestamp INTEGER NOT NULL,
  published INTEGER NOT NULL,
  publish_timestamp INTEGER NOT NULL,
  info TEXT NOT NULL,
  orgc TEXT NOT NULL,
  tags TEXT NOT NULL,                  -- JSON array of names
  recheck INTEGER NOT NULL DEFAULT 0,  -- 1: fetch it again whatever the index says
  absent_since INTEGER,                -- first seen to be gone from the index
  attributes INTEGER NOT NULL DEFAULT 0, -- that carry an indicator
  UNIQUE (source, uuid)
) STRICT;

CREATE TABLE attribute (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  event INTEGER NOT NULL REFERENCES event,
  uuid TEXT NOT NULL,
  type TEXT NOT NULL,
  value TEXT NOT NULL,                 -- as the source gave it
  timestamp INTEGER NOT NULL,
  first_seen INTEGER,
  last_seen INTEGER,
  tags TEXT NOT NULL,                  -- JSON array of names
  added_at INTEGER NOT NULL,
  aside TEXT,                          -- why the value can't be an indicator of its type
  UNIQUE (event, uuid)
) STRICT;
CREATE INDEX attribute_aside ON attribute (aside) WHERE aside IS NOT NULL;

CREATE TABLE indicator (
  id INTEGER PRIMARY KEY,
  space TEXT NOT NULL,
  value TEXT NOT NULL,
  port INTEGER NOT NULL,
  known_since INTEGER,                 -- first live; NULL: never yet
  live_since INTEGER,                  -- NULL: not live
  UNIQUE (space, value, port)
) STRICT;

CREATE INDEX indicator_port ON indicator (space) WHERE port > 0;

CREATE TABLE carrier (
  indicator INTEGER NOT NULL REFERENCES indicator,
  attribute INTEGER NOT NULL REFERENCES attribute,
  alias INTEGER NOT NULL,
  weak INTEGER NOT NULL,
  since INTEGER NOT NULL,
  held_rule TEXT,                      -- the rule of the policy that holds it
  held_why TEXT,
  hold INTEGER,                        -- the hold by hand that holds it
  labels TEXT,                         -- JSON array of the lists that only label it
  recheck_at INTEGER,                  -- when the policy may judge otherwise by itself
  PRIMARY KEY (indicator, attribute)
) STRICT, WITHOUT ROWID;
CREATE INDEX carrier_attribute ON carrier (attribute);
CREATE INDEX carrier_recheck ON carrier (recheck_at) WHERE recheck_at IS NOT NULL;
CREATE INDEX carrier_held ON carrier (held_rule) WHERE held_rule IS NOT NULL;
CREATE INDEX carrier_hold ON carrier (hold) WHERE hold IS NOT NULL;

CREATE TABLE history (
  id INTEGER PRIMARY KEY,
  indicator INTEGER NOT NULL REFERENCES indicator,
  live_from INTEGER NOT NULL,
  live_until INTEGER NOT NULL,
  why TEXT NOT NULL,
  detail TEXT                          -- JSON: the attribute and event that carried it last
) STRICT;
CREATE INDEX history_indicator ON history (indicator, id);

CREATE TABLE change (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  indicator INTEGER NOT NULL
) STRICT;

CREATE TABLE live_keys (
  space TEXT PRIMARY KEY,
  keys INTEGER NOT NULL,               -- live (space, value) pairs
  plain INTEGER NOT NULL               -- of these, the ones that a plain memcached key can hold
) STRICT, WITHOUT ROWID;

CREATE TABLE cursor (
  sink TEXT PRIMARY KEY,
  seq INTEGER NOT NULL,
  settings TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sink_aside (
  sink TEXT NOT NULL,
  item TEXT NOT NULL,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (sink, item)
) STRICT, WITHOUT ROWID;

CREATE TABLE hold (
  id INTEGER PRIMARY KEY,
  target TEXT NOT NULL,                -- as the user named it
  event TEXT,                          -- uuid of a held event
  author TEXT NOT NULL,
  why TEXT NOT NULL,
  at INTEGER NOT NULL,
  until INTEGER,                       -- NULL: until released
  ended_at INTEGER,
  ended_by TEXT
) STRICT;

CREATE TABLE hold_target (
  hold INTEGER NOT NULL REFERENCES hold,
  space TEXT NOT NULL,
  value TEXT NOT NULL,
  port INTEGER NOT NULL,               -- 0: any
  PRIMARY KEY (hold, space, value, port)
) STRICT, WITHOUT ROWID;

CREATE TABLE withheld (
  id TEXT PRIMARY KEY,
  source INTEGER REFERENCES source,    -- NULL: not of a source but of the policy
  kind TEXT NOT NULL,                  -- revocations, additions or policy
  why TEXT NOT NULL,
  items INTEGER NOT NULL,
  live INTEGER NOT NULL,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE withheld_item (
  withheld TEXT NOT NULL,
  event TEXT NOT NULL,                 -- uuid
  attribute TEXT NOT NULL,             -- uuid
  PRIMARY KEY (withheld, event, attribute)
) STRICT, WITHOUT ROWID;

CREATE TABLE level (
  source INTEGER NOT NULL REFERENCES source,
  at INTEGER NOT NULL,
  live INTEGER NOT NULL,
  absent INTEGER NOT NULL,             -- attributes revoked by absence in this pull
  PRIMARY KEY (source, at)
) STRICT, WITHOUT ROWID;
`,
  // To find the keys that have several indicators.
  `
DROP INDEX indicator_port;
CREATE INDEX indicator_port ON indicator (space, value) WHERE port > 0;
`,
  SPELLED_TABLE + ENTER,
  // Of events that are there it is told when they are read again.
  'ALTER TABLE event ADD COLUMN threat_level INTEGER NOT NULL DEFAULT 0;', // 1 high to 4; 0: not told
]

/** The staging of one pull: a file of its own, thrown away at the start of the next one. */
export const STAGING = `
CREATE TABLE stage.event (
  id INTEGER PRIMARY KEY,
  uuid TEXT NOT NULL UNIQUE,
  misp_id TEXT NOT NULL,
  timestamp INTEGER NOT NULL,
  published INTEGER NOT NULL,
  publish_timestamp INTEGER NOT NULL,
  info TEXT NOT NULL,
  orgc TEXT NOT NULL,
  tags TEXT NOT NULL,
  threat_level INTEGER NOT NULL,
  removals_only INTEGER NOT NULL,      -- unpublished: only what it takes away counts
  recheck INTEGER NOT NULL,
  incomplete INTEGER NOT NULL DEFAULT 0 -- some of it could not be read: what is missing is not gone
) STRICT;

CREATE TABLE stage.attribute (
  id INTEGER PRIMARY KEY,
  event INTEGER NOT NULL,
  uuid TEXT NOT NULL,
  type TEXT NOT NULL,
  value TEXT NOT NULL,
  timestamp INTEGER NOT NULL,
  first_seen INTEGER,
  last_seen INTEGER,
  tags TEXT NOT NULL,
  aside TEXT,
  gone TEXT,                           -- the source says so: deleted, to_ids, tag
  UNIQUE (event, uuid)
) STRICT;

CREATE TABLE stage.meaning (
  attribute INTEGER NOT NULL,
  n INTEGER NOT NULL,
  indicator INTEGER NOT NULL,          -- the ledger's
  alias INTEGER NOT NULL,
  weak INTEGER NOT NULL,
  held_rule TEXT,
  held_why TEXT,
  labels TEXT,
  recheck_at INTEGER,
  PRIMARY KEY (attribute, n)
) STRICT, WITHOUT ROWID;

-- Events that are to go: the index no longer holds them.
CREATE TABLE stage.departure (
  event TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- What judging found: attributes of the ledger that the pull takes away. Ids are the ledger's.
CREATE TABLE stage.removal (
  attribute INTEGER PRIMARY KEY,
  event INTEGER NOT NULL,
  cause TEXT NOT NULL,
  counts INTEGER NOT NULL              -- 1: it carries an indicator
) STRICT;
CREATE INDEX stage.removal_event ON removal (event);
`

/** Scratch tables of one transaction, in memory. */
export const SCRATCH = `
CREATE TEMP TABLE batch_event (
  stage INTEGER PRIMARY KEY,
  id INTEGER NOT NULL,
  known INTEGER NOT NULL,
  moved INTEGER NOT NULL,              -- what is told of the event itself has changed
  removals_only INTEGER NOT NULL
);
CREATE TEMP TABLE fresh (
  stage INTEGER PRIMARY KEY,           -- staged attribute whose meanings become carriers
  id INTEGER NOT NULL,                 -- the ledger's attribute
  known INTEGER NOT NULL
);
CREATE TEMP TABLE former (             -- carriers of known attributes before the batch
  indicator INTEGER NOT NULL,
  attribute INTEGER NOT NULL,
  since INTEGER NOT NULL,
  PRIMARY KEY (indicator, attribute)
) WITHOUT ROWID;
CREATE TEMP TABLE stopping (           -- carriers that a changed policy would no longer serve
  indicator INTEGER NOT NULL,
  attribute INTEGER NOT NULL,
  PRIMARY KEY (indicator, attribute)
) WITHOUT ROWID;
CREATE TEMP TABLE starting (           -- indicators that it would serve
  space TEXT NOT NULL,
  value TEXT NOT NULL,
  port INTEGER NOT NULL,
  PRIMARY KEY (space, value, port)
) WITHOUT ROWID;
CREATE TEMP TABLE lost (
  indicator INTEGER PRIMARY KEY,
  cause TEXT NOT NULL,
  detail TEXT
);
CREATE TEMP TABLE touched (
  indicator INTEGER PRIMARY KEY
);
CREATE TEMP TABLE turned (             -- indicators whose liveness turns
  indicator INTEGER PRIMARY KEY,
  space TEXT NOT NULL,
  shared TEXT,                         -- the value, where its key has other indicators
  plain INTEGER NOT NULL,              -- a plain memcached key can hold it
  live_from INTEGER                    -- NULL: it starts; else it stops
);
`
