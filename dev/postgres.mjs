import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeTree, rotateLog, runToEnd } from './child.mjs';
import { LaunchError } from './errors.mjs';
import { isThere, keepSecret, randomSecret, readIfThere } from './files.mjs';
import { chooseAccount, knownHolder, makeHolder } from './pg-account.mjs';
import { findBinaries } from './pg-binaries.mjs';
import { freePort } from './ports.mjs';
import { endProcess, isAlive, isOurs, pidsWorkingIn, sendSignal, testRunMark } from './processes.mjs';
import { startOnce } from './run-once.mjs';
import { until } from './wait.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Enough for an API, a worker and a handful of tools, each with a pool of its own.
 */
const MAX_CONNECTIONS = 200;

/**
 * @typedef {object} Cluster
 * @property {string} data the data folder
 * @property {string} postgres the server's binary
 * @property {import('./pg-binaries.mjs').Account} account
 * @property {string} superuserPassword
 */

/**
 * Makes the database cluster of a HOLDFAST_HOME, or finds it as it was left.
 *
 * @param {{ home: string, root?: string, signal?: AbortSignal | undefined }} options `home`: a real path
 * @returns {Promise<Cluster>}
 * @throws {LaunchError}
 */
export async function openCluster({ home, root = ROOT, signal }) {
  const known = knownHolder(home);
  const account = chooseAccount(known && join(known, 'data'));
  const { postgres, initdb, version } = findBinaries(root, account);
  const holder = known ?? makeHolder(home, account);
  const data = join(holder, 'data');
  const password = keepSecret(join(home, 'postgres-password'), () => randomSecret());
  const cluster = { data, postgres, account, superuserPassword: password.value };
  if (!isThere(join(data, 'PG_VERSION'))) {
    await initialise(cluster, { initdb, home, signal });
    return cluster;
  }
  const made = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim();
  if (made !== version.split('.')[0]) {
    throw new LaunchError(
      `The database in ${data} was made by PostgreSQL ${made}, and this release brings ${version}: dump it with the release that made it, or set HOLDFAST_HOME to a new folder.`,
    );
  }
  if (password.isNew) resetPassword(cluster);
  return cluster;
}

/**
 * @param {Cluster} cluster
 * @param {{ initdb: string, home: string, signal: AbortSignal | undefined }} options
 */
async function initialise({ data, account, superuserPassword }, { initdb, home, signal }) {
  // Under another name until it is complete: what a killed initdb leaves behind is never taken for a
  // database.
  const draft = `${data}.new`;
  const passwordFile = `${data}.password`;
  const logFile = join(home, 'logs', 'initdb.log');
  await vacate(dirname(data), { graceMs: 0 });
  await vacate(draft, { graceMs: 0 });
  removeTree(draft);
  removeTree(data);
  rotateLog(logFile);
  writeFileSync(passwordFile, `${superuserPassword}\n`, { mode: 0o600 });
  if (account.uid !== undefined && account.gid !== undefined)
    chownSync(passwordFile, account.uid, account.gid);
  // The locale built into PostgreSQL sorts and folds the same on every system, whatever locales it has.
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const args = ['-D', draft, '-U', 'postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`, ...locale];
  try {
    await runToEnd(
      { name: 'initdb', command: initdb, args, env: serverEnvironment(home), cwd: dirname(data), ...account },
      { logFile, signal, withinMs: 120_000 },
    );
    renameSync(draft, data);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/**
 * The password file was deleted and the database was not: in single-user mode nobody asks for one.
 *
 * @param {Cluster} cluster
 */
function resetPassword({ data, postgres, account, superuserPassword }) {
  spawnSync(postgres, ['--single', '-D', data, 'postgres'], {
    ...account,
    cwd: data,
    env: { PATH: process.env['PATH'] },
    input: `ALTER ROLE postgres PASSWORD '${superuserPassword}'\n`,
  });
}

/**
 * The server needs nothing of the user's environment, and none of its secrets.
 *
 * @param {string} home
 * @returns {NodeJS.ProcessEnv}
 */
function serverEnvironment(home) {
  return { PATH: process.env['PATH'], LC_ALL: 'C', HOLDFAST_HOME: home, ...testRunMark() };
}

/**
 * @param {Cluster} cluster
 * @param {{ home: string, port: number }} options
 * @returns {import('./supervisor.mjs').Service} with the superuser's URL
 */
export function postgresService({ data, postgres, account, superuserPassword }, { home, port }) {
  const settings = {
    listen_addresses: '127.0.0.1',
    // TCP alone: a socket's path must be shorter than 108 characters, and HOLDFAST_HOME may not be.
    unix_socket_directories: '',
    max_connections: String(MAX_CONNECTIONS),
    fsync: 'on',
    timezone: 'UTC',
    log_timezone: 'UTC',
  };
  return {
    name: 'postgres',
    command: postgres,
    args: [
      '-D',
      data,
      '-p',
      String(port),
      ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
    ],
    env: serverEnvironment(home),
    cwd: data,
    ...account,
    port,
    url: `postgres://postgres:${superuserPassword}@127.0.0.1:${port}/postgres`,
    isReady: async (pid) => isReady(data, pid),
    readyWithinMs: 60_000,
    // SIGINT is its fast shutdown, which ends sessions; SIGQUIT leaves recovery to the next start.
    stopSignals: ['SIGINT', 'SIGQUIT'],
    stopWithinMs: 10_000,
    beforeStart: () => clearLeftovers(data, home),
  };
}

/**
 * The server's own word for it, as pg_ctl reads it: line 1 is the postmaster's pid, line 8 its state.
 *
 * @param {string} data
 * @param {number} pid
 * @returns {boolean}
 */
function isReady(data, pid) {
  const lines = readIfThere(join(data, 'postmaster.pid'))?.split('\n') ?? [];
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
}

/**
 * What a killed launcher or a killed server left behind: a server still running on this data, processes of
 * a dead one, or a postmaster.pid whose number is a stranger's by now.
 *
 * @param {string} data
 * @param {string} home
 */
export async function clearLeftovers(data, home) {
  const pidFile = join(data, 'postmaster.pid');
  const pid = Number(readIfThere(pidFile)?.split('\n')[0] ?? 0);
  if (pid > 1 && isAlive(pid) && isOurs(pid, [data], home)) await endProcess(pid, 'SIGINT', 10_000);
  // The processes of a killed server notice and end by themselves. The next server must not start before:
  // two of them on one data folder destroy it.
  await vacate(data, { graceMs: 5_000 });
  // Now nobody works on this data. PostgreSQL would still refuse while the number in the file is a
  // stranger's, or a killed server's that nobody has buried yet.
  if (!isOurs(pid, [data], home)) rmSync(pidFile, { force: true });
}

/**
 * Waits until no process works in a folder, and ends those that do after the time of grace.
 *
 * @param {string} folder
 * @param {{ graceMs: number }} options
 */
async function vacate(folder, { graceMs }) {
  const empty = () => pidsWorkingIn(folder).length === 0;
  if (await until(empty, { withinMs: graceMs })) return;
  for (const pid of pidsWorkingIn(folder)) sendSignal(pid, 'SIGKILL');
  await until(empty, { withinMs: 5_000 });
}

/**
 * A database server of its own, for tests and tools. Nothing keeps it running; it ends with its caller at
 * the latest.
 *
 * @param {{ home: string, port?: number }} options `home`: a folder for its data, made when missing
 * @returns {Promise<import('./run-once.mjs').Running>} `url` is the superuser's, on database `postgres`
 * @throws {LaunchError}
 */
export async function startPostgres({ home, port }) {
  mkdirSync(home, { recursive: true });
  const real = realpathSync(home);
  // A temporary folder is closed to PostgreSQL's user, and its data would go, and stay, elsewhere. An empty
  // one has nothing in it to be closed for.
  if (process.getuid?.() === 0 && readdirSync(real).length === 0) chmodSync(real, 0o711);
  const cluster = await openCluster({ home: real });
  return startOnce(postgresService(cluster, { home: real, port: port ?? (await freePort()) }), real);
}
