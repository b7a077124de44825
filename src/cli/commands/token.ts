/** Who may ask the API. */
import { type Command, Option } from 'commander'
import { SCOPES, type Scope } from '../../http/scopes.js'
import type { CommonOptions, Execute } from '../context.js'
import { answering, exemplify } from './options.js'

export function addToken(program: Command, execute: Execute): void {
  const group = program
    .command('token')
    .summary('make a token for the API')
    .description('Who may ask the API of `tipline run`: the tokens under `http.tokens`.')
    .helpCommand(false)
    .helpOption('-h, --help', 'tell how it is used')
  const command = group
    .command('new')
    .summary('make a token for the API')
    .description(
      'Makes a token and the line for the config that lets it in. The token is shown this once; the config has only its hash.',
    )
    .argument('<name>', 'whose it is; shown in logs and as the author of marks')
    .addOption(
      new Option('--scope <scope>', 'operate: may also sync, backscan, mark and record hits')
        .choices(SCOPES)
        .default('read'),
    )
    .action((name: string, options: CommonOptions & { scope: Scope }) =>
      execute(options, async (context) =>
        (await import('../token.js')).newTokenCommand(context, { ...options, name }),
      ),
    )
  answering(command)
  exemplify(command, [
    ['tipline token new logstash', 'for the http filter of Logstash'],
    ['tipline token new soc --scope operate', 'for the page, by people who act'],
  ])
}
