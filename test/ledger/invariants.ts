/** The invariants of docs/spec/ledger.md that can be read off a ledger at rest. */
import { expect } from 'vitest'
import type { Database } from '../../src/ledger/sqlite.js'

const SERVED = 'c.held_rule IS NULL AND c.hold IS NULL'

/** `steady`: the clock never went back, so intervals follow each other. */
export function expectInvariants(db: Database, { steady = false } = {}): void {
  const none = (what: string, sql: string) => {
    expect({ what, rows: db.prepare(sql).all() }).toEqual({ what, rows: [] })
  }
  none(
    'L1 an indicator is live exactly while a served carrier carries it',
    `SELECT i.id FROM indicator i WHERE (i.live_since IS NOT NULL)
       <> EXISTS (SELECT 1 FROM carrier c WHERE c.indicator = i.id AND ${SERVED})`,
  )
  none(
    'L2 carriers belong to an attribute and an indicator that are there',
    `SELECT c.indicator FROM carrier c LEFT JOIN attribute a ON a.id = c.attribute
     LEFT JOIN indicator i ON i.id = c.indicator WHERE a.id IS NULL OR i.id IS NULL`,
  )
  none(
    'L2 attributes belong to an event that is there',
    `SELECT a.id FROM attribute a LEFT JOIN event e ON e.id = a.event WHERE e.id IS NULL`,
  )
  none(
    'L3 an attribute has carriers exactly when it is not set aside',
    `SELECT a.id FROM attribute a WHERE (a.aside IS NULL)
       <> EXISTS (SELECT 1 FROM carrier c WHERE c.attribute = a.id)`,
  )
  none(
    'L4 an event counts its attributes that carry an indicator',
    `SELECT e.id FROM event e WHERE e.attributes
       <> (SELECT count(*) FROM attribute a WHERE a.event = e.id AND a.aside IS NULL)`,
  )
  none(
    'L5 live keys are counted by space',
    `SELECT coalesce(k.space, n.space) AS space, k.keys, n.keys AS counted FROM
       (SELECT space, keys FROM live_keys WHERE keys <> 0) k
       FULL JOIN (SELECT space, count(DISTINCT value) AS keys FROM indicator
                  WHERE live_since IS NOT NULL GROUP BY space) n ON n.space = k.space
     WHERE k.keys IS NOT n.keys`,
  )
  none(
    'L6 no interval of the history ends before it begins',
    'SELECT id FROM history WHERE live_until < live_from',
  )
  if (steady) {
    none(
      'L6 the intervals of an indicator follow each other, the live one last',
      `SELECT h.id FROM history h LEFT JOIN history n ON n.indicator = h.indicator AND n.id > h.id
       LEFT JOIN indicator i ON i.id = h.indicator
       WHERE n.live_from < h.live_until OR i.live_since < h.live_until`,
    )
  }
  none(
    'L9 what an active hold names is held',
    `SELECT c.indicator FROM carrier c JOIN indicator i ON i.id = c.indicator
     JOIN hold_target t ON t.space = i.space AND t.value = i.value AND t.port IN (0, i.port)
     JOIN hold h ON h.id = t.hold AND h.ended_at IS NULL WHERE c.hold IS NULL`,
  )
  none(
    'L9 nothing is held by a hold that has ended',
    `SELECT c.indicator FROM carrier c JOIN hold h ON h.id = c.hold WHERE h.ended_at IS NOT NULL`,
  )
  expect(db.prepare('PRAGMA quick_check').all()).toEqual([{ quick_check: 'ok' }])
}
