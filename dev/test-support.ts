import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { testRunMark } from './processes.mjs';
import type { Report } from './report.mjs';
import type { Service } from './supervisor.mjs';
import { answersOk } from './wait.mjs';

/** A folder that is deleted when the test has ended. Its name has a space, as a user's may have. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast dev-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A report that keeps what it is told. */
export function collectingReport(): Report & { lines: string[] } {
  const lines: string[] = [];
  const say = (text = '') => {
    lines.push(text);
  };
  return {
    lines,
    line: say,
    warn: say,
    step: (label) => ({
      note: say,
      done: () => say(`${label} done`),
      fail: (text) => say(`${label}: ${text}`),
    }),
    close: () => {},
  };
}

/** Starts Node on a script and ends it with the test; resolves at its first output. */
export async function startScript(
  script: string,
  env: NodeJS.ProcessEnv = {},
): Promise<ChildProcess & { pid: number }> {
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve);
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`${script} ended early`)));
  });
  if (child.pid === undefined) throw new Error(`${script} was not started`);
  return Object.assign(child, { pid: child.pid });
}

/** Listens on PORT of its environment (0: any), says the port, and ends on SIGTERM with `bye`. */
export const LISTENER = `
  import { createServer } from 'node:http';
  const server = createServer((_request, answer) => answer.end('ok'));
  server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => console.log(server.address().port));
  process.on('SIGTERM', () => { console.log('bye'); process.exit(0); });
`;

/** Writes a script into a folder and returns its path. */
export function writeScript(folder: string, name: string, source: string): string {
  const path = join(folder, name);
  writeFileSync(path, source);
  return path;
}

/** A supervised Node script that is ready when it answers on its port. */
export function scriptService(name: string, script: string, port: number): Service {
  const url = `http://127.0.0.1:${port}`;
  return {
    name,
    command: process.execPath,
    args: [script],
    env: { ...testRunMark(), PATH: process.env['PATH'], PORT: String(port) },
    cwd: tmpdir(),
    port,
    url,
    isReady: () => answersOk(url),
    readyWithinMs: 20_000,
    stopSignals: ['SIGTERM'],
    stopWithinMs: 5_000,
  };
}
