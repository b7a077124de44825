/**
 * Programs that a script starts, which end with it and take with them whatever they have started: a
 * signal for us goes to a process group that each leads. (npm passes it to its shell, which would keep it to
 * itself: so there we stand in the shell's place, by `exec`.)
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP']
const PATIENCE_MS = 5000

const groups = new Set()
let isEnding = false

/** A terminal's Ctrl-C reaches us alone, so each signal comes to them once. */
export function startNode(args, options) {
  if (groups.size === 0) for (const signal of SIGNALS) process.on(signal, end)
  const child = spawn(process.execPath, args, { ...options, detached: true })
  groups.add(child.pid)
  return child
}

/** Its exit status. Where we have been told to go there is none: nothing more is to be begun. */
export async function statusOf(child) {
  const [status, signal] = await once(child, 'close')
  if (isEnding) await new Promise(() => undefined)
  groups.delete(child.pid)
  if (groups.size === 0) for (const each of SIGNALS) process.off(each, end)
  return status ?? statusAfter(signal)
}

export function runNode(args, options) {
  return statusOf(startNode(args, { stdio: ['ignore', 'inherit', 'inherit'], ...options }))
}

/** Passes a second signal on too, which may mean "at once". */
async function end(signal) {
  for (const group of groups) tell(group, signal)
  if (isEnding) return
  isEnding = true
  const latest = Date.now() + PATIENCE_MS
  while ([...groups].some((group) => tell(group, 0)) && Date.now() < latest) await sleep(20)
  for (const group of groups) tell(group, 'SIGKILL')
  process.exit(statusAfter(signal))
}

/** @returns whether anything of the group is there */
function tell(group, signal) {
  try {
    return process.kill(-group, signal)
  } catch {
    return false
  }
}

function statusAfter(signal) {
  return 128 + constants.signals[signal]
}
