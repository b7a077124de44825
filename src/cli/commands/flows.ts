/** The commands that look at flows. */
import { type Command, Option } from 'commander'
import type { BackscanOptions } from '../backscan.js'
import type { CommonOptions, Execute } from '../context.js'
import { common } from './options.js'
import { orEmpty } from './use.js'

export function addFlows(program: Command, execute: Execute): void {
  const flows = program
    .command('flows')
    .summary('bring flows that nfcapd wrote into ClickHouse')
    .description(
      'Reads nfcapd files through nfdump into the table of flows, where they are matched as they arrive. Each file goes in once, however often it is named.',
    )
    .helpOption('-h, --help', 'tell how it is used')
  const importing = flows
    .command('import')
    .summary('import these files')
    .description('Imports nfcapd files. A file that is cut or foreign is set aside with a reason.')
    .argument('<file...>', 'nfcapd files')
    .addOption(
      orEmpty(
        new Option(
          '--flowsrc <label>',
          'what stands in the column flowsrc; default: the label of the folder under flows.watch that the file lies in',
        ),
      ),
    )
    .action((files: string[], options: CommonOptions & { flowsrc?: string }) =>
      execute(options, async (context) =>
        (await import('../flows.js')).importCommand(context, files, options),
      ),
    )
  common(importing, [['tipline flows import /var/cache/nfdump/nfcapd.202611211200', '']])
  const watching = flows
    .command('watch')
    .summary('import whatever nfcapd finishes in these folders')
    .description(
      'Watches folders and their sub-folders for finished files (nfcapd.YYYYMMDDhhmm). SIGTERM and SIGINT end it well, with exit status 0.',
    )
    .argument('[folder...]', 'LABEL=FOLDER also sets the column flowsrc; default: flows.watch')
    .option('--once', 'import what is there, then end')
    .action((folders: string[], options: CommonOptions & { once?: boolean }) =>
      execute(options, async (context) =>
        (await import('../flows.js')).watchCommand(context, folders, options),
      ),
    )
  common(watching, [['tipline flows watch border=/var/cache/nfdump', '']])
  const detaching = flows
    .command('detach')
    .summary('take matching out of the way of flows')
    .description(
      'Drops our views on the table of flows, so that nothing of ours is in the way of an INSERT. A sync leaves it so. What comes meanwhile is a gap, which a backscan closes.',
    )
    .action((options: CommonOptions) =>
      execute(options, async (context) =>
        (await import('../flows-attach.js')).detachCommand(context),
      ),
    )
  common(detaching, [['tipline flows detach', '']])
  const attaching = flows
    .command('attach')
    .summary('match flows again as they come')
    .description('Puts the views back that `tipline flows detach` took away.')
    .action((options: CommonOptions) =>
      execute(options, async (context) =>
        (await import('../flows-attach.js')).attachCommand(context),
      ),
    )
  common(attaching, [['tipline flows attach', '']])
}

export function addBackscan(program: Command, execute: Execute): void {
  const command = program
    .command('backscan')
    .summary('look for indicators in the flows of the past')
    .description(
      'Looks for indicators in flows that came before them, newest day first. What has been covered is remembered: the next run does only what is missing, and a hit is never written twice.',
    )
    .option('--since <duration>', 'how far back', '30d')
    .option('--indicator <value>', 'only this address or net')
    .option('--again', 'also where it was looked before')
    .option('--max-time <duration>', 'stop after so long; the next run goes on there')
    .option('--max-read <size>', 'stop before more is read of flows, such as 20G')
    .option('--threads <number>', 'of ClickHouse', '2')
    .action((options: CommonOptions & BackscanOptions) =>
      execute(options, async (context) =>
        (await import('../backscan.js')).backscanCommand(context, options),
      ),
    )
  common(command, [
    ['tipline backscan --since 30d', ''],
    ['tipline backscan --since 90d --indicator 198.51.100.7', ''],
  ])
}
