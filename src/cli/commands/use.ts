/**
 * Wrong use that commander lets pass: an option that says nothing without another one, one that stands
 * before the sub-command it is meant for, and an empty value, which mostly is a variable of a script that
 * was never set. None is ever ignored.
 */
import type { Command, Option } from 'commander'
import { UsageError } from '../../errors.js'

/** For each option that only means something beside another one, the attribute of that one. */
const NEEDS = new WeakMap<Option, string>()

/** Where an empty value means something. */
const MAY_BE_EMPTY = new WeakSet<Option>()

/** `other`: as commander names it among the values, e.g. `dryRun`. */
export function needing(option: Option, other: string): Option {
  NEEDS.set(option, other)
  return option
}

export function orEmpty(option: Option): Option {
  MAY_BE_EMPTY.add(option)
  return option
}

/** Before the command does anything. @throws UsageError */
export function checkUse(command: Command): void {
  checkParent(command)
  const given = givenTo(command)
  for (const option of given) checkCompany(command, option)
  for (const option of given) {
    const value: unknown = command.getOptionValue(option.attributeName())
    if (!MAY_BE_EMPTY.has(option)) checkValue(command, `--${option.name()}`, value)
  }
  command.registeredArguments.forEach((argument, at) => {
    checkValue(command, `<${argument.name()}>`, command.processedArgs[at])
  })
}

/** Each command takes its own options: what stands before its name went to the one above it. */
function checkParent(command: Command): void {
  const { parent } = command
  if (parent === null) return
  checkParent(parent)
  const [option] = givenTo(parent)
  if (option === undefined) return
  const its = command.options.find((other) => other.name() === option.name())
  throw new UsageError({
    what: `--${option.name()} means nothing before ${command.name()}`,
    hint: its
      ? `${pathOf(command)} ${its.flags.slice(its.flags.indexOf('--'))}`
      : `${pathOf(command)} --help tells the options of its own`,
  })
}

function givenTo(command: Command): readonly Option[] {
  return command.options.filter(
    (option) => command.getOptionValueSource(option.attributeName()) === 'cli',
  )
}

function checkCompany(command: Command, option: Option): void {
  const needed = command.options.find((other) => other.attributeName() === NEEDS.get(option))
  if (needed === undefined || command.getOptionValue(needed.attributeName()) !== undefined) return
  throw new UsageError({
    what: `--${option.name()} means nothing without --${needed.name()}`,
    hint: `${pathOf(command)} --${needed.name()} ${option.flags}`,
  })
}

/** One value, or several. */
function checkValue(command: Command, name: string, value: unknown): void {
  const isEmpty = [value].flat().some((each) => typeof each === 'string' && each.trim() === '')
  if (!isEmpty) return
  const hint = `is a variable unset? ${pathOf(command)} --help tells what goes there`
  throw new UsageError({ what: `${name} is empty`, hint })
}

/** `tipline hits purge` */
function pathOf(command: Command): string {
  const name = command.name()
  return command.parent === null ? name : `${pathOf(command.parent)} ${name}`
}
