import { join } from 'node:path';
import { runToEnd, rotateLog } from './child.mjs';
import { databaseUrls, prepareDatabase } from './database.mjs';
import { readJson, rememberedPorts } from './files.mjs';
import { openCluster, postgresService } from './postgres.mjs';
import { freePort, isPortFree } from './ports.mjs';
import { nodeCommand, nodeService } from './services.mjs';
import { apiUrl, childEnvironment } from './settings.mjs';
import { findTemporal, temporalConfigFile, temporalService } from './temporal.mjs';

/**
 * @typedef {object} Stack what the steps below share
 * @property {import('./settings.mjs').Settings} settings
 * @property {string} home HOLDFAST_HOME, a real path
 * @property {import('./services.mjs').Scripts} scripts
 * @property {import('./report.mjs').Report} report
 * @property {import('./supervisor.mjs').Supervisor} supervisor
 * @property {AbortSignal} signal aborted by Ctrl-C
 * @property {string} adminApiKey
 * @property {Ports} ports
 *
 * @typedef {object} Ports those that nobody has to choose
 * @property {number} postgres
 * @property {number} workerHealth
 * @property {number} temporalMetrics
 */

/**
 * Ports that are not asked for by name: the one of last time while it is free, so that what was written
 * down stays true, else another.
 *
 * @param {string} home
 * @param {number | undefined} postgresPort HOLDFAST_PG_PORT
 * @returns {Promise<Ports>}
 */
export async function choosePorts(home, postgresPort) {
  const remembered = rememberedPorts(home);
  /**
   * @param {string} name
   * @param {number} [first]
   */
  const choose = async (name, first) => {
    for (const port of [remembered.get(name), first]) {
      if (port !== undefined && (await isPortFree(port))) return port;
    }
    return freePort();
  };
  const ports = {
    postgres: postgresPort ?? (await choose('postgres', 54_329)),
    workerHealth: await choose('workerHealth'),
    temporalMetrics: await choose('temporalMetrics'),
  };
  for (const [name, port] of Object.entries(ports)) remembered.keep(name, port);
  return ports;
}

/**
 * Starts everything in the order in which it needs one another, and what needs nothing of one another
 * together.
 *
 * @param {Stack} stack
 * @returns {Promise<void>} once the API answers that it is ready
 */
export async function startStack(stack) {
  const { settings, home, adminApiKey, ports } = stack;
  const { temporalAddress } = settings;
  const urls = settings.databaseUrl === undefined ? databaseUrls({ home, port: ports.postgres }) : undefined;
  const embeddedTemporal = temporalAddress === undefined;
  const env = childEnvironment(settings, {
    adminApiKey,
    databaseUrl: urls?.app ?? settings.databaseUrl ?? '',
    migrationUrl: undefined,
    temporalAddress: temporalAddress ?? `127.0.0.1:${settings.temporalPort}`,
    temporalConfigFile: embeddedTemporal ? temporalConfigFile(home) : undefined,
  });
  const [, , merchant] = await together(stack, (inner) => [
    startDatabase(inner, urls, env),
    embeddedTemporal ? startTemporalServer(inner) : Promise.resolve(),
    startSandbox(inner, env),
  ]);
  // The sandbox's keys and base URLs stand in wherever the user named no provider's.
  const merchantEnv = { ...merchant, ...env };
  await together(stack, (inner) => [startWorker(inner, merchantEnv), startApi(inner, merchantEnv)]);
}

/**
 * Runs steps side by side. When one fails the others are given up at once, and are waited for: nothing
 * may still be starting when the launcher begins to stop.
 *
 * @template {unknown[]} T
 * @param {Stack} stack
 * @param {(stack: Stack) => { [K in keyof T]: Promise<T[K]> }} steps
 * @returns {Promise<T>}
 */
async function together(stack, steps) {
  const failed = new AbortController();
  const running = steps({ ...stack, signal: AbortSignal.any([stack.signal, failed.signal]) });
  try {
    return /** @type {T} */ (await Promise.all(running));
  } catch (error) {
    failed.abort(error);
    await Promise.allSettled(running);
    throw error;
  }
}

/**
 * @template T
 * @param {Stack} stack
 * @param {string} label
 * @param {(step: import('./report.mjs').Step) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function withStep({ report, signal }, label, work) {
  const step = report.step(label);
  try {
    const result = await work(step);
    step.done();
    return result;
  } catch (error) {
    step.fail(signal.aborted ? 'given up' : 'failed');
    throw error;
  }
}

/**
 * @param {Stack} stack
 * @param {ReturnType<typeof databaseUrls> | undefined} urls of the embedded database; undefined with DATABASE_URL
 * @param {NodeJS.ProcessEnv} env
 */
async function startDatabase(stack, urls, env) {
  const { settings, home, supervisor, signal, ports } = stack;
  if (urls === undefined) {
    await migrate(stack, env);
    return;
  }
  await withStep(stack, 'PostgreSQL', async () => {
    const cluster = await openCluster({ home, root: settings.root, signal });
    const service = postgresService(cluster, { home, port: ports.postgres });
    // run.json shows the application's URL: whoever reads it needs no more than the application may.
    await supervisor.run({ ...service, url: urls.app }, signal);
    await prepareDatabase(service.url, urls);
  });
  await migrate(stack, { ...env, MIGRATION_DATABASE_URL: urls.owner });
}

/**
 * @param {Stack} stack
 * @param {NodeJS.ProcessEnv} env
 */
async function migrate(stack, env) {
  const { settings, home, scripts, signal } = stack;
  const logFile = join(home, 'logs', 'migrations.log');
  await withStep(stack, 'Migrations', async () => {
    rotateLog(logFile);
    const command = nodeCommand(settings.root, scripts.migrate);
    await runToEnd(
      { name: 'migrations', ...command, env, cwd: settings.root },
      { logFile, signal, withinMs: 300_000 },
    );
  });
}

/**
 * @param {Stack} stack
 */
async function startTemporalServer(stack) {
  const { settings, home, supervisor, signal, ports } = stack;
  await withStep(stack, 'Temporal', async (step) => {
    const { path } = await findTemporal({ home, env: settings.env, note: (text) => step.note(text), signal });
    const service = temporalService({
      home,
      binary: path,
      port: settings.temporalPort,
      uiPort: settings.temporalUiPort,
      metricsPort: ports.temporalMetrics,
      namespace: settings.temporalNamespace,
    });
    await supervisor.run(service, signal);
  });
}

/**
 * @param {Stack} stack
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<NodeJS.ProcessEnv>} the variables under which the product reaches the sandbox
 */
async function startSandbox(stack, env) {
  const { settings, home, scripts, supervisor, signal } = stack;
  await withStep(stack, 'Sandbox', () =>
    supervisor.run(
      nodeService({
        root: settings.root,
        script: scripts.sandbox,
        name: 'sandbox',
        env: withoutSecrets(env),
        port: settings.sandboxPort,
        readyPath: '/keys',
        stopWithinMs: 5_000,
      }),
      signal,
    ),
  );
  /** @type {NodeJS.ProcessEnv} */
  const merchant = {};
  const written = readJson(join(home, 'sandbox', 'merchant.json'));
  for (const [name, value] of Object.entries(
    written !== null && typeof written === 'object' ? written : {},
  )) {
    if (typeof value === 'string') merchant[name] = value;
  }
  return merchant;
}

/**
 * The sandbox plays the providers, and providers know neither the database nor the API's key.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
function withoutSecrets({
  ADMIN_API_KEY: _key,
  DATABASE_URL: _url,
  MIGRATION_DATABASE_URL: _owner,
  PAYLOAD_KEY: _payload,
  ...rest
}) {
  return rest;
}

/**
 * @param {Stack} stack
 * @param {NodeJS.ProcessEnv} env
 */
async function startWorker(stack, env) {
  const { settings, scripts, supervisor, signal, ports } = stack;
  await withStep(stack, 'Worker', () =>
    supervisor.run(
      nodeService({
        root: settings.root,
        script: scripts.worker,
        name: 'worker',
        env: { ...env, WORKER_HEALTH_PORT: String(ports.workerHealth) },
        port: ports.workerHealth,
        readyPath: '/healthz',
        stopWithinMs: 15_000,
      }),
      signal,
    ),
  );
}

/**
 * @param {Stack} stack
 * @param {NodeJS.ProcessEnv} env
 */
async function startApi(stack, env) {
  const { settings, scripts, supervisor, signal } = stack;
  await withStep(stack, 'API', () =>
    supervisor.run(
      nodeService({
        root: settings.root,
        script: scripts.api,
        name: 'api',
        env,
        port: settings.port,
        url: apiUrl(settings),
        readyPath: '/readyz',
        stopWithinMs: 10_000,
      }),
      signal,
    ),
  );
}
