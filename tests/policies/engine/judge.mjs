// Judges many requests in one process: JSON on standard input, JSON on standard output.
//
//   node judge.mjs FOLDER    with FOLDER/node_modules holding @cloud-copilot/iam-simulate
//
// In:  {documents: {digest: policy}, cases: [{principal, action, resource, account, context,
//       identity: [[name, digest]], resourcePolicy: digest|null, unchecked: bool}]}
// Out: [{result, ignored, allows: [[policy, statement, [resource pattern]]], error}], in the same order
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const engine = createRequire(join(process.argv[2], 'package.json'))('@cloud-copilot/iam-simulate')
const { documents, cases } = JSON.parse(readFileSync(0, 'utf8'))

function simulation(given, resource) {
  return {
    request: {
      principal: given.principal,
      action: given.action,
      resource: { resource, accountId: given.account },
      contextVariables: given.context,
    },
    identityPolicies: given.identity.map(([name, digest]) => ({ name, policy: documents[digest] })),
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    resourcePolicy: given.resourcePolicy === null ? undefined : documents[given.resourcePolicy],
  }
}

// Returns the patterns of a statement's Resource that matched; a statement without Resource has none.
function patterns({ resources }) {
  return [resources ?? []].flat().filter((each) => each.matches).map((each) => each.resource)
}

async function judge(given) {
  // Skips the engine's list of condition keys per action.
  if (given.unchecked) {
    return { result: engine.runUnsafeSimulation(simulation(given, given.resource), {}), ignored: [], allows: [] }
  }
  const [service, operation] = given.action.split(':')
  // An action without resource types is simulated on `*`, not on the resource of the request.
  const everything = await engine.isWildcardOnlyAction(service, operation)
  const answer = await engine.runSimulation(simulation(given, everything ? '*' : given.resource), {})
  if (answer.resultType === 'error') {
    return { error: JSON.stringify(answer.errors) }
  }
  // A request for a resource pattern has more than one result.
  const results = answer.results ?? [answer.result]
  return {
    result: answer.overallResult,
    ignored: [...new Set(results.flatMap((each) => each.ignoredContextKeys))],
    allows: results
      .flatMap((each) => each.analysis.identityAnalysis?.allowStatements ?? [])
      .map((each) => [each.policyId, each.statement.index() - 1, patterns(each.explain)]),
  }
}

const verdicts = []
for (const given of cases) {
  verdicts.push(await judge(given).catch((error) => ({ error: error.message })))
}
process.stdout.write(JSON.stringify(verdicts))
