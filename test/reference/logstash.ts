/** What `tipline logstash` writes for the smallest config with a memcached. */
import { parseConfig } from '../../src/config/load.js'
import { ecsFields } from '../../src/logstash/fields.js'
import { logstashFiles } from '../../src/logstash/files.js'
import { servedBy } from '../../src/logstash/settings.js'

const CONFIG = `sources:
  - { name: main, url: "https://misp.example.org", key: not-a-key }
sinks:
  memcached: { servers: ["127.0.0.1:11211"] }
`

export async function logstashExample(file: string): Promise<string> {
  const config = await parseConfig(CONFIG, { file: 'tipline.yml', env: {} })
  const files = logstashFiles(config, {
    fields: ecsFields(servedBy(config)),
    installedIn: '/etc/logstash/tipline',
    staleAfter: 6 * 3600,
    legacyFields: undefined,
  })
  const text = files[file]
  if (text === undefined) throw new Error(`there is no ${file}`)
  return text
}
