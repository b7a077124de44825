/** tipline.conf: the `filter` section of a Logstash pipeline. */
import { posix } from 'node:path'
import { UsageError } from '../errors.js'
import { printable } from '../log.js'

export const FILES = {
  pipeline: 'tipline.conf',
  script: 'tipline.rb',
  settings: 'tipline.json',
} as const

/**
 * Nothing of the config stands in here, only where the two other files are: Logstash's language has no
 * escape for a quote and expands `${...}`, so a path with such characters is refused.
 * @throws UsageError
 */
export function pipelineText(folder: string): string {
  if (!/^(?:\/|[A-Za-z]:\/)[\p{L}\p{N} _.,:@+=/-]*$/u.test(folder)) {
    const what = `${printable(folder)} can not stand in a pipeline of Logstash`
    const hint =
      'name an absolute folder of letters, digits, blanks and _ . , : @ + = -, with --installed-in if it is another one there'
    throw new UsageError({ what, hint })
  }
  const file = (name: string) => posix.join(folder, name)
  return `# Made by \`tipline logstash\`; to change it, run that again.
# Put it between the filters that name the fields and the output, or beside other files of the
# pipeline, where its name decides the order.
filter {
  ruby {
    id => "tipline"
    path => "${file(FILES.script)}"
    script_params => { "settings" => "${file(FILES.settings)}" }
    tag_on_exception => "_tipline_error"
  }
}
`
}
