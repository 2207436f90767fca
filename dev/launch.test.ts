import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createGuard, makeTestHome } from './guard.mjs';
import { freePort, isPortFree } from './ports.mjs';
import { isAlive, testRunMark } from './processes.mjs';
import { findTemporal } from './temporal.mjs';
import { LISTENER, temporaryFolder, writeScript } from './test-support.js';
import { answersOk, until } from './wait.mjs';

/**
 * The whole launcher, with the real PostgreSQL and Temporal and stand-ins for the product's own programs:
 * what is promised here is that whatever is killed, the next start works.
 */
const SANDBOX = `
  import { createServer } from 'node:http';
  import { mkdirSync, writeFileSync } from 'node:fs';
  const folder = process.env.HOLDFAST_HOME + '/sandbox';
  mkdirSync(folder, { recursive: true });
  writeFileSync(folder + '/merchant.json', JSON.stringify({ ALIPAY_APP_ID: 'sandbox', STRIPE_SECRET_KEY: 'sandbox' }));
  createServer((_request, answer) => answer.end('{}')).listen(Number(process.env.SANDBOX_PORT), '127.0.0.1');
  process.on('SIGTERM', () => process.exit(0));
`;
const WORKER = `process.env.PORT = process.env.WORKER_HEALTH_PORT;\n${LISTENER}`;
/** Answers every path with the part of its environment that the tests look at. */
const API = `
  import { createServer } from 'node:http';
  const { ALIPAY_APP_ID, STRIPE_SECRET_KEY, DATABASE_URL, MIGRATION_DATABASE_URL, LEGACY_AUTH } = process.env;
  const shown = { ALIPAY_APP_ID, STRIPE_SECRET_KEY, DATABASE_URL, MIGRATION_DATABASE_URL, LEGACY_AUTH };
  createServer((_request, answer) => answer.end(JSON.stringify(shown))).listen(Number(process.env.PORT), '127.0.0.1');
  process.on('SIGTERM', () => process.exit(0));
`;
const MIGRATE = `if (!process.env.MIGRATION_DATABASE_URL.includes('holdfast_owner')) process.exit(1);`;

const FROM_NO_DOTENV = [
  'HOST',
  'PUBLIC_URL',
  'DATABASE_URL',
  'TEMPORAL_ADDRESS',
  'ADMIN_API_KEY',
  'LEGACY_AUTH',
  'ALIPAY_APP_ID',
];

type Run = Record<string, { pid: number; port: number; url: string }>;

async function sandboxPorts(): Promise<number> {
  for (;;) {
    const first = await freePort();
    const free = await Promise.all([0, 1, 2, 3, 4, 5].map((offset) => isPortFree(first + offset)));
    if (first < 65_000 && free.every(Boolean)) return first;
  }
}

async function installation() {
  const folder = temporaryFolder();
  const home = makeTestHome();
  const guard = createGuard();
  guard.remove(home);
  onTestFinished(() => guard.close());
  const scripts = {
    migrate: writeScript(folder, 'migrate.mjs', MIGRATE),
    sandbox: writeScript(folder, 'sandbox.mjs', SANDBOX),
    worker: writeScript(folder, 'worker.mjs', WORKER),
    api: writeScript(folder, 'api.mjs', API),
  };
  const start = writeScript(
    folder,
    'start.mjs',
    `const { main } = await import(${JSON.stringify(new URL('main.mjs', import.meta.url).href)});
     await main({ scripts: ${JSON.stringify(scripts)} });`,
  );
  const env = {
    ...testRunMark(),
    PATH: process.env['PATH'],
    HOLDFAST_HOME: home,
    TEMPORAL_CLI_PATH: (await findTemporal()).path,
    PORT: String(await freePort()),
    TEMPORAL_PORT: String(await freePort()),
    TEMPORAL_UI_PORT: String(await freePort()),
    SANDBOX_PORT: String(await sandboxPorts()),
    STRIPE_SECRET_KEY: 'the user’s own',
    // Set to nothing, so that a developer's .env does not reach the test.
    ...Object.fromEntries(FROM_NO_DOTENV.map((name) => [name, ''])),
  };
  const run = (): Run => JSON.parse(readFileSync(join(home, 'run.json'), 'utf8'));
  return { home, start, env, run, guard, api: `http://127.0.0.1:${env.PORT}` };
}

type Installation = Awaited<ReturnType<typeof installation>>;

/** Starts the launcher, and waits until it says that it is ready or ends. */
async function launch({ start, env, run, guard }: Installation) {
  const child: ChildProcess = spawn(process.execPath, [start], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  guard.watch(child.pid ?? 0, 'SIGTERM');
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text) => (output += text));
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await until(() => child.exitCode !== null || child.signalCode !== null, { withinMs: 20_000 });
  });
  await until(() => output.includes('Ctrl-C to stop.') || child.exitCode !== null, { withinMs: 60_000 });
  if (child.exitCode === null) for (const { pid } of Object.values(run())) guard.watch(pid, 'SIGKILL');
  return { child, output: () => output };
}

async function ended(child: ChildProcess): Promise<number | null> {
  await until(() => child.exitCode !== null || child.signalCode !== null, { withinMs: 20_000 });
  return child.exitCode;
}

it('starts everything, passes the sandbox’s keys on where the user has none, and ends on Ctrl-C without a trace', async () => {
  const installed = await installation();
  const { child, output } = await launch(installed);
  expect(output()).toMatch(/shown this once:\s+hf_admin_/);
  const run = installed.run();
  expect(Object.keys(run)).toEqual(['postgres', 'temporal', 'worker', 'api', 'sandbox']);
  expect(Object.values(run).every(({ pid }) => isAlive(pid))).toBe(true);
  expect(await (await fetch(installed.api)).json()).toEqual({
    ALIPAY_APP_ID: 'sandbox',
    STRIPE_SECRET_KEY: 'the user’s own',
    DATABASE_URL: run['postgres']?.url,
    LEGACY_AUTH: 'documented',
  });
  child.kill('SIGINT');
  child.kill('SIGINT');
  expect(await ended(child)).toBe(0);
  expect(Object.values(run).some(({ pid }) => isAlive(pid))).toBe(false);
  expect(['lock', 'run.json'].some((name) => existsSync(join(installed.home, name)))).toBe(false);
  const again = await launch(installed);
  expect(again.output()).toContain('Holdfast is ready');
  expect(again.output()).not.toContain('shown this once');
});

it('starts again after everything was killed at once, and after the launcher alone was', async () => {
  const installed = await installation();
  const first = await launch(installed);
  const before = installed.run();
  for (const pid of [first.child.pid ?? 0, ...Object.values(before).map(({ pid }) => pid)])
    process.kill(pid, 'SIGKILL');
  const second = await launch(installed);
  expect(second.output()).toContain('Holdfast is ready');
  second.child.kill('SIGKILL');
  await ended(second.child);
  const orphans = installed.run();
  const third = await launch(installed);
  expect(third.output()).toContain(
    'Ended what a killed launcher left running: api, worker, sandbox, temporal, postgres',
  );
  expect(third.output()).toContain('Holdfast is ready');
  expect(Object.values(orphans).some(({ pid }) => isAlive(pid))).toBe(false);
  const ports = (run: Run) => Object.entries(run).map(([name, { port }]) => `${name} ${port}`);
  expect(ports(installed.run())).toEqual(ports(before));
});

it('brings each child back that is killed, under the same address', async () => {
  const installed = await installation();
  await launch(installed);
  const before = installed.run();
  for (const { pid } of Object.values(before)) process.kill(pid, 'SIGKILL');
  const isBack = (name: string) => {
    const now = installed.run()[name];
    return now !== undefined && now.pid !== before[name]?.pid && now.url === before[name]?.url;
  };
  expect(await until(() => Object.keys(before).every(isBack), { withinMs: 15_000 })).toBe(true);
  expect(await until(() => answersOk(installed.api), { withinMs: 15_000 })).toBe(true);
});

it('refuses a second launcher on the same HOLDFAST_HOME in one line', async () => {
  const installed = await installation();
  const first = await launch(installed);
  const second = await launch(installed);
  expect(await ended(second.child)).toBe(1);
  expect(second.output().trim().split('\n')).toEqual([
    expect.stringMatching(
      new RegExp(`Another \`npm start\` \\(pid ${first.child.pid}\\) runs on HOLDFAST_HOME`),
    ),
  ]);
});
