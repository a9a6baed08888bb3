// Calls operations through generated clients: run_client.js PLAN.json prints what each call came to.
//
// A plan is [{client, base, token, operationId, arguments}]; the answer is [{ok} or {status, body}].
'use strict';
const fs = require('fs');

function find(client, operationId) {
  for (const [name, service] of Object.entries(client)) {
    if (name.endsWith('Service') && typeof service[operationId] === 'function') {
      return service[operationId].bind(service);
    }
  }
  throw new Error('the generated client has no ' + operationId);
}

async function call(step) {
  const client = require(step.client);
  client.OpenAPI.BASE = step.base;
  client.OpenAPI.TOKEN = step.token;
  try {
    return {ok: (await find(client, step.operationId)(step.arguments)) ?? null};
  } catch (error) {
    if (!(error instanceof client.ApiError)) throw error;
    return {status: error.status, body: error.body};
  }
}

async function main() {
  const out = [];
  for (const step of JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))) out.push(await call(step));
  process.stdout.write(JSON.stringify(out));
}

main().catch((error) => {
  process.stderr.write(String(error.stack) + '\n');
  process.exit(1);
});
