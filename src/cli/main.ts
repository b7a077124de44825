#!/usr/bin/env node
import module from 'node:module'
import { Signals } from './signals.js'

const argv = process.argv.slice(2)
const signals = new Signals()
// Before what takes a while to load: the daemon may be signalled as soon as it is there.
if (argv[0] === 'run')
  signals.attend()

  // Keeps compiled code between runs, where Node can (22.8 on).
;(module as { enableCompileCache?: () => void }).enableCompileCache?.()

const { run } = await import('./run.js')
process.exitCode = await run(argv, process.env, signals)
