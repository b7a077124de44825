/** The options that many commands share, and the examples in their help. */
import { type Command, Option } from 'commander'
import { LOG_LEVELS } from '../../log.js'

/** A command line, and what it does. */
export type Example = readonly [line: string, does: string]

const EXAMPLES = new WeakMap<Command, readonly Example[]>()

export function examplesOf(command: Command): readonly Example[] {
  return EXAMPLES.get(command) ?? []
}

export function common(command: Command, examples: readonly Example[]): void {
  command.option('-c, --config <file>', 'the config; default: $TIPLINE_CONFIG, else ./tipline.yml')
  answering(command)
  exemplify(command, examples)
}

export function answering(command: Command): void {
  command
    .option('--json', 'answer with one JSON document on stdout')
    .addOption(
      new Option('--log-level <level>', 'the least severe messages on stderr').choices(LOG_LEVELS),
    )
    .helpOption('-h, --help', 'tell how it is used')
}

export function dataDir(): Option {
  return new Option('--data-dir <dir>', 'the folder of the ledger, in place of a config').conflicts(
    'config',
  )
}

export function exemplify(command: Command, examples: readonly Example[]): void {
  EXAMPLES.set(command, examples)
  const width = Math.max(...examples.map(([line]) => line.length))
  const lines = examples.map(([line, does]) =>
    does === '' ? `  ${line}` : `  ${line.padEnd(width)}  # ${does}`,
  )
  command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`)
}
