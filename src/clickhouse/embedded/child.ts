/**
 * The process in which chDB lives: it opens the data folder, answers over HTTP, and goes when nobody
 * has asked for a while. Started by `start.ts`, which gives its options on stdin.
 */

import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { makeFolder } from '../../folder.js'
import { type ChildOptions, TAKEN } from './child-options.js'
import { createDoor, type DoorOptions } from './door.js'
import { Idle } from './idle.js'
import { type EnginePlace, enginePlace, removeAddress, writeAddress } from './place.js'
import { Slots } from './slots.js'

/** Each statement takes a thread of libuv's pool; `start.ts` gives it a few more than that. */
const STATEMENTS = 24
const GRACE_MS = 10_000
/** A path of a unix socket has at most 107 bytes. */
const LONGEST_SOCKET = 100

// What it writes is its user's alone, files that chDB makes included.
process.umask(0o077)
const options = JSON.parse(await text(process.stdin)) as ChildOptions
const place = enginePlace(options.dataDir)
await serve()

async function serve(): Promise<void> {
  const open = await openFolder(place)
  rmSync(place.spool, { recursive: true, force: true })
  mkdirSync(place.spool, { mode: 0o700 })
  const idle = new Idle(options.idleMs, () => void stop())
  const door: DoorOptions = {
    open,
    spoolFolder: place.spool,
    slots: new Slots(STATEMENTS),
    password: options.password,
    onUse: (by) => idle.use(by),
    log,
  }
  const servers = [await listenOnSocket(createDoor(door, false))]
  const readers = options.listen === null ? null : await listenOnTcp(createDoor(door, true))
  if (readers) servers.push(readers)
  const stop = stopper(servers)
  process.once('SIGTERM', stop).once('SIGINT', stop)
  const { settings } = options
  writeAddress(place, {
    pid: process.pid,
    socket: servers[0]!.address() as string,
    readers: readers && urlOf(readers),
    settings,
  })
  log('serving')
}

/** chDB locks the folder; the system takes the lock away with the process. */
async function openFolder({ data, log: file, warnings }: EnginePlace) {
  const { Session } = await import('chdb')
  makeFolder(data)
  const before = statSync(file, { throwIfNoEntry: false })?.size ?? 0
  try {
    // Stays open: with the last connection chDB would close the folder.
    const keeper = new Session(data, { connectionArgs: argumentsFor(warnings) })
    await keeper.queryAsync('SELECT 1')
    process.once('exit', () => keeper.close())
    return () => new Session(data)
  } catch (error) {
    log(`the data folder can not be opened: ${(error as Error).message}`)
    // The reason stands in the log only, where chDB wrote it.
    const told = readFileSync(file).subarray(before).toString()
    process.exit(told.includes('Cannot lock file') ? TAKEN : 1)
  }
}

/** Of the engine's own log what is worth reading: what a client is told anyway is not in it. */
function argumentsFor(warnings: string): string[] {
  return [
    '--log-level=warning',
    `--logger.log=${warnings}`,
    '--logger.size=10M',
    '--logger.count=1',
    // What was warned of before an INSERT is answered stands there then.
    '--logger.async=0',
    '--logger.levels.executeQuery=none',
    '--logger.levels.BackgroundSchedulePool/BgSchPool=none',
  ]
}

async function listenOnSocket(server: Server): Promise<Server> {
  const fits = Buffer.byteLength(place.socket) <= LONGEST_SOCKET
  const path = fits ? place.socket : join(temporaryFolder(), 'engine.sock')
  // The folder is ours alone (see above), so a socket that is there is a dead one's.
  rmSync(path, { force: true })
  const mask = process.umask(0o177)
  server.listen(path)
  await once(server, 'listening')
  process.umask(mask)
  chmodSync(path, 0o600)
  return server
}

/** Gone when we are. */
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tipline-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function listenOnTcp(server: Server): Promise<Server> {
  server.listen(options.listen!)
  await once(server, 'listening')
  return server
}

function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

/** Lets what is under way end, for a while. */
function stopper(servers: readonly Server[]): () => Promise<void> {
  let stopping = false
  return async () => {
    if (stopping) return
    stopping = true
    removeAddress(place)
    const closed = servers.map((server) => {
      server.close()
      server.closeIdleConnections()
      return once(server, 'close')
    })
    setTimeout(() => process.exit(0), GRACE_MS).unref()
    await Promise.all(closed)
    log('stopped')
    process.exit(0)
  }
}

function log(line: string): void {
  process.stderr.write(`${new Date().toISOString()} ${line}\n`)
}
