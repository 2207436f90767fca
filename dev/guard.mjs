import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { removeTree } from './child.mjs';
import { removeData } from './pg-account.mjs';
import { endProcess, pidsWithEnvironment, startOf } from './processes.mjs';

/**
 * For tests: ends servers and deletes their folders when the process that started them is gone, however it
 * ended. A child process holds the reading end of a pipe; the kernel closes the writing end even of a
 * process that was killed.
 *
 * @typedef {{ pid: number, started: string, signal: NodeJS.Signals }} Watched
 * @typedef {{ watch: Watched } | { home: string }} Order
 *
 * @typedef {object} Guard
 * @property {(pid: number, signal?: NodeJS.Signals) => void} watch
 * @property {(home: string) => void} remove a HOLDFAST_HOME, with its database wherever that lies
 * @property {() => Promise<void>} close does all this now
 */

const WITHIN_MS = 10_000;

/**
 * @returns {Guard}
 */
export function createGuard() {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.unref();
  const pipe = /** @type {import('node:net').Socket} */ (child.stdin);
  pipe.unref();
  /** @param {Order} order */
  const say = (order) => {
    pipe.write(`${JSON.stringify(order)}\n`);
  };
  return {
    watch: (pid, signal = 'SIGTERM') => say({ watch: { pid, started: startOf(pid), signal } }),
    remove: (home) => say({ home }),
    close: () =>
      new Promise((resolve) => {
        child.ref();
        child.once('exit', () => resolve());
        pipe.end();
      }),
  };
}

/** @type {Guard | undefined} */
let shared;

/**
 * @returns {Guard} one for all servers of this process
 */
export function sharedGuard() {
  shared ??= createGuard();
  return shared;
}

/**
 * @param {string} [prefix]
 * @returns {string} a new folder under the system's temporary one that PostgreSQL's user can enter too
 */
export function makeTestHome(prefix = 'holdfast-test-') {
  const home = realpathSync(mkdtempSync(join(tmpdir(), prefix)));
  chmodSync(home, 0o711);
  return home;
}

/**
 * The child's side.
 */
async function guard() {
  /** @type {Watched[]} */
  const watched = [];
  /** @type {string[]} */
  const homes = [];
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.on(signal, () => {});
  for await (const line of createInterface({ input: process.stdin })) {
    const order = /** @type {Order} */ (JSON.parse(line));
    if ('home' in order) homes.push(order.home);
    else watched.push(order.watch);
  }
  await Promise.all(
    watched.map(async ({ pid, started, signal }) => {
      if (startOf(pid) === started) await endProcess(pid, signal, WITHIN_MS);
    }),
  );
  for (const home of homes) {
    // Of a launcher that took too long and was killed: nobody else would ever end its children.
    const left = pidsWithEnvironment(`HOLDFAST_HOME=${home}`);
    await Promise.all(left.map((pid) => endProcess(pid, 'SIGKILL', WITHIN_MS)));
    removeData(home);
    removeTree(home);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await guard();
