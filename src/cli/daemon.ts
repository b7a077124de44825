/** `tipline run`: the daemon, as a process. */
import { loadConfig } from '../config/load.js'
import { runDaemon } from '../daemon/daemon.js'
import { EXIT } from '../errors.js'
import type { Logger } from '../log.js'
import type { Context } from './context.js'
import { type Base, openBase } from './wiring.js'

export async function daemonCommand(context: Context): Promise<number> {
  const { signal, env, configArgument, signals } = context
  const base = await openBase(context)
  const { config, log, metrics } = base
  endLoudly(log)
  const load = () => loadAnew(context, base)
  const { reloads } = signals
  await runDaemon({ config, load, reloads, configArgument, env, log, metrics, signal })
  const by = signals.by?.signal ?? null
  context.out.answer({ status: 'stopped', by }, () => [])
  return EXIT.done
}

/** What is secret in it is kept out of the log from here on, too. @throws ConfigError */
async function loadAnew(context: Context, { log, secrets }: Base) {
  const config = await loadConfig(context.options.config, context.env)
  secrets.push(...config.secrets.filter((secret) => !secrets.includes(secret)))
  for (const warning of config.warnings) log.warn(warning)
  if (!context.options.logLevel && !context.options.debug) log.level = config.log.level
  return config
}

/** What nobody caught may have left anything half-done: only a new process knows where it stands. */
function endLoudly(log: Logger): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      log.fatal({ err: error }, 'unexpected: this is a bug in tipline; the process ends')
      process.exit(EXIT.bug)
    })
  }
}
