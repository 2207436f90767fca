/**
 * PostgreSQL, Temporal, the sandbox and any number of the product's processes, without the launcher: nothing starts
 * again by itself, so a test decides who is killed, when it comes back, and with which environment.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import postgres from 'postgres';
import type { Ending } from '../../dev/child.mjs';
import { databaseUrls, prepareDatabase } from '../../dev/database.mjs';
import { makeTestHome, sharedGuard } from '../../dev/guard.mjs';
import { freePort } from '../../dev/ports.mjs';
import { startPostgres } from '../../dev/postgres.mjs';
import { sendSignal, testRunMark } from '../../dev/processes.mjs';
import { type Running, startOnce } from '../../dev/run-once.mjs';
import { nodeService, productScripts } from '../../dev/services.mjs';
import { findTemporal, startTemporal, temporalConfigFile } from '../../dev/temporal.mjs';
import { migrateDatabase } from '../../db/migrations.js';
import { openTemporal } from '../../temporal/connect.js';
import { type Http, httpClient } from '../e2e/http.js';
import { type StackPorts, freePorts } from '../e2e/ports.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SCRIPTS = productScripts(ROOT);
const STOP_MS = 15_000;
/** The sandbox's retry pauses of minutes become fractions of a second. */
const SANDBOX_SPEED = 1_000;

/** A process of the product. */
export interface Proc {
  readonly pid: number;
  /** The API, or the worker's health port. */
  readonly url: string;
  /** Path of its log, which the processes of this name append to. */
  readonly log: string;
  readonly ended: Promise<Ending>;
  /** Sends a signal, SIGKILL unless it is named, and waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<Ending>;
}

/** A server that is killed by SIGKILL, and started again on the same data and port. */
export interface Server {
  pid(): number;
  kill(): Promise<void>;
  start(): Promise<void>;
}

export interface Fleet {
  readonly home: string;
  readonly adminKey: string;
  readonly postgres: Server & {
    readonly appUrl: string;
    readonly ownerUrl: string;
    readonly superuserUrl: string;
  };
  readonly temporal: Server & { readonly address: string };
  /** The providers' control API. */
  readonly sandbox: Http;
  /** The superuser's, on the product's database and past every proxy. */
  readonly sql: postgres.Sql;
  /** Past every proxy as well. */
  readonly client: Client;
  /** Once it listens. One API listens where providers send notifications; others have ports of their own. */
  startApi(environment?: Readonly<Record<string, string>>): Promise<Proc>;
  /** Once it polls. */
  startWorker(environment?: Readonly<Record<string, string>>): Promise<Proc>;
  /** An API, called with the admin key. */
  http(api: Proc): Http;
  /** Ends everything that still runs. */
  close(): Promise<void>;
}

export interface FleetOptions {
  /** For every process of the product, such as `AUTO_CONFIRM_AFTER`. */
  environment?: Readonly<Record<string, string>>;
}

interface Servers {
  home: string;
  ports: StackPorts;
  postgres: Fleet['postgres'];
  temporal: Fleet['temporal'];
  stop: () => Promise<void>;
}

/** Keeps what runs at present, so that a restart takes its place. */
async function restartable(start: () => Promise<Running>): Promise<Server & { stop(): Promise<void> }> {
  let running = await start();
  return {
    pid: () => running.pid,
    kill: () => running.kill(),
    start: async () => {
      running = await start();
    },
    stop: () => running.stop(),
  };
}

async function startDatabase(home: string, port: number) {
  let superuserUrl = '';
  const server = await restartable(async () => {
    const running = await startPostgres({ home, port });
    superuserUrl = running.url;
    return running;
  });
  const urls = databaseUrls({ home, port });
  await prepareDatabase(superuserUrl, urls);
  await migrateDatabase(urls.owner, urls.app);
  const ours = new URL(superuserUrl);
  ours.pathname = new URL(urls.app).pathname;
  return { ...server, appUrl: urls.app, ownerUrl: urls.owner, superuserUrl: ours.href };
}

async function startServers(): Promise<Servers> {
  const home = makeTestHome('holdfast-fleet-');
  sharedGuard().remove(home);
  const ports = await freePorts();
  const { path: binary } = await findTemporal();
  // Beforehand: a folder that PostgreSQL's user can enter must be empty when it is made.
  mkdirSync(join(home, 'database'), { mode: 0o711 });
  const [database, temporal] = await Promise.all([
    startDatabase(join(home, 'database'), ports.postgres),
    restartable(() => startTemporal({ home: join(home, 'temporal-server'), binary, port: ports.temporal })),
  ]);
  return {
    home,
    ports,
    postgres: database,
    temporal: { ...temporal, address: `127.0.0.1:${ports.temporal}` },
    stop: async () => {
      await temporal.stop();
      await database.stop();
    },
  };
}

/** Starts one script of the product; its working folder has no `.env`. */
async function startScript(
  home: string,
  wish: { name: string; script: string; port: number; readyPath: string; env: NodeJS.ProcessEnv },
): Promise<Running> {
  const service = nodeService({ root: ROOT, stopWithinMs: STOP_MS, ...wish });
  return startOnce({ ...service, cwd: home }, home);
}

function procOf({ pid, url, logFile, ended }: Running): Proc {
  let isOver = false;
  void ended.then(() => (isOver = true));
  return {
    pid,
    url,
    log: logFile,
    ended,
    kill: (signal = 'SIGKILL') => {
      // The pid of one that has ended may be somebody else's by now.
      if (!isOver) sendSignal(pid, signal);
      return ended;
    },
  };
}

/** @param options settings that all processes share; each start may name others */
export async function startFleet({ environment = {} }: FleetOptions = {}): Promise<Fleet> {
  const { home, ports, postgres: database, temporal, stop } = await startServers();
  const adminKey = randomBytes(24).toString('hex');
  const own = { PATH: process.env['PATH'], HOLDFAST_HOME: home, ...testRunMark() };
  const sandbox = await startScript(home, {
    name: 'sandbox',
    script: SCRIPTS.sandbox,
    port: ports.sandbox,
    readyPath: '/keys',
    env: {
      ...own,
      SANDBOX_PORT: String(ports.sandbox),
      SANDBOX_SPEED: String(SANDBOX_SPEED),
      PUBLIC_URL: `http://127.0.0.1:${ports.api}`,
    },
  });
  const merchant = JSON.parse(readFileSync(join(home, 'sandbox', 'merchant.json'), 'utf8')) as object;
  const shared: NodeJS.ProcessEnv = {
    ...own,
    ...merchant,
    DATABASE_URL: database.appUrl,
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_CONFIG_FILE: temporalConfigFile(join(home, 'temporal-server')),
    ADMIN_API_KEY: adminKey,
    HOST: '127.0.0.1',
    PUBLIC_URL: `http://127.0.0.1:${ports.api}`,
    RATE_LIMIT_PER_MINUTE: '1000000',
    ...environment,
  };
  const sql = postgres(database.superuserUrl, { max: 2, onnotice: () => undefined });
  const opened = openTemporal({ address: temporal.address, namespace: 'default', payloadKey: undefined });
  const procs = new Set<Proc>();
  /** Providers send notifications there: the first API has it, and the one that takes its place. */
  let publicPortIsTaken = false;

  const started = (running: Running): Proc => {
    const proc = procOf(running);
    procs.add(proc);
    return proc;
  };

  const startApiOn = async (port: number, env: Readonly<Record<string, string>>): Promise<Proc> =>
    started(
      await startScript(home, {
        name: `api-${port}`,
        script: SCRIPTS.api,
        port,
        readyPath: '/healthz',
        env: { ...shared, PORT: String(port), ...env },
      }),
    );

  return {
    home,
    adminKey,
    postgres: database,
    temporal,
    sandbox: httpClient(sandbox.url),
    sql,
    client: opened.client,
    startApi: async (env = {}) => {
      if (publicPortIsTaken) return startApiOn((await freePorts()).api, env);
      publicPortIsTaken = true;
      const free = (): void => {
        publicPortIsTaken = false;
      };
      try {
        const proc = await startApiOn(ports.api, env);
        proc.ended.then(free, free);
        return proc;
      } catch (error) {
        free();
        throw error;
      }
    },
    startWorker: async (env = {}) => {
      const port = await freePort();
      return started(
        await startScript(home, {
          name: `worker-${port}`,
          script: SCRIPTS.worker,
          port,
          readyPath: '/healthz',
          env: { ...shared, WORKER_HEALTH_PORT: String(port), ...env },
        }),
      );
    },
    http: ({ url }) => httpClient(url, () => adminKey),
    close: async () => {
      await Promise.all([...procs].map((proc) => proc.kill()));
      await Promise.all([opened.close(), sql.end({ timeout: 5 }), sandbox.stop()]);
      await stop();
    },
  };
}
