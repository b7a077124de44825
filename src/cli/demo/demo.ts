/** `tipline demo`: the main job on embedded defaults, from a feed to the hit and back. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { EXIT, UsageError } from '../../errors.js'
import type { Context } from '../context.js'
import { closeEngine } from './flows.js'
import { MARK, play } from './play.js'
import { demoDocument, demoLines } from './report.js'

const KEPT = '.tipline-demo'
export async function demoCommand(context: Context, { keep }: { keep?: boolean }): Promise<number> {
  const folder = keep
    ? await freshFolder(resolve(KEPT))
    : mkdtempSync(join(tmpdir(), 'tipline-demo-'))
  try {
    const demo = await play(context, { folder, kept: keep ? KEPT : null })
    context.out.answer(demoDocument(demo), () => demoLines(demo, context))
    return EXIT.done
  } finally {
    if (!keep) rmSync(folder, { recursive: true, force: true })
  }
}

/** An earlier demo is replaced; anything else of that name is not ours. */
async function freshFolder(folder: string): Promise<string> {
  if (existsSync(folder)) {
    const config = join(folder, 'tipline.yml')
    const isOurs = existsSync(config) && readFileSync(config, 'utf8').startsWith(MARK)
    if (!isOurs) {
      throw new UsageError({ what: `${folder} is there and no demo`, hint: 'move it away' })
    }
    // A command that was tried on it has started one, which may still run.
    await closeEngine(join(folder, 'tipline-data'))
    rmSync(folder, { recursive: true, force: true })
  }
  mkdirSync(folder)
  return folder
}
