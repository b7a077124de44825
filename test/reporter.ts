/**
 * What a test run prints: slow files as they end, failures in full, and as the very last line
 * `N passed, N failed`. Under `npm test` the counts go to the file TIPLINE_TEST_COUNTS instead,
 * because the checks before the tests are added to them.
 */
import { writeFileSync } from 'node:fs'
import type { UserConsoleLog } from 'vitest'
import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node'

type Failure = { readonly title: string; readonly errors: readonly unknown[] }
type Counts = { readonly passed: number; readonly failed: number; readonly skipped: number }

const SLOW_MS = 10_000

export default class ConciseReporter implements Reporter {
  #vitest!: Vitest
  /** What tests printed, by file: wanted only where something failed. */
  readonly #printed = new Map<string, string[]>()
  readonly #seeds = new Set<string>()

  onInit(vitest: Vitest): void {
    this.#vitest = vitest
  }

  onUserConsoleLog({ content, taskId }: UserConsoleLog): void {
    if (content.startsWith('fuzz:')) this.#tellSeed(content.trim())
    const file = this.#fileOf(taskId)
    this.#printed.set(file, [...(this.#printed.get(file) ?? []), content])
  }

  onTestModuleEnd(module: TestModule): void {
    const ms = module.diagnostic().duration
    if (ms >= SLOW_MS) console.log(`slow ${module.relativeModuleId} (${(ms / 1000).toFixed(1)} s)`)
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    for (const module of modules) this.#tellFailures(module)
    const strays =
      modules.length > 0 ? unhandled : [...unhandled, new Error('There is no such test file.')]
    if (strays.length > 0) this.#tellFailure({ title: 'outside of any test', errors: strays })
    report(countAll(modules, strays.length))
  }

  /** Each file picks its seed up from the run, so the line that repeats the run is the same for all. */
  #tellSeed(line: string): void {
    if (this.#seeds.has(line)) return
    this.#seeds.add(line)
    console.log(line)
  }

  #fileOf(taskId: string | undefined): string {
    const task = taskId === undefined ? undefined : this.#vitest.state.getReportedEntityById(taskId)
    if (!task) return ''
    return task.type === 'module' ? task.moduleId : task.module.moduleId
  }

  #tellFailures(module: TestModule): void {
    const failures = failuresOf(module)
    for (const failure of failures) this.#tellFailure(failure)
    const printed = this.#printed.get(module.moduleId)
    if (failures.length === 0 || !printed) return
    this.#vitest.logger.error(`\nprinted by ${module.relativeModuleId}:\n${printed.join('')}`)
  }

  #tellFailure({ title, errors }: Failure): void {
    this.#vitest.logger.error(`\nFAIL ${title}`)
    for (const error of errors) this.#vitest.logger.printError(error, { fullStack: true })
  }
}

function failuresOf(module: TestModule): Failure[] {
  const own = { title: module.relativeModuleId, errors: module.errors() }
  const suites = [...module.children.allSuites()].map(failureOfSuite)
  const tests = [...module.children.allTests('failed')].map(failureOfTest)
  return [own, ...suites, ...tests].filter(({ errors }) => errors.length > 0)
}

/** A suite's own errors are those of its hooks; its tests have theirs. */
function failureOfSuite(suite: TestSuite): Failure {
  return { title: titleOf(suite), errors: suite.errors() }
}

function failureOfTest(test: TestCase): Failure {
  return { title: titleOf(test), errors: test.result().errors ?? [] }
}

function titleOf(task: TestCase | TestSuite): string {
  return `${task.module.relativeModuleId} > ${task.fullName}`
}

function countAll(modules: readonly TestModule[], others: number): Counts {
  const tests = modules.flatMap((module) => [...module.children.allTests()])
  const inState = (state: string) => tests.filter((test) => test.result().state === state).length
  const suites = modules.flatMap((module) => [module, ...module.children.allSuites()])
  const broken = suites.filter((suite) => suite.errors().length > 0).length
  return {
    passed: inState('passed'),
    failed: inState('failed') + broken + others,
    skipped: inState('skipped'),
  }
}

function report(counts: Counts): void {
  const file = process.env.TIPLINE_TEST_COUNTS
  if (file) writeFileSync(file, JSON.stringify(counts))
  else console.log(summaryOf(counts))
}

function summaryOf({ passed, failed, skipped }: Counts): string {
  return `${skipped} skipped\n${passed} passed, ${failed} failed`
}
