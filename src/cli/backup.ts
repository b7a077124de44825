/** `tipline backup`: a copy of the ledger, made while it is in use. */
import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { EXIT } from '../errors.js'
import { backupLedger } from '../ledger/backup.js'
import { printable } from '../log.js'
import type { Context } from './context.js'
import { dataFolder } from './data-folder.js'
import { bytes } from './words.js'

export async function backupCommand(context: Context, target: string): Promise<number> {
  const dataDir = await dataFolder(context)
  const file = fileOf(target, context.now())
  const copy = await backupLedger(dataDir, file)
  context.out.answer({ file, bytes: copy.bytes }, () => [
    `wrote ${printable(file)}, ${bytes(copy.bytes)}`,
  ])
  return EXIT.done
}

function fileOf(target: string, now: number): string {
  if (!isFolder(target)) return resolve(target)
  const at = new Date(now * 1000).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')
  return join(resolve(target), `tipline-${at}Z.db`)
}

function isFolder(target: string): boolean {
  if (target.endsWith('/')) return true
  return statSync(target, { throwIfNoEntry: false })?.isDirectory() ?? false
}
