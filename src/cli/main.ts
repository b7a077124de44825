#!/usr/bin/env node
import module from 'node:module'
import { run } from './run.js'

// Keeps compiled code between runs, where Node can (22.8 on).
;(module as { enableCompileCache?: () => void }).enableCompileCache?.()

process.exitCode = await run(process.argv.slice(2), process.env)
