import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { answersOk } from './wait.mjs';

/**
 * What of the product the launcher runs, and where it lies. Tests put stand-ins here.
 *
 * @typedef {object} Scripts
 * @property {string} migrate run to its end
 * @property {string} sandbox
 * @property {string} worker
 * @property {string} api
 */

/** First the callers, then those they call. Those of one line end together. */
export const STOP_ORDER = [['api'], ['worker', 'sandbox'], ['temporal'], ['postgres']];

/**
 * @param {string} root
 * @returns {Scripts}
 */
export function productScripts(root) {
  return {
    migrate: join(root, 'db', 'migrate.ts'),
    sandbox: join(root, 'sandbox', 'main.ts'),
    worker: join(root, 'worker', 'main.ts'),
    api: join(root, 'api', 'main.ts'),
  };
}

/**
 * Node itself with tsx's loader, not the `tsx` program: that one is a second process around the real one,
 * and a SIGKILL to it would leave the real one running.
 *
 * @param {string} root
 * @param {string} script
 * @returns {{ command: string, args: string[] }}
 */
export function nodeCommand(root, script) {
  const loader = pathToFileURL(join(root, 'node_modules', 'tsx', 'dist', 'loader.mjs')).href;
  return {
    command: process.execPath,
    args: [...(script.endsWith('.ts') ? ['--import', loader] : []), script],
  };
}

/**
 * @param {{ root: string, script: string, name: string, env: NodeJS.ProcessEnv, port: number, url?: string, readyPath: string, stopWithinMs: number }} options
 * @returns {import('./supervisor.mjs').Service}
 */
export function nodeService({
  root,
  script,
  name,
  env,
  port,
  url = `http://127.0.0.1:${port}`,
  readyPath,
  stopWithinMs,
}) {
  return {
    name,
    ...nodeCommand(root, script),
    env,
    cwd: root,
    port,
    url,
    isReady: () => answersOk(`${url}${readyPath}`),
    readyWithinMs: 90_000,
    stopSignals: ['SIGTERM'],
    stopWithinMs,
  };
}

/**
 * What the command line of a child shows, by which a pid in an old run.json is told from a stranger's.
 *
 * @param {{ scripts: Scripts, data: string | undefined, temporalFile: string }} options
 * @returns {Record<string, string[]>}
 */
export function marksOfChildren({ scripts, data, temporalFile }) {
  return {
    api: [scripts.api],
    worker: [scripts.worker],
    sandbox: [scripts.sandbox],
    temporal: ['start-dev', temporalFile],
    postgres: data === undefined ? [] : ['postgres', data],
  };
}
