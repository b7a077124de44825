// Preloaded (`node -r`): kills this process with SIGKILL at the KILL_AT-th statement that SQLite is
// given, before or after it is carried out. Prints the number of statements at the end otherwise.
const Module = require('node:module')

const killAt = Number(process.env.KILL_AT ?? 0)
const after = process.env.KILL_WHEN === 'after'
let count = 0

function counted(work) {
  count += 1
  if (count === killAt && !after) process.kill(process.pid, 'SIGKILL')
  const result = work()
  if (count === killAt && after) process.kill(process.pid, 'SIGKILL')
  return result
}

function watched(driver) {
  class Watched extends driver.DatabaseSync {
    exec(sql) {
      return counted(() => super.exec(sql))
    }
    prepare(sql) {
      return new Proxy(super.prepare(sql), {
        get(statement, name) {
          const member = statement[name]
          if (typeof member !== 'function') return member
          if (name !== 'run') return member.bind(statement)
          return (...params) => counted(() => statement.run(...params))
        },
      })
    }
  }
  return { ...driver, DatabaseSync: Watched, backup: driver.backup }
}

const load = Module._load
Module._load = function (request, ...rest) {
  const loaded = load.call(this, request, ...rest)
  return /^(@photostructure\/sqlite|node:sqlite)$/.test(request) ? watched(loaded) : loaded
}

process.on('exit', () => console.log(count))
