// Preloaded (`node -r`): leaves what this process used in the file that MEASURE names.
const { writeFileSync } = require('node:fs')

const started = process.hrtime.bigint()
process.on('exit', () => {
  const { user, system } = process.cpuUsage()
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  const peakBytes = process.resourceUsage().maxRSS * 1024
  writeFileSync(
    process.env.MEASURE,
    JSON.stringify({ cpu: (user + system) / 1e6, seconds, peakBytes }),
  )
})
