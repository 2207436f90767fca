/** The whole product as `npm start` runs it, on a HOLDFAST_HOME and ports of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createGuard, makeTestHome } from '../../dev/guard.mjs';
import { isListening } from '../../dev/ports.mjs';
import { commandOf, isAlive, pidsWithEnvironment } from '../../dev/processes.mjs';
import { type Http, httpClient } from './http.js';
import { type StackPorts, allPorts, freePorts } from './ports.js';
import { eventually } from './wait.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Set to nothing, so that neither the developer's shell nor an `.env` of the checkout reaches the run. */
const NOT_OURS = (
  'DATABASE_URL MIGRATION_DATABASE_URL TEMPORAL_ADDRESS TEMPORAL_NAMESPACE PUBLIC_URL HOST ADMIN_API_KEY ' +
  'LEGACY_AUTH CAMPUS_WEB_PATH COURSE_RELAY_AUTH COURSE_RELAY_SECRET FACTORY_SUBDOMAIN NODE_ENV LOG_LEVEL PAYLOAD_KEY SANDBOX_SPEED CORS_ORIGINS PAYMENT_EXPIRES_AFTER ' +
  'RATE_LIMIT_PER_MINUTE TRUST_PROXY HOLDFAST_EMBEDDED npm_lifecycle_event ' +
  'ALIPAY_APP_ID ALIPAY_PRIVATE_KEY ALIPAY_PUBLIC_KEY ALIPAY_GATEWAY ALIPAY_SELLER_ID ' +
  'WECHAT_APP_ID WECHAT_MCH_ID WECHAT_SERIAL WECHAT_PRIVATE_KEY WECHAT_API_V3_KEY WECHAT_PUBLIC_KEY_ID ' +
  'WECHAT_PUBLIC_KEY WECHAT_BASE_URL PINGPP_APP_ID PINGPP_API_KEY PINGPP_PRIVATE_KEY PINGPP_PUBLIC_KEY ' +
  'PINGPP_BASE_URL STRIPE_SECRET_KEY STRIPE_WEBHOOK_SECRET STRIPE_BASE_URL'
).split(' ');

const CHILDREN = ['postgres', 'temporal', 'worker', 'api', 'sandbox'] as const;
export type ChildName = (typeof CHILDREN)[number];

/** As the launcher keeps it in HOLDFAST_HOME. */
export type RunFile = Record<ChildName, { pid: number; port: number; url: string }>;

export interface Stack {
  readonly home: string;
  readonly apiUrl: string;
  readonly sandboxUrl: string;
  readonly temporalAddress: string;
  /** The API, called with the admin key unless a call names another credential. */
  readonly api: Http;
  /** The sandbox's control API. */
  readonly sandbox: Http;
  runJson(): RunFile;
  /** Starts the launcher, and returns once the API says that it is ready. */
  start(): Promise<void>;
  /** Kills one child. @returns its pid, by which `restarted` tells the next one from it */
  kill(name: ChildName, signal?: NodeJS.Signals): number;
  /** Waits until the launcher has started a killed child again and the API is ready. */
  restarted(name: ChildName, killed: number): Promise<void>;
  /** SIGKILL to the launcher and to every process that it started, at once. */
  killEverything(): Promise<void>;
  /** SIGTERM to the launcher. @throws Error when it fails to end, or leaves a process or an open port behind */
  stop(): Promise<void>;
  /** Ends and removes whatever is still there, for a test that failed half-way. */
  remove(): Promise<void>;
}

/**
 * @param settings variables such as `CHAT_WINDOW`
 * @throws Error with the launcher's last lines when it does not come up
 */
export async function startStack(settings: Readonly<Record<string, string>>): Promise<Stack> {
  const stack = createStack(makeTestHome('holdfast-e2e-'), await freePorts(), settings);
  await stack.start();
  return stack;
}

/** A launcher under way, with what it has said. */
interface Launcher {
  readonly process: ChildProcess;
  readonly output: () => string;
}

function launch(home: string, ports: StackPorts, settings: Readonly<Record<string, string>>): Launcher {
  const cleared = Object.fromEntries(NOT_OURS.map((name) => [name, '']));
  const child = spawn(process.execPath, [join(ROOT, 'dev', 'start.mjs')], {
    cwd: ROOT,
    env: {
      ...process.env,
      ...cleared,
      ...settings,
      HOLDFAST_HOME: home,
      PORT: String(ports.api),
      SANDBOX_PORT: String(ports.sandbox),
      TEMPORAL_PORT: String(ports.temporal),
      TEMPORAL_UI_PORT: String(ports.temporalUi),
      HOLDFAST_PG_PORT: String(ports.postgres),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      output += text;
    });
  }
  return { process: child, output: () => output };
}

function createStack(home: string, ports: StackPorts, settings: Readonly<Record<string, string>>): Stack {
  const guard = createGuard();
  guard.remove(home);
  const apiUrl = `http://127.0.0.1:${ports.api}`;
  const sandboxUrl = `http://127.0.0.1:${ports.sandbox}`;
  const api = httpClient(apiUrl, () => readFileSync(join(home, 'admin-api-key'), 'utf8').trim());
  const processes = (): number[] => pidsWithEnvironment(`HOLDFAST_HOME=${home}`);
  const runJson = (): RunFile => JSON.parse(readFileSync(join(home, 'run.json'), 'utf8')) as RunFile;
  let launcher: Launcher | undefined;

  const ready = async (): Promise<void> => {
    if (launcher?.process.exitCode !== null) throw new Error(`the launcher has ended: ${launcher?.output()}`);
    const answer = await api.get<{ checks: object }>('/readyz');
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  };

  return {
    home,
    apiUrl,
    sandboxUrl,
    temporalAddress: `127.0.0.1:${ports.temporal}`,
    api,
    sandbox: httpClient(sandboxUrl),
    runJson,
    start: async () => {
      launcher = launch(home, ports, settings);
      if (launcher.process.pid !== undefined) guard.watch(launcher.process.pid);
      await eventually('the launcher says that all is ready', async () => {
        await ready();
        if (!launcher?.output().includes('Holdfast is ready')) throw new Error(launcher?.output() ?? '');
      });
    },
    kill: (name, signal = 'SIGKILL') => {
      const { pid } = runJson()[name];
      process.kill(pid, signal);
      return pid;
    },
    restarted: (name, killed) =>
      eventually(`${name} (pid ${killed}) runs again`, async () => {
        const { pid } = runJson()[name];
        if (pid === killed || !isAlive(pid)) throw new Error(`run.json has pid ${pid}`);
        await ready();
      }),
    killEverything: async () => {
      for (const pid of processes()) process.kill(pid, 'SIGKILL');
      await eventually('every process has died', () => nobodyLeft(processes()));
    },
    stop: async () => {
      const child = launcher?.process;
      child?.kill('SIGTERM');
      await eventually('the launcher ends', () => {
        if (child?.exitCode === null && child.signalCode === null) throw new Error('it still runs');
      });
      if (child?.exitCode !== 0) throw new Error(`it ended with ${child?.exitCode}: ${launcher?.output()}`);
      await eventually('every process has ended', () => nobodyLeft(processes()));
      for (const port of allPorts(ports)) {
        if (await isListening(port)) throw new Error(`somebody still listens on port ${port}`);
      }
    },
    remove: () => guard.close(),
  };
}

function nobodyLeft(pids: number[]): void {
  const left = pids.map((pid) => `${pid} (${commandOf(pid).slice(0, 100)})`);
  if (left.length > 0) throw new Error(`left running: ${left.join(', ')}`);
}
