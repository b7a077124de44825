import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { tipline } from './cli.js'

describe('tipline complete', () => {
  it.each(['bash', 'zsh', 'fish', 'powershell'])('prints a script for %s', async (shell) => {
    const { status, stdout, stderr } = await tipline(['complete', shell])
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/\btipline\b[^\n]* complete\b/)
  })

  it('prints a script that bash can read', async () => {
    const { stdout } = await tipline(['complete', 'bash'])
    expect(spawnSync('bash', ['-n'], { input: stdout }).status).toBe(0)
  })

  it.each([
    [['loo'], ['lookup']],
    [
      ['config', ''],
      ['check', 'show', 'migrate', 'schema'],
    ],
    [['sync', '--w'], ['--wait']],
    [['sync', '--log-level', 'd'], ['debug']],
    [['sync', '-c', ''], []],
    [['restore', ''], []],
  ])('%j is completed by %j', async (words, expected) => {
    const { status, stdout } = await tipline(['complete', '--', ...words])
    expect(status).toBe(0)
    const lines = stdout.trim().split('\n')
    expect(lines.slice(0, -1).map((line) => line.split('\t')[0])).toEqual(expected)
  })

  it('refuses a shell that it does not know', async () => {
    const { status, stderr } = await tipline(['complete', 'csh'])
    expect(status).toBe(2)
    expect(stderr).toContain('zsh, bash, fish, powershell')
  })
})
