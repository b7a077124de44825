/**
 * Gets a fresh clone ready: the right Node, the packages, the builds. Plain standard library, because it
 * runs before there are any packages. Whatever it has to say goes to stderr: stdout belongs to the
 * command that comes after.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))

export const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')
export const BUILD_DIST = ['-p', 'tsconfig.build.json', '--noEmitOnError']
export const BUILD_DEV = ['-p', 'tsconfig.dev.json']
/** Into dist/page; its types are checked apart, against a browser's. */
export const VITE = join(ROOT, 'node_modules/vite/bin/vite.js')
export const BUILD_PAGE = ['build', '--config', 'src/http/page/vite.config.ts']

/** Something that the user, not the code, has to put right. */
export class NotReady extends Error {}

/** Runs `main`; what it answers is the exit status. A NotReady is told in words, not as a stack. */
export async function runScript(main) {
  try {
    process.exitCode = await main()
  } catch (error) {
    if (!(error instanceof NotReady)) throw error
    tell(error.message)
    process.exitCode = 1
  }
}

export function tell(line) {
  process.stderr.write(`${line}\n`)
}

export function requireNode() {
  const wanted = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).engines.node
  const [major, minor] = wanted.match(/\d+/g).map(Number)
  const [haveMajor, haveMinor] = process.versions.node.split('.').map(Number)
  if (haveMajor > major || (haveMajor === major && haveMinor >= minor)) return
  throw new NotReady(`tipline needs Node.js ${wanted}; this is ${process.version}.`)
}

/**
 * Installs what the lock file says, when node_modules is missing or older than it. Not by `npm ci`: that
 * refuses a lock file which lacks some platform's optional packages, and npm leaves those out wherever
 * the registry of whoever wrote the file did not have them.
 */
export function installPackages() {
  if (modifiedAt('node_modules/.package-lock.json') > modifiedAt('package-lock.json')) return
  tell('Installing packages (npm install) ...')
  requireRegistry()
  // Said explicitly: a machine set up for production leaves out what builds.
  const { status } = npm(['install', '--no-save', '--include=dev', '--include=optional'])
  if (status !== 0) throw new NotReady('npm install failed, see above.')
}

/** Asks for one package first: without a network, an install tries again for a quarter of an hour. */
function requireRegistry() {
  const patience = ['--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--fetch-timeout=20000']
  const { error, status, stderr } = npm(['view', 'typescript', 'version', ...patience], 'pipe')
  if (error?.code === 'ENOENT') throw new NotReady('npm was not found; it comes with Node.js.')
  if (error) throw new NotReady(`npm could not be started: ${error.message}`)
  if (status === 0) return
  throw new NotReady(
    `${stderr}The npm registry did not answer. The first run needs it: check the network, and the proxy and registry in \`npm config list\`.`,
  )
}

const MAIN = 'dist/cli/main.js'

/** Builds dist/ when it is missing or older than its sources. */
export function freshDist() {
  if (!isFresh()) buildDist()
  // npm sees to that where it links or installs, but a later build would take it away again.
  chmodSync(join(ROOT, MAIN), 0o755)
}

function isFresh() {
  const newest = Math.max(...distInputs().map(modifiedAt))
  return [MAIN, 'dist/page/index.html'].every((path) => modifiedAt(path) > newest)
}

function buildDist() {
  tell('Building dist/ (tsc, vite) ...')
  removeDist()
  for (const build of [
    [TSC, ...BUILD_DIST],
    [VITE, ...BUILD_PAGE],
  ]) {
    if (runNode(build) !== 0) throw new NotReady('The build failed, see above.')
  }
}

/** An output whose source is gone must not live on. */
export function removeDist() {
  rmSync(join(ROOT, 'dist'), { recursive: true, force: true })
}

/** Builds .build/ (src, test and bench, without the tests themselves); tsc does only what is needed. */
export function freshDev() {
  if (runNode([TSC, ...BUILD_DEV]) !== 0) throw new NotReady('The build failed, see above.')
}

function npm(args, output = 2) {
  const given = process.env.npm_execpath ?? ''
  const [command, ...before] =
    basename(given) === 'npm-cli.js' ? [process.execPath, given] : ['npm']
  // .npmrc silences npm; what goes wrong is to be seen.
  const asked = [...before, ...args, '--loglevel=error']
  return spawnSync(command, asked, {
    cwd: ROOT,
    stdio: ['ignore', output, output],
    encoding: 'utf8',
  })
}

/** As for production, also where tests build: the page would else name the files of this machine. */
function runNode(args) {
  const env = { ...process.env, NODE_ENV: 'production' }
  return spawnSync(process.execPath, args, { cwd: ROOT, env, stdio: ['ignore', 2, 2] }).status
}

function distInputs() {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true })
  const builders = ['scripts/ready.mjs', 'tsconfig.json', 'tsconfig.build.json']
  return [...builders, ...sources.map((path) => join('src', path))]
}

/** Milliseconds; of a missing file, before all others. */
function modifiedAt(path) {
  return statSync(join(ROOT, path), { throwIfNoEntry: false })?.mtimeMs ?? Number.NEGATIVE_INFINITY
}
