/** The command that equips Logstash. */
import type { Command } from 'commander'
import type { CommonOptions, Execute } from '../context.js'
import { common } from './options.js'

interface LogstashWords extends CommonOptions {
  readonly out: string
  readonly fields?: string[]
  readonly installedIn?: string
  readonly staleAfter: string
  readonly mispFields?: boolean
}

export function addLogstash(program: Command, execute: Execute): void {
  const command = program
    .command('logstash')
    .summary('write the pipeline and the script with which Logstash looks indicators up')
    .description(
      'Writes tipline.conf (a filter section), tipline.rb (the script that it runs) and tipline.json (what the script is told of the config; no secret). Writes over what it wrote before. Run it again when servers, sources, own or allow change.',
    )
    .requiredOption('--out <dir>', 'the folder to write to; made where it is missing')
    .option(
      '--fields <what...>',
      'ecs (the default), or files that say which field of ECS, or which namespace, your own fields stand for',
    )
    .option(
      '--installed-in <dir>',
      'the folder that the files will be in on the machine of Logstash; default: that of --out',
    )
    .option(
      '--stale-after <duration>',
      'tag lines where the oldest source was read longer ago; never: do not',
      '6h',
    )
    .option('--misp-fields', 'also write [misp][event_id] and [misp][type]')
    .option('--no-misp-fields', 'do not; default: where the values in memcached are ids')
    .action((options: LogstashWords) =>
      execute(options, async (context) =>
        (await import('../logstash.js')).logstashCommand(context, options),
      ),
    )
  common(command, [
    ['tipline logstash --out /etc/logstash/tipline', ''],
    ['tipline logstash --out pipeline --installed-in /etc/logstash/tipline', 'to be copied there'],
    [
      'tipline logstash --out pipeline --fields ecs zeek-fields.yml',
      'more fields than those of ECS',
    ],
  ])
}
