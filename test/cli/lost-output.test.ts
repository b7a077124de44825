/** Commands whose answer can't be written. */
import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { commandLine } from './cli.js'

function run(command: string): { status: number | null; stderr: string } {
  const words = commandLine(['config', 'schema'])
  const { status, stderr } = spawnSync(
    'bash',
    ['-c', `set -o pipefail; ${command}`, 'bash', ...words],
    {
      encoding: 'utf8',
    },
  )
  return { status, stderr }
}

it('a full disk is told, with the status of what lies outside', () => {
  expect(run('"$@" > /dev/full')).toEqual({
    status: 3,
    stderr: 'tipline: ENOSPC: no space left on device, write\n  hint: the disk is full\n',
  })
})

it('a reader that goes is no failure', () => {
  expect(run('"$@" | head -1 > /dev/null')).toEqual({ status: 0, stderr: '' })
})

it('where stderr can not be written either, the status tells', () => {
  expect(run('"$@" > /dev/full 2> /dev/full').status).toBe(3)
})
