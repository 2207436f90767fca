import { execFile } from 'node:child_process';
import { mkdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { LaunchError, textOf } from './errors.mjs';
import { writeWhole } from './files.mjs';
import { freePort, isListening } from './ports.mjs';
import { testRunMark } from './processes.mjs';
import { startOnce } from './run-once.mjs';
import { findTool, TEMPORAL, TEST_SERVER } from './tools.mjs';
import { until } from './wait.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const execFileDone = promisify(execFile);

/** 30 days: as long as late payments and refunds still ask about an order (system.md, section 2.7). */
const RETENTION = '720h';

/** A file without any profile would be an error to the SDK (envconfig 1.24). */
const EMPTY_PROFILE = '[profile.default]\n';

/** What the Temporal UI lists orders by. No phone number or name: these are never encrypted. */
const SEARCH_ATTRIBUTES = {
  HoldfastStatus: 'Keyword',
  HoldfastKind: 'Keyword',
  HoldfastSeller: 'Keyword',
  HoldfastAmount: 'Int',
  HoldfastNeedsAttention: 'Bool',
};

/**
 * @param {Partial<import('./tools.mjs').FindOptions>} [options] `home`: `.holdfast` in the checkout by default
 * @returns {Promise<import('./tools.mjs').Found>} the `temporal` program, downloaded when it must be
 * @throws {LaunchError} with the lines to paste
 */
export function findTemporal(options = {}) {
  return findTool(TEMPORAL, { home: join(ROOT, '.holdfast'), ...options });
}

/**
 * @param {Partial<import('./tools.mjs').FindOptions>} [options]
 * @returns {Promise<import('./tools.mjs').Found>} the time-skipping test server
 * @throws {LaunchError} with the lines to paste
 */
export function findTestServer(options = {}) {
  return findTool(TEST_SERVER, { home: join(ROOT, '.holdfast'), ...options });
}

/**
 * @typedef {object} TemporalOptions
 * @property {string} home HOLDFAST_HOME, a real path
 * @property {string} binary
 * @property {number} port
 * @property {number} uiPort 0: no UI
 * @property {number} metricsPort
 * @property {string} [namespace]
 * @property {boolean} [persistent] false: kept in memory alone
 * @property {string[]} [extraArgs] e.g. `['--dynamic-config-value', 'frontend.WorkflowTimeSkippingEnabled=true']`
 */

/**
 * @param {string} home
 * @returns {string}
 */
export const temporalFile = (home) => join(home, 'temporal', 'temporal.db');

/**
 * @param {TemporalOptions} options
 * @returns {import('./supervisor.mjs').Service} `url` is the UI's
 */
export function temporalService({
  home,
  binary,
  port,
  uiPort,
  metricsPort,
  namespace = 'default',
  persistent = true,
  extraArgs = [],
}) {
  const folder = join(home, 'temporal');
  const env = temporalEnvironment(home);
  const ui = uiPort === 0 ? ['--headless'] : ['--ui-port', String(uiPort), '--ui-disable-news-fetch'];
  const network = ['--ip', '127.0.0.1', '--port', String(port), '--metrics-port', String(metricsPort)];
  return {
    name: 'temporal',
    command: binary,
    args: [
      'server',
      'start-dev',
      ...network,
      ...ui,
      ...(persistent ? ['--db-filename', temporalFile(home)] : []),
      ...Object.entries(SEARCH_ATTRIBUTES).flatMap(([key, type]) => ['--search-attribute', `${key}=${type}`]),
      ...['--log-level', 'warn', '--namespace', namespace].concat(extraArgs),
    ],
    env,
    cwd: home,
    port,
    url: uiPort === 0 ? `http://127.0.0.1:${port}` : `http://127.0.0.1:${uiPort}`,
    isReady: () => isListening(port),
    readyWithinMs: 60_000,
    stopSignals: ['SIGTERM'],
    stopWithinMs: 10_000,
    beforeStart: async () => {
      mkdirSync(folder, { recursive: true });
      writeWhole(temporalConfigFile(home), EMPTY_PROFILE);
    },
    afterReady: (signal) => keepLong({ binary, port, namespace, env, cwd: home, signal }),
  };
}

/**
 * The `temporal` program reads the same configuration file and variables as the SDK does; a profile for a
 * company's cluster must not reach the embedded server. A profile without settings is read instead.
 *
 * @param {string} home
 * @returns {NodeJS.ProcessEnv}
 */
function temporalEnvironment(home) {
  return {
    PATH: process.env['PATH'],
    HOME: home,
    HOLDFAST_HOME: home,
    TEMPORAL_CONFIG_FILE: temporalConfigFile(home),
    ...testRunMark(),
  };
}

/**
 * @param {string} home
 * @returns {string}
 */
export const temporalConfigFile = (home) => join(home, 'temporal', 'temporal.toml');

/**
 * The dev server makes its namespaces with a retention of one day.
 *
 * @param {{ binary: string, port: number, namespace: string, env: NodeJS.ProcessEnv, cwd: string, signal: AbortSignal | undefined }} options
 */
async function keepLong({ binary, port, namespace, env, cwd, signal }) {
  const args = [
    'operator',
    'namespace',
    'update',
    '--address',
    `127.0.0.1:${port}`,
    '-n',
    namespace,
    '--retention',
    RETENTION,
  ];
  let why = '';
  // The port opens a moment before the namespace is there.
  const done = await until(
    () =>
      execFileDone(binary, args, { env, cwd, timeout: 10_000 }).then(
        () => true,
        (/** @type {unknown} */ error) => {
          why = textOf(error);
          return false;
        },
      ),
    { withinMs: 30_000, signal },
  );
  if (!done)
    throw new LaunchError(`The retention of Temporal's namespace ${namespace} could not be set: ${why}`);
}

/**
 * A Temporal dev server of its own, for tests and tools. Nothing keeps it running; it ends with its caller
 * at the latest.
 *
 * @param {{ home: string, binary?: string, port?: number, uiPort?: number, persistent?: boolean, extraArgs?: string[] }} options
 * `home`: a folder for its data, made when missing; without `uiPort` it has no UI
 * @returns {Promise<import('./run-once.mjs').Running & { address: string }>}
 * @throws {LaunchError}
 */
export async function startTemporal({ home, binary, port, uiPort = 0, persistent = true, extraArgs = [] }) {
  mkdirSync(home, { recursive: true });
  const real = realpathSync(home);
  const service = temporalService({
    home: real,
    binary: binary ?? (await findTemporal()).path,
    port: port ?? (await freePort()),
    uiPort,
    metricsPort: await freePort(),
    persistent,
    extraArgs,
  });
  return { ...(await startOnce(service, real)), address: `127.0.0.1:${service.port}` };
}
