/** Runs before the API and the worker in a container: `node --import tsx --import ./deploy/preload.mjs api/main.ts`. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { openGate } from './gate.mjs';
import { settingsFor, usesSandbox } from './settings.mjs';

/** The sandbox's, as docker-compose.yml has them. */
const SANDBOX_PORTS = [3100, 3101, 3102, 3103, 3104, 3105];

async function prepare() {
  const { env } = process;
  if (!usesSandbox(env)) {
    Object.assign(env, settingsFor(env, {}));
    return;
  }
  const file = join(env['HOLDFAST_HOME'] ?? '.holdfast', 'sandbox', 'merchant.json');
  if (!existsSync(file)) throw new Error(`${file} is not there yet: does the service sandbox run?`);
  Object.assign(env, settingsFor(env, JSON.parse(readFileSync(file, 'utf8'))));
  await openGate({ addresses: ['127.0.0.1'], ports: SANDBOX_PORTS, target: 'sandbox' });
}

// Worker threads inherit the preloaded modules; the process has done it all by then.
if (isMainThread) {
  try {
    await prepare();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}
