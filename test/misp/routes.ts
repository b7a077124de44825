/** From a request that may be answered to its answer. */
import {
  type Answer,
  BAD_JSON,
  failure,
  GET_WITHOUT_PARAMETERS,
  loginPage,
  type Piece,
  pretty,
  said,
} from './answers.js'
import { eventsIndex, eventView } from './events.js'
import {
  drift,
  type Fault,
  heededFilters,
  seenEvents,
  spoilAnswer,
  spoilRows,
  spoilsRows,
} from './faults.js'
import { MispError } from './filters.js'
import { recording } from './fixtures.js'
import type { MispEvent } from './model.js'
import type { Parsed } from './request.js'
import { type Found, restSearch } from './restsearch.js'
import { rowWriter } from './rows.js'
import { addSightings, listSightings } from './sightings.js'
import type { Store } from './store.js'
import { me, seesEvent, type User, version } from './users.js'
import { warninglistIndex, warninglistView } from './warninglists.js'

export interface Exchange {
  readonly parsed: Parsed
  readonly who: User
  readonly store: Store
  readonly faults: readonly Fault[]
  readonly shuffle: number
  readonly origin: string
}

/** Throws MispError for what MISP answers with an exception. */
export function respond(exchange: Exchange): Answer {
  const { parsed, store, faults } = exchange
  if (parsed.filters === undefined) return failure(405, BAD_JSON, parsed.path)
  drift(faults, store)
  return spoilAnswer(faults, routed(exchange))
}

function routed(exchange: Exchange): Answer {
  const { parsed, who, store } = exchange
  const [controller, action = 'index', id] = parsed.route
  switch (`${controller}/${action}`) {
    case 'attributes/restsearch':
      return search(exchange)
    case 'events/index':
      return index(exchange)
    case 'events/view':
      return pretty(eventView(store, who, visibleEvent(exchange, id)))
    case 'users/view':
      return pretty(me(who, store))
    case 'users/login':
      return said(loginPage(exchange.origin), { type: 'text/html; charset=UTF-8' })
    case 'servers/getversion':
      return pretty(version(who))
    case 'attributes/describetypes':
      return said(recording('attributes_describeTypes').response.body)
    case 'warninglists/index':
      return pretty(warninglistIndex(store.warninglists))
    case 'warninglists/view':
      return warninglist(store, id)
    case 'sightings/add':
      return addSightings({ store, who, id, filters: parsed.filters! })
    case 'sightings/listsightings':
      return listSightings({ store, who, id, filters: parsed.filters! })
    case 'feeds/index':
      return said('[]')
    default:
      throw new MispError(404, 'Not Found')
  }
}

function visibleEvent({ store, who, faults }: Exchange, id: string | undefined): MispEvent {
  for (const event of seenEvents(faults, store).events()) {
    const asked = String(event.id) === id || event.uuid === id
    if (asked && seesEvent(who, event)) return event
  }
  throw new MispError(404, 'Invalid event')
}

function warninglist(store: Store, id: string | undefined): Answer {
  const list = store.warninglists.find((each) => String(each.id) === id)
  if (!list) throw new MispError(404, 'Invalid Warninglist.')
  return pretty(warninglistView(list))
}

function index({ parsed, who, store, faults }: Exchange): Answer {
  const source = seenEvents(faults, store)
  const { rows, total } = eventsIndex({ store, source, who, filters: parsed.filters! })
  return pretty(rows, { headers: [['X-Result-Count', String(total)]] })
}

function search(exchange: Exchange): Answer {
  const { parsed, who, store, faults, shuffle } = exchange
  if (parsed.method === 'GET' && Object.keys(parsed.filters!).length === 0) {
    throw new MispError(400, GET_WITHOUT_PARAMETERS)
  }
  const filters = heededFilters(faults, parsed.filters!)
  if (filters.returnFormat !== undefined && filters.returnFormat !== 'json') {
    throw new MispError(404, 'Invalid output format.')
  }
  const found = restSearch({ store, source: seenEvents(faults, store), who, filters, shuffle })
  const texts = rowTexts(store, found)
  const pieces = spoilsRows(faults)
    ? [...inPieces(spoilRows(faults, [...texts]))]
    : keepable(found, texts)
  return searchAnswer(found, pieces)
}

/** The rows' JSON; may be walked again and again. */
function rowTexts(store: Store, found: Found): Iterable<string> {
  return {
    *[Symbol.iterator]() {
      const write = rowWriter(store, found.shape)
      for (const { event, row } of found.hits) yield write(event, row)
    },
  }
}

const ROWS_IN_A_PIECE = 500
const HEAD = '{"response": {"Attribute": ['
const TAIL = ']}}\n'

/** Few rows are kept, so that the world may change while they are sent; very many are not. */
function keepable(found: Found, texts: Iterable<string>): Iterable<Piece> {
  if (Array.isArray(found.hits)) return [...inPieces(texts)]
  return { [Symbol.iterator]: () => inPieces(texts) }
}

function* inPieces(texts: Iterable<string>): Generator<Piece> {
  let text = HEAD
  let rows = 0
  let first = true
  for (const row of texts) {
    text += first ? row : `,${row}`
    first = false
    if (++rows === ROWS_IN_A_PIECE) {
      yield { data: Buffer.from(text), rows }
      text = ''
      rows = 0
    }
  }
  yield { data: Buffer.from(text + TAIL), rows }
}

function searchAnswer(found: Found, pieces: Iterable<Piece>): Answer {
  let bytes = 0
  for (const { data } of pieces) bytes += data.length
  const headers = [
    ['X-Result-Count', String(found.resultCount)],
    ['X-Export-Module-Used', 'json'],
    ['X-Response-Format', 'json'],
    ['X-Skipped-Elements-Count', String(found.skipped)],
  ] as const
  const type = 'application/json; charset=UTF-8'
  return { status: 200, type, headers, cookie: true, bytes, rows: found.count, pieces }
}
