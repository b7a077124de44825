/** Names of tables, columns and clusters: never bound, so they are checked and quoted. */

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/

export interface TableName {
  readonly database: string
  readonly table: string
}

/** `db.table`; null where the text is none, or holds what no plain name has. */
export function parseTableName(text: string): TableName | null {
  const [database = '', table = '', ...more] = text.split('.')
  if (more.length > 0 || !NAME.test(database) || !NAME.test(table)) return null
  return { database, table }
}

/** As SQL text. */
export function quoted({ database, table }: TableName): string {
  return `${identifier(database)}.${identifier(table)}`
}

/** @throws TypeError for what did not go through a check before */
export function identifier(name: string): string {
  if (!NAME.test(name)) throw new TypeError('a name that was never checked')
  return `\`${name}\``
}

/** A table of ours beside another one. */
export function beside({ database }: TableName, table: string): TableName {
  return { database, table }
}
