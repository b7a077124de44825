/**
 * `npm run scanner`: compiles assembly/scanner.ts and writes it into src/match/logs/scanner-binary.ts,
 * so that neither a build nor an installed package needs the compiler. A test compiles it anew and
 * compares.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ROOT } from './ready.mjs'

const SOURCE = 'assembly/scanner.ts'
const TARGET = 'src/match/logs/scanner-binary.ts'

/** @returns the whole text of scanner-binary.ts */
export async function compiledScanner() {
  const { default: asc } = await import('assemblyscript/asc')
  const { error, stderr } = await asc.main(
    [
      SOURCE,
      ...['--outFile', 'scanner.wasm', '--baseDir', ROOT],
      ...['-O3', '--noAssert', '--runtime', 'stub'],
      ...['--importMemory', '--sharedMemory', '--initialMemory', '40', '--maximumMemory', '32768'],
      ...['--enable', 'threads', '--enable', 'simd', '--enable', 'bulk-memory'],
    ],
    { writeFile: (name, contents) => keep(name, contents) },
  )
  if (error) throw new Error(`${SOURCE} does not compile:\n${stderr.toString()}`)
  const base64 = Buffer.from(written.get('scanner.wasm')).toString('base64')
  const lines = base64.match(/.{1,92}/g)
  return `/** Made of ${SOURCE} by \`npm run scanner\`; do not edit. WebAssembly in base64. */
export const SCANNER =
${lines.map((line) => `  '${line}'`).join(' +\n')}
`
}

const written = new Map()

function keep(name, contents) {
  written.set(name, contents)
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(join(ROOT, TARGET), await compiledScanner())
}
