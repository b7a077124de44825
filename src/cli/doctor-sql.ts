/** `tipline doctor --sql`: what a sync would create. Asks nobody. */
import { clusterStatements, schemaStatements } from '../clickhouse/ddl.js'
import { parseTableName } from '../clickhouse/names.js'
import { tablesOf } from '../clickhouse/open.js'
import { EXIT, UsageError } from '../errors.js'
import { NO_CLICKHOUSE } from '../sinks/clickhouse/settings.js'
import type { Context } from './context.js'
import { openBase } from './wiring.js'

/** `cluster`: its name, as `system.clusters` has it. */
export async function sqlCommand(
  context: Context,
  { cluster }: { cluster?: string | undefined },
): Promise<number> {
  const { config } = await openBase(context)
  const settings = config.sinks.clickhouse
  if (!settings) throw new UsageError(NO_CLICKHOUSE)
  if (cluster !== undefined && parseTableName(`x.${cluster}`) === null) {
    const hint = 'letters, digits and "_"; SELECT cluster FROM system.clusters tells the names'
    throw new UsageError({ what: '--cluster is no name', hint })
  }
  const tables = tablesOf(settings)
  const statements =
    cluster === undefined ? schemaStatements(tables) : clusterStatements(tables, cluster)
  context.out.answer({ statements }, () => statements.map((sql) => `${sql};\n`))
  return EXIT.done
}
