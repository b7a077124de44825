/**
 * A file of ECS documents, one a line. It is opened for each message, so that it may be moved or
 * truncated at any time: nobody has to be told.
 */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { z } from 'zod'
import { ChannelUnavailable } from '../../../errors.js'
import { printable } from '../../../log.js'
import type { ToldAlert } from '../disclose.js'
import { ecsDocuments } from '../ecs.js'
import { commonSettings, nameSetting } from '../settings.js'
import type { Channel } from './channel.js'

export const fileSettings = z.strictObject({
  name: nameSetting,
  type: z
    .literal('file')
    .describe('A file of ECS documents, one a line, for Filebeat and the like.'),
  path: z
    .string()
    .min(1)
    .describe('The file; made where there is none (mode 640). It may be rotated at any time.'),
  ...commonSettings,
})

export type FileSettings = z.output<typeof fileSettings>

export function fileChannel({ name, path }: FileSettings): Channel {
  return {
    name,
    send: async (alert) => {
      const text = ecsDocuments(alert).join('\n')
      await append({ name, path, text })
      return `${Buffer.byteLength(text) + 1} bytes appended`
    },
    has: (alert) => isThere(alert, [path, `${path}.1`]),
    close: async () => undefined,
  }
}

/** Never waits, as opening a pipe would. */
const APPEND = constants.O_APPEND | constants.O_CREAT | constants.O_RDWR | constants.O_NONBLOCK
const NEWLINE = 0x0a

/** All of it, on the disk, or nothing. */
async function append(input: { name: string; path: string; text: string }): Promise<void> {
  const { name, path, text } = input
  let file: FileHandle | undefined
  try {
    file = await open(path, APPEND, 0o640)
    const before = await file.stat()
    if (!before.isFile()) throw unavailable({ name, path, why: 'is no file' })
    const whole = before.size === 0 || (await byteAt(file, before.size - 1)) === NEWLINE
    await writeWhole(file, { text: `${whole ? '' : '\n'}${text}\n`, size: before.size })
  } catch (error) {
    throw translated(error, { name, path })
  } finally {
    await file?.close()
  }
}

async function byteAt(file: FileHandle, position: number): Promise<number | undefined> {
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, position)
  return buffer[0]
}

async function writeWhole(file: FileHandle, { text, size }: { text: string; size: number }) {
  try {
    await file.appendFile(text)
    await file.datasync()
  } catch (error) {
    // Half a line would be read by somebody, and the whole comes once more.
    await file.truncate(size)
    throw error
  }
}

/** A message is far shorter; nothing else was written since. */
const TAIL_BYTES = 4 * 1024 * 1024

/** Whether all documents of an alert stand in the file, or in the one that it was moved to. */
async function isThere(alert: ToldAlert, paths: readonly string[]): Promise<boolean> {
  const wanted = ecsDocuments(alert).length
  const tails = await Promise.all(paths.map(tailOf))
  const lines = tails.flatMap((tail) => tail.split('\n')).filter((line) => line.includes(alert.id))
  return lines.filter(isWhole).length >= wanted
}

function isWhole(line: string): boolean {
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}

async function tailOf(path: string): Promise<string> {
  let file: FileHandle | undefined
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const { size } = await file.stat()
    const from = Math.max(0, size - TAIL_BYTES)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from)
    return buffer.toString('utf8', 0, bytesRead)
  } catch (error) {
    // What can't be read has not got it: sending tells why.
    if ((error as NodeJS.ErrnoException).code === undefined) throw error
    return ''
  } finally {
    await file?.close()
  }
}

function translated(error: unknown, { name, path }: { name: string; path: string }): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (error instanceof ChannelUnavailable || code === undefined) return error
  return unavailable({ name, path, why: `can't be written (${code})`, cause: error })
}

function unavailable(facts: { name: string; path: string; why: string; cause?: unknown }) {
  const { name: channel, path, why, cause } = facts
  const hint = 'check that its folder is there, belongs to this user, and has room'
  return new ChannelUnavailable({
    channel,
    what: `${printable(path)} of ${channel} ${why}`,
    hint,
    cause,
  })
}
