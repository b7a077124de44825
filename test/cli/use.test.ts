/** What every command refuses before it does anything: options that would be ignored, and empty values. */
import type { Argument, Command, Option } from 'commander'
import { describe, expect, it } from 'vitest'
import { buildProgram } from '../../src/cli/program.js'
import { UsageError } from '../../src/errors.js'
import { tipline } from './cli.js'

/** Commands that do something, by their words. */
function commandsOf(parent: Command, words: readonly string[] = []): [string[], Command][] {
  return parent.commands.flatMap((command): [string[], Command][] => {
    const path = [...words, command.name()]
    const isGroup = command.commands.length > 0 && command.options.length === 0
    return [
      ...(isGroup ? [] : [[path, command] as [string[], Command]]),
      ...commandsOf(command, path),
    ]
  })
}

/** Where it means: without a label. */
const MAY_BE_EMPTY = ['hits --label', 'flows import --flowsrc']

const program = () => buildProgram({ execute: async () => undefined, completes: false })
const COMMANDS = commandsOf(program())
const CASES = COMMANDS.map(([path, command]) => ({ name: path.join(' '), path, command }))

const long = ({ long: name }: Option) => name!
const takesValue = ({ required, optional }: Option) => required || optional
const argumentsOf = (command: Command, value: string) =>
  command.registeredArguments.map((_: Argument) => value)

/** As few words as the command needs, but for `except`. */
function least(command: Command, except?: Option): string[] {
  const options = command.options.filter((option) => option.mandatory && option !== except)
  return options.flatMap((option) => (takesValue(option) ? [long(option), 'x'] : [long(option)]))
}

async function refusal(argv: readonly string[]): Promise<Error | null> {
  try {
    await program().parseAsync(argv, { from: 'user' })
    return null
  } catch (error) {
    return error as Error
  }
}

describe.each(CASES)('tipline $name', ({ path, command }) => {
  it('refuses empty values of its options and arguments', async () => {
    const rest = argumentsOf(command, 'x')
    for (const option of command.options.filter(takesValue)) {
      if (MAY_BE_EMPTY.includes(`${path.join(' ')} --${option.name()}`)) continue
      for (const empty of ['', ' \t']) {
        const argv = [...path, ...rest, ...least(command, option), long(option), empty]
        const error = await refusal(argv)
        // Choices and numbers are refused by commander.
        expect(error?.message, argv.join(' ')).toMatch(/ is empty$|invalid|means nothing without/)
      }
    }
    for (const at of rest.keys()) {
      const argv = [...path, ...rest.with(at, ''), ...least(command)]
      expect(await refusal(argv), argv.join(' ')).toMatchObject({
        name: 'UsageError',
        message: expect.stringMatching(/^<.+> is empty$/),
      })
    }
  })

  it('refuses an option without the one that gives it a meaning, and says which', async () => {
    for (const option of command.options) {
      const other = /^with (--[\w-]+): /.exec(option.description)?.[1]
      if (other === undefined) continue
      const given = takesValue(option) ? [long(option), 'x'] : [long(option)]
      const argv = [...path, ...argumentsOf(command, 'x'), ...least(command), ...given]
      const error = await refusal(argv)
      expect(error, argv.join(' ')).toBeInstanceOf(UsageError)
      expect(error).toMatchObject({
        message: `${long(option)} means nothing without ${other}`,
        hint: expect.stringContaining(`tipline ${path.join(' ')} ${other} ${long(option)}`),
      })
      expect(await refusal([...argv, other])).toBeNull()
    }
  })
})

/** `tipline --version` does nothing else. */
const UNDER = CASES.filter(({ path, command }) => path.length > 1 && command.parent!.options.length)

it('knows commands below one that has options', () => {
  expect(UNDER.map(({ name }) => name)).toEqual(['hits mark', 'hits unmark', 'hits purge'])
})

describe.each(UNDER)('tipline $name', ({ path, command }) => {
  const own = [...argumentsOf(command, 'x'), ...least(command)]

  it('refuses what stands before its name, and went to the command above it', async () => {
    for (const option of command.parent!.options) {
      const value = option.argChoices?.[0] ?? '3'
      const given = takesValue(option) ? [long(option), value] : [long(option)]
      const argv = [...path.slice(0, -1), ...given, path.at(-1)!, ...own]
      const its = command.options.some((other) => long(other) === long(option))
      expect(await refusal(argv), argv.join(' ')).toMatchObject({
        name: 'UsageError',
        message: `${long(option)} means nothing before ${path.at(-1)}`,
        hint: expect.stringContaining(`tipline ${path.join(' ')} ${its ? long(option) : '--help'}`),
      })
    }
  })

  it('takes it behind its name, whatever the one above takes by itself', async () => {
    expect(await refusal([...path, ...own, '-c', 'tipline.yml', '--json'])).toBeNull()
  })
})

it.each([
  ['doctor', '--fix', '--sql'],
  ['doctor', '--fix', '--alerts'],
  ['doctor', '--sql', '--alerts'],
  ['status', '--set-aside', '--withheld', 'x'],
  ['explain', 'x', '--check-sinks', '--data-dir', 'x'],
  ['lookup', 'x', '-c', 'x', '--data-dir', 'x'],
  ['sync', '--dry-run', '--accept', 'x'],
  ['sync', '--dry-run', '--wait'],
  ['hits', '--counted', '--way', 'live'],
  ['hits', '--counted', '--label', 'x'],
])('%s %s refuses what it would ignore', async (...argv) => {
  expect((await refusal(argv))?.message).toMatch(/cannot be used with/)
})

it('asks for hits without a label', async () => {
  expect(await refusal(['hits', '--label', ''])).toBeNull()
})

it('tells wrong use as such, for eyes and as a document', async () => {
  const ran = await tipline(['doctor', '--yes', '--json'])
  expect(ran.status).toBe(2)
  expect(ran.stderr).toBe(
    'tipline: --yes means nothing without --fix\n  hint: tipline doctor --fix --yes\n',
  )
  expect(JSON.parse(ran.stdout)).toMatchObject({ error: { type: 'UsageError', exit_status: 2 } })
  const empty = await tipline(['explain', ''])
  expect(empty).toMatchObject({ status: 2, stdout: '' })
  expect(empty.stderr).toContain('<value> is empty')
})
