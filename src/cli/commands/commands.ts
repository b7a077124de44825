/** Every command's words and options, with examples; help, completion and reference are made of it. */
import type { Command } from 'commander'
import type { Execute } from '../context.js'
import { addAlerts } from './alerts.js'
import { addRun } from './daemon.js'
import { addBackscan, addFlows } from './flows.js'
import { addHits } from './hits.js'
import { addHold, addHolds, addRelease } from './holds.js'
import { addDoctor, addExplain, addLookup, addStatus } from './knowledge.js'
import { addEnrich } from './logs.js'
import { addLogstash } from './logstash.js'
import { addDemo } from './start.js'
import { addSync } from './sync.js'
import { addToken } from './token.js'
import { addBackup, addConfig, addForget, addRestore } from './upkeep.js'

export function addCommands(program: Command, execute: Execute): void {
  program.commandsGroup('From MISP to the sinks:')
  addSync(program, execute)
  addRun(program, execute)
  program.commandsGroup('Logs:')
  addEnrich(program, execute)
  program.commandsGroup('Flows:')
  addFlows(program, execute)
  addBackscan(program, execute)
  program.commandsGroup('Hits:')
  addHits(program, execute)
  addAlerts(program, execute)
  program.commandsGroup('What is known:')
  addLookup(program, execute)
  addExplain(program, execute)
  addStatus(program, execute)
  addDoctor(program, execute)
  program.commandsGroup('Where the data flows:')
  addLogstash(program, execute)
  program.commandsGroup('The kill switch:')
  addHold(program, execute)
  addRelease(program, execute)
  addHolds(program, execute)
  program.commandsGroup('Upkeep:')
  addConfig(program, execute)
  addBackup(program, execute)
  addRestore(program, execute)
  addForget(program, execute)
  addToken(program, execute)
  program.commandsGroup('Getting started:')
  addDemo(program, execute)
}
