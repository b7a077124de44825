/** `tipline run`: the daemon, as a process. */
import { runDaemon } from '../daemon/daemon.js'
import { EXIT } from '../errors.js'
import type { Logger } from '../log.js'
import type { Context } from './context.js'
import { openBase } from './wiring.js'

/** As sysexits.h has it: a fault of the program itself. */
const BUG = 70

export async function daemonCommand(context: Context): Promise<number> {
  const { signal } = context
  const { config, log, metrics } = await openBase(context)
  endLoudly(log)
  await runDaemon({ config, log, metrics, signal })
  const by = context.stop.by?.signal ?? null
  context.out.answer({ status: 'stopped', by }, () => [])
  return EXIT.done
}

/** What nobody caught may have left anything half-done: only a new process knows where it stands. */
function endLoudly(log: Logger): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      log.fatal({ err: error }, 'unexpected: this is a bug in tipline; the process ends')
      process.exit(BUG)
    })
  }
}
