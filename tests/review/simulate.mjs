// Decide requests, which are a list of simulations on standard input, with an IAM engine that shares no code with that of
// the tests. The result is a list on standard output.
import { runSimulation } from '@cloud-copilot/iam-simulate'
import { readFileSync } from 'node:fs'

const simulations = JSON.parse(readFileSync(0, 'utf-8'))
const results = []
for (const simulation of simulations) {
  const result = await runSimulation(
    { serviceControlPolicies: [], resourceControlPolicies: [], ...simulation },
    {}
  )
  results.push(
    result.resultType === 'error'
      ? { error: result.errors.message, details: result.errors }
      : { allowed: result.overallResult === 'Allowed' }
  )
}
process.stdout.write(JSON.stringify(results))
